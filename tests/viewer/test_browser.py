"""The page in a real browser: clicked through, and its picture beside the engine's own."""

from __future__ import annotations

import io
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("viser", reason="the extra viewer is not installed")
webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")

from selenium.common.exceptions import WebDriverException  # noqa: E402
from selenium.webdriver import ActionChains, Keys  # noqa: E402

from nfield.api import begin, open_run  # noqa: E402
from nfield.evaluate.metrics import psnr  # noqa: E402
from nfield.evaluate.protocol import to_uint8  # noqa: E402
from nfield.render.path import load_path  # noqa: E402
from nfield.viewer.path_panel import PathPanel  # noqa: E402
from nfield.viewer.session import Session  # noqa: E402
from nfield.viewer.subject import Subject  # noqa: E402
from nfield.viewer.view import View  # noqa: E402
from nfield.viewer.visitor import Visitor  # noqa: E402
from tests.viewer.conftest import SMALL  # noqa: E402
from tests.viewer.test_server import happens, wait_for  # noqa: E402

# As `nfield.viewer.server` does, which pytest undoes.
pytestmark = pytest.mark.filterwarnings("ignore:Queued a .* on a closed connection")

BROWSERS, DRIVERS = ("chromium", "chromium-browser", "google-chrome"), ("chromedriver",)
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--window-size=900,640",
    # Nothing but this machine can be reached.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
SHOW = "arguments[0].scrollIntoView({block: 'center'})"
CLEAR = "document.querySelectorAll('[role=alert]').forEach(notice => notice.remove())"
PATIENCE = 300.0  # seconds: the browser renders in software, beside other tests


def found(names: tuple[str, ...]) -> str:
    for name in names:
        if path := shutil.which(name):
            return path
    pytest.skip(f"{names[0]} is not installed; see docs/viewer.md")


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = found(BROWSERS)
    for option in OPTIONS:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(found(DRIVERS)))
    driver.set_page_load_timeout(PATIENCE)
    yield driver
    driver.quit()


class Page:
    """A page that shows a session."""

    def __init__(self, driver: Any, session: Session):
        self._driver, self.session = driver, session
        self._worker = threading.Thread(target=session.run)
        self._worker.start()
        driver.get(session.server.address)
        wait_for(lambda: session.visitors, PATIENCE)
        self.visitor: Visitor = next(iter(session.visitors.values()))

    def switch(self, text: str) -> None:
        """Click the checkbox of this label."""
        label = f"//*[normalize-space(text())='{text}']"
        self._click(f"{label}/ancestor::*[.//input[@type='checkbox']][1]//input")

    def click(self, text: str) -> None:
        """Click what has this text, when it is there."""
        self._click(f"//*[normalize-space(text())='{text}']")

    def _click(self, path: str) -> None:
        def clicked() -> bool:
            try:
                element = self._driver.find_element("xpath", path)
                self._driver.execute_script(SHOW, element)
                element.click()
            except WebDriverException:  # not there yet, or still unfolding
                return False
            return True

        wait_for(clicked, PATIENCE)

    def choose(self, label: str, option: str) -> None:
        """Choose in the list of this label."""
        self._click(f"//label[normalize-space(.)='{label}']/following::input[1]")
        self._click(f"//*[@role='option'][normalize-space(.)='{option}']")

    def slide(self, label: str, key: str) -> None:
        """Press a key on the slider of this label: HOME and END are its least and most."""
        path = f"//*[normalize-space(text())='{label}']/following::*[@role='slider'][1]"
        wait_for(lambda: self._driver.find_elements("xpath", path), PATIENCE)
        slider = self._driver.find_element("xpath", path)
        self._driver.execute_script(SHOW, slider)
        slider.send_keys(key)

    def touch(self) -> None:
        """Click the middle of the picture."""

        def touched() -> bool:
            try:
                ActionChains(self._driver).move_to_element(self._canvas()).click().perform()
            except WebDriverException:  # the page has drawn itself anew
                return False
            return True

        wait_for(touched, PATIENCE)

    def picture(self) -> np.ndarray:
        """What the canvas shows, as a screenshot ``(H, W, 3)``."""
        self._driver.execute_script(CLEAR)
        screenshot = self._canvas().screenshot_as_png
        return np.asarray(Image.open(io.BytesIO(screenshot)).convert("RGB"))

    def _canvas(self) -> Any:
        found = self._driver.find_elements("css selector", "canvas")
        return max(found, key=lambda c: c.size["width"] * c.size["height"])

    def rest(self) -> None:
        """Wait for the final picture of the newest wish."""
        canvas = self.visitor.canvas
        wait_for(lambda: canvas.urgency is None, PATIENCE)

    def close(self) -> None:
        self._driver.get("about:blank")
        self.session.close()
        self._worker.join(PATIENCE)
        assert not self._worker.is_alive()


@pytest.fixture
def page(driver: Any, folder: Path) -> Iterator[Page]:
    page = Page(driver, Session([Subject.of_run(open_run(folder))]))
    yield page
    page.close()


