"""A CSV of photos: read whatever wrote it, and every row that is no example named with its line."""

import os
import re
from pathlib import Path

import pytest

from cvapp.data import split
from cvapp.data.folders import scan
from cvapp.data.listing import hashed
from cvapp.errors import CvappError, Exit
from tests.data.test_folders import fill

NAMES = ("cats/1.jpg", "cats/2 ü.png", "dogs/a,b;c.jpg", "3.webp")


@pytest.fixture
def folder(tmp_path):
    """Four photos, in name alone."""
    return fill(tmp_path, *NAMES)


def table(folder, text, encoding="utf-8", name="photos.csv"):
    """The listing of a CSV of this text."""
    (folder / name).write_bytes(text.encode(encoding))
    return scan(folder / name)


def found(listing):
    return [(photo.name, photo.label, photo.part) for photo in listing.photos]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "lines",
    [
        ["path,label", "cats/1.jpg,cat", "cats/2 ü.png,Kätzchen", '"dogs/a,b;c.jpg",dog', "3.webp,10"],
        ["path;label", "cats/1.jpg;cat", "cats/2 ü.png;Kätzchen", '"dogs/a,b;c.jpg";dog', "3.webp;10"],
        ["path\tlabel", "cats/1.jpg\tcat", "cats/2 ü.png\tKätzchen", "dogs/a,b;c.jpg\tdog", "3.webp\t10"],
        ["id, Label ,x, PATH", "7, 10 ,,3.webp", '8,dog,,"dogs/a,b;c.jpg"', "9,cat,,./cats//1.jpg", "", "9,Kätzchen,,cats\\2 ü.png"],
    ],
    ids=["commas", "semicolons", "tabs", "any order, other columns, blanks, Windows"],
)
def test_a_table_is_read_whatever_wrote_it(folder, lines, ending, encoding):
    listing = table(folder, ending.join(lines) + ending, encoding)
    assert found(listing) == [
        ("3.webp", "10", None),
        ("cats/1.jpg", "cat", None),
        ("cats/2 ü.png", "Kätzchen", None),
        ("dogs/a,b;c.jpg", "dog", None),
    ]
    assert listing.stray == {} and [listing.read(photo).decode() for photo in listing.photos] == sorted(NAMES)
    assert listing.source == folder / "photos.csv" and listing.split_file == folder / "photos.split.csv"


def test_the_part_is_taken_from_its_column(folder):
    listing = table(folder, 'path,label,part\ncats/1.jpg,cat,Training\ncats/2 ü.png,cat,valid\n3.webp,dog,\n"dogs/a,b;c.jpg",dog,test\n')
    assert [photo.part for photo in listing.photos] == [None, "train", "val", "test"]


