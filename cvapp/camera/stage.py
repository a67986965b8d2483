"""What a person sees and keeps of a live run: the window with its keys, the recording, the snapshots."""

import contextlib
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Callable, Iterator

import cv2
import numpy as np

from cvapp import images
from cvapp.camera import overlay
from cvapp.camera.keys import HELP, Controls
from cvapp.camera.recorder import Recorder, record
from cvapp.camera.sources import Frame
from cvapp.camera.window import Window
from cvapp.errors import CvappError
from cvapp.progress import Report

Draw = Callable[[np.ndarray, Any, str, bool], np.ndarray]
PAUSED = "paused: space goes on"
_WAIT = 0.05  # seconds between two looks at the keys while the picture stands still


class Stage:
    """A window, a recording and snapshots, each where it is wanted; use it as a context manager.

    Args:
        title: of the window; None opens none.
        save: the video of the annotated frames; without it, the key for recording names one by the clock.
        fps: frames a second of the video.
        mirror: whether the picture begins as a mirror shows it.
        snapshots: the folder that snapshots go to.
        draw: (picture, answer, status, whether the picture is mirrored) -> a copy of the picture with them.
        live: whether the source keeps the time itself; of a file, it is told which frames had to be repeated or left out to keep theirs.
        report: told what was kept.
    """

    def __init__(
        self, title: str | None, save: str | Path | None, fps: float, mirror: bool, snapshots: Path, draw: Draw, live: bool, report: Report
    ):
        self.controls = Controls(mirror=mirror, recording=save is not None)
        self._save = Path(save) if save is not None else None
        self._title, self._fps, self._snapshots, self._draw, self._live, self._report = title, fps, snapshots, draw, live, report
        self._stack = contextlib.ExitStack()
        self._window: Window | None = None
        self._last: Any = None
        self._still: Any = None
        self._recorder: Recorder | None = None

    def __enter__(self) -> "Stage":
        with contextlib.ExitStack() as stack:
            self._window = stack.enter_context(Window(self._title)) if self._title is not None else None
            self._recorder = stack.enter_context(record(self._save, self._fps, self._report)) if self._save is not None else None
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool | None:
        try:
            return self._stack.__exit__(kind, error, trace)
        finally:
            self._tell_times()

    def _tell_times(self) -> None:
        """Say what a recording of a file had to do to keep its times."""
        recorder = self._recorder
        if recorder is None or self._live or not recorder.kept or not recorder.repeated + recorder.left_out:
            return
        self._report(
            f"{recorder.name}: the frames of the source do not come at a constant rate; to keep their times at {recorder.fps:g} frames/s, "
            f"{recorder.repeated} were repeated and {recorder.left_out} left out"
        )

    @property
    def saved(self) -> tuple[Path | None, bool]:
        """After the end: the recording that was kept, and whether it took the place of another file."""
        recorder = self._recorder
        return (recorder.name, recorder.replaced) if recorder is not None and recorder.kept else (None, False)

    @property
    def idle(self) -> bool:
        """Whether nobody sees or keeps the picture, so that none need be drawn."""
        return self._window is None and self._recorder is None

    def put(self, frame: Frame, answer: Any, status: str, early: float = 0.0) -> None:
        """Draw a frame, record it, show it for at least `early` seconds, and do as the keys say."""
        image = cv2.flip(frame.image, 1) if self.controls.mirror else frame.image
        if self.controls.recording and self._recorder is None:
            self._start_recording()
        recorder = self._recorder if self.controls.recording else None
        picture = self._draw(image, answer, f"● {status}" if recorder is not None else status, self.controls.mirror)
        if recorder is not None:
            recorder.write(picture, frame.seconds)
        self._last = frame, picture
        self._show(picture, early)
        if self.controls.paused:
            self._still = self._draw(image, answer, PAUSED, self.controls.mirror)

    def pause(self) -> float:
        """Let the last picture stand still for as long as the person wants; the seconds that it did, 0 where nobody paused."""
        if not self.controls.paused:
            return 0.0
        start = time.perf_counter()
        self._cut()
        while self.controls.paused and not self.controls.quit:
            self._show(self._still, _WAIT)
        return time.perf_counter() - start

    def _cut(self) -> None:
        """What comes next is recorded as if it came at once."""
        if self._recorder is not None:
            self._recorder.cut()

    def _show(self, picture: np.ndarray, seconds: float) -> None:
        """Show a picture where there is a window, and do as the key says that is pressed meanwhile."""
        if self._window is None:
            return
        recording = self.controls.recording
        self.controls.press(self._window.show(overlay.listing(picture, list(HELP.items())) if self.controls.help else picture, seconds))
        if self._recorder is not None and recording != self.controls.recording:
            self._cut()
            self._report("recording goes on" if self.controls.recording else "recording stopped; r goes on with it")
        if self.controls.snapshot:
            self.controls.snapshot = False
            self._snapshot(*self._last)

    def _snapshot(self, frame: Frame, picture: np.ndarray) -> None:
        path = self._snapshots / f"{time.strftime('%Y%m%d-%H%M%S')}-{frame.index:06d}.png"
        with told(self._report):
            images.write(path, frame.image)
            images.write(path.with_stem(f"{path.stem}-answer"), picture)
            self._report(f"snapshot {path}, and with the answer drawn beside it")

    def _start_recording(self) -> None:
        path = Path(time.strftime("recording-%Y%m%d-%H%M%S.mp4"))
        with told(self._report):
            self._recorder = self._stack.enter_context(record(path, self._fps, self._report))
            self._report(f"recording to {path}")
        self.controls.recording = self._recorder is not None


@contextlib.contextmanager
def told(report: Report) -> Iterator[None]:
    """Tell why a key's wish could not be fulfilled, instead of ending the run."""
    try:
        yield
    except CvappError as error:
        report(str(error))
