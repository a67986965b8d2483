"""What every command of the parser is made with."""

import argparse
import importlib
import sys
from typing import Any, Callable, NoReturn

from cvapp import streams
from cvapp.cli.failures import of_output
from cvapp.errors import Exit, one_line
from cvapp.names import did_you_mean


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """What came, what is allowed, what to try (exit 2)."""
        if "invalid choice: " in message:
            came = message.split("invalid choice: ")[1].split(" (choose")[0].strip("'")
            known = [piece.strip(" '()") for piece in message.split("choose from ")[-1].split(",")]
            message = f"{came!r}: choose one of {', '.join(known)}{did_you_mean(came, known)}"
        self.exit(int(Exit.USAGE), f"cvapp: {one_line(message)}; see {self.prog} --help\n")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print help or an error; where help cannot be written, which argparse itself keeps to itself, CvappError (exit 7)."""
        if file in (None, sys.stderr):
            streams.complain(message.rstrip("\n"))
            return
        try:
            streams.say(message.rstrip("\n"))
        except OSError as error:
            raise of_output(error) from error


def later(module: str, function: str) -> Callable[[argparse.Namespace], Any]:
    """A command that is imported when it runs."""
    return lambda args: getattr(importlib.import_module(f"cvapp.cli.{module}"), function)(args)


def command(group: Any, name: str, run: Callable, text: str, example: str) -> argparse.ArgumentParser:
    """Add a command with its help, and the options that all commands have."""
    parser = group.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", epilog=f"example: {example}")
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="print one JSON object on standard output, and nothing else there")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def add_starts(parser: argparse.ArgumentParser) -> None:
    """The options of a command that trains, of which at most one says what is done about an interrupted run."""
    group = parser.add_mutually_exclusive_group()
    for option, text in (
        ("resume", "go on with the run that was interrupted; the result is the same"),
        ("finish", "make a model of the best epoch so far of the run that was interrupted; give what it was started with"),
        ("restart", "discard the run that was interrupted, and train anew"),
    ):
        group.add_argument(f"--{option}", dest="start", action="store_const", const=option, default="new", help=text)


def add_split(parser: argparse.ArgumentParser) -> None:
    """The option that chooses a part of a model's split; `--part`, its first name, is taken too."""
    group, parts = parser.add_mutually_exclusive_group(), ("train", "val", "test")
    group.add_argument("--split", choices=parts, help="a part of its own split (default, without --data: test where there is one, else val)")
    group.add_argument("--part", dest="split", choices=parts, help=argparse.SUPPRESS)
