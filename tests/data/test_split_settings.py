"""Shares that were asked for: refused where they would change nothing, and never where a split obeys them, however it was made."""

import dataclasses
import re

import numpy as np
import pytest

from cvapp import images
from cvapp.data import frames, parted, split, split_settings
from cvapp.data.listing import Photo
from cvapp.data.split_settings import DataSource, Difference, check, differences, fixed_shares, public_path
from cvapp.errors import CvappError, Exit
from cvapp.images import Images
from cvapp.recipe import Data, Recipe
from tests.data.test_frames import PHOTOS, lay, recipe as boxed


def shares(val, test):
    return Data(val=val, test=test)


FIFTHS = shares(0.2, 0.2)


def photos(count, label="ants", part=None):
    return [Photo(f"{label}/{number}", label, part, f"{label}{number}") for number in range(count)]


def frozen(those, data=FIFTHS, seed=0, copies=()):
    return split.divide(those, data.val, data.test, seed, (), copies)[0]


def unexplained(those, rows, data, seed=0, copies=()):
    """Parts whose frozen photos no growth and no copies explain."""
    return [part for part, one in differences(those, rows, data, seed, copies).items() if one.unexplained]


def test_differences_by_hand():
    """Of 20 photos a fifth is 4, 0.3 is 6, 0.25 is 5; 0.24 is 4.8, which 4 photos may be on the way to."""
    those = photos(20)
    rows = frozen(those)
    assert differences(those, rows, FIFTHS, 0) == differences(those, rows, FIFTHS, 7) == {}
    assert differences(those, rows, shares(0.3, 0.2), 0) == {"val": Difference(4, 6, True)}
    assert differences(those, rows, shares(0.25, 0.2), 0) == {"val": Difference(4, 5, True)}
    assert differences(those, rows, shares(0.24, 0.2), 0) == {"val": Difference(4, 5, False)}
    assert differences(those, rows, shares(0.4, 0.3), 0) == {"val": Difference(4, 8, True), "test": Difference(4, 6, True)}
    assert differences(those, [], shares(0.4, 0.3), 0) == {}, "nothing is frozen"


def test_no_test_photos_at_all_is_another_share_however_small_the_classes():
    """Of 4 photos a fifth is 1: one photo off, but the part is there or not."""
    those = photos(4) + photos(4, "bees")
    assert differences(those, frozen(those), shares(0.2, 0.0), 0) == {"test": Difference(2, 0, True)}
    assert differences(those, frozen(those, shares(0.2, 0.0)), FIFTHS, 0) == {"test": Difference(0, 2, True)}


@pytest.mark.parametrize("step", [1, 2, 5])
@pytest.mark.parametrize("data", [FIFTHS, shares(0.3, 0.1), shares(0.15, 0.0), shares(0.44, 0.44), shares(0.05, 0.5)], ids=str)
def test_a_split_that_grew_obeys_its_shares_all_along(step, data):
    """And new photos, which are not parted yet, have no say."""
    rows = []
    for count in range(2, 40, step):
        those = photos(count) + photos(count + 3, "bees")
        assert unexplained(those, rows, data) == unexplained(those, rows, data, 3) == [], count
        rows = split.divide(those, data.val, data.test, 0, rows)[0]
    assert unexplained(those, rows, shares(data.val + (0.06 if data.val < 0.4 else -0.06), data.test)) == ["val"]


@pytest.mark.parametrize("sizes", [[1, 1, 1, 1, 1, 1, 5, 5], [20] * 5, [3] * 12, [40, 38, 2], [9, 8, 7, 6, 5, 4, 3, 2, 1]])
def test_copies_that_stay_together_do_not_make_a_split_of_another_seed_disobey(sizes):
    those = photos(sum(sizes))
    starts = np.cumsum([0, *sizes])[:-1]
    copies = [(f"ants{start}", f"ants{start + index}") for start, size in zip(starts, sizes) for index in range(1, size)]
    for seed in range(split_settings.SEEDS):
        assert unexplained(those, frozen(those, FIFTHS, seed, copies), FIFTHS, 5, copies) == [], seed
    if sizes == [20] * 5:
        assert unexplained(those, frozen(those, FIFTHS, 0, copies), shares(0.4, 0.2), 0, copies) == ["val"]


@pytest.mark.parametrize(
    "given, expected",
    [
        ({None}, ()),
        ({"train", "val", "test"}, ("val", "test")),
        ({"train", "val"}, ("val", "test")),
        ({"train", "test"}, ("test",)),
        ({"train", "val", None}, ("test",)),
    ],
)
def test_which_shares_the_source_fixes_as_the_split_has_it(given, expected):
    """A control for each: shares that are not fixed do change the split, fixed ones do not."""
    those = [photo for part in sorted(given, key=str) for photo in photos(20, part or "free", part)]
    those = [dataclasses.replace(photo, label="ants" if photo.name[-1] in "02468" else "bees") for photo in those]
    assert fixed_shares(those) == expected
    for part, other in (("val", shares(0.4, 0.2)), ("test", shares(0.2, 0.4))):
        assert (frozen(those, other) == frozen(those)) == (part in expected), part


@pytest.mark.parametrize(
    "given, public",
    [("photos", "photos"), ("./a/photos/", "a/photos"), ("../photos", "../photos"), ("/home/me/photos", ""), ("/home/me/list.csv", "")],
)
def test_a_path_is_public_where_it_tells_no_folders_of_the_machine(given, public):
    assert public_path(given) == public


