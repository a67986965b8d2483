"""The command line: `cvapp VERB THING`. The only place that prints."""

import os
import signal
import sys
from typing import Sequence

from cvapp import streams
from cvapp.cli.failures import of_output, of_the_machine
from cvapp.cli.parser import build
from cvapp.errors import CvappError, Exit, folded, one_line


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an error a person can cause is one line."""
    if hasattr(signal, "SIGPIPE") and arguments is None:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `cvapp predict ... | head` ends quietly
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    debug = False
    try:
        streams.prepare()
        args = build().parse_args(_asking(sys.argv[1:] if arguments is None else arguments))
        debug = args.debug
        return int(_answer(args))
    except KeyboardInterrupt as error:
        streams.complain(f"\ncvapp: interrupted; {one_line(str(error)) or 'what was saved before is as it was'}")
        return int(Exit.INTERRUPTED)
    except Exception as error:
        if debug:
            raise
        return _told(error)


def _asking(arguments: Sequence[str]) -> list[str]:
    """The words of a command line, with `--help` for none at all and for `help`, alone or before a command's words."""
    first, *rest = arguments or ["help"]
    return [*rest, "--help"] if first == "help" else [first, *rest]


def _answer(args: object) -> Exit:
    """Run a command and print what it answers."""
    answer = args.run(args)  # type: ignore[attr-defined]
    try:
        if args.json:  # type: ignore[attr-defined]
            streams.say_json(answer.values)
        elif answer.text:
            streams.say(answer.text)
    except OSError as error:
        raise of_output(error) from error
    if answer.then is not None:
        answer.then()
    if answer.error is not None:
        raise answer.error
    return answer.code


def _told(error: Exception) -> int:
    """Say in one line what ended the work, a bug where nobody else can have caused it; the exit code."""
    known = error if isinstance(error, CvappError) else of_the_machine(error)
    if known is not None:
        streams.complain(f"cvapp: {known}")
        return int(known.code)
    line = one_line(folded(error, 300))
    streams.complain(f"cvapp: a bug: {type(error).__name__}: {line}; run it again with --debug and report what it says")
    return int(Exit.BUG)


def run() -> None:
    """The console script."""
    try:
        code: object = main()
    except SystemExit as stop:  # of --help, --version and a wrong command line
        code = stop.code
    streams.give_up()
    sys.exit(code)  # type: ignore[arg-type]
