"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nfield.errors import InputError

_serial = itertools.count()  # two threads may write one file
_STORAGE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary name beside `path` that becomes `path` when the block ends well.

    After any exception, Ctrl-C included, the temporary file is gone and an older `path` is
    untouched. The temporary name keeps the suffix, from which writers tell the format. Missing
    parent folders are made.

    Raises:
        InputError: the place cannot be written to, or is full.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}-{next(_serial)}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.errno in _STORAGE or error.filename2 == str(path):
            raise unwritable(path, error) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def require_suffix(path: Path, what: str, *known: str) -> None:
    """Refuse a name that tells no known format.

    Args:
        what: What is written, such as "a mesh".

    Raises:
        InputError: as said.
    """
    if path.suffix.lower() not in known:
        raise InputError(
            f"{path}: the name of {what} must end in {', '.join(known)}, got "
            f"{path.suffix or 'none'}; choose another name"
        )


def unwritable(path: Path, error: OSError) -> InputError:
    """What to tell who asked for a file at `path`."""
    return InputError(
        f"{path}: must be a place that can be written to, got {error.strerror}; "
        "free some space or choose another place"
    )
