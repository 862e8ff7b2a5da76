"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os

import pytest

from nfield.errors import InputError
from nfield.files import replacing


def test_file_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "new" / "folder" / "a.txt"
    with replacing(target) as temporary:
        temporary.write_text("whole")
        assert temporary.suffix == ".txt"
        assert not target.exists()
    assert target.read_text() == "whole"
    assert os.listdir(target.parent) == ["a.txt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_older_file_survives_any_exception(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(error), replacing(target) as temporary:
        temporary.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_full_disk_is_one_clear_sentence(tmp_path):
    target = tmp_path / "a.txt"
    full = OSError(errno.ENOSPC, "No space left on device")
    expected = r"a\.txt: must be a place that can be written to, got No space left on device; free"
    with pytest.raises(InputError, match=expected), replacing(target) as temporary:
        temporary.write_text("half")
        raise full
    assert os.listdir(tmp_path) == []


def test_folder_under_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    refused = pytest.raises(InputError, match="must be a place that can be written to")
    with refused, replacing(tmp_path / "file" / "a.txt"):
        pass


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path):
    (tmp_path / "a.txt").mkdir()
    refused = pytest.raises(InputError, match="must be a place that can be written to")
    with refused, replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("x")


def test_errors_of_other_files_are_passed_on(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "a.txt"):
        (tmp_path / "absent").read_text()


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    target = tmp_path / "a.txt"
    with replacing(target) as one, replacing(target) as other:
        one.write_text("one")
        other.write_text("other")
    assert target.read_text() == "one"
    assert os.listdir(tmp_path) == ["a.txt"]
