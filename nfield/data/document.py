"""A JSON document checked as it is read: every refusal names the file, the place and the key."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nfield.data.pose import LARGEST, rigid
from nfield.errors import InputError


@dataclass(frozen=True)
class Document:
    """One JSON object and where it stands, such as "transforms.json: frame 3"; keys absent in it
    are looked up in `parent`.
    """

    where: str
    values: dict[str, Any]
    parent: Document | None = None

    def refuse(self, key: str, rule: str, repair: str) -> InputError:
        """The exception to raise for a key that breaks a rule."""
        value = repr(self.get(key))
        value = value if len(value) <= 80 else value[:77] + "..."
        return InputError(f"{self.where}: {key} must {rule}, got {value}; {repair}")

    def get(self, key: str) -> Any:
        """The value of a key, here or in the parent; None when absent."""
        if key in self.values:
            return self.values[key]
        return None if self.parent is None else self.parent.get(key)

    def number(self, key: str, default: float | None = None) -> float:
        """A finite number; `default` stands for an absent key."""
        value = self.get(key)
        if value is None and default is not None:
            return default
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not abs(value) <= LARGEST
        ):
            raise self.refuse(key, "be a finite number", "correct it")
        return float(value)

    def positive(self, key: str) -> float | None:
        """A number above zero, or None when absent."""
        if self.get(key) is None:
            return None
        value = self.number(key)
        if value <= 1e-6:
            raise self.refuse(key, "be above zero", "correct it")
        return value

    def text(self, key: str) -> str | None:
        """A string that is not empty, or None when absent."""
        value = self.get(key)
        if value is not None and not (isinstance(value, str) and value.strip()):
            raise self.refuse(key, "be a string that is not empty", "correct it")
        return value

    def flag(self, key: str) -> bool:
        """true or false; absent is false."""
        value = self.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.refuse(key, "be true or false", "correct it")
        return bool(value)

    def texts(self, key: str) -> list[str] | None:
        """A list of strings, or None when absent."""
        value = self.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.refuse(key, "be a list of strings", "correct it")
        return value

    def pose(self, key: str) -> np.ndarray:
        """A rigid 4x4 or 3x4 matrix, its rotation re-orthonormalised: (3, 4) float64."""
        value = self.get(key)
        if value is None:
            raise InputError(f"{self.where}: {key} must be present; add the camera-to-world matrix")
        repair = "correct the camera-to-world matrix"
        matrix = self.rows(key)
        found = np.empty(0) if matrix is None else matrix
        return rigid(found, lambda rule: self.refuse(key, rule, repair))

    def rows(self, key: str) -> np.ndarray | None:
        """Rows of numbers, equally many each, as float64, NaN for what is not finite; None for
        anything else.
        """
        return _matrix(self.get(key))

    def objects(self, key: str) -> list[Document]:
        """A list of objects that is not empty, each with this document as its parent."""
        value = self.get(key)
        if not isinstance(value, list) or not value:
            raise self.refuse(key, "be a list that is not empty", "list the frames there")
        for i, item in enumerate(value):
            if not isinstance(item, dict):
                raise InputError(
                    f"{self.where}: frame {i} must be an object, got {type(item).__name__}; "
                    "correct it"
                )
        return [Document(f"{self.where}: frame {i}", item, self) for i, item in enumerate(value)]


def read_document(file: Path) -> Document:
    """Read a JSON file whose top is an object.

    Raises: InputError when it cannot be read, is not JSON, or is another kind of JSON value.
    """
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{file}: must be readable, got {error.strerror}; check the path"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: must be JSON, got {error}; write the file again") from error
    if not isinstance(values, dict):
        raise InputError(
            f"{file}: must hold a JSON object with frames, got {type(values).__name__}; "
            "write the file again"
        )
    return Document(str(file), values)


def _matrix(value: Any) -> np.ndarray | None:
    """Rows of numbers as a float64 array, or None when it is anything else."""
    if not isinstance(value, list) or not all(isinstance(row, list) for row in value):
        return None
    if len({len(row) for row in value}) != 1:
        return None
    for row in value:
        for item in row:
            if isinstance(item, bool) or not isinstance(item, int | float):
                return None
            if isinstance(item, int) and abs(item) > LARGEST:
                return None
    return np.array([[item if math.isfinite(item) else math.nan for item in row] for row in value])
