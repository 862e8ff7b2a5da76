"""Arrays in files: whole, of numbers, and no larger in memory than on disk."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nfield.data.arrays import read_npy, read_npz
from nfield.errors import InputError

from .formats import memory_below

damage = settings(
    max_examples=50,
    deadline=None,  # the machine may be busy
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
_MEMORY = 2**21


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("arrays")


@damage
@given(
    array=arrays.arrays(
        st.sampled_from([np.float32, np.float64, np.int32]), arrays.array_shapes(max_dims=3)
    ),
    fortran=st.booleans(),
)
def test_numbers_survive(folder, array, fortran):
    file = folder / "a.npy"
    np.save(file, np.asfortranarray(array) if fortran else array)
    assert np.array_equal(read_npy(file), array.astype(np.float64), equal_nan=True)
    np.savez_compressed(folder / "a.npz", world=array, other=array)
    found = read_npz(folder / "a.npz", ["world", "absent"])
    assert found.keys() == {"world"}
    assert np.array_equal(found["world"], array.astype(np.float64), equal_nan=True)


def _refused(read, file: Path) -> None:
    with memory_below(_MEMORY):
        try:
            read()
        except InputError as error:
            assert str(error).startswith(str(file))
            assert "\n" not in str(error)


@damage
@given(data=st.data())
def test_damage_is_one_sentence_and_no_memory(folder, data):
    for suffix, save in ((".npy", np.save), (".npz", lambda f, a: np.savez(f, world=a))):
        file = folder / f"b{suffix}"
        save(file, np.eye(4))
        whole = file.read_bytes()
        start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
        file.write_bytes(whole[:start] + data.draw(st.binary(max_size=8)) + whole[end:])
        _refused(lambda f=file: read_npy(f) if f.suffix == ".npy" else read_npz(f, ["world"]), file)


def test_a_shape_that_lies_is_refused_before_memory_is_taken(folder):
    file = folder / "c.npy"
    np.save(file, np.zeros((20, 17)))
    data = file.read_bytes().replace(b"(20, 17)", b"(2**40,)")
    file.write_bytes(data)
    with pytest.raises(InputError, match="must be an array of numbers"):
        read_npy(file)
    file.write_bytes(data.replace(b"(2**40,)", b"(9**9, )"[:2] + b"9" * 4 + b",)"))
    with pytest.raises(InputError, match="as many bytes as its header says .7\\d+., got 2720"):
        read_npy(file)


def test_an_archive_that_unfolds_to_much_is_refused(folder):
    file = folder / "bomb.npz"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("world.npy", bytes(2**26))
    with memory_below(_MEMORY), pytest.raises(InputError, match="world: must be an array"):
        read_npz(file, ["world"])


def test_a_header_whose_length_lies_takes_no_memory(folder):
    file = folder / "e.npy"
    file.write_bytes(b"\x93NUMPY\2\0" + (2**31).to_bytes(4, "little") + b"{}")
    with memory_below(_MEMORY), pytest.raises(InputError, match="must be an array of numbers"):
        read_npy(file)


def test_pickles_are_never_loaded(folder):
    file = folder / "d.npy"
    np.save(file, np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="must hold real numbers, got object"):
        read_npy(file)
