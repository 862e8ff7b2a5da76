"""docs/extend.md: its packages are found, fitted, opened and refused as it says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import nfield
from nfield.config import defaults
from nfield.errors import InputError

PAGE = (Path(__file__).parent.parent / "docs" / "extend.md").read_text()
SMALL = ("train.samples=2048", "train.rays=128", "occupancy.resolution=32", "occupancy.steps=64")
FIELDS = {"waves": "my_fields", "blobs": "my_blobs"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's package, as an installer leaves it."""
    site = tmp_path / "site"
    info = site / "my_fields-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-fields\nVersion: 1.0\n")
    (entries,) = blocks("toml")
    assert '[project.entry-points."nfield.fields"]' in entries
    lines = [line.replace('"', "") for line in entries.splitlines() if " = " in line]
    (info / "entry_points.txt").write_text("[nfield.fields]\n" + "\n".join(lines) + "\n")
    for block in blocks("python"):
        name = block.splitlines()[0].removeprefix("# ")
        (site / name).write_text(block)
        monkeypatch.delitem(sys.modules, Path(name).stem, raising=False)
    monkeypatch.syspath_prepend(str(site))
    return site


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_of_another_package_is_fitted(
    installed: Path, photos: Path, tmp_path: Path, field: str
) -> None:
    run = nfield.fit(photos, field=field, out=tmp_path / "run", max_steps=150, set=SMALL)
    assert type(run.model.field).__module__ in (FIELDS[field], "nfield.fields.radiance")
    # A ball of one colour reaches 17 dB here.
    assert run.evaluate(every=3)["mean"]["psnr"] > 18.0
    again = nfield.fit(
        photos, field=field, out=tmp_path / "run", max_steps=151, set=SMALL, resume=True
    )
    assert again.folder.meta()["step"] == 151


def test_settings_of_another_package_are_keys_of_the_configuration(installed: Path) -> None:
    assert defaults("x", "waves").model.waves == 128
    assert defaults("x", "waves").train.learning_rate == 5e-3
    with pytest.raises(InputError, match="keys must be known, got 'model.blob'"):
        nfield.fit("builtin:matte", field="blobs", set=["model.blob=3"])


def test_a_package_takes_less_than_thirty_lines_of_code() -> None:
    code = [[line for line in block.splitlines() if line.strip()] for block in blocks("python")]
    assert len(code) == len(FIELDS)
    assert max(map(len, code)) < 30
