"""MediaPipe's tasks-vision, in the browser that the phone page runs in, reads the same files and says what `cvapp predict` says.

`make test-interop` brings its package from npm, and Playwright; Chromium is Debian's.
"""

import base64
import functools
import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest

from tests.interop.test_readers import (  # noqa: F401 - fixtures
    LITE,
    SCORE,
    VARIANTS,
    disagreements,
    golden,
    labels,
    pictures,
    said,
)

pytestmark = pytest.mark.interop

# A dynamic variant rounds its activations on the way, WebAssembly's kernels in another order: 0.0096 was seen on a mixture of two photos.
NEAR_ENOUGH = {**SCORE, "dynamic": 4 / 256}
PACKAGE = Path(__file__).parent / "web/node_modules/@mediapipe/tasks-vision"
READ = """async ([name, side, all]) => {
  const {FilesetResolver, ImageClassifier} = await import('/package/vision_bundle.mjs');
  const files = await FilesetResolver.forVisionTasks('/package/wasm');
  const classifier = await ImageClassifier.createFromOptions(files, {baseOptions: {modelAssetPath: `/lite/${name}.tflite`, delegate: 'CPU'}});
  const found = all.map((text) => {
    const rgba = new ImageData(Uint8ClampedArray.from(atob(text), (one) => one.charCodeAt(0)), side[1], side[0]);
    return classifier.classify(rgba).classifications[0].categories.map(({categoryName, score}) => [categoryName, score]);
  });
  classifier.close();
  return found;
}"""


class Files(http.server.SimpleHTTPRequestHandler):
    """The package and the model's files, and an empty page."""

    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript", ".wasm": "application/wasm"}

    def translate_path(self, path):
        top, _, rest = path.lstrip("/").partition("/")
        return str({"package": PACKAGE, "lite": LITE}.get(top, Path(os.devnull)) / rest)

    def do_GET(self):
        if self.path != "/":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>reader</title>")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def classify():
    """A function: what the browser's MediaPipe says of pictures by a variant, label -> score, the best first."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "no Chromium here: apt-get install chromium"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def ask(page, variant, pictures):  # noqa: F811
        opaque = [base64.b64encode(rgba(picture)).decode() for picture in pictures]
        return [dict(row) for row in page.evaluate(READ, [variant, pictures.shape[1:3], opaque])]

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        yield functools.partial(ask, page)
        browser.close()
    server.shutdown()
    server.server_close()


def rgba(picture) -> bytes:
    """uint8 RGB as bytes with an opaque alpha."""
    import numpy as np

    return np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)]).tobytes()


@pytest.mark.parametrize("variant", VARIANTS)
def test_mediapipe_in_a_browser_says_what_cvapp_says(classify, variant, pictures, labels, said):  # noqa: F811
    found = classify(variant, pictures)
    assert {label for categories in found for label in categories} <= set(labels) and any(found)
    assert disagreements(found, said[variant], NEAR_ENOUGH[variant], margin=NEAR_ENOUGH[variant]) == []
    swapped = classify(variant, pictures[..., ::-1])  # the control: blue for red
    assert disagreements(swapped, said[variant], NEAR_ENOUGH[variant], NEAR_ENOUGH[variant])
