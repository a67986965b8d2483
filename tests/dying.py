"""Trainings that die by a signal: every run is a process of its own, forked from one that has TensorFlow loaded but not used.

`PLAN` runs what the first argument holds as JSON, (arguments, savings, signal) each, and prints each run's exit code, negative for a signal. Each
step is saved; after so many savings the process sends itself the signal.
"""

PLAN = """
import json, os, signal, sys
from cvapp import cli
from cvapp.training import state

state._LEAST_SECONDS, state._SHARE = 0.0, 1e9
save = state.Keeper.save

def mortal(self, *arguments):
    global left
    save(self, *arguments)
    left -= 1
    if left == 0:
        os.kill(os.getpid(), sent)

state.Keeper.save = mortal
for arguments, left, sent in json.loads(sys.argv[1]):
    if os.fork() == 0:
        code = cli.main(arguments)
        sys.stderr.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""
