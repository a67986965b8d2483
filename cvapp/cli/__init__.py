"""The command line: `cvapp VERB THING`. The only place that prints."""

import json
import os
import signal
import sys
from typing import Sequence

from cvapp.cli.parser import build
from cvapp.errors import CvappError, Exit


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an error a person can cause is one line."""
    if hasattr(signal, "SIGPIPE") and arguments is None:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `cvapp predict ... | head` ends quietly
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    args = build().parse_args(arguments)
    try:
        answer = args.run(args)
        text = json.dumps(answer.values, ensure_ascii=False) if args.json else answer.text
        if text:
            print(text, flush=True)
        if answer.then is not None:
            answer.then()
        if answer.error is not None:
            raise answer.error
    except CvappError as error:
        if args.debug:
            raise
        print(f"cvapp: {error}", file=sys.stderr)
        return int(error.code)
    except KeyboardInterrupt as error:
        print(f"\ncvapp: interrupted; {str(error) or 'what was saved before is as it was'}", file=sys.stderr)
        return int(Exit.INTERRUPTED)
    except Exception as error:
        if args.debug:
            raise
        print(
            f"cvapp: a bug: {type(error).__name__}: {' '.join(str(error).split())[:300]}; run it again with --debug and report what it says",
            file=sys.stderr,
        )
        return int(Exit.BUG)
    return int(answer.code)


def run() -> None:
    """The console script."""
    sys.exit(main())
