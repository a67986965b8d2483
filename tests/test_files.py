"""Files replaced whole or not at all: by an exception, a kill -9, a full disk, two writers at once."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cvapp.errors import CvappError, Exit
from cvapp.files import cannot_write, check_writable, replacing, replacing_folder, settle, sha256, write_bytes, write_json, write_text

LIMIT = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))"


def names(folder: Path) -> list[str]:
    """All that lies in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def run(code: str, *arguments: object) -> subprocess.CompletedProcess:
    """Run Python code in a process of its own; `files` and `sys.argv` are at hand."""
    whole = f"import os, signal, sys\nfrom cvapp import files\nfrom cvapp.errors import CvappError\n{code}"
    command = [sys.executable, "-c", whole, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_what_is_written_is_read_back_and_folders_are_made(tmp_path):
    place = tmp_path / "new" / "ü 猫" / "file"
    write_bytes(place, b"\0\xff")
    assert place.read_bytes() == b"\0\xff"
    write_text(place, "grün\n")
    assert place.read_bytes() == b"gr\xc3\xbcn\n"
    write_json(place, {"label": "Käfer", "count": 2})
    assert place.read_text("utf-8") == '{\n  "label": "Käfer",\n  "count": 2\n}\n'
    assert json.loads(place.read_text("utf-8")) == {"label": "Käfer", "count": 2}
    assert names(place.parent) == ["file"]


def test_the_neighbour_keeps_the_suffix_and_the_old_file_stays_until_the_end(tmp_path):
    path = tmp_path / "photo.PNG"
    path.write_text("old")
    with replacing(path) as neighbour:
        assert neighbour.suffix == ".PNG" and neighbour.parent == tmp_path and neighbour.name.startswith(".")
        neighbour.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new" and names(tmp_path) == ["photo.PNG"]
    with path.open() as reader:
        write_text(path, "newer")
        assert reader.read() == "new", "moved into place: who reads the old reads all of it"


@pytest.mark.parametrize("raised", [ValueError("x"), KeyboardInterrupt(), CvappError("x", Exit.GATE)])
def test_an_exception_leaves_the_old_and_passes_on(tmp_path, raised):
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "model").write_text("old")
    with pytest.raises(type(raised)) as error:
        with replacing(tmp_path / "file") as neighbour:
            neighbour.write_text("half")
            raise raised
    assert error.value is raised
    with pytest.raises(type(raised)), replacing_folder(tmp_path / "folder") as work:
        (work / "model").write_text("half")
        raise raised
    assert names(tmp_path) == ["file", "folder"] and names(tmp_path / "folder") == ["model"]
    assert (tmp_path / "file").read_text() == (tmp_path / "folder" / "model").read_text() == "old"


def test_a_folder_is_swapped_whole(tmp_path):
    folder = tmp_path / "model"
    for content in ("first", "second"):
        with replacing_folder(folder) as work:
            assert work.name == ".model.work" and names(work) == []
            (work / content).write_text(content)
    assert names(folder) == ["second"] and names(tmp_path) == ["model"]


def test_a_file_to_keep_outlives_a_failure_but_never_gets_into_the_folder(tmp_path):
    folder, work = tmp_path / "model", tmp_path / ".model.work"
    (work / "half" / "done").mkdir(parents=True)
    for place in (work / "state", work / "half" / "done" / "weights", work / "other"):
        place.write_text("old")
    for _ in range(2):
        with pytest.raises(ValueError), replacing_folder(folder, keep="state") as given:
            assert given == work and names(work) == ["state"], "what else was left is gone"
            (work / "model").write_text("half")
            raise ValueError
        assert names(tmp_path) == [".model.work"] and names(work) == ["state"] and (work / "state").read_text() == "old"
    with replacing_folder(folder, keep="state") as given:
        (given / "model").write_text("whole")
    assert names(tmp_path) == ["model"] and names(folder) == ["model"]


def test_what_is_not_to_be_kept_is_removed(tmp_path):
    (tmp_path / ".model.work").mkdir()
    (tmp_path / ".model.work" / "state").write_text("old")
    with replacing_folder(tmp_path / "model") as work:
        assert names(work) == []
    assert names(tmp_path) == ["model"] and names(tmp_path / "model") == []


def test_a_file_to_keep_is_there_after_a_kill_and_absent_ones_do_no_harm(tmp_path):
    code = """
with files.replacing_folder(sys.argv[1], keep="state") as work:
    files.write_text(work / "state", "kept")
    (work / "model").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert run(code, tmp_path / "model").returncode == -signal.SIGKILL
    with pytest.raises(ValueError), replacing_folder(tmp_path / "model", keep="state") as work:
        assert names(work) == ["state"]
        (work / "state").unlink()
        raise ValueError
    assert names(tmp_path) == []


def test_two_writers_of_one_file_at_once_both_end_well(tmp_path):
    with replacing(tmp_path / "file") as first, replacing(tmp_path / "file") as second:
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "file").read_text() in ("first", "second") and names(tmp_path) == ["file"]


def test_a_kill_in_the_middle_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    code = "with files.replacing(sys.argv[1]) as new:\n    new.write_text('half')\n    os.kill(os.getpid(), signal.SIGKILL)"
    assert run(code, path).returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    write_text(path, "new")
    assert path.read_text() == "new"


@pytest.mark.parametrize("moves", [0, 1], ids=["while it is written", "between the two moves"])
def test_a_kill_in_the_middle_of_a_folder_loses_nothing_of_the_old(tmp_path, moves):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights").write_text("old")
    code = f"""
