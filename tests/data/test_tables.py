"""A CSV of photos: read whatever wrote it, and every row that is no example named with its line."""

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
