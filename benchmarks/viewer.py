"""The viewer: from a camera's move to its pictures, and what a visitor costs training.

`python -m benchmarks.viewer --run runs/chair`; needs the extra `viewer`.
"""

from __future__ import annotations

import io
import math
import multiprocessing
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import tyro
import viser
import zstandard
from PIL import Image
from websockets.sync.client import connect

from benchmarks.timing import CHAIR, judge, markdown, print_bars, write_result
from nfield.api import begin, fit, open_run
from nfield.viewer.session import Session
from nfield.viewer.subject import Subject
from nfield.viewer.view import View

WIDTH, HEIGHT, SIDE = 800, 600, 512  # of the visitor's page, and pixels of its final picture
MESSAGES = 30.0  # camera messages a second of a visitor who moves
WARMUP = 3  # moves that set the pace
FIRST_MS, SHARE = 300.0, 0.3


class Visit:
    """A visitor without a browser: sends cameras, and reads the sizes of pictures."""

    def __init__(self, address: str, view: View):
        self.view = view
        self._socket = connect(
            address.replace("http", "ws"),
            subprotocols=[f"viser-v{viser.__version__}"],  # type: ignore[list-item]
            max_size=None,
        )

    def move(self, turn: float) -> None:
        """Look from another side: the first view's position, turned about the world's z axis."""
        c, s = math.cos(turn), math.sin(turn)
        pose = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ self.view.pose
        view = View(pose, self.view.fov, WIDTH / HEIGHT)
        ahead = view.position + pose[:, 2]
        message = {
            "type": "ViewerCameraMessage",
            "wxyz": view.wxyz.tolist(),
            "position": view.position.tolist(),
            "fov": view.fov,
            "near": 0.01,
            "far": 100.0,
            "image_height": HEIGHT,
            "image_width": WIDTH,
            "look_at": ahead.tolist(),
            "up_direction": [0.0, 0.0, 1.0],
        }
        self._socket.send(msgspec.msgpack.encode(message))

    def picture(self) -> int:
        """Wait for the next picture, and return its longer side."""
        while True:
            data = self._socket.recv()
            assert isinstance(data, bytes)
            packed, size = (int.from_bytes(data[i : i + 8], "little") for i in (8, 0))
            inner = zstandard.decompress(data[16 : 16 + packed], max_output_size=size)
            for message in msgspec.msgpack.decode(inner)["messages"]:
                if message["type"] == "BackgroundImageMessage":
                    found = message["rgb_data"]
                    if found is None:
                        continue  # the empty stage that every page begins with
                    if isinstance(found, dict):
                        found = _binary(data, packed, found["__binary_index"], inner)
                    return max(Image.open(io.BytesIO(found)).size)

    def close(self) -> None:
        """Leave."""
        self._socket.close()


