"""The page of a run in a headless browser: `python -m benchmarks.web RUN`.

Bytes, PSNR of test views through the browser beside the engine's own, and frames a second with
WebGL2 by software on this machine's cores.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from numpy.typing import NDArray
from PIL import Image

from benchmarks.chromium import Chromium, camera_of, decoded
from benchmarks.timing import judge, markdown, print_bars, write_result
from nfield.api import open_run
from nfield.evaluate.metrics import psnr
from nfield.evaluate.protocol import composite, to_uint8
from nfield.render.cameras import Cameras
from nfield.render.path import orbit
from nfield.run import Run

MOST_BYTES, MOST_LOSS = 20e6, 1.0
FRAMES, SIDES = 12, (200, 400)  # of an orbit
WHITE = (1.0, 1.0, 1.0)
# Milliseconds of pictures that are finished one after the other.
_TIMED = """nfield.then((page) => %s.map((camera) => {
  const begin = performance.now();
  page.picture.draw(camera, [1, 1, 1]);
  page.picture.finish();
  return performance.now() - begin;
}))"""


def shown(chromium: Chromium, cameras: Cameras, index: int) -> NDArray[np.uint8]:
    """What the page shows from a camera, on white."""
    camera = json.dumps(camera_of(cameras, index))
    return decoded(chromium.run(f"nfield.then((page) => page.render({camera}, [1, 1, 1]))"))


def quality(run: Run, chromium: Chromium, every: int) -> dict[str, float]:
    """Mean PSNR of test views: the engine's, the browser's, and between both."""
    views = run.views("test")
    rows = []
    for index in range(0, len(views), every):
        truth = composite(views.image(index), WHITE)
        engine = run.render(views.cameras[index], background="white").color.numpy()
        own, page = to_uint8(engine), shown(chromium, views.cameras, index)
        rows.append((psnr(truth, own), psnr(truth, page), psnr(own, page)))
    means = [statistics.fmean(column) for column in zip(*rows)]
    names = ("engine_psnr", "page_psnr", "page_to_engine_psnr")
    return {**dict(zip(names, means)), "views": len(rows)}


def speed(run: Run, chromium: Chromium) -> dict[str, float]:
    """Frames a second along an orbit, at each side."""
    found = {}
    for side in SIDES:
        path = orbit(run.scene.splits["train"].cameras, FRAMES, (side, side))
        cameras = [camera_of(path, i) for i in range(FRAMES)]
        times = chromium.run(_TIMED % json.dumps(cameras))
        found[f"fps_{side}"] = 1000 / statistics.median(times[1:])
    return found


def main(
    run: tyro.conf.Positional[Path],
    every: int = 10,
    page: Path | None = None,
    screenshot: Path | None = None,
) -> None:
    """Export a run's page and judge it in the browser.

    Args:
        run: run folder of a bounded scene.
        every: judge test views 0, N, 2N, ...
        page: judge this page, exported before.
        screenshot: write the window as it opens to FILE.png.
    """
    opened = open_run(run)
    record: dict[str, Any] = {"out": run.name}
    with tempfile.TemporaryDirectory() as folder:
        if page is None:
            start = time.perf_counter()
            page = Path(folder) / "page.html"
            record |= opened.export(page, what="web") | {"out": run.name}
            record["export_seconds"] = time.perf_counter() - start
        record["bytes"] = page.stat().st_size
        with Chromium() as chromium:
            start = time.perf_counter()
            chromium.open(page)
            chromium.run("nfield.then(() => 0)")
            record["open_seconds"] = time.perf_counter() - start
            record |= quality(opened, chromium, every) | speed(opened, chromium)
            if screenshot is not None:
                chromium.run("nfield.then((page) => page.wake())")
                time.sleep(2)  # until it has sharpened
                Image.fromarray(chromium.picture()).save(screenshot)
    print(markdown(list(record), [list(record.values())]))
    bars = [
        judge("megabytes", record["bytes"] / 1e6, most=MOST_BYTES / 1e6),
        judge("PSNR lost, dB", record["engine_psnr"] - record["page_psnr"], most=MOST_LOSS),
    ]
    print_bars(bars)
    print(f"\nwritten to {write_result('web', {'record': record, 'bars': bars})}")


if __name__ == "__main__":
    tyro.cli(main)
