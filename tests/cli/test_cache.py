"""`cvapp cache`: what it counts, and that it removes nothing that is in use."""

import json
import subprocess
import sys

from cvapp.cli import main


def lay(workspace):
    for name, size in (("pixels-1/ab/x", 3000), ("pixels-2/ab/y", 1000), ("features-1/ab/x", 500)):
        path = workspace / "saved_models/.cache" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"0" * size)
    (workspace / "saved_models/mine").mkdir()


def test_sizes_are_told_by_kind_and_cleared(workspace, capsys):
    assert main(["cache"]) == 0 and capsys.readouterr().out.endswith(": nothing\n")
    lay(workspace)
    assert main(["cache", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["bytes"], values["kinds"]) == (4500, {"pixels": 4000, "features": 500})
    assert main(["cache", "--clear", "--json"]) == 0 and json.loads(capsys.readouterr().out)["freed"] == 4500
    assert [path.name for path in (workspace / "saved_models").iterdir() if not path.name.startswith(".mine")] == ["mine"]
    assert main(["cache", "--clear"]) == 0, "nothing is there, nothing is wrong"


def test_a_cache_in_use_stays(workspace, capsys):
    """Another process holds a model's lock, as training does; once it has ended, the cache goes."""
    lay(workspace)
    code = "from cvapp.locks import locked\nwith locked('saved_models/mine'):\n print('held', flush=True)\n input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        assert main(["cache", "--clear"]) == 2
        told = capsys.readouterr().err
        assert "the cache is in use; wait until it ends" in told and (workspace / "saved_models/.cache/pixels-1/ab/x").is_file()
        other.communicate("\n")
    assert main(["cache", "--clear"]) == 0 and not (workspace / "saved_models/.cache").exists()
