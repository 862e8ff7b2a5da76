"""A mesh of a run, exported: `python -m benchmarks.export RUN`.

Seconds and peak memory of `nfield export RUN --what mesh` in a process of its own, and of a
built-in scene how far the mesh is from the true surface.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from numpy.typing import NDArray

from benchmarks.timing import judge, markdown, print_bars, write_result
from nfield.api import open_run
from nfield.data.models import MODELS
from nfield.data.scene import Scene
from nfield.data.solids import Solid
from nfield.data.surface import Surface, read_surface

MOST_MEMORY = 2.0  # GiB
POINTS = 1 << 17


def true_surface(solids: tuple[Solid, ...]) -> Surface:
    """The solids as triangles, fine enough that their error is far below a cell's."""
    import trimesh

    vertices, faces, count = [], [], 0
    for solid in solids:
        if solid.kind == "ellipsoid":
            unit = trimesh.creation.icosphere(subdivisions=6)
        elif solid.kind == "box":
            unit = trimesh.creation.box(extents=(2, 2, 2))
        elif solid.inner > 0:
            unit = trimesh.creation.annulus(solid.inner, 1, height=2, sections=1024)
        else:
            unit = trimesh.creation.cylinder(1, height=2, sections=1024)
        placed = unit.vertices * solid.size @ np.array(solid.axes) + solid.center
        vertices.append(placed)
        faces.append(unit.faces + count)
        count += len(placed)
    return Surface(np.concatenate(vertices), np.concatenate(faces))


def seen_surface(scene: Scene) -> NDArray[np.float32]:
    """Points of the true surface at the pixels of the training views, `POINTS` of them."""
    views = scene.splits["train"]
    places = []
    for i in range(len(views)):
        truth = views.truth(i)
        assert truth is not None  # of a built-in scene
        depth = torch.from_numpy(truth["depth"])
        y, x = torch.isfinite(depth).nonzero(as_tuple=True)
        pixels = torch.stack([x, y], 1) + 0.5
        origins, directions = views.cameras.rays(torch.full((len(pixels),), i), pixels)
        places.append(origins + depth[y, x, None] * directions)
    whole = torch.cat(places).numpy()
    chosen: NDArray[np.float32] = whole[np.random.default_rng(0).permutation(len(whole))[:POINTS]]
    return chosen


def distances(mesh: Path, scene: Scene) -> dict[str, float]:
    """Mean distances between the mesh and the true surface, in world units.

    The mesh's own points are judged as they are, hidden inner walls included; of the true surface
    the points that the training views see.
    """
    surface, _ = read_surface(mesh)
    solids = MODELS[scene.name]()
    to_true = true_surface(solids).nearest(surface.sample(POINTS, 0)[0])[0]
    to_mesh = surface.nearest(seen_surface(scene))[0]
    there, back = float(to_true.mean()), float(to_mesh.mean())
    return {
        "mesh_to_true": there,
        "median_mesh_to_true": float(np.median(to_true)),
        "true_to_mesh": back,
        "chamfer": (there + back) / 2,
    }


def export(run: Path, out: Path, arguments: list[str]) -> dict[str, Any]:
    """What `nfield export` prints, its seconds, and its peak resident memory."""
    command = [sys.executable, "-m", "nfield", "export", str(run), "--what", "mesh", "--json"]
    start = time.perf_counter()
    done = subprocess.run(
        [*command, "--out", str(out), *arguments], check=True, stdout=subprocess.PIPE, text=True
    )
    seconds = time.perf_counter() - start
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        **json.loads(done.stdout),
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_gib": usage.ru_maxrss / 2**20,
    }


def main(run: tyro.conf.Positional[Path], resolution: int = 512, faces: int | None = None) -> None:
    """Export a mesh of a run of a scene.

    Args:
        run: run folder.
        resolution: cells along the longest side.
        faces: make it coarser, to about so many faces.
    """
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    arguments = ["--resolution", str(resolution)]
    arguments += [] if faces is None else ["--faces", str(faces)]
    with tempfile.TemporaryDirectory() as folder:
        mesh = Path(folder) / "mesh.ply"
        record = export(run, mesh, arguments) | {"resolution": resolution}
        scene = open_run(run).scene
        if scene.path.startswith("builtin:"):
            record |= distances(mesh, scene)
    record["out"] = run.name
    print(markdown(list(record), [list(record.values())]))
    bars = [judge("peak memory, GiB", record["peak_gib"], most=MOST_MEMORY)]
    print_bars(bars)
    print(f"\nwritten to {write_result('export', {'record': record, 'bars': bars})}")


if __name__ == "__main__":
    tyro.cli(main)
