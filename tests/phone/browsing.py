"""A real Chromium on the phone page: with a camera that plays a file, one that is refused, or none."""

import base64
import contextlib
import os
import shutil
from pathlib import Path
from typing import Any, Iterator, Sequence

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, sync_playwright

from tests.phone.serving import until

PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}
# What the page tells of each answer is kept for the test: how many there were, the last one, and when the first came.
LISTEN = """
globalThis.seen = {answers: 0};
document.addEventListener('answer', ({detail}) => {
  seen.answers += 1;
  seen.first ??= performance.now();
  seen.detail = detail;
  seen.kept?.(detail);
});
document.addEventListener('proof', ({detail}) => { seen.proof = detail; });
"""
PIXELS = """({source}) => {
  const canvas = Object.assign(document.createElement('canvas'), {width: source.width, height: source.height});
  const context = canvas.getContext('2d');
  context.drawImage(source, 0, 0);
  return canvas.toDataURL('image/png').split(',')[1];
}"""


@pytest.fixture(scope="module")
def playwright() -> Iterator[Any]:
    """What drives browsers; one at a time in a process."""
    with sync_playwright() as one:
        yield one


@contextlib.contextmanager
def browser(playwright: Any, *flags: str) -> Iterator[Any]:
    """Debian's Chromium, without a window. Where there is none the test is skipped, but not in CI."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Chromium here: apt-get install chromium")
    alone = ["--no-sandbox"] if os.geteuid() == 0 else []
    one = playwright.chromium.launch(executable_path=path, args=[*alone, *flags])
    yield one
    one.close()


def playing(video: Path) -> list[str]:
    """Flags for a camera that plays a Y4M file."""
    return ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", f"--use-file-for-fake-video-capture={video}"]


def write_y4m(path: Path, frames: Sequence[np.ndarray], rate: int = 30) -> Path:
    """uint8 RGB frames as raw video, as Chromium's camera reads it."""
    height, width = frames[0].shape[:2]
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420jpeg\n".encode())
        for frame in frames:
            file.write(b"FRAME\n" + cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420).tobytes())
    return path


class Opened:
    """The page, open; what goes wrong in it is a failure of the test."""

    def __init__(self, one: Any, address: str, **options: Any):
        self.context = one.new_context(**{**PHONE, **options})
        self.page: Page = self.context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda line: self.errors.append(line.text) if "Security Policy" in line.text else None)
        self.page.add_init_script(LISTEN)
        self.page.goto(address)

    def ask(self, code: str, given: Any = None) -> Any:
        """What JavaScript answers in the page."""
        return self.page.evaluate(code, given)

    def wait(self, code: str, seconds: float = 20.0) -> Any:
        """The same, once it is true."""
        return until(lambda: self.ask(f"(() => {{ {code} }})()"), seconds)

    def answers(self) -> int:
        """How many there were."""
        return self.ask("seen.answers")

    def choose(self, path: Path | str) -> dict[str, Any]:
        """Take a photo from the gallery; the answer to it, a detector's with `boxes`."""
        before = self.answers()
        self.page.set_input_files("#file", str(path))
        self.wait(f"return seen.answers > {before} && document.body.dataset.state === 'photo'")
        return self.ask("seen.detail.found")

    def text(self, selector: str) -> str:
        """What is written there."""
        return self.page.inner_text(selector)

    def variant(self, name: str) -> dict[str, Any]:
        """Switch to a variant; its proof."""
        self.ask("seen.proof = null")
        self.page.click("#about-open")
        self.page.check(f"input[value={name}]")
        proof = self.wait(f"return seen.proof?.name === '{name}' && seen.proof")
        self.page.click("#about button")
        return proof


@contextlib.contextmanager
def opened(one: Any, address: str, **options: Any) -> Iterator[Opened]:
    """The page in a context of its own."""
    page = Opened(one, address, **options)
    yield page
    page.context.close()
    assert page.errors == []


def packed(pixels: np.ndarray) -> str:
    """Bytes as a page takes them."""
    return base64.b64encode(np.ascontiguousarray(pixels).tobytes()).decode()


def unpacked(text: str) -> np.ndarray:
    """A PNG in base 64 as uint8 RGB."""
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
