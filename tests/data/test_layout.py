"""The picture of the cameras: every camera where it stands, all to one scale."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from nfield.chart import HEIGHT, WIDTH
from nfield.data.layout import layout, write_layout
from nfield.data.load import load_scene

SVG = "{http://www.w3.org/2000/svg}"


def dots(picture: ElementTree.Element, kind: str) -> np.ndarray:
    """Pixels of the marks of a kind, (N, 2)."""
    found = [node for node in picture.iter(f"{SVG}circle") if node.get("class") == kind]
    return np.array([(float(node.get("cx", 0)), float(node.get("cy", 0))) for node in found])


def test_cameras_stand_where_they_are(photos: Path) -> None:
    scene = load_scene(str(photos))
    panels = list(ElementTree.fromstring(layout(scene, scene.points())))
    assert len(panels) == 2
    places = scene.splits["train"].cameras.camera_to_world[:, :, 3].numpy()
    # The cameras circle around z: x to the right, y and then z upward.
    for panel, axes in zip(panels, ([0, 1], [0, 2])):
        marks = dots(panel, "train")
        assert len(marks) == 12 and len(dots(panel, "test")) == 3
        assert ((marks > 0) & (marks < (WIDTH, HEIGHT))).all()
        moved, drawn = places[:, axes] - places[0, axes], marks - marks[0]
        scale = drawn[6, 0] / moved[6, 0]
        # Pixels are rounded to 0.1.
        assert np.abs(drawn - moved * (scale, -scale)).max() < 0.3


def test_splits_axes_and_points_are_shown(photos: Path) -> None:
    scene = load_scene(str(photos))
    text = layout(scene, np.array([[0.0, 0, 0], [1e9, 0, 0]]))
    picture = ElementTree.fromstring(text)
    texts = [node.text for node in picture.iter(f"{SVG}text")]
    assert texts.count("train: 12") == 2 and texts.count("test: 3") == 2
    assert {"x of the world", "y of the world", "z of the world"} <= set(texts)
    assert len(dots(picture, "point")) == 2  # one in each panel; the far one is out of sight


def test_many_points_are_thinned(photos: Path) -> None:
    scene = load_scene(str(photos))
    points = np.random.default_rng(0).uniform(-1, 1, (10000, 3))
    picture = ElementTree.fromstring(layout(scene, points))
    assert 2000 < len(dots(picture, "point")) <= 4000


def test_a_file_is_written_whole(photos: Path, tmp_path: Path) -> None:
    scene = dataclasses.replace(load_scene(str(photos)), name="a<b")
    write_layout(scene, scene.points(), tmp_path / "new" / "cameras.svg")
    ElementTree.parse(tmp_path / "new" / "cameras.svg")
