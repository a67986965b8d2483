"""A phone at the cable, by Android's adb: the page over the cable, and the model pushed for who writes an app."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Sequence

from cvapp.bundle import LABELS, LITE
from cvapp.errors import CvappError, Exit, folded
from cvapp.proof import golden

TARGET = "/sdcard/Download/cvapp"
_SECONDS = 60
_STATES = {
    "unauthorized": "unlock it and allow USB debugging on its screen",
    "offline": "unplug it and plug it in again",
    "no permissions": "this user may not use it; add yourself to the group plugdev, then plug it in again",
}


def find_phone() -> str:
    """The serial number of the one phone at the cable, or of that which the environment's ANDROID_SERIAL names, as for adb itself.

    Raises:
        CvappError: no adb, no phone, several, or one that lets nobody in (exit 6).
    """
    if shutil.which("adb") is None:
        raise CvappError("adb is not installed: on Debian apt-get install adb, else Android's platform-tools; or use --lan", Exit.NO_DEVICE)
    lines = _adb(["devices"]).splitlines()[1:]
    rows = [line.split("\t", 1) for line in lines if "\t" in line]
    wanted = os.environ.get("ANDROID_SERIAL")
    if wanted:
        rows = [row for row in rows if row[0] == wanted]
    ready = [serial for serial, state in rows if state.strip() == "device"]
    if len(ready) == 1:
        return ready[0]
    if ready:
        raise CvappError(
            f"there are {len(ready)} phones at the cable: {', '.join(ready)}; unplug all but one, or name it in ANDROID_SERIAL", Exit.NO_DEVICE
        )
    for serial, state in rows:
        cure = next((cure for word, cure in _STATES.items() if state.startswith(word)), "plug it in again")
        raise CvappError(f"the phone {serial} is {state.strip()}: {cure}", Exit.NO_DEVICE)
    which = f"the phone {wanted} that ANDROID_SERIAL names is not" if wanted else "no phone"
    raise CvappError(
        f"{which} at the cable: plug it in, switch on USB debugging (Settings, Developer options), and allow this computer; or use --lan",
        Exit.NO_DEVICE,
    )


def forward(serial: str, port: int) -> None:
    """The phone's own port leads to this machine's: there, the page is on loopback, which browsers count as secure."""
    _adb(["-s", serial, "reverse", f"tcp:{port}", f"tcp:{port}"])


def open_page(serial: str, address: str) -> None:
    """Open an address in the phone's browser."""
    _adb(["-s", serial, "shell", "am", "start", "-a", "android.intent.action.VIEW", "-d", address])


def push(serial: str, folder: Path, variant: str) -> str:
    """Push a variant, its labels and the golden samples, for who writes an app; where they lie on the phone."""
    target = f"{TARGET}/{folder.name}"
    files = [folder / LITE / name for name in (f"{variant}.tflite", LABELS, golden.FILE)]
    _adb(["-s", serial, "shell", "mkdir", "-p", f"'{target}'"])
    _adb(["-s", serial, "push", *map(str, files), f"{target}/"])
    return target


def unforward(serial: str, port: int) -> None:
    """Undo `forward`; a phone that is gone has done so itself."""
    try:
        _adb(["-s", serial, "reverse", "--remove", f"tcp:{port}"])
    except CvappError:
        return


def _adb(arguments: Sequence[str]) -> str:
    """What adb says (exit 6 where it fails)."""
    try:
        done = subprocess.run(["adb", *arguments], capture_output=True, text=True, timeout=_SECONDS, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CvappError(f"adb {arguments[0]}: {folded(error)}; plug the phone in again, or use --lan", Exit.NO_DEVICE) from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise CvappError(f"adb {' '.join(arguments)}: {said[-1]}; plug the phone in again, or use --lan", Exit.NO_DEVICE)
    return done.stdout
