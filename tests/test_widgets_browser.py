"""Every widget in JupyterLab: a reader moves a control and sees something else."""

import base64
import io
import json
import os
import re
import secrets
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from widgets_notebook import PIECES, write_notebook

from lipkit.media import write_audio

PATIENCE = 150
"""Seconds for what takes one or two on a machine that does nothing else."""
SETTINGS = {
    # Cells out of sight are there all the same, and nothing pops up over them.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
}
CARRY = """sound => {
    const carried = new DataTransfer();
    const bytes = Uint8Array.from(atob(sound), letter => letter.charCodeAt(0));
    carried.items.add(new File([bytes], 'drop.wav', {type: 'audio/wav'}));
    return carried;
}"""
"""What a mouse holds that drags a file over the page."""


@pytest.fixture(scope="module")
def laboratory(chromium, tmp_path_factory, warm_python):
    """The address of a JupyterLab of its own, which holds the notebook of all widgets."""
    pytest.importorskip("jupyterlab", reason="jupyterlab is not installed")
    folder = tmp_path_factory.mktemp("laboratory")
    for name, values in SETTINGS.items():
        path = folder / "settings" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    (folder / "root").mkdir()
    write_notebook(folder / "root" / "widgets.ipynb")
    token = secrets.token_hex(16)
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    environment = os.environ | {name: str(folder / place) for name, place in places.items()}
    command = [warm_python, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += ["--ip=127.0.0.1", f"--IdentityProvider.token={token}"]
    command += [f"--ServerApp.root_dir={folder / 'root'}", "--LabApp.extension_manager=readonly"]
    with (folder / "log.txt").open("w") as log:
        server = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=folder / "root"
        )
        try:
            yield f"{_address(folder, server)}lab/tree/widgets.ipynb?token={token}"
        finally:
            # On this signal the server ends its kernels before itself.
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _address(folder: Path, server: subprocess.Popen) -> str:
    """The address that the server wrote down once it listens."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        for path in (folder / "runtime").glob("jpserver-*.json"):
            try:
                return json.loads(path.read_text())["url"]
            except (ValueError, KeyError):
                break
        time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start: {(folder / 'log.txt').read_text()[-2000:]}")


@pytest.fixture(scope="module")
def notebook(chromium, laboratory):
    """The notebook's page, every cell run."""
    page = chromium.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(laboratory)
    page.locator(".jp-Notebook .jp-CodeCell").nth(len(PIECES)).wait_for()
    # Before the kernel answers, the menu would run nothing and say nothing.
    page.locator(".jp-StatusBar-TextItem", has_text="| Idle").wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    # Whatever goes wrong is named at once, and not after all patience.
    ended = page.locator(".jp-CodeCell").last.locator(".jp-OutputArea-output")
    ended.or_(page.locator(".jp-RenderedText[data-mime-type*=stderr]")).first.wait_for()
    faults = page.locator(".jp-RenderedText[data-mime-type*=stderr]").all_inner_texts()
    assert faults == []
    yield page
    page.close()


class Piece:
    """One widget as a reader sees it."""

    def __init__(self, page, name: str) -> None:
        self.page = page
        self.area = page.locator(".jp-CodeCell").nth(1 + list(PIECES).index(name))
        self.area.locator(".jp-OutputArea-output .widget-vbox").first.wait_for()

    def control(self, label: str):
        """The box of the control with this label."""
        box = self.area.locator(".widget-inline-hbox")
        return box.filter(has=self.page.locator(f'.widget-label:text-is("{label}")'))

    def choose(self, label: str, option: str) -> None:
        self.control(label).locator("select").select_option(label=option)

    def press(self, label: str, key: str) -> None:
        self.control(label).locator(".noUi-handle").press(key)

    def drag_to_end(self, label: str) -> None:
        """Pull a slider's handle by the mouse beyond its right end."""
        slider = self.control(label)
        slider.scroll_into_view_if_needed()
        handle = slider.locator(".noUi-handle").bounding_box()
        track = slider.locator(".noUi-base").bounding_box()
        mouse = self.page.mouse
        mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
        mouse.down()
        mouse.move(track["x"] + track["width"] + 30, handle["y"] + handle["height"] / 2, steps=5)
        mouse.up()

    def readout(self, label: str) -> str:
        return self.control(label).locator(".widget-readout").inner_text()

    def click(self, name: str) -> None:
        self.area.get_by_role("button", name=name).click()

    @property
    def image(self):
        return self.area.locator(".widget-html-content img")

    def changes(self, action: Callable[[], None], words: str) -> None:
        """``action`` brings another picture, whose description holds ``words``."""
        before = self.image.get_attribute("src")
        action()
        changed = """([area, words, before]) => [...area.querySelectorAll('img')].some(image =>
            image.alt.includes(words) && image.src !== before && image.complete
            && image.width > 500)"""
        self.page.wait_for_function(changed, arg=[self.area.element_handle(), words, before])

    def says(self, words: str) -> None:
        self.area.locator(".widget-html-content").get_by_text(words).first.wait_for()

    def plays(self) -> None:
        """A video is there, has begun by itself, and its sound is decoded."""
        video = self.area.locator("video")
        video.wait_for()
        moving = "video => video.currentTime > 0.1 && video.readyState >= 2 && video.videoWidth > 0"
        self.page.wait_for_function(moving, arg=video.element_handle())
        assert video.evaluate("video => video.webkitAudioDecodedByteCount") > 0
        picture = "video.clientWidth * video.videoHeight / video.videoWidth"
        below = video.evaluate(f"video => video.clientHeight - {picture}")
        assert below > 48, "the controls lie over the mouth"


