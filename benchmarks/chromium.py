"""A headless Chromium, driven over a pipe by its DevTools protocol; no other package is needed."""

from __future__ import annotations

import base64
import io
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nfield.render.cameras import Cameras

NAMES = ("chromium", "chromium-browser", "google-chrome")
SOFTWARE = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")  # WebGL2 without a GPU
_QUIET = ("--headless", "--no-sandbox", "--no-first-run", "--disable-dev-shm-usage", "--mute-audio")
SECONDS = 120.0  # that an answer may take
PATIENCE = 10.0  # with a browser that was asked to end


def browser() -> str | None:
    """Where Chromium is, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Chromium:
    """One page of a headless browser with a folder of its own; close it, or use it in `with`.

    Args:
        options: For the command line; WebGL2 by software by default.
        size: Of the window, in pixels.

    Raises:
        FileNotFoundError: there is no browser.
    """

    def __init__(self, options: Sequence[str] = SOFTWARE, size: tuple[int, int] = (960, 640)):
        program = browser()
        if program is None:
            raise FileNotFoundError(f"browser: one of {', '.join(NAMES)} must be installed")
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        window = (f"--user-data-dir={self._folder.name}", f"--window-size={size[0]},{size[1]}")
        command = [program, *_QUIET, *window, *options, "--remote-debugging-pipe", "about:blank"]
        there, self._write = os.pipe()
        self._read, back = os.pipe()
        # The protocol's files are numbers 3 and 4.
        actions = [
            *((os.POSIX_SPAWN_OPEN, out, os.devnull, os.O_WRONLY, 0) for out in (1, 2)),
            (os.POSIX_SPAWN_DUP2, there, 3),
            (os.POSIX_SPAWN_DUP2, back, 4),
        ]
        self._process = os.posix_spawn(program, command, os.environ, file_actions=actions)
        os.close(there)
        os.close(back)
        self._buffer, self._number, self._session = b"", 0, ""
        self.log: list[str] = []  # what the page wrote to its console
        self._attach()

    def __enter__(self) -> Chromium:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def open(self, address: str | Path) -> None:
        """Go to an address, or a file, and wait until it is loaded."""
        url = address.resolve().as_uri() if isinstance(address, Path) else address
        self._call("Page.navigate", url=url)
        while self.run("document.readyState") != "complete" or self.run("location.href") != url:
            time.sleep(0.02)

    def run(self, script: str) -> Any:
        """The value of an expression of the page; a promise is awaited.

        Raises:
            RuntimeError: the page threw an error.
        """
        answer = self._call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"])[:2000])
        return answer["result"].get("value")

    def picture(self) -> NDArray[np.uint8]:
        """What the window shows, ``(H, W, 3)``."""
        data = self._call("Page.captureScreenshot", format="png")["data"]
        return decoded(data)

    def send(self, method: str, **parameters: Any) -> Any:
        """Any other method of the protocol."""
        return self._call(method, **parameters)

    def close(self) -> None:
        """End the browser."""
        with suppress(OSError, RuntimeError, TimeoutError):
            self._call("Browser.close")
        ends = time.monotonic() + PATIENCE
        while os.waitpid(self._process, os.WNOHANG)[0] == 0:
            if time.monotonic() > ends:
                os.kill(self._process, signal.SIGKILL)
            time.sleep(0.02)
        os.close(self._write)
        os.close(self._read)
        self._folder.cleanup()

    def _attach(self) -> None:
        targets = self._call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        session = self._call("Target.attachToTarget", targetId=page, flatten=True)
        self._session = session["sessionId"]
        self._call("Page.enable")
        self._call("Runtime.enable")

    def _call(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session and not method.startswith(("Browser.", "Target.")):
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                break
            self._note(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def _note(self, event: dict[str, Any]) -> None:
        if event.get("method") == "Runtime.consoleAPICalled":
            self.log.append(" ".join(str(a.get("value")) for a in event["params"]["args"]))
        elif event.get("method") == "Runtime.exceptionThrown":
            self.log.append(json.dumps(event["params"]["exceptionDetails"])[:2000])

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not select.select([self._read], [], [], SECONDS)[0]:
                raise TimeoutError(f"browser: no answer within {SECONDS:g} s")
            part = os.read(self._read, 1 << 20)
            if not part:
                raise RuntimeError("browser: it ended before it answered")
            self._buffer += part
        message, self._buffer = self._buffer.split(b"\0", 1)
        answer: dict[str, Any] = json.loads(message)
        return answer


def decoded(data: str) -> NDArray[np.uint8]:
    """A PNG in base64, or as a data URL, as ``(H, W, 3)``."""
    raw = base64.b64decode(data.rsplit(",", 1)[-1])
    return np.asarray(Image.open(io.BytesIO(raw)).convert("RGB"))


def camera_of(cameras: Cameras, index: int) -> dict[str, Any]:
    """A camera as the page of `nfield export --what web` takes it."""
    pose = cameras.camera_to_world[index].T.tolist()
    return {
        "pose": pose,
        "intrinsics": cameras.intrinsics[index].tolist(),
        "size": cameras.size[index].tolist(),
    }