@pytest.fixture
def folder(workspace):
    """Two classes of twelve pictures of noise, split by fifths: 2 val and 2 test of each."""
    rng = np.random.default_rng(3)
    for label in ("ants", "bees"):
        for number in range(12):
            images.write(workspace / "photos" / label / f"{number}.png", rng.integers(0, 256, (40, 40, 3), dtype=np.uint8))
    parted.freeze("photos", FIFTHS, 0)
    return workspace / "photos"


def told(source, asked, task="classify", data=None, **more):
    """What `check` says: the lines it reports, or the line it refuses with."""
    lines = []
    asking = boxed(data=data, **more) if task == "detect" else Recipe(task, data=data, **more)
    try:
        check(source, asking, asked, lambda text, done=None, total=None: lines.append(text) if done is None else None)
    except CvappError as error:
        assert error.code == Exit.USAGE
        return str(error)
    return lines


def test_a_frozen_split_that_disobeys_is_refused_with_the_cure(folder):
    both = "--set data.val=0.4 --set data.test=0: photos/split.csv is kept, with 4 val photos where 10 are asked for and 4 test photos where 0"
    assert told("photos", ["val", "test"], data=shares(0.4, 0.0)) == (
        f"{both} are asked for; delete it to split again, or run: cvapp data split photos --val 0.4 --test 0"
    )
    assert told("photos", ["val"], data=shares(0.4, 0.1)).endswith("or run: cvapp data split photos --val 0.4 --test 0.1")
    assert "data.test=0: photos/split.csv" in told("photos", ["test"], data=shares(0.4, 0.0)), "what was not asked for is not refused"
    parted.freeze("photos", shares(0.4, 0.0), 0, asked={"val": "--val 0.4", "test": "--test 0"})
    assert told("photos", ["val", "test"], data=shares(0.4, 0.0)) == [], "the cure cures"
    (folder / "split.csv").unlink()
    assert told("photos", ["val"], data=shares(0.2, 0.3)) == [], "and so does the other"


def test_what_obeys_is_not_refused(folder):
    assert told("photos", ["val", "test"], data=FIFTHS) == told("photos", ["val", "test"], data=FIFTHS, seed=9) == []
    images.write(folder / "ants" / "new.png", np.random.default_rng(9).integers(0, 256, (40, 40, 3), dtype=np.uint8))
    assert told("photos", ["val"], data=FIFTHS) == []
    (line,) = told("photos", ["val"], data=shares(0.22, 0.2))
    assert line == "photos/split.csv is kept: 4 val photos, where a share of 0.22 would give 6"


def test_for_a_generator_of_one_class_the_cure_is_to_delete_the_file(folder):
    parted.prepare("photos/ants", Recipe("generate", images=Images((32, 32))))
    said = told("photos/ants", ["val"], "generate", shares(0.5, 0.2))
    assert said.endswith("photos/ants/split.csv is kept, with 2 val photos where 6 are asked for; delete it to split again")
    assert told("photos/ants", ["val"], "generate", FIFTHS) == []


def test_for_a_detector_the_cure_is_to_delete_the_file(workspace):
    lay(workspace / "set", PHOTOS)
    prepared = boxed(data=FIFTHS)
    assert told("set", ["val"], "detect", shares(0.5, 0.2)) == [], "nothing is frozen yet"
    lines = []
    first = frames.prepare("set", prepared)
    said = told("set", ["val"], "detect", shares(0.5, 0.2))
    assert re.fullmatch(
        r"--set data.val=0.5: set/split.csv is kept, with \d val photos where \d are asked for; delete it to split again", said
    )
    assert told("set", ["val", "test"], "detect", FIFTHS) == []
    again = frames.prepare("set", boxed(data=shares(0.5, 0.2)), lambda text, done=None, total=None: lines.append(text))
    assert again.rows == first.rows and any(line.startswith("set/split.csv is kept: ") for line in lines)
    lay(lay(workspace / "given", PHOTOS[:6], part="train"), PHOTOS[6:9], part="val")
    assert told("given", ["val"], "detect", shares(0.5, 0.2)).startswith("--set data.val=0.5: given decides which photos are for validation")


@pytest.mark.parametrize(
    "parts, asked, said",
    [
        (("train", "val"), ["val", "test"], "--set data.val=0.3 --set data.test=0.1: given decides which photos are for validation and test"),
        (("train", "test"), ["test"], "--set data.test=0.1: given decides which photos are for test, by its folders or its list; leave it out"),
        (("train", "test"), ["val"], None),
        (("train", "val"), [], None),
    ],
)
def test_parts_that_the_folders_give_decide(folder, workspace, parts, asked, said):
    for part in parts:
        (workspace / "given").mkdir(exist_ok=True)
        folder.rename(workspace / "given" / part) if part == "train" else (workspace / "given" / part / "ants").mkdir(parents=True)
    (workspace / "given" / "train" / "ants" / "0.png").rename(workspace / "given" / parts[1] / "ants" / "0.png")
    (workspace / "given" / "train" / "split.csv").unlink()
    found = told("given", asked, data=shares(0.3, 0.1))
    assert found == [] if said is None else found.startswith(said)


def test_preparing_tells_that_another_share_is_kept_and_where_the_photos_came_from(folder):
    for data, line in ((FIFTHS, []), (shares(0.4, 0.2), ["photos/split.csv is kept: 4 val photos, where a share of 0.4 would give 10"])):
        found = parted.prepare("photos", Recipe(images=Images((16, 16)), data=data))
        assert found.notes == line and found.source == DataSource("photos", (), True)
    assert parted.prepare(folder, Recipe(images=Images((16, 16)))).source.name == "", "no folder of this machine"
