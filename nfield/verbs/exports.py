"""Writing a run for use elsewhere: meshes, points, maps, cameras, voxels, splats, pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict

from nfield.errors import InputError
from nfield.export.cameras import write_camera_path, write_transforms
from nfield.export.maps import write_maps
from nfield.export.mesh import (
    Box,
    TriangleMesh,
    color_vertices,
    decimate,
    extract_mesh,
    keep_components,
)
from nfield.export.mesh_file import require_format as require_mesh_format
from nfield.export.mesh_file import write_mesh
from nfield.export.points import COUNT, Points, seen_points, surface_points, write_points
from nfield.export.solid import DistanceSolid, RadianceSolid, Solid
from nfield.export.splats import splats_of, write_splats
from nfield.export.texture import FACES, bake
from nfield.export.voxels import RESOLUTION as VOXELS
from nfield.export.voxels import distance_voxels, radiance_voxels, write_voxels
from nfield.export.voxels import require_format as require_voxel_format
from nfield.export.web import write_web
from nfield.fields.model import Image
from nfield.fields.presets import Kind, preset
from nfield.files import require_suffix, unwritable
from nfield.kinds import NAMES
from nfield.render.isosurface import RESOLUTION
from nfield.verbs import compressed
from nfield.verbs.fitted import Fitted, Job, chosen
from nfield.verbs.scene import background_of, cameras_of, evenly

KEEP = 0.01


class ExportOptions(TypedDict, total=False):
    """Options of exports; None means not given, and which have a meaning depends on what is
    written.

    every: of `compressed`: judge views, or frames, 0, every, 2 every, ...
    resolution: cells along the longest side of a mesh's box (256), voxels along that of voxels
        (128) or a page (256).
    threshold: density per unit of length at which a scene's surface lies (25 per half size of its
        inner cube).
    keep: least share of all faces that a part of a mesh must have (0.01).
    faces: a mesh is made coarser, to about so many (50,000 with a texture).
    texture: side in pixels of a texture in place of a mesh's vertex colours.
    box: lowest and highest corner of what is taken of a mesh or voxels, in the input's frame;
        rounded up to whole blocks of 4 cells.
    count: most points or splats (200,000).
    path: of depth, normals and cameras: a split, `orbit` or a camera path file; `train`, and of
        cameras all splits, by default.
    frames: length of an orbit, or how many of the other cameras, evenly chosen.
    size: width and height of an orbit's pictures.
    format: of depth and normals: `exr` (default) or `png`, 16 bits.
    """

    every: int | None
    resolution: int | None
    threshold: float | None
    keep: float | None
    faces: int | None
    texture: int | None
    box: Box | None
    count: int | None
    path: str | None
    frames: int | None
    size: tuple[int, int] | None
    format: str | None


def export(
    run: Fitted,
    what: str,
    out: str | Path | None,
    options: Mapping[str, Any],
    watch: Callable[[int, int], None],
) -> dict[str, Any]:
    """Write a run as `what`; see `nfield.run.Run.export`."""
    kind = preset(run.config.field).kind
    known = EXPORTS[kind]
    if what not in known:
        raise InputError(
            f"--what: {NAMES[kind]} can be written as {', '.join(known)}, got {what!r}; choose one"
        )
    verb, name = known[what]
    given = chosen(verb, f"{what} of {NAMES[kind]}", options)
    place = Path(out or run.renders.parent / "export" / name.format(field=run.config.field))
    try:  # before hours are spent
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(place, error) from error
    facts = verb(Job(run, place, watch), **given)
    files = sorted(place.iterdir()) if place.is_dir() else [place]
    size = sum(file.stat().st_size for file in files)
    return {"what": what, "out": str(place), "bytes": size, **facts}


def scene_mesh(
    job: Job,
    *,
    resolution: int = RESOLUTION,
    threshold: float | None = None,
    keep: float = KEEP,
    faces: int | None = None,
    texture: int | None = None,
    box: Box | None = None,
) -> dict[str, Any]:
    """The surface of a density, with colours of vertices or a texture."""
    require_mesh_format(job.out, textured=texture is not None)
    solid = RadianceSolid(job.run.model, checked_threshold(threshold))
    faces = FACES if faces is None and texture is not None else faces
    mesh = _mesh(solid, resolution, keep, faces, box)
    mesh = color_vertices(mesh, solid) if texture is None else bake(mesh, solid, texture)
    write_mesh(job.out, mesh, z_up=True)
    return {"vertices": len(mesh.vertices), "faces": len(mesh.faces)}


def shape_mesh(
    job: Job,
    *,
    resolution: int = RESOLUTION,
    keep: float = KEEP,
    faces: int | None = None,
    box: Box | None = None,
) -> dict[str, Any]:
    """The surface of a distance, in the frame of the mesh that it was fitted to."""
    require_mesh_format(job.out, textured=False)
    mesh = _mesh(DistanceSolid(job.run.model, job.run.data), resolution, keep, faces, box)
    write_mesh(job.out, mesh, z_up=False)
    return {"vertices": len(mesh.vertices), "faces": len(mesh.faces)}


def checked_threshold(threshold: float | None) -> float | None:
    """Refuse thresholds that are not above zero. Raises InputError."""
    if threshold is not None and not 0 < threshold < 1e30:
        raise InputError(
            f"--threshold: density must be above 0, got {threshold}; give a positive number"
        )
    return threshold


def _mesh(
    solid: Solid, resolution: int, keep: float, faces: int | None, box: Box | None
) -> TriangleMesh:
    mesh = keep_components(extract_mesh(solid, resolution, box=box), keep)
    return mesh if faces is None else decimate(mesh, faces)


def points(job: Job, *, count: int = COUNT) -> dict[str, Any]:
    """Points of the surface."""
    require_suffix(job.out, "points", ".ply")
    found = _points(job.run, count)
    write_points(job.out, found)
    return {"points": len(found)}


def splats(job: Job, *, count: int = COUNT) -> dict[str, Any]:
    """Gaussians on points of the surface."""
    require_suffix(job.out, "points", ".ply")
    found = _points(job.run, count)
    write_splats(job.out, splats_of(found))
    return {"splats": len(found)}


def _points(run: Fitted, count: int) -> Points:
    """Of a scene what its training photos show; of a shape spread over its surface."""
    if preset(run.config.field).kind == "radiance":
        return seen_points(run.model, run.data.splits["train"].cameras, count)
    solid = DistanceSolid(run.model, run.data)
    return surface_points(extract_mesh(solid, RESOLUTION), count)


def scene_voxels(job: Job, *, resolution: int = VOXELS, box: Box | None = None) -> dict[str, Any]:
    """Density and colour on a grid."""
    require_voxel_format(job.out)
    voxels = radiance_voxels(RadianceSolid(job.run.model), resolution, box=box)
    write_voxels(job.out, voxels)
    return {"voxels": "x".join(map(str, voxels["density"].shape))}


def shape_voxels(job: Job, *, resolution: int = VOXELS, box: Box | None = None) -> dict[str, Any]:
    """Distance on a grid."""
    require_voxel_format(job.out)
    voxels = distance_voxels(DistanceSolid(job.run.model, job.run.data), resolution, box=box)
    write_voxels(job.out, voxels)
    return {"voxels": "x".join(map(str, voxels["distance"].shape))}


def web(job: Job, *, resolution: int | None = None) -> dict[str, Any]:
    """A page that renders the field by itself."""
    config = job.run.config
    return write_web(
        *(job.out, config, job.run.model, job.run.data),
        background=background_of(config),
        resolution=resolution,
        watch=job.watch,
    )


def _maps(what: str) -> Callable[..., dict[str, Any]]:
    def maps(
        job: Job,
        *,
        path: str = "train",
        frames: int | None = None,
        size: tuple[int, int] | None = None,
        format: str = "exr",
    ) -> dict[str, Any]:
        """A folder of maps, one of each camera."""
        cameras = cameras_of(job.run.data, path, frames, size)
        done = 0

        def render(index: int) -> Image:
            found: Image = job.run.model.render(
                cameras, index, background=background_of(job.run.config), normals=what == "normals"
            )
            return found

        def watch(total: int) -> None:
            nonlocal done
            done += 1
            job.watch(done, total)

        write_maps(job.out, cameras, render, what=what, format=format, watch=watch)
        return {"maps": len(cameras)}

    return maps


def cameras(
    job: Job,
    *,
    path: str | None = None,
    frames: int | None = None,
    size: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """Cameras of splits as transforms.json, of an orbit or a path file as a camera path."""
    splits = job.run.data.splits
    if path is not None and path not in splits:
        along = cameras_of(job.run.data, path, frames, size)
        write_camera_path(job.out, along)
        return {"cameras": len(along)}
    if size is not None:
        raise InputError(f"--size: only an orbit has a free size, got {size}; remove it")
    taken = dict(splits) if path is None else {path: splits[path]}
    if frames is not None:
        for split, views in taken.items():
            which = evenly(len(views), frames)
            names = tuple(views.names[i] for i in which)
            taken[split] = replace(views, cameras=views.cameras[which], names=names)
    write_transforms(job.out, taken)
    return {"cameras": sum(len(views) for views in taken.values())}


# What runs can be written as: by which verb, and under which name by default.
_Verbs = dict[str, tuple[Callable[..., dict[str, Any]], str]]
_ANY: _Verbs = {"compressed": (compressed.export, "{field}.nfield")}
EXPORTS: dict[Kind, _Verbs] = {
    "radiance": {
        **_ANY,
        "mesh": (scene_mesh, "mesh.glb"),
        "points": (points, "points.ply"),
        "depth": (_maps("depth"), "depth"),
        "normals": (_maps("normals"), "normals"),
        "cameras": (cameras, "cameras.json"),
        "voxels": (scene_voxels, "voxels.npz"),
        "splats": (splats, "splats.ply"),
        "web": (web, "{field}.html"),
    },
    "distance": {
        **_ANY,
        "mesh": (shape_mesh, "mesh.glb"),
        "points": (points, "points.ply"),
        "voxels": (shape_voxels, "voxels.npz"),
        "splats": (splats, "splats.ply"),
    },
    "image": _ANY,
    "video": _ANY,
}