def test_clip_browser(notebook):
    piece = Piece(notebook, "clip browser")
    piece.says("s1/c000: 16 frames")
    piece.changes(lambda: piece.press("frame", "ArrowRight"), "Frame 4 of 16, 0.16 to 0.20 s")
    assert piece.readout("frame") == "4"
    piece.changes(lambda: piece.drag_to_end("frame"), "Frame 15 of 16")
    piece.changes(lambda: piece.choose("clip", "s1/c001"), "Frame 15 of 20")
    piece.says("s1/c001: 20 frames")
    piece.click("play with sound")
    piece.plays()
    piece.says("no such file")


def test_offset_explorer(notebook):
    piece = Piece(notebook, "offset explorer")
    piece.changes(lambda: piece.press("offset d", "ArrowLeft"), "by authors at offset -1:")
    assert piece.readout("offset d") == "−1"
    piece.changes(lambda: piece.drag_to_end("offset d"), "at offset 15:")
    piece.changes(lambda: piece.choose("formula", "level_opening"), "by level_opening at offset 15")
    piece.changes(lambda: piece.choose("clip", "s1/b"), "lips of s1/b")


def test_receptive_field_explorer(notebook):
    piece = Piece(notebook, "receptive field explorer")
    piece.changes(lambda: piece.choose("layer", "layer 2"), "layer 2 at step")
    step = int(piece.readout("step"))
    row = int(piece.readout("row"))
    piece.changes(
        lambda: piece.press("step", "ArrowRight"), f"layer 2 at step {step + 1}, row {row}"
    )
    piece.changes(lambda: piece.press("row", "ArrowLeft"), f"step {step + 1}, row {row - 1}")


def test_loss_mixer(notebook):
    piece = Piece(notebook, "loss mixer")
    piece.says("This mix was trained: (e)")
    piece.says("Best by LMD e")
    piece.changes(lambda: piece.press("correlation λ", "Home"), "This mix was trained: (d)")
    piece.area.locator(".widget-label", has_text="1 · 3 streams").wait_for()
    assert piece.area.locator('.widget-label:text-is("off")').count() == 1
    piece.press("perceptual λ", "Home")
    piece.says("This mix was not trained. Nearest: (d)")


def test_corruption_explorer(notebook):
    piece = Piece(notebook, "corruption explorer")
    piece.changes(lambda: piece.drag_to_end("px"), "blur")
    piece.changes(lambda: piece.choose("corruption", "shift"), "shift")


def test_playground(notebook, tmp_path):
    piece = Piece(notebook, "playground")
    piece.choose("face", "dark")
    piece.choose("recording", "short")
    piece.choose("view", "lips")
    piece.click("talk")
    piece.says("0.2 s of synthetic video")
    assert piece.area.locator("video").get_attribute("aria-label") == "dark says: short"
    piece.choose("recording", "noise")
    piece.click("talk")
    piece.says("0.8 s of synthetic video")
    piece.plays()
    box = piece.area.get_by_placeholder("type a sentence")
    box.fill("good morning")
    box.press("Enter")
    piece.area.locator('video[aria-label$="says: good morning"]').wait_for()
    piece.plays()
    buffer = io.BytesIO()
    Image.new("RGB", (120, 90), (120, 80, 60)).save(buffer, "PNG")
    with notebook.expect_file_chooser() as chooser:
        piece.click("drop a picture or a recording, or click")
    chooser.value.set_files(
        {"name": "me.png", "mimeType": "image/png", "buffer": buffer.getvalue()}
    )
    piece.says("me.png is taken")
    assert piece.control("face").locator("select option:checked").inner_text() == "me.png"
    write_audio(tmp_path / "drop.wav", np.full(8820, 0.1, np.float32))
    sound = base64.b64encode((tmp_path / "drop.wav").read_bytes()).decode()
    field = piece.area.get_by_role("button", name="drop a picture or a recording, or click")
    carried = notebook.evaluate_handle(CARRY, sound)
    for event in ("dragenter", "dragover", "drop"):
        field.dispatch_event(event, {"dataTransfer": carried})
    piece.says("drop.wav is taken")
    assert piece.control("recording").locator("select option:checked").inner_text() == "drop.wav"


def test_microphone(notebook):
    piece = Piece(notebook, "playground")
    piece.click("record my voice")
    piece.area.get_by_role("button", name=re.compile(r"stop · [1-9]")).click()
    piece.says("my voice 1 is taken")
    chosen = piece.control("recording").locator("select option:checked").inner_text()
    assert chosen.split() == ["my", "voice", "1"]
    piece.choose("view", "lips")
    piece.click("talk")
    piece.area.locator('video[aria-label$="says: my voice 1"]').wait_for()
    piece.plays()


def test_a_live_microphone(notebook):
    piece = Piece(notebook, "playground")
    piece.area.get_by_label("while I speak").check()
    piece.click("record my voice")
    piece.area.locator("img.widget-image[src^=blob]:visible").wait_for()
    piece.area.get_by_role("button", name=re.compile(r"stop · [1-9]")).click()
    piece.says("s after its sound plus")
    piece.area.get_by_label("while I speak").uncheck()
