"""One word for every source: which kind it names."""

from pathlib import Path

from cvapp.camera.sources import synthetic
from cvapp.camera.sources.addresses import is_address, open_address
from cvapp.camera.sources.devices import open_camera
from cvapp.camera.sources.files import open_files
from cvapp.camera.sources.frames import Settings, Source, refuse
from cvapp.progress import Report, silent


def open_source(word: int | str | Path, settings: Settings = Settings(), report: Report = silent) -> Source:
    """Open a source.

    Args:
        word: a camera's index or device path; a video, a picture, a raw file, a folder or a pattern of pictures; an address
            (rtsp://, http://); `synthetic:signs,fps=30,drop=0.1,seed=1,size=480x640,frames=100`.
        settings: how to open it.
        report: told when a camera gives another size than asked for, is lost, or is back, and of pictures that cannot be read.

    Raises:
        CvappError: no such device or stream, or it gives no picture (exit 6); no such file, or one that cannot be played (exit 3);
            a setting that is wrong, or means nothing to this source (exit 2).
    """
    text = str(word)
    if text.isdecimal() or text.startswith("/dev/"):
        return open_camera(text, settings, report)
    if text.startswith(synthetic.START):
        refuse(settings, text, "backend")
        return synthetic.open_synthetic(text, settings)
    if is_address(text):
        refuse(settings, text, "size", "fps")
        return open_address(text, settings, report)
    return open_files(text, settings, report)