def test_absolute_paths_keep_their_names(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    listing = table(elsewhere, f"path,label\n{folder}/cats/1.jpg,cat\n")
    assert found(listing) == [(f"{folder}/cats/1.jpg", "cat", None)]
    assert listing.read(listing.photos[0]) == b"cats/1.jpg"


def test_a_backslash_that_a_file_really_bears_is_kept(folder):
    (folder / "odd\\name.jpg").write_text("odd")
    listing = table(folder, "path,label\nodd\\name.jpg,cat\n")
    assert found(listing) == [("odd\\name.jpg", "cat", None)] and listing.read(listing.photos[0]) == b"odd"


def test_every_row_that_is_no_example_is_named_with_its_line(folder):
    fill(folder, "notes.txt", "4.jpg", "5.jpg", "6.jpg")
    listing = table(
        folder,
        "path,label,part\n"
        "cats/1.jpg,cat,\n"
        "gone.jpg,cat,\n"
        "3.webp,,\n"
        ",cat,\n"
        "notes.txt,cat,\n"
        "cats/2 ü.png,cat,dev\n"
        "4.jpg,cat,\n"
        '5.jpg,"two\nlines",\n'
        "./4.jpg,cat,\n"
        "5.jpg,dog,\n"
        "6.jpg,cat,train\n"
        "6.jpg,cat,val\n"
        "cats/1.jpg\n",
    )
    assert found(listing) == [("4.jpg", "cat", None), ("5.jpg", "dog", None), ("cats/1.jpg", "cat", None)]
    assert listing.stray == {
        "gone.jpg": "line 3: no such file",
        "3.webp": "line 4: has no label",
        "line 5": "line 5: has no path",
        "notes.txt": "line 6: not a picture's suffix (.txt)",
        "cats/2 ü.png": "line 7: the part is 'dev'; choose one of train, val, test, or leave it empty",
        "4.jpg": "line 11 repeats line 8; the photo is used once",
        "5.jpg": r"line 9: label 'two\nlines' is not readable text: it holds a line break",
        "6.jpg": "line 13 says 'cat train', line 14 'cat val'; keep the one that is right",
        "cats/1.jpg": "line 15: has no label",
    }


def test_a_split_file_is_such_a_table(folder):
    rows = [
        split.Row("0" * 64, name, "ab"[place % 2], ("train", "train", "val", "test")[place]) for place, name in enumerate(sorted(NAMES))
    ]
    split.write(folder / "split.csv", rows)
    assert found(scan(folder / "split.csv")) == [(row.path, row.label, row.part) for row in rows]
    assert len({photo.hash for photo in hashed(scan(folder / "split.csv")).photos}) == 4, "the content decides, not the column"


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "expected the columns path and label, found nothing"),
        (b"file;class\n1.jpg;cat\n", "expected the columns path and label, found file;class"),
        (b"cats/1.jpg,cat\n", "expected the columns path and label, found cats/1.jpg,cat"),
        (b"path,label\n", "it has no row below its header"),
        (b"path,label\n1.jpg,cat\n2.jpg,\n", "none of its 2 rows can be used, such as 1.jpg: line 2: no such file"),
        ("path,label\nkätzchen.jpg,cat\n".encode("latin-1"), "not UTF-8; save it as 'CSV UTF-8'"),
        ("path,label\n".encode("utf-16"), "not UTF-8"),
        (b'path,label\n"' + b"x" * 200_000 + b'",cat\n', r"not a CSV \(field larger than field limit"),
    ],
)
def test_what_is_no_such_table_is_one_line(folder, content, words):
    (folder / "photos.csv").write_bytes(content)
    with pytest.raises(CvappError, match=f"^{folder}/photos.csv: {words}") as error:
        scan(folder / "photos.csv")
    assert error.value.code == Exit.BAD_DATA and len(str(error.value)) < 400


def test_a_table_that_is_not_there_is_told(tmp_path):
    with pytest.raises(
        CvappError, match=r"^no CSV .*/gone.csv: cannot be read \(No such file or directory\); give a CSV of path,label$"
    ) as error:
        scan(tmp_path / "gone.csv")
    assert error.value.code == Exit.BAD_DATA


NFC, NFD = "caf\u00e9", "cafe\u0301"


def test_a_path_in_another_spelling_means_the_one_file_that_looks_so(folder):
    fill(folder, f"{NFD}/{NFD}1.jpg", "Shots/IMG_1.JPG", "two/x.jpg", "two/X.jpg", "two/Y.JPG", "two/y.jpg")
    names = (f"{NFC}/{NFC}1.jpg,{NFD}", "shots/img_1.jpg,a", "two/X.jpg,a", "two/Y.jpg,a", "SHOTS/IMG_2.jpg,a", "shots/IMG_1.png,a")
    listing = table(folder, "\n".join(("path,label", *names)))
    assert found(listing) == [("Shots/IMG_1.JPG", "a", None), (f"{NFD}/{NFD}1.jpg", NFC, None), ("two/X.jpg", "a", None)]
    assert [listing.read(photo) for photo in listing.photos] == [b"Shots/IMG_1.JPG", f"{NFD}/{NFD}1.jpg".encode(), b"two/X.jpg"]
    assert listing.stray == {
        "two/Y.jpg": "line 5: several files may be meant, Y.JPG and y.jpg; give its name exactly",
        "SHOTS/IMG_2.jpg": "line 6: no such file",
        "shots/IMG_1.png": "line 7: no such file. Did you mean IMG_1.JPG?",
    }
    assert listing.notes == (
        "a path is spelled in another way than the file's name, by capitals or blanks, and taken for it: shots/img_1.jpg for Shots/IMG_1.JPG",
    ), "how accents are written is not worth a word"


def test_one_file_in_two_spellings_is_one_photo(folder):
    fill(folder, f"{NFD}.jpg")
    listing = table(folder, f"path,label\n{NFC}.jpg,a\n{NFD}.jpg,a\n")
    assert found(listing) == [(f"{NFD}.jpg", "a", None)]
    assert listing.stray == {f"{NFD}.jpg": "line 3 repeats line 2; the photo is used once"}
    assert table(folder, f"path,label\n{NFC}.jpg,a\n{NFD}.jpg,b\ncats/1.jpg,a\n").stray == {
        f"{NFD}.jpg": "line 2 says 'a', line 3 'b'; keep the one that is right"
    }


