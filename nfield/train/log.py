"""The training log: log.jsonl, mirrored to TensorBoard where that is installed."""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nfield.files import replacing


class Log:
    """Records of one run, one JSON object a line, each with its `step`.

    A line is flushed as it is written; a last line cut short by a kill is not a record.
    """

    def __init__(self, path: Path):
        self.path = path
        self._board: TensorBoard | None = None

    def append(self, record: Mapping[str, Any]) -> None:
        """Add one record; numbers that are not finite are written as null."""
        finite = {k: v if _is_finite(v) else None for k, v in record.items()}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(finite) + "\n")
        if self._board is None and importlib.util.find_spec("tensorboard"):
            self._board = TensorBoard(self.path.parent / "tensorboard", int(record["step"]))
        if self._board is not None:
            self._board.append(finite)

    def records(self) -> list[dict[str, Any]]:
        """All whole records, oldest first."""
        if not self.path.exists():
            return []
        *lines, _cut = self.path.read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines if line]

    def truncate(self, step: int) -> None:
        """Drop what was logged after `step`: a resumed run will do those steps again."""
        if not self.path.exists():
            return
        kept = [json.dumps(r) + "\n" for r in self.records() if r["step"] <= step]
        with replacing(self.path) as temporary:
            temporary.write_text("".join(kept), encoding="utf-8")

    def close(self) -> None:
        """Write out what TensorBoard holds back."""
        if self._board is not None:
            self._board.close()
            self._board = None


class TensorBoard:
    """Scalars of the log as TensorBoard events; events from `first_step` on are purged."""

    def __init__(self, folder: Path, first_step: int):
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder), purge_step=first_step)

    def append(self, record: Mapping[str, Any]) -> None:
        for key, value in record.items():
            if key != "step" and isinstance(value, (int, float)):
                self._writer.add_scalar(key, value, record["step"])

    def close(self) -> None:
        self._writer.close()


def _is_finite(value: Any) -> bool:
    return not isinstance(value, float) or math.isfinite(value)
