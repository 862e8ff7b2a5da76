"""Our renderer beside the pure PyTorch one on the same weights: `python -m benchmarks.render`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import torch
import tyro

from benchmarks.peers.ngp_torch import TorchNgp
from benchmarks.timing import CHAIR, interleave, judge, markdown, print_bars, write_result
from nfield.api import Run, fit, open_run
from nfield.data.load import load_scene
from nfield.evaluate.metrics import psnr
from nfield.evaluate.protocol import to_uint8

LEAST_RATIO = 5.0
# Cells on whose border a sample falls may differ, and so may the last bits of a sum.
SAME_PICTURE = 45.0  # dB
IDENTICAL = 100.0  # dB recorded for two pictures without any difference


def compare(
    run: Run, peer: TorchNgp, downscale: int, views: tuple[int, ...], seconds: float
) -> dict[str, Any]:
    """Median seconds of a view, and the PSNR between the two pictures of each."""
    cameras = load_scene(run.config.data, downscale=downscale).splits["test"].cameras
    times: dict[str, list[float]] = {"ours": [], "torch": []}
    alike = []
    for view in views:
        ours, theirs = run.model.render(cameras, view).color, peer.render(cameras, view)
        equal = psnr(to_uint8(ours.numpy()), to_uint8(theirs.numpy()))
        alike.append(min(equal, IDENTICAL))
        turn = {
            "ours": lambda view=view: run.model.render(cameras, view),
            "torch": lambda view=view: peer.render(cameras, view),
        }
        for name, value in interleave(turn, seconds=seconds, warmup=1).items():
            times[name].append(value)
    if min(alike) < SAME_PICTURE:
        raise RuntimeError(f"ours and the peer's pictures differ: {min(alike):.1f} dB")
    medians = {name: float(torch.tensor(values).median()) for name, values in times.items()}
    width, height = cameras.size[views[0]].tolist()
    return {
        "size": f"{width}x{height}",
        "ours_seconds": medians["ours"],
        "torch_seconds": medians["torch"],
        "ratio": medians["torch"] / medians["ours"],
        "picture_psnr": min(alike),
    }


def main(
    run: Path | None = None,
    downscales: tuple[int, ...] = (4, 1),
    views: tuple[int, ...] = (0, 100),
    seconds: float = 4.0,
    train_seconds: float = 60.0,
) -> None:
    """Render test views of a trained run with both renderers.

    Args:
        run: run folder; without one, the chair is fitted first, at 200x200.
        downscales: sizes to render, as divisors of the photos' own.
        views: indices of the test views.
        seconds: time spent per view and size, at least five turns each.
        train_seconds: length of that first fit.
    """
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        if run is None:
            trained = fit(CHAIR, out=out, downscale=4, max_seconds=train_seconds)
        else:
            trained = open_run(run)
        peer = TorchNgp(trained.model.bounds, trained.config)
        peer.copy_from(trained.model)
        records = [compare(trained, peer, d, views, seconds) for d in downscales]
    bars = [judge(f"{r['size']}, x torch", r["ratio"], least=LEAST_RATIO) for r in records]
    print(markdown(list(records[0]), [list(record.values()) for record in records]))
    print_bars(bars)
    print(
        f"\nwritten to {write_result('render', {'views': views, 'records': records, 'bars': bars})}"
    )


if __name__ == "__main__":
    tyro.cli(main)
