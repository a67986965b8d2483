"""The phone page in headless Chromium here: time to its first answer, answers a second, and beside them the bare LiteRT.js.

A camera of the browser plays the demo's video. Budgets: the first answer within 3 s on loopback, at least 20 answers a second for the demo's
model. The bare rate is what LiteRT.js reaches alone, in a worker, on one picture that is there already. A phone's figures are its own.

    python benchmarks/phone.py signs demo/scene.mp4
"""

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Iterator

import cv2
from playwright.sync_api import sync_playwright

ROUNDS, SECONDS = 3, 4.0
COUNT = "globalThis.answers = 0; document.addEventListener('answer', () => { answers += 1; globalThis.first ??= performance.now(); });"
PROOF = "document.addEventListener('proof', ({detail}) => { globalThis.proven = detail; });"
BARE = """async (runs) => {
  const code = `importScripts('${location.origin}/litert/litert.js');
    self.Module = {locateFile: (name) => '${location.origin}/litert/' + name};
    onmessage = async ({data: {file, runs}}) => {
      await litert.loadLiteRt('${location.origin}/litert/litert_wasm_compat_internal.js');
      const model = await litert.loadAndCompile(new Uint8Array(await (await fetch(file)).arrayBuffer()), {accelerator: 'wasm'});
      const {shape} = model.getInputDetails()[0];
      const picture = new Uint8Array(shape.reduce((one, other) => one * other, 1)).map((_, at) => at % 251);
      let start;
      for (let run = 0; run < runs + 5; run++) {
        if (run === 5) start = performance.now();
        const given = new litert.Tensor(picture, shape);
        const [answer] = await model.run(given);
        answer.toTypedArray();
        answer.delete();
        given.delete();
      }
      postMessage((performance.now() - start) / runs);
    };`;
  const model = await (await fetch('/model.json')).json();
  const worker = new Worker(URL.createObjectURL(new Blob([code], {type: 'text/javascript'})));
  const took = new Promise((resolve) => { worker.onmessage = ({data}) => resolve(data); });
  worker.postMessage({file: location.origin + model.variants[model.chosen].file, runs});
  const milliseconds = await took;
  worker.terminate();
  return milliseconds;
}"""


def as_camera(video: str, path: Path) -> Path:
    """The video as raw frames, which Chromium's camera plays."""
    capture = cv2.VideoCapture(video)
    with path.open("wb") as file:
        while (read := capture.read())[0]:
            if not file.tell():
                file.write(f"YUV4MPEG2 W{read[1].shape[1]} H{read[1].shape[0]} F30:1 Ip A1:1 C420jpeg\n".encode())
            file.write(b"FRAME\n" + cv2.cvtColor(read[1], cv2.COLOR_BGR2YUV_I420).tobytes())
    return path


@contextlib.contextmanager
def served(name: str, variant: str) -> Iterator[str]:
    """The address of `cvapp phone`, which runs meanwhile."""
    command = [sys.executable, "-m", "cvapp", "phone", name, "--variant", variant, "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["addresses"][0]
        finally:
            process.terminate()


def measure(browser: Any, address: str) -> tuple[float, float, float, Any]:
    """Seconds to the first answer, answers a second, milliseconds of the bare interpreter, and the golden samples' outcome."""
    context = browser.new_context(permissions=["camera"], bypass_csp=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.add_init_script(COUNT + PROOF)
    page.goto(address)
    while not page.evaluate("globalThis.first && globalThis.proven"):
        time.sleep(0.05)
    before, start = page.evaluate("answers"), time.perf_counter()
    time.sleep(SECONDS)
    rate = (page.evaluate("answers") - before) / (time.perf_counter() - start)
    first, proven = page.evaluate("[first / 1000, proven]")
    page.click("#pause")
    bare = page.evaluate(BARE, 50)
    context.close()
    return first, rate, bare, proven


def main(name: str, video: str) -> None:
    """Print a row for each published variant, medians of three rounds in turn."""
    export = json.loads(Path("saved_models", name, "lite/export.json").read_text())
    variants = [variant for variant, row in export["variants"].items() if row["published"]]
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("no Chromium here: apt-get install chromium")
    runs: dict[str, list[tuple[float, float, float, Any]]] = {variant: [] for variant in variants}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        camera = as_camera(video, Path(folder) / "scene.y4m")
        flags = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", f"--use-file-for-fake-video-capture={camera}"]
        flags += ["--no-sandbox"] if os.geteuid() == 0 else []
        with playwright.chromium.launch(executable_path=path, args=flags) as browser:
            for _ in range(ROUNDS):
                for variant in variants:
                    with served(name, variant) as address:
                        runs[variant].append(measure(browser, address))
    print(f"{'variant':<10}{'first answer s':>15}{'answers/s':>11}{'bare ms':>9}{'golden off by':>15}")
    for variant, figures in runs.items():
        first, rate, bare = (statistics.median(column) for column in list(zip(*figures))[:3])
        print(f"{variant:<10}{first:>15.2f}{rate:>11.1f}{bare:>9.2f}{figures[0][3]['off']:>15.6f}")
    print("the camera gives 30 frames a second")


if __name__ == "__main__":
    main(*sys.argv[1:])
