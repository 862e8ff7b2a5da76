"""What the program does to view: finished runs, or a fit under way."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nfield.api import begin, open_run
from nfield.data.scene import Scene
from nfield.errors import InputError
from nfield.extras import require
from nfield.train.folder import RunFolder
from nfield.train.ranks import started
from nfield.train.trainer import Trainer

PURPOSE = "viewing"
HOST = "127.0.0.1"
SHARE, LEAST_SHARE, MOST_SHARE = 0.3, 0.01, 0.9
Tell = Callable[[str], None]


def view(
    what: Sequence[str],
    tell: Tell,
    *,
    host: str = HOST,
    port: int = 0,
    share: float = SHARE,
    **options: Any,
) -> None:
    """Serve a page of one run or two, or of a fit that the page starts, until Ctrl-C.

    Args:
        what: One or two run folders, or the data of a scene.
        tell: Takes the lines that say where the page is.
        share: Of the time, at most, that showing takes from training.
        **options: Those of `nfield.fit`, for data.

    Raises:
        InputError: neither runs nor a scene, a port that is not free, options that runs do not
            have.
    """
    require("viser", "viewer", PURPOSE)
    given = {name: value for name, value in options.items() if value not in (None, (), False)}
    if what and all((Path(path) / "config.toml").is_file() for path in what):
        _refuse(what, given)
        _view_runs(what, tell, host=host, port=port)
        return
    if len(what) != 1:
        raise InputError(
            f"view: must be given one run, two runs or one scene, got {', '.join(what) or 'none'}"
        )
    _require_share(share)
    # Whatever is wrong is said before a run folder is begun.
    free = _port(host, port)
    trainer, folder, data = begin(what[0], on_load=_require_scene, **given)
    try:
        session = _session(trainer, folder, data, share=share, host=host, port=free)
        tell(_where(session))
        tell("Training waits for Start on the page.")
        session.run()
    except KeyboardInterrupt:
        tell(f"Stopped and saved at step {trainer.step}.")
    finally:
        folder.close()


def fit(
    data: str,
    *,
    on_load: Callable[[Any], None],
    on_step: Callable[[dict[str, Any]], None],
    **options: Any,
) -> None:
    """As `nfield.fit`, with a page that shows the field until the fit ends.

    Raises:
        InputError: as `nfield.fit`, or data other than a scene, or viser is missing.
    """
    require("viser", "viewer", PURPOSE)
    if (ranks := started()).count > 1:
        raise InputError(
            f"--view: one process must fit what a page shows, got {ranks.count}; start it without "
            "torchrun, or without --view"
        )
    port = _port(HOST, 0)

    def load(loaded: Any) -> None:
        _require_scene(loaded)
        on_load(loaded)

    trainer, folder, scene = begin(data, on_load=load, **options)
    try:
        session = _session(
            trainer, folder, scene, share=SHARE, host=HOST, port=port, on_step=on_step
        )
        print(_where(session), file=sys.stderr, flush=True)
        session.training.running.set()
        session.run(stay=False)
    finally:
        folder.close()


def _session(trainer: Trainer, folder: RunFolder, data: Scene, **options: Any) -> Any:
    from nfield.viewer.session import Session

    return Session.of_trainer(trainer, folder, data, **options)


def _require_scene(data: Any) -> None:
    if not isinstance(data, Scene):
        raise InputError(
            f"{data.name}: what is viewed must be a scene, got an image, a shape or a video; "
            "`nfield render` shows its run"
        )


def _port(host: str, port: int) -> int:
    from nfield.viewer.server import bound_port

    return bound_port(host, port)


def _where(session: Any) -> str:
    """Where the page of a session is."""
    server = session.server
    return f"Viewer: {server.address} (from another machine: {server.tunnel})"


def _require_share(share: float) -> None:
    if not LEAST_SHARE <= share <= MOST_SHARE:
        raise InputError(
            f"--share: share must be from {LEAST_SHARE} to {MOST_SHARE}, got {share}; correct it"
        )


def _view_runs(what: Sequence[str], tell: Tell, *, host: str, port: int) -> None:
    from nfield.viewer.session import Session
    from nfield.viewer.subject import Subject

    session = Session([Subject.of_run(open_run(path)) for path in what], host=host, port=port)
    tell(_where(session))
    try:
        session.run()
    except KeyboardInterrupt:
        tell("Stopped.")


def _refuse(what: Sequence[str], given: Mapping[str, Any]) -> None:
    if len(what) > 2:
        raise InputError(f"view: at most two runs fit on one page, got {len(what)}")
    for name, value in given.items():
        raise InputError(
            f"--{name.replace('_', '-')}: a finished run has no such choice, got {value!r}; "
            "remove it"
        )
