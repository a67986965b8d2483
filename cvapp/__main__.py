"""`python -m cvapp`."""

from cvapp.cli import run

run()