def _binary(data: bytes, packed: int, index: int, inner: bytes) -> bytes:
    """A buffer that follows the packed messages, each on a multiple of 8 bytes."""
    lengths = msgspec.msgpack.decode(inner)["binaryBufferLengths"]
    start = 16 + packed
    for i, length in enumerate(lengths):
        start = -(-start // 8) * 8
        if i == index:
            break
        start += length
    return data[start : start + lengths[index]]


def moves(run: Path, count: int) -> dict[str, Any]:
    """Milliseconds from a move to the first and to the final picture, at a finished run."""
    first: list[float] = []
    final: list[float] = []
    sides: list[int] = []
    with _served(Session([Subject.of_run(open_run(run))])) as session:
        visit = Visit(session.server.address, session.subjects[0].first_view())
        for i in range(count + WARMUP):
            start = time.perf_counter()
            visit.move(0.7 * i)
            sides.append(side := visit.picture())
            first.append(1e3 * (time.perf_counter() - start))
            while side < SIDE:
                side = visit.picture()
            final.append(1e3 * (time.perf_counter() - start))
        visit.close()
    return {
        "first_ms": statistics.median(first[WARMUP:]),
        "first_ms_worst": max(first[WARMUP:]),
        "first_side": statistics.median(sides[WARMUP:]),
        "final_ms": statistics.median(final[WARMUP:]),
        "final_side": SIDE,
    }


@contextmanager
def _served(session: Session) -> Iterator[Session]:
    worker = threading.Thread(target=session.run)
    worker.start()
    try:
        yield session
    finally:
        session.close()
        worker.join()


def throughput(data: Path, downscale: int, turns: int, seconds: float) -> dict[str, Any]:
    """Steps of training a second alone and with a visitor who moves, in turns."""
    with tempfile.TemporaryDirectory() as place:
        trainer, folder, scene = begin(
            data, out=Path(place) / "run", downscale=downscale, max_seconds=1e6
        )
        rates: dict[str, list[float]] = {"alone": [], "visited": []}
        with _served(Session.of_trainer(trainer, folder, scene, share=SHARE)) as session:
            assert session.training is not None
            session.training.running.set()
            time.sleep(2 * seconds)  # the occupancy grid and the batch find their sizes
            # Steps grow cheaper as empty space is found: every visit lies between two alone.
            rates["alone"].append(_steps(session, seconds))
            for _ in range(turns):
                rates["visited"].append(_visited_steps(session, seconds))
                rates["alone"].append(_steps(session, seconds))
        folder.close()
    alone, visited = (statistics.median(rates[name]) for name in ("alone", "visited"))
    return {"alone_steps": alone, "visited_steps": visited, "kept": visited / alone}


def _steps(session: Session, seconds: float) -> float:
    assert session.training is not None
    step, start = session.training.record["step"], time.perf_counter()
    time.sleep(seconds)
    return float(session.training.record["step"] - step) / (time.perf_counter() - start)


def _visited_steps(session: Session, seconds: float) -> float:
    """With a visitor in a process of its own, as browsers are: interpreters are not shared."""
    context = multiprocessing.get_context("spawn")
    here, leave = context.Event(), context.Event()
    view = session.subjects[0].first_view()
    visitor = context.Process(target=_wander, args=(session.server.address, view, here, leave))
    visitor.start()
    here.wait()
    steps = _steps(session, seconds)
    leave.set()
    visitor.join()
    return steps


def _wander(address: str, view: View, here: Event, leave: Event) -> None:
    visit = Visit(address, view)
    threading.Thread(target=_watch, args=(visit,), daemon=True).start()
    here.set()
    i = 0
    while not leave.wait(1 / MESSAGES):
        visit.move(0.02 * i)
        i += 1
    visit.close()


def _watch(visit: Visit) -> None:
    try:
        while True:
            visit.picture()
    except Exception:
        return  # the visitor has left


def main(
    run: Path | None = None,
    data: Path = CHAIR,
    downscale: int = 4,
    count: int = 12,
    turns: int = 2,
    seconds: float = 15.0,
) -> None:
    """Measure, and write results/viewer.json.

    Args:
        run: A finished run; without it one is fitted for 40 seconds.
        data: What is trained.
        count: Moves of the camera.
        turns: Of training alone and visited, each `seconds` long.
    """
    with tempfile.TemporaryDirectory() as place:
        if run is None:
            run = Path(place) / "run"
            fit(data, out=run, downscale=downscale, max_seconds=40)
        moved = moves(run, count)
    trained = throughput(data, downscale, turns, seconds)
    print(markdown(("what", "measured"), [*moved.items(), *trained.items()]))
    bars = [
        judge("first picture, ms", moved["first_ms"], most=FIRST_MS),
        judge("training kept", trained["kept"], least=1 - SHARE),
    ]
    print_bars(bars)
    write_result("viewer", {"moves": moved, "training": trained, "bars": bars})


if __name__ == "__main__":
    tyro.cli(main)
