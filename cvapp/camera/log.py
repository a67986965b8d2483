"""A line for each frame, as JSON lines or CSV, written as it comes so that a run of hours can be followed."""

import contextlib
import csv
import json
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping

from cvapp.errors import cannot_write
from cvapp.files import check_suffix
from cvapp.streams import OUTPUT, json_of, say_json

SUFFIXES = (".jsonl", ".csv")
Write = Callable[[Mapping[str, Any]], None]


@contextlib.contextmanager
def frame_log(path: str | Path) -> Iterator[Write]:
    """Give a function that writes one frame's values.

    Args:
        path: FILE.jsonl or FILE.csv (its head is that of the first frame); `-` is JSON lines on standard output.

    Raises:
        CvappError: another suffix (exit 2); the place cannot be written (exit 7).
    """
    if str(path) == "-":
        yield print_line
        return
    path = Path(path)
    check_suffix(path, SUFFIXES)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # a line at a time: whoever follows it sees it at once
        file = path.open("w", encoding="utf-8", errors="backslashreplace", newline="", buffering=1)
    except OSError as error:
        raise cannot_write(path, error) from error
    with file:
        table = csv.writer(file, lineterminator="\n")

        def write(values: Mapping[str, Any]) -> None:
            try:
                if path.suffix.lower() == ".jsonl":
                    file.write(json_of(values) + "\n")
                    return
                if file.tell() == 0:
                    table.writerow(values)
                table.writerow([json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value for value in values.values()])
            except OSError as error:
                with contextlib.suppress(OSError):
                    file.close()  # gives up what found no room; else closing would fail for it once more
                raise cannot_write(path, error) from error

        yield write


def print_line(values: Mapping[str, Any]) -> None:
    """One JSON line on standard output; KeyboardInterrupt where nobody reads it any more."""
    try:
        say_json(values)
    except BrokenPipeError:
        raise KeyboardInterrupt from None  # who read them went away (`| head`): as good as Ctrl-C
    except OSError as error:
        raise cannot_write(Path(OUTPUT), error) from error
