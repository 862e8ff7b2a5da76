"""The page of a baked field: what it holds, and, in a browser, what it shows."""

from __future__ import annotations

import base64
import itertools
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.chromium import SOFTWARE, Chromium, browser, camera_of, decoded
from nfield.config import Config, resolve
from nfield.errors import InputError
from nfield.evaluate.metrics import psnr
from nfield.evaluate.protocol import to_uint8
from nfield.export import baking, web
from nfield.export.baked import BANDS, DENSITY, FACTORS, MOST, Baked, baked_model, encoded
from nfield.export.lattice import Lattice
from nfield.export.page import page
from nfield.export.payload import pack, unpack
from nfield.fields.model import Model
from nfield.ops.spherical_harmonics import spherical_harmonics
from nfield.render.bounds import Bounds
from tests.export.analytic import CENTER, HALF, Ball, around

WHITE = (1.0, 1.0, 1.0)
SMALL = ["model.log2_table=8", "occupancy.resolution=16", "occupancy.steps=192"]


@pytest.fixture(scope="module")
def config() -> Config:
    return resolve("builtin:matte", {}, SMALL)


@pytest.fixture(scope="module")
def model(config: Config) -> Model:
    return Model(config, Bounds(CENTER, HALF, False, None), Ball(True, False))


def scene() -> Any:
    return SimpleNamespace(name="<ball>", splits={"train": SimpleNamespace(cameras=around())})


@pytest.fixture(scope="module")
def written(
    config: Config, model: Model, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """The ball's page, and what was said of it."""
    out = tmp_path_factory.mktemp("page") / "ball.html"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("SEEN_RAYS", 1 << 11), ("RAYS", 1 << 9)):
            patch.setattr(baking, name, value)
        for name, value in (("SEEN_ROUNDS", 4), ("STEPS", 20)):
            patch.setattr(baking, name, value)
        patch.setattr(web, "_JUDGED", 1 << 11)
        facts = web.write_web(out, config, model, scene(), background=WHITE, resolution=40)
    return out, facts


def held(path: Path) -> tuple[dict[str, Any], bytes]:
    """Description and packed voxels of a page."""
    text = path.read_text(encoding="utf-8")

    def part(name: str) -> str:
        found = re.search(f'id="{name}">(.*?)</script>', text, re.DOTALL)
        assert found is not None
        return found[1]

    return json.loads(part("description")), base64.b64decode(part("voxels"))


def random_baked(seed: int = 0) -> Baked:
    """A few hundred points with values that leave no code unused."""
    random = torch.Generator().manual_seed(seed)
    lattice = Lattice((-0.9, -0.8, -0.7), 0.1, (2, 1, 2))
    points = torch.randperm(16 * 8 * 16, generator=random)[:600].sort()[0]
    values = torch.rand(600, 1 + FACTORS, generator=random)
    values[:, 0] *= MOST
    basis = torch.randn(FACTORS, BANDS**2, 3, generator=random) / 10
    basis[:, 0] += 0.5
    return Baked(lattice, points, values, basis)