def test_cells_with_blanks_around_quotes_and_labels_with_a_comma(folder):
    rows = ('path , "label" ,part', '"cats/1.jpg" , "cat, black" , train', ' cats/2 ü.png, "cat" ,val', '"3.webp",cat, black,x,')
    listing = table(folder, "\n".join(rows))
    assert found(listing) == [("cats/1.jpg", "cat, black", "train"), ("cats/2 ü.png", "cat", "val")]
    assert listing.stray["3.webp"] == "line 4: has more values than the header ('x'); put a label that holds the separator between quotes"
    assert found(table(folder, "path,label\n3.webp,cat,,\n")) == [("3.webp", "cat", None)], "a spreadsheet pads its rows"
    with pytest.raises(CvappError, match="has the column label twice; keep the one that is right$"):
        table(folder, "path,label,Label\n3.webp,cat,dog\n")


def test_labels_of_a_table_are_held_to_the_rule_for_all(folder):
    listing = table(folder, 'path,label\ncats/1.jpg,"a\nb"\n3.webp,"a\tb"\ncats/2 ü.png,ok\n')
    assert listing.labels == ["ok"]
    assert listing.stray == {
        "cats/1.jpg": r"line 2: label 'a\nb' is not readable text: it holds a line break",
        "3.webp": r"line 4: label 'a\tb' is not readable text: it holds a control character (U+0009)",
    }


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda path: path.symlink_to("gone.jpg"), r"a link to nowhere \(gone.jpg\); fetch what it stands for, or remove it"),
        (os.mkfifo, "a named pipe, not a file; remove it"),
        (Path.mkdir, "a folder, not a file"),
    ],
)
def test_what_is_no_file_is_named_and_never_opened(folder, make, words):
    make(folder / "odd.jpg")
    assert re.fullmatch(f"line 2: {words}", table(folder, "path,label\nodd.jpg,a\n3.webp,a\n").stray["odd.jpg"])
    make(folder / "odd.csv")
    with pytest.raises(CvappError) as error:
        scan(folder / "odd.csv")
    assert error.value.code == Exit.BAD_DATA


@pytest.mark.parametrize("name", ["x" * 300 + ".jpg", "a\0b.jpg", "/" * 50 + "gone.jpg", "../" * 40 + "gone.jpg", "3.webp/x.jpg"])
def test_no_path_breaks_the_list(folder, name):
    listing = table(folder, f'path,label\n"{name}",a\n3.webp,a\n')
    wrong = "cannot be read (File name too long)" if "x" * 300 in name else "no such file"
    assert found(listing) == [("3.webp", "a", None)] and list(listing.stray.values()) == [f"line 2: {wrong}"]


@pytest.mark.parametrize("column", ["part", "split", "subset", "set", "Split"])
def test_a_column_of_parts_is_obeyed_whatever_people_call_it(folder, column):
    text = f"path,label,{column}\ncats/1.jpg,cat,train\ncats/2 ü.png,cat,validation\ndogs/a\\,b;c.jpg,dog,\n".replace("\\,", ",")
    text = text.replace("dogs/a,b;c.jpg", '"dogs/a,b;c.jpg"')
    assert found(table(folder, text)) == [("cats/1.jpg", "cat", "train"), ("cats/2 ü.png", "cat", "val"), ("dogs/a,b;c.jpg", "dog", None)]


def test_a_column_of_that_name_that_holds_something_else_is_none(folder):
    assert found(table(folder, "path,label,set\ncats/1.jpg,cat,7\n3.webp,dog,train\n")) == [("3.webp", "dog", None), ("cats/1.jpg", "cat", None)]


def test_sessions_of_a_table(folder):
    listing = table(folder, "path,label,group\ncats/1.jpg,cat, monday \n3.webp,dog,\n")
    assert [(photo.name, photo.group) for photo in listing.photos] == [("3.webp", ""), ("cats/1.jpg", "monday")]
    assert table(folder, 'path,label,group\ncats/1.jpg,cat,"mon\nday"\n3.webp,dog,\n').stray == {
        "cats/1.jpg": "line 2: its group, as a label 'mon\\nday' is not readable text: it holds a line break"
    }
