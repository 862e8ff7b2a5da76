"""The web server of the page: its address, who may come in, and what it says of strange visits."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
import warnings
from collections.abc import Callable, Coroutine
from inspect import isawaitable
from typing import Any
from urllib.parse import urlsplit

import rich
from viser import ViserServer

from nfield.errors import InputError

FIRST_PORT, PORTS = 8080, 20
CLOCK_SECONDS = 0.1  # between looks at what the server's thread has spent
LOOPBACK = ("127.0.0.1", "localhost", "::1")

log = logging.getLogger("nfield.viewer")

# A visitor may leave at any moment: what was still meant for the page is lost, and may be.
warnings.filterwarnings("ignore", message="Queued a .* on a closed connection")


class Server(ViserServer):
    """Serves the page, and nothing that other pages of the same browser may use.

    Attributes:
        seconds: Of a core, that its thread spent on visitors so far.

    Args:
        port: 0 takes the first free one from 8080 on.

    Raises:
        InputError: the address cannot be bound.
    """

    def __init__(self, host: str, port: int, title: str):
        self.host, self.seconds = host, 0.0
        # viser prints through rich's own console, on stdout, which is for results.
        rich.reconfigure(quiet=True)
        super().__init__(host, bound_port(host, port), label=title, verbose=False)
        self._websock_server.on_client_connect(self._admit)
        logging.getLogger("websockets.server").addFilter(_brief)
        loop = self.get_event_loop()
        loop.call_soon_threadsafe(loop.set_exception_handler, _note)
        loop.call_soon_threadsafe(self._clock)

    @property
    def address(self) -> str:
        """Where the page is."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.get_port()}"

    @property
    def tunnel(self) -> str:
        """What to type on another machine so that its browser finds the page at that address."""
        port = self.get_port()
        return f"ssh -L {port}:127.0.0.1:{port} {socket.gethostname()}"

    def request_share_url(self, verbose: bool = True) -> None:
        """Refuse the public address that any visitor of viser's page may ask for."""
        log.warning("a visitor asked to publish the page on the internet; ignored")

    def _clock(self) -> None:
        self.seconds = time.thread_time()
        self.get_event_loop().call_later(CLOCK_SECONDS, self._clock)

    async def _admit(self, connection: Any) -> None:
        """Close connections that pages of other sites open in a visitor's browser."""
        socket_of = self._websock_server._live_connections[connection.client_id]
        headers = socket_of.request.headers if socket_of.request else {}
        if not is_own(self.host, headers.get("Host", ""), headers.get("Origin")):
            log.warning("a page of %s tried to connect; refused", headers.get("Origin"))
            await socket_of.close(1008, "this page is of another site")


def is_own(bound: str, host: str, origin: str | None) -> bool:
    """Whether a request comes from the viewer's own page (or from no page at all).

    Args:
        bound: What the server is bound to.
        host, origin: The request's headers.
    """
    if bound in LOOPBACK and urlsplit(f"//{host}").hostname not in LOOPBACK:
        return False  # a name of another site that leads here
    return origin is None or urlsplit(origin).netloc == host


def bound_port(host: str, port: int) -> int:
    """The port if it is free, or the first free one where it is 0.

    Raises:
        InputError: it is not, or there is none.
    """
    wanted = [port] if port else [*range(FIRST_PORT, FIRST_PORT + PORTS)]
    reason = ""
    for candidate in wanted:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
                return candidate
            except (OSError, OverflowError) as error:
                reason = str(getattr(error, "strerror", None) or error)
    option = f"--port: {port}" if port else f"--host: {host}"
    raise InputError(f"{option} must be free to listen at, got: {reason}; choose another")


def guarded(action: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, None]]:
    """A callback that does not let what a visitor sends disturb anything: it is logged."""

    async def run(*arguments: Any) -> None:
        try:
            outcome = action(*arguments)
            if isawaitable(outcome):
                await outcome
        except Exception as error:
            log.warning("a visitor's message was ignored: %s", error)

    return run


def aside(action: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """An action that takes its time, such as reading a file, in a thread: nobody waits for it."""

    def run(*arguments: Any) -> Coroutine[Any, Any, Any]:
        return asyncio.to_thread(action, *arguments)

    return run


def _brief(record: logging.LogRecord) -> bool:
    """One sentence in place of a traceback."""
    if record.exc_info:
        record.msg = f"a visitor's connection was closed: {record.exc_info[1]!r}"
        record.args, record.exc_info = (), None
    return True


def _note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What a message that viser cannot handle leaves behind."""
    wrong = context.get("exception") or context.get("message")
    log.warning("a visitor's message was ignored: %r", wrong)
