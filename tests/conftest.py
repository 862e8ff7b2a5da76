"""Fixtures of the whole suite."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Path under $NFIELD_DATA (../shared/data by default); the test is skipped where absent."""
    root = Path(os.environ.get("NFIELD_DATA", REPOSITORY.parent / "shared" / "data"))

    def find(relative: str) -> Path:
        if not (root / relative).exists():
            pytest.skip(f"{root / relative} absent")
        return root / relative

    return find
