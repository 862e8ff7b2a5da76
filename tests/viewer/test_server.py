"""The page's server: its address, strange messages, several visitors, a clean end."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

viser = pytest.importorskip("viser", reason="the extra viewer is not installed")

import msgspec  # noqa: E402  (both come with viser)
from websockets.exceptions import ConnectionClosed, InvalidStatus  # noqa: E402
from websockets.sync.client import connect  # noqa: E402

from nfield.api import open_run  # noqa: E402
from nfield.errors import InputError  # noqa: E402
from nfield.viewer.server import aside, bound_port, guarded, is_own  # noqa: E402
from nfield.viewer.session import Session  # noqa: E402
from nfield.viewer.subject import Subject  # noqa: E402
from nfield.viewer.verb import view  # noqa: E402
from nfield.viewer.visitor import Visitor  # noqa: E402

# As `nfield.viewer.server` does, which pytest undoes.
pytestmark = pytest.mark.filterwarnings("ignore:Queued a .* on a closed connection")

CAMERA = {
    "type": "ViewerCameraMessage",
    "wxyz": [1.0, 0.0, 0.0, 0.0],
    "position": [0.0, 0.0, -4.0],
    "fov": 0.8,
    "near": 0.01,
    "far": 100.0,
    "image_height": 60,
    "image_width": 80,
    "look_at": [0.0, 0.0, 0.0],
    "up_direction": [0.0, -1.0, 0.0],
}


def happens(condition: Any, seconds: float) -> bool:
    """Whether the condition holds before so many seconds are over."""
    end = time.monotonic() + seconds
    while not (held := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return bool(held)


def wait_for(condition: Any, seconds: float = 120.0) -> None:
    assert happens(condition, seconds), "it did not happen"


class Browser:
    """What a browser is to the server."""

    def __init__(self, session: Session, **options: Any):
        port = session.server.get_port()
        version = f"viser-v{viser.__version__}"
        self.socket = connect(
            f"ws://127.0.0.1:{port}",
            subprotocols=[version],
            max_size=None,
            close_timeout=0.5,  # what is still on its way to us, nobody reads
            **options,
        )

    def send(self, **changes: Any) -> None:
        self.socket.send(msgspec.msgpack.encode({**CAMERA, **changes}))

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def session(folder: Path) -> Iterator[Session]:
    session = Session([Subject.of_run(open_run(folder))])
    worker = threading.Thread(target=session.run)
    worker.start()
    yield session
    session.close()
    worker.join(60)
    assert not worker.is_alive()


def visitor_of(session: Session) -> Visitor:
    wait_for(lambda: session.visitors)
    return list(session.visitors.values())[-1]


def test_a_visitor_is_shown_the_picture_of_its_camera(session: Session) -> None:
    browser = Browser(session)
    browser.send()
    visitor = visitor_of(session)
    visitor.wish(side=64)
    wait_for(lambda: visitor.last is not None and visitor.last.final)
    assert visitor.last is not None
    assert visitor.last.pixels.shape == (48, 64, 3)
    assert visitor.last.view.position.tolist() == [0, 0, -4]
    browser.close()
    wait_for(lambda: not session.visitors)


def test_visitors_have_cameras_of_their_own(session: Session) -> None:
    one, two = Browser(session), Browser(session)
    one.send()
    two.send(position=[4.0, 0.0, 0.0])
    wait_for(lambda: len(session.visitors) == 2)
    for visitor in session.visitors.values():
        visitor.wish(side=64)
    wait_for(lambda: all(v.last and v.last.final for v in session.visitors.values()))
    seen = {tuple(v.last.view.position) for v in session.visitors.values() if v.last}
    assert seen == {(0, 0, -4), (4, 0, 0)}
    one.close()
    two.close()


def test_what_takes_long_holds_nobody_up() -> None:
    asked, answers = threading.Event(), list[bool]()
    slow = guarded(aside(lambda: answers.append(asked.wait(30))))
    quick = guarded(asked.set)

    async def both() -> None:
        await asyncio.gather(slow(), quick())

    asyncio.run(both())
    assert answers == [True]


@pytest.mark.parametrize(
    "changes",
    [
        {"wxyz": [0.0, 0.0, 0.0, 0.0]},
        {"position": [float("nan"), 0.0, 0.0]},
        {"position": ["a", "b", "c"]},
        {"fov": 1e9},
        {"image_width": 10**9, "image_height": 0},
        {"type": "NoSuchMessage"},
        {"type": "ShareUrlRequest"},
        {"type": "GuiUpdateMessage", "uuid": "none", "updates": {"value": 1}},
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_hostile_messages_disturb_nobody_else(session: Session, changes: dict[str, Any]) -> None:
    good = Browser(session)
    good.send()
    visitor = visitor_of(session)
    visitor.wish(side=64)
    bad = Browser(session)
    bad.send()
    wait_for(lambda: len(session.visitors) == 2)
    bad.send(**changes)
    wait_for(lambda: visitor.last is not None and visitor.last.final)
    good.send(position=[0.0, 0.0, -3.0])
    wait_for(lambda: visitor.last is not None and visitor.last.view.position[2] == -3)
    bad.close()
    good.close()


@pytest.mark.parametrize("payload", [b"", b"\x00" * 100, "text", b"\xc1garbage", b"\x80"])
def test_what_is_no_message_ends_the_connection_alone(
    session: Session, payload: bytes | str
) -> None:
    good, bad = Browser(session), Browser(session)
    good.send()
    visitor = visitor_of(session)
    visitor.wish(side=64)
    bad.socket.send(payload)
    with pytest.raises(ConnectionClosed):
        while True:
            bad.socket.recv(timeout=60)
    good.send(position=[0.0, 0.0, -3.0])
    wait_for(lambda: visitor.last is not None and visitor.last.view.position[2] == -3)
    good.close()


def test_pages_of_other_sites_are_not_let_in(session: Session) -> None:
    bad = Browser(session, origin="https://elsewhere.example")
    with pytest.raises((ConnectionClosed, InvalidStatus)):
        while True:
            bad.socket.recv(timeout=60)
    assert not session.visitors


@pytest.mark.parametrize(
    ("bound", "host", "origin", "own"),
    [
        ("127.0.0.1", "127.0.0.1:8080", "http://127.0.0.1:8080", True),
        ("127.0.0.1", "localhost:9000", "http://localhost:9000", True),
        ("127.0.0.1", "[::1]:9000", "http://[::1]:9000", True),
        ("127.0.0.1", "127.0.0.1:8080", None, True),
        ("127.0.0.1", "127.0.0.1:8080", "https://elsewhere.example", False),
        ("127.0.0.1", "127.0.0.1:8080", "http://127.0.0.1:3000", False),
        ("127.0.0.1", "elsewhere.example:8080", "http://elsewhere.example:8080", False),
        ("0.0.0.0", "lab.example:8080", "http://lab.example:8080", True),
        ("0.0.0.0", "lab.example:8080", "null", False),
    ],
)
def test_who_is_let_in(bound: str, host: str, origin: str | None, own: bool) -> None:
    assert is_own(bound, host, origin) is own


def test_the_page_is_served_with_nothing_from_elsewhere(session: Session) -> None:
    import urllib.request

    with urllib.request.urlopen(session.server.address) as page:
        text = page.read().decode()
    assert "<html" in text
    assert 'src="http' not in text and 'href="http' not in text
    assert session.server.tunnel.startswith(f"ssh -L {session.server.get_port()}:127.0.0.1:")


def test_ports_that_are_taken_are_refused_and_others_found() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"--port: {port} must be free"):
            bound_port("127.0.0.1", port)
    assert bound_port("127.0.0.1", 0) >= 8080
    with pytest.raises(InputError, match="--port: 70000 must be free"):
        bound_port("127.0.0.1", 70000)
    with pytest.raises(InputError, match=r"--host: 203\.0\.113\.1"):
        bound_port("203.0.113.1", 0)


@pytest.mark.parametrize(
    ("what", "options", "message"),
    [
        (("nowhere",), {}, "nowhere"),
        (("builtin:matte", "builtin:thin"), {}, "one run, two runs or one scene"),
        (("builtin:matte",), {"share": 2.0}, "--share"),
        (("RUN", "RUN", "RUN"), {}, "at most two"),
        (("RUN",), {"field": "nerf"}, "--field"),
        (("RUN",), {"max_seconds": 3.0}, "--max-seconds"),
    ],
)
def test_wrong_requests_are_refused_before_anything_is_written(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: tuple[str, ...],
    options: dict[str, Any],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    places = [str(folder) if place == "RUN" else place for place in what]
    with pytest.raises(InputError, match=message):
        view(places, print, **options)
    assert list(tmp_path.iterdir()) == []


def test_an_image_is_not_viewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save("photo.png")
    with pytest.raises(InputError, match="must be a scene"):
        view(["photo.png"], print)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


def test_a_visitors_broken_panel_does_not_end_the_session(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def tick(self) -> None:
            raise RuntimeError("a handle that is gone")

        def close(self) -> None:
            pass

    browser = Browser(session)
    browser.send()
    visitor = visitor_of(session)
    session._panels[visitor.client.client_id].append(Broken())
    wait_for(lambda: "a handle that is gone" in caplog.text)
    browser.send(position=[4.0, 0.0, 0.0])
    wait_for(lambda: visitor.last is not None and visitor.last.view.position[0] == 4)
    browser.close()