move, count = os.replace, 0
def mortal(*paths):
    global count
    if count == {moves}:
        os.kill(os.getpid(), signal.SIGKILL)
    count += 1
    move(*paths)
os.replace = mortal
with files.replacing_folder(sys.argv[1]) as work:
    (work / "weights").write_text("half")
"""
    assert run(code, folder).returncode == -signal.SIGKILL
    assert (folder / "weights").exists() == (moves == 0)
    with pytest.raises(ValueError), replacing_folder(folder) as work:
        assert names(work) == [], "what the killed run left is gone"
        raise ValueError
    assert (folder / "weights").read_text() == "old" and names(tmp_path) == ["model"]


def test_a_link_stays_and_what_it_stands_for_is_replaced(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "far" / "real.csv")
    for text in ("one", "two"):
        write_text(tmp_path / "link.csv", text)
        assert (tmp_path / "link.csv").is_symlink() and (tmp_path / "far" / "real.csv").read_text() == text
    assert names(tmp_path / "far") == ["real.csv"]


def test_half_a_swap_is_put_back_before_a_model_is_looked_for(tmp_path):
    (tmp_path / ".model.old").mkdir()
    (tmp_path / ".model.old" / "weights").write_text("old")
    settle(tmp_path / "model")
    assert names(tmp_path) == ["model"] and (tmp_path / "model" / "weights").read_text() == "old"
    (tmp_path / ".model.old").mkdir()
    settle(tmp_path / "model")
    assert (tmp_path / "model" / "weights").exists(), "what is there stays"


def test_where_the_swap_fails_the_run_can_still_go_on(tmp_path, monkeypatch):
    folder, move = tmp_path / "model", os.replace
    write_text(folder / "weights", "old")

    def refuse(source, target):
        if Path(target) == folder and Path(source).name == ".model.work":
            raise PermissionError(errno.EACCES, "in use by another program")
        move(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(CvappError, match="in use by another program") as error, replacing_folder(folder, "state*") as work:
        write_text(work / "weights", "new")
        write_text(work / "state.npz", "state")
    assert error.value.code == Exit.CANNOT_WRITE and (folder / "weights").read_text() == "old"
    assert names(tmp_path / ".model.work") == ["state.npz"]


def test_a_folder_that_is_a_link_is_replaced_again_and_again(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "model").symlink_to(tmp_path / "elsewhere")
    for text in ("one", "two"):
        with replacing_folder(tmp_path / "model") as work:
            write_text(work / "weights", text)
        assert (tmp_path / "model" / "weights").read_text() == text and names(tmp_path) == ["elsewhere", "model"]


@pytest.mark.parametrize(
    "write",
    [
        "files.write_bytes(sys.argv[1], bytes(8192))",
        "with files.replacing_folder(sys.argv[1]) as work: (work / 'a').write_bytes(bytes(8192))",
    ],
    ids=["file", "folder"],
)
def test_a_full_disk_is_one_line_with_exit_7_and_leaves_the_old(tmp_path, write):
    place = tmp_path / "place"
    if "folder" in write:
        place.mkdir()
        (place / "a").write_text("old")
    else:
        place.write_text("old")
    code = f"{LIMIT}\ntry:\n    {write}\nexcept CvappError as error:\n    print(int(error.code), error)"
    assert run(code, place).stdout == f"7 {place}: cannot write (File too large); choose another place\n"
    assert (place / "a" if place.is_dir() else place).read_text() == "old" and names(tmp_path) == ["place"]
    assert run(code.replace("8192", "4096"), place).stdout == "", "what fits is written"


@pytest.mark.parametrize("write", [lambda path: write_bytes(path, b"x"), check_writable, lambda path: replacing_folder(path).__enter__()])
def test_a_place_below_a_file_is_refused_with_exit_7(tmp_path, write):
    (tmp_path / "file").write_text("old")
    with pytest.raises(CvappError, match=r"file.inside: cannot write \((File exists|Not a directory)\); choose another place$") as error:
        write(tmp_path / "file" / "inside")
    assert error.value.code == Exit.CANNOT_WRITE and names(tmp_path) == ["file"]


@pytest.mark.parametrize(
    "number, cure", [(errno.ENOSPC, "free some space or "), (errno.EDQUOT, "free some space or "), (errno.EACCES, ""), (errno.EROFS, "")]
)
def test_the_cure_fits_the_reason(number, cure):
    error = cannot_write(Path("a"), OSError(number, "so"))
    assert (str(error), error.code) == (f"a: cannot write (so); {cure}choose another place", Exit.CANNOT_WRITE)


def test_a_writable_folder_is_made_and_left_empty(tmp_path):
    check_writable(tmp_path / "a" / "b")
    assert names(tmp_path / "a" / "b") == []


def test_sha256_is_that_of_the_standard(tmp_path):
    """FIPS 180-2, appendix B.1."""
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_folders_are_kept_like_files_and_never_get_in(tmp_path):
    folder, work = tmp_path / "model", tmp_path / ".model.work"
    with pytest.raises(ValueError), replacing_folder(folder, keep="state*") as given:
        (given / "state-board").mkdir()
        (given / "state-board" / "events").write_text("kept")
        (given / "other").mkdir()
        raise ValueError
    assert names(work) == ["state-board"] and (work / "state-board" / "events").read_text() == "kept"
    with replacing_folder(folder, keep="state*") as given:
        assert names(given) == ["state-board"]
        (given / "model").write_text("whole")
    assert names(tmp_path) == ["model"] and names(folder) == ["model"]
