"""Laws of the binary parser: any damage is one sentence, and asks for no more than the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nfield.data.sparse import read_cameras, read_images, read_points
from nfield.errors import InputError

from .colmap_files import write_binary, write_text
from .formats import memory_below

damage = settings(
    max_examples=60,
    deadline=None,  # the machine may be busy
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
READERS = {"cameras": read_cameras, "images": read_images, "points3D": read_points}
# A parsed item takes more memory than its bytes, but not by much: nothing follows a count alone.
_MEMORY = 2**20


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    write_binary(folder, ["PINHOLE", "OPENCV", "OPENCV_FISHEYE"])
    return folder


@pytest.fixture(scope="module")
def broken(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("broken")


def read(folder: Path, name: str, data: bytes, suffix: str = ".bin") -> bool:
    """Whether it can be read; a refusal is one sentence that names the file."""
    file = folder / f"{name}{suffix}"
    file.write_bytes(data)
    with memory_below(_MEMORY):
        try:
            READERS[name](folder)
        except InputError as error:
            assert str(error).startswith(str(file))
            assert "\n" not in str(error)
            return False
    return True


@pytest.mark.parametrize("name", READERS)
@damage
@given(data=st.data())
def test_a_file_cut_anywhere_is_refused(model, broken, name, data):
    whole = (model / f"{name}.bin").read_bytes()
    assert read(broken, name, whole)
    assert not read(broken, name, whole[: data.draw(st.integers(0, len(whole) - 1))])


@pytest.mark.parametrize("name", READERS)
@damage
@given(data=st.data(), count=st.integers(0, 2**64 - 1))
def test_any_eight_bytes_may_lie(model, broken, name, data, count):
    whole = (model / f"{name}.bin").read_bytes()
    place = data.draw(st.integers(0, len(whole) - 8))
    read(broken, name, whole[:place] + count.to_bytes(8, "little") + whole[place + 8 :])


@pytest.mark.parametrize("name", READERS)
@damage
@given(count=st.integers(10, 2**64 - 1))
def test_counts_that_the_file_cannot_hold_are_refused(model, broken, name, count):
    whole = (model / f"{name}.bin").read_bytes()
    assert not read(broken, name, count.to_bytes(8, "little") + whole[8:])


@pytest.mark.parametrize("name", READERS)
@damage
@given(data=st.data())
def test_any_text_is_read_or_refused(tmp_path_factory, broken, name, data):
    folder = broken / "text"
    write_text(folder, ["PINHOLE", "OPENCV"])
    whole = (folder / f"{name}.txt").read_bytes()
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    read(folder, name, whole[:start] + data.draw(st.binary(max_size=12)) + whole[end:], ".txt")
