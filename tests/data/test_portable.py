"""What a saved model keeps of its photos and sessions names no folder of the machine that trained it."""

from cvapp.data import sessions
from cvapp.data.split import Row


def test_absolute_paths_and_sessions_named_after_them_are_cut():
    rows = [
        Row("1", "/home/me/films/a/0001.jpg", "ants", "train", "film from /home/me/films/a/0001.jpg"),
        Row("2", "/home/me/films/b/0001.jpg", "bees", "train", "film from /home/me/films/b/0001.jpg"),
        Row("3", "/home/me/films/c.jpg", "bees", "val", "Monday /home/"),
        Row("4", "/home/me/films/d.jpg", "bees", "val"),
    ]
    found = sessions.portable(rows)
    assert [row.group for row in found] == ["film from a/0001.jpg", "film from b/0001.jpg", "Monday /home/", ""], "still different sessions"
    assert [row.path for row in found] == ["0001.jpg", "0001.jpg", "c.jpg", "d.jpg"]


def test_relative_paths_stay():
    rows = [Row("1", "ants/1.jpg", "ants", "train", "film from ants/1.jpg")]
    assert sessions.portable(rows) == rows and sessions.portable([]) == []


def test_photos_of_one_folder_only():
    rows = [Row("1", "/data/1.jpg", "ants", "train", "film from /data/1.jpg"), Row("2", "/data/2.jpg", "ants", "val", "film from /data/1.jpg")]
    assert {row.group for row in sessions.portable(rows)} == {"film from 1.jpg"}
