"""Which font draws a text: by what the files themselves hold, with fonts made here, and those that matplotlib brings."""

import struct
from pathlib import Path

import pytest

from cvapp import fonts

DEJAVU = next(path / "DejaVuSans.ttf" for path in fonts.folders() if (path / "DejaVuSans.ttf").is_file())


def table_4(codes):
    """A `cmap` table of format 4 with a segment for each code point, half of them by a list of glyphs; a 0 stands before the starts."""
    rows = [*sorted(codes), 0xFFFF]
    count = len(rows)
    deltas = [0 if number % 2 else (1 - code) % 65536 for number, code in enumerate(rows)]
    deltas[-1] = 1
    ranges = [2 * (count - number) + 2 * number if number % 2 and number < count - 1 else 0 for number in range(count)]
    arrays = (rows, [0, *rows], deltas, ranges, [7] * count)
    body = b"".join(struct.pack(f">{len(one)}H", *one) for one in arrays)
    return struct.pack(">HHHHHHH", 4, 14 + len(body), 0, 2 * count, 0, 0, 0) + body


def table_12(codes):
    """A `cmap` table of format 12."""
    rows = sorted(codes)
    return struct.pack(">HHIII", 12, 0, 16 + 12 * len(rows), 0, len(rows)) + b"".join(struct.pack(">III", code, code, 5) for code in rows)


def font(path, codes, form=table_12, collection=False):
    """A file that is a font as far as its letters go."""
    table = form(sorted({ord(code) for code in codes + " "}))
    platform, encoding = (3, 1) if form is table_4 else (3, 10)
    cmap = struct.pack(">HHHHI", 0, 1, platform, encoding, 12) + table
    start = 16 if collection else 0
    head = b"ttcf" + struct.pack(">III", 0x10000, 1, start) if collection else b""
    directory = b"\0\1\0\0" + struct.pack(">HHHH", 1, 0, 0, 0) + b"cmap" + struct.pack(">III", 0, start + 28, len(cmap))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head + directory + cmap)
    return path


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine without fonts but those that a test makes, below the folder that it is given."""
    monkeypatch.setattr(fonts, "folders", lambda: [tmp_path])
    fonts.forget()
    yield tmp_path
    fonts.forget()


@pytest.mark.parametrize("form", [table_4, table_12])
@pytest.mark.parametrize("collection", [False, True], ids=["font", "collection"])
def test_the_letters_of_a_font_are_read(tmp_path, form, collection):
    path = font(tmp_path / "a.ttf", "aכ中ไ", form, collection)
    assert fonts.has(path, [ord(letter) for letter in "ไaכ中"])
    for letter in "bלㇰ\uffff":
        assert not fonts.has(path, [ord("a"), ord(letter)])
    assert not fonts.has(path, [0x1F41D])


def test_the_letters_of_a_true_font_are_those_that_matplotlib_finds():
    from matplotlib.ft2font import FT2Font

    known = set(FT2Font(str(DEJAVU)).get_charmap())
    for code in [*range(0x20, 0x3000, 7), 0xFB21, 0xFFFF, 0x1D538, 0x1F600, 0x1F41D, 0x20000]:
        assert fonts.has(DEJAVU, [code]) == (code in known), hex(code)


@pytest.mark.parametrize("data", [b"", b"ttcf", b"ttcf" + b"\xff" * 60, b"\0\1\0\0" + b"\xff" * 40, b"no font at all, " * 9], ids=repr)
def test_a_damaged_file_has_no_letters(tmp_path, data):
    (tmp_path / "a.ttf").write_bytes(data)
    assert not fonts.has(tmp_path / "a.ttf", [97]) and not fonts.has(tmp_path / "absent.ttf", [97])


def test_a_truncated_font_has_no_letters_and_raises_nothing(tmp_path):
    whole = DEJAVU.read_bytes()
    for length in (5, 11, 40, 200, 1000):
        (tmp_path / "a.ttf").write_bytes(whole[:length])
        assert not fonts.has(tmp_path / "a.ttf", [97])
    (tmp_path / "a.ttf").write_bytes(whole)
    assert fonts.has(tmp_path / "a.ttf", [97]), "the control"


def test_the_plainest_font_that_has_all_letters_is_chosen(machine):
    font(machine / "Zierlich.ttf", "abcכל")
    font(machine / "deep" / "NotoSerifHebrew-Regular.ttf", "כל")
    font(machine / "deep" / "NotoSansHebrew-Bold.otf", "כל")
    plain = font(machine / "deep" / "NotoSansHebrew-Regular.ttf", "כל")
    font(machine / "LastResort-Regular.ttf", "abcכלไ")
    assert fonts.first_with("כל כל") == plain
    assert fonts.first_with("כל", bold=True) == machine / "deep" / "NotoSansHebrew-Bold.otf"
    assert fonts.first_with("כלa") == machine / "Zierlich.ttf", "the only one with both"
    assert fonts.first_with("ไ") is None, "a font that draws a box for all does not count"


def test_a_text_that_no_font_has_whole_is_parted(machine):
    hebrew = font(machine / "NotoSansHebrew-Regular.ttf", "כלב", table_4)
    thai = font(machine / "NotoSansThai-Regular.ttf", "ไทย")
    emoji = font(machine / "NotoColorEmoji.ttf", "🐝👩🚀1")
    assert fonts.runs("כלב ไทย") == [("כלב ", hebrew), ("ไทย", thai)]
    assert fonts.runs("ไทย 🐝 ไทย") == [("ไทย ", thai), ("🐝", emoji), (" ไทย", thai)]
    assert fonts.runs("👩\u200d🚀") == [("👩\u200d🚀", emoji)], "one letter to a reader"
    assert fonts.runs("🐝", colored=False) is None
    assert fonts.runs("כלב Ж") is None


def test_emoji_are_colored_where_a_font_of_such_is_there(machine):
    plain, colored = font(machine / "DejaVuSans.ttf", "😀♥a"), font(machine / "NotoColorEmoji.ttf", "😀♥a")
    assert fonts.first_with("😀") == fonts.first_with("♥\ufe0f") == colored
    assert fonts.first_with("♥") == fonts.first_with("a") == plain
    assert fonts.first_with("😀", colored=False) == plain


def test_fonts_are_searched_anew_once_they_were_installed(machine):
    assert fonts.first_with("ไ") is None
    font(machine / "Thai.ttf", "ไ")
    assert fonts.first_with("ไ") is None
    fonts.forget()
    assert fonts.first_with("ไ") == machine / "Thai.ttf"


@pytest.mark.parametrize("platform, expected", [("linux", "/usr/share/fonts"), ("darwin", "/System/Library/Fonts"), ("win32", "C:/Windows/Fonts")])
def test_the_usual_folders_of_a_system_are_searched(monkeypatch, platform, expected):
    monkeypatch.setattr("sys.platform", platform)
    for name in ("XDG_DATA_DIRS", "WINDIR", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    assert Path(expected) in fonts.folders()
    assert DEJAVU.parent in fonts.folders(), "matplotlib's are everywhere"


@pytest.mark.parametrize(
    "text, letters",
    [
        ("abc", ["a", "b", "c"]),
        ("नमस्ते", ["न", "म", "स्", "ते"]),
        ("👩\u200d🚀!", ["👩\u200d🚀", "!"]),
        ("👍🏽👍", ["👍🏽", "👍"]),
        ("🇮🇱🇯🇵", ["🇮🇱", "🇯🇵"]),
        ("", []),
    ],
)
def test_letters_are_what_a_reader_takes_for_one(text, letters):
    assert fonts.clusters(text) == letters