@given(st.integers(8, 200), st.integers(0, 5))
def test_a_lattice_holds_its_cells_and_is_linear_between_points(resolution: int, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    cells = torch.rand(8, 8, 8, generator=random) > 0.9
    lattice = Lattice.around(cells, resolution)
    # Places within the occupied cells: what is linear in them returns, up to float32's rounding of
    # numbers of voxels.
    occupied = cells.nonzero().flip(1)
    p = (occupied + torch.rand(len(occupied), 3, generator=random)) / 4 - 1
    numbers, shares = lattice.corners(p)
    assert (shares >= 0).all()
    again = (lattice.places(numbers.flatten()).view(-1, 8, 3) * shares[..., None]).sum(1)
    assert (again - p).abs().max() < 1e-5


def test_blocks_and_their_points_belong_together() -> None:
    lattice = Lattice((0.0, 0.0, 0.0), 0.01, (3, 2, 4))
    numbers = lattice.numbers_of(torch.arange(24))
    assert numbers.flatten().sort()[0].tolist() == list(range(24 * 512))
    block, inside = lattice.blocks_of(numbers.flatten())
    assert torch.equal(block.view(24, 512), torch.arange(24)[:, None].expand(24, 512))
    assert torch.equal(inside.view(24, 512), torch.arange(512).expand(24, 512))
    # A point at the first corner of a block serves the blocks before it, too.
    corner = numbers[23, :1]
    assert set(lattice.blocks_around(corner).tolist()) == {23, 22, 20, 19, 23 - 6, 22 - 6, 14, 13}


def test_density_codes_return_and_empty_is_empty() -> None:
    density = torch.tensor([0.0, 1e-3, 0.5, 30.0, 4000.0])
    field = random_baked()
    assert encoded(density)[0] == 0
    assert field.density(encoded(density)[:, None]) == pytest.approx(density.numpy(), rel=1e-5)


def test_what_is_packed_returns_within_half_a_step() -> None:
    field = random_baked()
    description, packed = pack(field)
    again = unpack(description, packed)
    whole = torch.zeros(len(again.points), 1 + FACTORS)
    place = torch.searchsorted(again.points, field.points)
    assert torch.equal(again.points[place], field.points)
    whole[place] = field.values[:-1].detach()
    dense = whole[:, 0] > MOST / 255 / 2
    difference = (again.values[:-1].detach() - whole).abs()
    assert difference[:, 0].max() <= 1.001 * MOST / 255 / 2
    step = torch.tensor(description["range"]) / 255
    assert (difference[dense, 1:] <= 0.501 * step + 1e-6).all()
    assert torch.equal(again.basis.detach(), field.basis.detach())
    # Rounded values are rounded no further, apart from the ends of the ranges.
    assert (unpack(*pack(again)).values - again.values).abs().max() <= float(step.max())


def marched(about: dict[str, Any], packed: bytes, origin: Any, direction: Any) -> NDArray[Any]:
    """A ray as the shader marches it, in float64, without what it skips."""
    baked = unpack(about, packed)
    depth, rows, columns = baked.lattice.shape
    grid = np.zeros((depth * rows * columns, 1 + FACTORS))
    grid[baked.points.numpy()] = baked.values[:-1].detach().double().numpy()
    grid = grid.reshape(depth, rows, columns, -1)
    y = spherical_harmonics(torch.tensor(direction)[None].float(), BANDS)[0].double().numpy()
    toward = np.einsum("m,kmc->kc", y, np.array(about["basis"]).reshape(FACTORS, -1, 3))
    start = (origin - np.array(about["center"])) / about["half_size"]
    direction = np.where(np.abs(direction) < 1e-12, 1e-12, direction)
    walls = (np.stack([-np.ones(3), np.ones(3)]) - start) / direction
    begin, end = max(walls.min(0).max(), 0), walls.max(0).min()
    color, light = np.zeros(3), 1.0
    for t in np.arange(begin + about["step"] / 2, end, about["step"]):
        at = (start + t * direction - about["low"]) / about["voxel"]
        i = np.floor(at).astype(int)
        if (i < 0).any() or (i[::-1] + 1 >= grid.shape[:3]).any():
            continue
        value, part = np.zeros(1 + FACTORS), at - i
        for corner in itertools.product((0, 1), repeat=3):
            share = np.prod(np.where(corner, part, 1 - part))
            value += share * grid[tuple((i + corner)[::-1])]
        clear = np.exp(-DENSITY * np.expm1(value[0]) * about["step"])
        color += light * (1 - clear) * np.clip(value[1:] @ toward, 0, 1)
        light *= clear
        if light < 1e-4:
            break
    return color + light


def test_the_engine_renders_a_page_s_voxels_as_the_shader_does(
    written: tuple[Path, dict[str, Any]], config: Config, model: Model
) -> None:
    about, packed = held(written[0])
    student = baked_model(config, model.bounds, unpack(about, packed))
    index, pixels = torch.arange(6), torch.tensor([[16.0, 17.0]]).repeat(6, 1)
    pixels[1:] += torch.tensor([3.0, -2.0])
    origins, directions = around().rays(index, pixels)
    shown = student.render_rays(origins, directions).over(torch.ones(3)).detach().numpy()
    for i in range(6):
        own = marched(about, packed, origins[i].double().numpy(), directions[i].double().numpy())
        # A sample that float32 puts on the other side of an end has at most a step's opacity.
        assert shown[i] == pytest.approx(own, abs=2e-3)


def test_the_baked_ball_looks_like_the_ball(
    written: tuple[Path, dict[str, Any]], config: Config, model: Model
) -> None:
    facts = written[1]
    # 8 bits and a voxel of a fortieth of the cube beside a ball of five steps' softness.
    assert facts["psnr_to_field"] > 32
    assert facts["voxels"] == 512 * facts["blocks"] > 0


def test_a_page_needs_nothing_else(written: tuple[Path, dict[str, Any]]) -> None:
    text = written[0].read_text(encoding="utf-8")
    assert not re.search(r"https?:|\bsrc=|<link|^import |\{\{", text, re.MULTILINE)
    about, _ = held(written[0])
    assert about["name"] == "<ball> by ngp" and "<ball>" not in text
    assert page({"a": "</script>"}, "").count("</script>") == text.count("</script>")


def test_what_no_page_can_hold_is_refused(config: Config, model: Model, tmp_path: Path) -> None:
    def write(name: str = "a.html", model: Model = model, resolution: int = 8) -> None:
        web.write_web(
            tmp_path / name, config, model, scene(), background=WHITE, resolution=resolution
        )

    with pytest.raises(InputError, match=r"the name of a page must end in \.html, got \.htm;"):
        write("a.htm")
    with pytest.raises(InputError, match=r"voxels of a page must be from 8 to 1024, got 7;"):
        write(resolution=7)
    outside = Model(config, Bounds(CENTER, HALF, True, None), Ball(True, True))
    with pytest.raises(InputError, match="web: the scene must be bounded"):
        write(model=outside)
    empty = Model(config, model.bounds, Ball(True, False))
    empty.occupancy.thickness.zero_()
    empty.occupancy.refresh()
    with pytest.raises(InputError, match="web: the field must hold something"):
        write(model=empty)
    assert list(tmp_path.iterdir()) == []


needs_browser = pytest.mark.skipif(browser() is None, reason="no Chromium is installed")


@pytest.fixture(scope="module")
def opened(written: tuple[Path, dict[str, Any]]) -> Iterator[Chromium]:
    with Chromium(size=(480, 400)) as chromium:
        chromium.open(written[0])
        chromium.run("nfield.then(() => 0)")
        yield chromium


def shown(chromium: Chromium, cameras: Any, index: int) -> NDArray[np.uint8]:
    """What the page shows from a camera."""
    camera = json.dumps(camera_of(cameras, index))
    data = chromium.run(f"nfield.then((page) => page.render({camera}, [1, 1, 1]))")
    return decoded(data)


@needs_browser
def test_the_browser_shows_what_the_engine_renders(
    opened: Chromium, written: tuple[Path, dict[str, Any]], config: Config, model: Model
) -> None:
    student = baked_model(config, model.bounds, unpack(*held(written[0])))
    cameras = around(size=64)
    for index in (0, 3):
        picture = shown(opened, cameras, index)
        own = to_uint8(student.render(cameras, index).color.detach().numpy())
        # Graphics cards interpolate with 8 bits of fraction or so.
        assert psnr(own, picture) > 40
        truth = to_uint8(model.render(cameras, index).color.numpy())
        assert psnr(truth, picture) > psnr(truth, own) - 1
    assert opened.log == []


@needs_browser
def test_dragging_keys_and_buttons_move_the_camera(opened: Chromium) -> None:
    def position() -> list[float]:
        found: list[float] = opened.run("nfield.then((page) => page.camera.position)")
        return found

    def mouse(kind: str, x: int, y: int, **more: Any) -> None:
        opened.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    home = position()
    held_down = {"button": "left", "buttons": 1}
    mouse("mousePressed", 200, 60, clickCount=1, **held_down)
    mouse("mouseMoved", 260, 70, **held_down)
    mouse("mouseReleased", 260, 70, button="left")
    turned = position()
    focus = np.array(opened.run("nfield.then((page) => page.camera.focus)"))
    away = [np.linalg.norm(np.array(place) - focus) for place in (home, turned)]
    assert away[0] == pytest.approx(away[1]) and np.abs(np.subtract(home, turned)).max() > 0.5
    mouse("mouseWheel", 200, 60, deltaX=0, deltaY=-400)
    nearer = np.linalg.norm(np.array(position()) - focus)
    assert nearer < 0.7 * away[1]
    opened.run("document.getElementById('home').click()")
    assert position() == pytest.approx(home)
    opened.run("document.getElementById('fly').click()")
    opened.send("Input.dispatchKeyEvent", type="keyDown", code="KeyW", key="w")
    ends = time.monotonic() + 60
    while position() == pytest.approx(home) and time.monotonic() < ends:
        time.sleep(0.02)
    opened.send("Input.dispatchKeyEvent", type="keyUp", code="KeyW", key="w")
    assert np.linalg.norm(np.array(position()) - focus) < away[0] - 1e-3
    assert opened.log == []


@needs_browser
def test_a_browser_without_webgl2_is_told(written: tuple[Path, dict[str, Any]]) -> None:
    with Chromium([*SOFTWARE, "--disable-3d-apis"]) as chromium:
        chromium.open(written[0])
        said = chromium.run("nfield.catch(() => document.getElementById('message').textContent)")
        assert said.startswith("This page needs WebGL2")
        assert not chromium.run("document.getElementById('message').hidden")
