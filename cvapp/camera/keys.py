"""The keys of the live window, and what they have set."""

from dataclasses import dataclass

HELP = {
    "space": "pause, and go on",
    "s": "snapshot",
    "r": "record, and stop",
    "v": "next variant",
    "a": "attention: where the model looks",
    "m": "mirror",
    "h": "these keys",
    "q": "quit",
}
QUIT = 27  # Escape; also what a window gives that was closed


def quits(key: int) -> bool:
    """Whether a key ends the run."""
    return key >= 0 and key & 0xFF in (QUIT, ord("q"), ord("Q"))


@dataclass
class Controls:
    """What the person has chosen so far; `snapshot`, `variant` and `attention` are wishes, taken back once fulfilled.

    Args:
        mirror: the picture is shown as a mirror does.
        recording: frames go into the recording.
        paused: the picture stands still.
        help: the keys are listed on the picture.
        snapshot: the frame is to be kept as a picture.
        variant: the next variant is to answer.
        attention: where the model looks is to be shown, or no longer.
        quit: the run is to end.
    """

    mirror: bool = False
    recording: bool = False
    paused: bool = False
    help: bool = False
    snapshot: bool = False
    variant: bool = False
    attention: bool = False
    quit: bool = False

    def press(self, key: int) -> None:
        """Take a key, as `cv2.waitKey` gives it; a negative one is none, unknown ones do nothing."""
        letter = chr(key & 0xFF).lower() if key >= 0 else ""
        if quits(key):
            self.quit = True
        elif letter == " ":
            self.paused = not self.paused
        elif letter == "s":
            self.snapshot = True
        elif letter == "r":
            self.recording = not self.recording
        elif letter == "v":
            self.variant = True
        elif letter == "a":
            self.attention = True
        elif letter == "m":
            self.mirror = not self.mirror
        elif letter in ("h", "?"):
            self.help = not self.help