def test_the_page_shows_the_engines_picture(page: Page, driver: Any) -> None:
    visitor = page.visitor
    page.switch("Cameras")  # off: the field alone
    page.click("Go to photo")
    photos = visitor.subjects[0].photos
    assert photos is not None
    photo = View.of_camera(photos.views.cameras, 0)

    def arrived() -> bool:
        view = visitor.view
        return view is not None and np.abs(view.pose - photo.pose).max() < 1e-3

    wait_for(arrived, PATIENCE)
    camera = visitor.client.camera
    width, height = camera.image_width, camera.image_height
    visitor.wish(side=max(width, height))
    page.rest()
    assert visitor.view is not None
    assert abs(visitor.view.fov - photo.fov) < 1e-4
    model = visitor.subjects[0].model
    truth = to_uint8(model.render(visitor.view.cameras(width, height), 0).color.numpy())

    def alike() -> bool:
        try:
            shown = page.picture()
        except WebDriverException:  # a busy machine takes longer than Chromium waits
            return False
        assert shown.shape == (height, width, 3)
        # JPEG of quality 95 leaves some 40 dB; a pixel's shift at the edges would leave 25.
        return psnr(shown, truth) > 32

    wait_for(alike, PATIENCE)
    severe = [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert not [entry for entry in severe if "Error" in entry["message"]]


def test_a_path_is_made_by_clicking(page: Page, folder: Path) -> None:
    page.click("Camera path")
    page.click("Add keyframe")
    photos = page.visitor.subjects[0].photos
    assert photos is not None
    page.visitor.go_to(View.of_camera(photos.views.cameras, 3))
    wait_for(lambda: page.visitor.last is not None, PATIENCE)
    page.click("Add keyframe")
    page.click("Save path")
    file = folder / "paths" / "path.json"
    wait_for(file.exists, PATIENCE)
    assert len(load_path(file)) == 31


def test_a_film_is_made_by_clicking(page: Page, folder: Path) -> None:
    pytest.importorskip("imageio_ffmpeg", reason="the extra video is not installed")
    page.click("Camera path")
    page.click("Add keyframe")
    photos = page.visitor.subjects[0].photos
    assert photos is not None
    page.visitor.go_to(View.of_camera(photos.views.cameras, 3))
    page.click("Add keyframe")
    page.slide("Frames per step", Keys.HOME)
    panels = page.session._panels[page.visitor.client.client_id]
    (path,) = (panel for panel in panels if isinstance(panel, PathPanel))
    path._width.value, path._height.value = 64, 48  # a browser beside it takes the cores
    page.click("Render video")
    wait_for((folder / "renders" / "path.mp4").exists, PATIENCE)


def test_looks_are_chosen_by_clicking(page: Page) -> None:
    visitor = page.visitor
    page.choose("Show", "Depth")
    wait_for(lambda: visitor.look.mode == "depth", PATIENCE)
    page.choose("Show", "Error to nearest photo")
    wait_for(lambda: visitor.look.mode == "error", PATIENCE)
    page.switch("Crop box")
    wait_for(lambda: visitor.look.box is not None, PATIENCE)
    page.slide("Resolution", Keys.HOME)
    wait_for(lambda: visitor.look.side == 64, PATIENCE)
    wait_for(
        lambda: visitor.last is not None and max(visitor.last.pixels.shape[:2]) == 64, PATIENCE
    )


def test_the_split_is_moved(driver: Any, folder: Path) -> None:
    page = Page(driver, Session([Subject.of_run(open_run(folder)) for _ in range(2)]))
    page.slide("Split", Keys.HOME)
    wait_for(lambda: page.visitor.look.split == 0, PATIENCE)
    page.slide("Split", Keys.END)
    wait_for(lambda: page.visitor.look.split == 1, PATIENCE)
    page.close()


def test_a_click_on_a_camera_goes_there(page: Page) -> None:
    visitor = page.visitor
    photos = visitor.subjects[0].photos
    assert photos is not None
    photo = View.of_camera(photos.views.cameras, 0)
    behind = photo.pose.copy()
    behind[:, 3] -= 0.5 * photo.pose[:, 2]  # the camera's pyramid fills the middle
    visitor.go_to(View(behind, photo.fov, photo.aspect))

    def stands(pose: np.ndarray) -> bool:
        return visitor.view is not None and np.abs(visitor.view.pose - pose).max() < 1e-3

    def clicked() -> bool:
        page.touch()
        # One click at a time: from the photo's place the next would go on to the camera ahead.
        return happens(lambda: not stands(behind), PATIENCE / 10)

    wait_for(lambda: stands(behind), PATIENCE)
    wait_for(clicked, PATIENCE)
    wait_for(lambda: stands(photo.pose), PATIENCE)


def test_training_is_started_paused_and_saved_by_clicking(
    driver: Any, photos: Path, tmp_path: Path
) -> None:
    trainer, folder, data = begin(str(photos), out=tmp_path / "run", max_steps=10**6, set=SMALL)
    page = Page(driver, Session.of_trainer(trainer, folder, data, share=0.5))
    training = page.session.training
    assert training is not None
    assert training.record["step"] == 0
    page.click("Start")
    wait_for(lambda: training.record["step"] > 5, PATIENCE)
    page.click("Pause")
    wait_for(folder.checkpoint.exists, PATIENCE)
    folder.checkpoint.unlink()
    page.click("Save")
    wait_for(folder.checkpoint.exists, PATIENCE)
    step = training.record["step"]
    page.click("Resume")
    wait_for(lambda: training.record["step"] > step, PATIENCE)
    page.close()
    folder.close()
