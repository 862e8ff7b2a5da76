"""The run folder: resolved configuration, log and checkpoint, each written whole or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from nfield.config import Config, changed_since, differences, from_dict, identity, resolve, to_dict
from nfield.errors import InputError
from nfield.fields.presets import preset
from nfield.files import replacing, unwritable
from nfield.toml import dump_toml, read_toml
from nfield.train.log import Log

if TYPE_CHECKING:
    from torch import Tensor

SCHEMA = 1


class RunFolder:
    """RUN/config.toml, RUN/log.jsonl, RUN/checkpoint.safetensors, RUN/eval/, RUN/renders/.

    `create` starts a run, `open` returns to one.
    """

    def __init__(self, path: Path, config: Config):
        self.path = path
        self.config = config
        self._log = Log(path / "log.jsonl")
        self._lock = FileLock(path / ".lock")

    @classmethod
    def create(cls, path: str | Path, config: Config) -> RunFolder:
        """Make the folder and write its configuration.

        Raises:
            InputError: the folder holds something already, or cannot be written to.
        """
        folder = cls(Path(path), config)
        folder.free().begin(0)
        return folder

    @classmethod
    def plan(
        cls,
        data: str,
        options: Mapping[str, Any],
        assignments: Iterable[str],
        *,
        out: str | Path | None,
        resume: bool,
    ) -> RunFolder:
        """The folder and configuration of a fit that is to begin; nothing is written yet.

        Args:
            data, options, assignments: see `nfield.config.resolve`.
            out: `runs/<data>-<field>` by default.
            resume: Return to the run there, with its configuration where nothing else is given.

        Raises:
            InputError: anything wrong with what was given, or with the folder.
        """
        assignments = tuple(assignments)
        config = resolve(data, options, assignments)
        planned = cls(Path(out or _default_out(config, data)), config)
        if not resume:
            return planned.free()
        stored = cls.open(planned.path)
        if stored.config.convert is not None:
            raise InputError(
                f"{planned.path}: run must be one that `nfield fit` made, got one of "
                "`nfield convert`; continue it with that and --resume"
            )
        return stored.again(resolve(data, options, assignments, base=stored.config))

    def free(self) -> RunFolder:
        """This folder, where a run is yet to begin.

        Raises:
            InputError: it holds a run or anything else.
        """
        if (self.path / "config.toml").exists():
            raise InputError(
                f"{self.path}: --out must not hold a run already, got one; "
                "add --resume to continue it, or choose another --out"
            )
        if self.path.exists() and (not self.path.is_dir() or _visible(self.path)):
            raise InputError(
                f"{self.path}: --out must be new or empty, got other files; choose another --out"
            )
        return self

    def again(self, config: Config) -> RunFolder:
        """This run with another budget or device.

        Raises:
            InputError: the configuration is that of another fit.
        """
        self._require_same(config)
        return RunFolder(self.path, config)

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """Return to a run.

        Raises:
            InputError: not a run, a future schema, or a checkpoint that is cut short.
        """
        path = Path(path)
        if not (path / "config.toml").is_file():
            raise InputError(
                f"{path}: run must be a folder that `nfield fit` made, got no config.toml in it; "
                "check the path"
            )
        where = path / "config.toml"
        folder = cls(path, from_dict(read_toml(where), str(where)))
        folder.meta()
        return folder

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.safetensors"

    def _require_same(self, config: Config) -> None:
        """Refuse a configuration that would be another fit; names every key that differs."""
        changed = differences(identity(self.config), identity(config))
        if changed:
            raise InputError(
                f"{self.path}: a resumed run must keep its configuration, got {changed}; "
                "remove these options or choose another --out"
            )
        if config.data != self.config.data:
            raise InputError(
                f"{self.path}: a resumed run must keep its data {self.config.data!r}, got "
                f"{config.data!r}; if it moved, correct data in {self.path / 'config.toml'}"
            )

    def begin(self, step: int) -> None:
        """Start or resume at `step`, alone until `close`; what a killed run left is removed.

        Raises:
            InputError: another process fits this run, or the folder cannot be written to.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(blocking=False)
        except Timeout:
            raise InputError(
                f"{self.path}: run must be fitted by one process, got a second one; "
                "wait for the other, or choose another --out"
            ) from None
        except OSError as error:
            raise unwritable(self.path, error) from error
        with replacing(self.path / "config.toml") as temporary:
            _write_durably(temporary, dump_toml(to_dict(self.config)))
        for leftover in self.path.glob(".*.tmp.*"):
            leftover.unlink()
        self._log.truncate(step)

    def save(self, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
        """Replace the checkpoint; equal state gives equal bytes, and the disk holds it on return.

        Args:
            tensors: Named tensors of any device.
            meta: JSON values kept in the file's header.

        Raises:
            InputError: the disk is full or cannot be written to; the old checkpoint stays.
        """
        from safetensors import SafetensorError
        from safetensors.torch import save_file

        header = {"schema": SCHEMA, "config": identity(self.config), "meta": dict(meta)}
        text = json.dumps(header, sort_keys=True, separators=(",", ":"))
        packed = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        with replacing(self.checkpoint) as temporary:
            try:
                # One key only: safetensors keeps several in no fixed order.
                save_file(packed, temporary, {"nfield": text})
            except SafetensorError as error:
                raise _system_error(error, temporary) from error
            # safetensors writes for the owner alone; colleagues may read the run.
            shutil.copymode(self.path / "config.toml", temporary)
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The last saved (tensors, meta), or None before the first save.

        Raises:
            InputError: the checkpoint is cut short, of a future schema, or of another
                configuration than config.toml states.
        """
        meta = self.meta()
        if meta is None:
            return None
        from safetensors.torch import load_file

        return load_file(self.checkpoint), meta

    def require(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """As `load`, of a run that must have been saved."""
        state = self.load()
        if state is None:
            raise self.unsaved()
        return state

    def unsaved(self) -> InputError:
        """What to tell who needs the model of a run that has none."""
        return InputError(
            f"{self.path}: run must have a checkpoint, got none; continue it with --resume"
        )

    def meta(self) -> dict[str, Any] | None:
        """The checkpoint's meta alone, without its tensors (and without torch)."""
        from safetensors import SafetensorError, safe_open

        if not self.checkpoint.exists():
            return None
        try:
            with safe_open(self.checkpoint, framework="np") as file:
                header = json.loads(file.metadata()["nfield"])
            schema = header["schema"]
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{self.checkpoint}: checkpoint must be whole, got a damaged file ({error}); "
                "restore it from a copy, or delete it and fit again"
            ) from None
        if not isinstance(schema, int) or schema > SCHEMA:
            raise InputError(
                f"{self.checkpoint}: schema must be <= {SCHEMA}, got {schema!r}; update nfield"
            )
        changed = changed_since(header.get("config", {}), self.config)
        if changed:
            raise InputError(
                f"{self.path / 'config.toml'}: configuration must be the checkpoint's, got "
                f"{changed}; restore these values"
            )
        return dict(header.get("meta", {}))

    def log(self, record: Mapping[str, Any]) -> None:
        """Append one record, which has its `step`, to log.jsonl (and TensorBoard)."""
        try:
            self._log.append(record)
        except OSError as error:
            raise InputError(
                f"{self._log.path}: log must be writable, got {error.strerror}; "
                "free some space, then add --resume"
            ) from error

    def records(self) -> list[dict[str, Any]]:
        """The whole records of log.jsonl, oldest first."""
        return self._log.records()

    def close(self) -> None:
        """Finish the log, and let other processes fit this run."""
        self._log.close()
        self._lock.release(force=True)


def _default_out(config: Config, data: str) -> Path:
    """`runs/<data>-<field>`: named after the recipe, the folder, the file or the built-in."""
    if data.endswith(".toml"):
        name = Path(data).stem
    elif config.data.startswith("builtin:"):
        name = config.data.partition(":")[2]
    else:
        path = Path(config.data)
        name = path.parent.name if path.suffix == ".json" else path.name
        name = name if preset(config.field).kind == "radiance" else path.stem
    return Path("runs") / f"{name}-{config.field}"


def _write_durably(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _visible(path: Path) -> list[Path]:
    # A killed process can leave a hidden temporary file behind.
    return [entry for entry in path.iterdir() if not entry.name.startswith(".")]


def _system_error(error: Exception, path: Path) -> OSError:
    """safetensors reports a full disk as text; give it back its number."""
    code = re.search(r"os error (\d+)", str(error))
    number = int(code[1]) if code else 5
    return OSError(number, os.strerror(number), str(path))
