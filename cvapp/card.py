"""The Card: what a saved model is, as `card.json` beside it."""

import dataclasses
import json
import platform
import shlex
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Mapping

from cvapp import recipe as recipes
from cvapp.errors import CvappError, Exit
from cvapp.files import settle, sha256, write_json
from cvapp.images import Images
from cvapp.recipe import Recipe
from cvapp.windows import Scan, lay_out

SCHEMA = 2
_FIRST_HANDLE = "mobilenet_v2_035_96"  # schema 1's name of the backbone of drawings
FILE = "card.json"
UNKNOWN = "unknown"
TRANSCRIBE = "transcribe"  # the task of a model that writes texts
GENERATE = "generate"  # the task of a model that makes pictures
NOTHING = ("background", UNKNOWN)  # classes that stand for none of the others: their answer is "unknown" too
_STACK = ("cvapp", "tensorflow", "keras", "tensorflow-hub", "opencv-python", "numpy")


@dataclass(frozen=True)
class Card:
    """What a saved model is, and all that the later stages need to use it as training did.

    Args:
        name: of the model, its folder's.
        task: as the recipe's.
        labels: in the order of the model's outputs; never sorted again. A transcriber's are its characters, a generator's the classes of the photos
            that it learnt from.
        images: how a photo is fitted; its size is settled. A detector's is that of its frames.
        recipe: that made the model.
        data: `fingerprint` (sha256 over the sorted content hashes), `photos` in each part.
        metrics: by part, as measured when the model was saved.
        temperature: what the logits were divided by, already folded into the last layer.
        threshold: probability under which an answer is no better than "unknown": 95% of the right answers on validation photos lie above it;
            a detector's boxes are shown from it on, it gives the best F1 on validation photos.
        weights: `source` and `licence` of the backbone's weights.
        versions: of the packages that made it.
        files: sha256 of each file of the model, by its path in the folder.
        scan: how a detector looks over a frame, and what its answers mean; None for all others.
    """

    name: str
    task: str
    labels: tuple[str, ...]
    images: Images
    recipe: Recipe
    data: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    temperature: float = 1.0
    threshold: float = 0.0
    weights: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    schema: int = SCHEMA
    scan: Scan | None = None

    def __post_init__(self) -> None:
        if not all(isinstance(part, Mapping) for part in (self.data, self.metrics, self.weights, self.versions, self.files)):
            raise CvappError("data, metrics, weights, versions and files: expected names and values", Exit.BAD_DATA)
        object.__setattr__(self, "labels", tuple(self.labels))
        if len(set(self.labels)) != len(self.labels) or not self.labels:
            raise CvappError(f"labels are {self.labels}: expected at least one, none twice", Exit.BAD_DATA)
        if self.images.size is None:
            raise CvappError("a card's images.size must be settled", Exit.BAD_DATA)
        if (self.scan is None) == (self.task == "detect"):
            raise CvappError(f"a card of the task {self.task!r} {'needs a scan' if self.scan is None else 'has no scan'}", Exit.BAD_DATA)
        if self.task == TRANSCRIBE and any(len(label) != 1 for label in self.labels):
            raise CvappError(f"labels are {self.labels}: expected single characters of a transcriber", Exit.BAD_DATA)
        if not 0 <= self.threshold <= 1 or not self.temperature > 0:
            raise CvappError(f"threshold {self.threshold} or temperature {self.temperature} is out of range", Exit.BAD_DATA)

    @property
    def nothing(self) -> list[int]:
        """The places of the labels that stand for no object, in answers that have no other word for it."""
        return [place for place, label in enumerate(self.labels) if label in NOTHING and (self.scan is None or not self.scan.refined)]

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of what the network takes: the fitted picture, or a detector's canvas of all scales."""
        assert self.images.size is not None  # seen to above
        return self.images.size if self.scan is None else lay_out(self.scan, self.images.size)[1]


def refuse_transcriber(card: Card) -> None:
    """Say of a transcriber that no .tflite is made of it (exit 2)."""
    if card.task == TRANSCRIBE:
        raise CvappError(
            f"{card.name} is a transcriber: it writes a token at a time, in a loop that no .tflite of cvapp's holds; cvapp predict runs it in Keras"
        )


def refuse_generator(card: Card) -> None:
    """Say of a generator that it looks at no pictures (exit 2)."""
    if card.task == GENERATE:
        raise CvappError(f"{card.name} is a generator: use sample, as in cvapp sample {shlex.quote(card.name)}; it makes pictures and looks at none")


def refuse_all_but_generators(card: Card) -> None:
    """Say of any other model that it makes no pictures (exit 2)."""
    if card.task != GENERATE:
        raise CvappError(f"{card.name} is a {card.task} model; only a generator makes pictures: cvapp list shows the saved models")


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that make a model, where installed."""
    found = {"python": platform.python_version()}
    for package in _STACK:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def write(card: Card, folder: Path) -> None:
    """Write `card.json` into a model's folder."""
    write_json(folder / FILE, {"schema": card.schema, **dataclasses.asdict(card)})


def read(folder: Path) -> Card:
    """Read the card of a saved model.

    Raises:
        CvappError: no model there (exit 2), or a card that is altered, newer or unreadable (exit 3).
    """
    path = folder / FILE
    settle(folder)
    if folder.is_file():
        raise CvappError(f"{folder}: a file, no saved model; the model's name comes first, as in cvapp predict NAME {shlex.quote(str(folder))}")
    if not path.is_file():
        known = sorted(card.parent.name for card in Path("saved_models").glob(f"*/{FILE}"))
        wrong = f"no saved model at {folder}: {path.name} is missing"
        raise CvappError(
            f"{wrong}; there are {', '.join(known)}{recipes.did_you_mean(folder.name, known)}"
            if known
            else f"{wrong}; run cvapp train first"
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        schema = values["schema"]
        if not isinstance(schema, int) or schema > SCHEMA:
            raise CvappError(
                f"{path}: made by a newer cvapp (schema {schema}, this one reads up to {SCHEMA}); upgrade cvapp", Exit.BAD_DATA
            )
        migrate(values)
        images, scan = Images(**values.pop("images")), values.pop("scan", None)
        return Card(images=images, recipe=recipes.from_json(values.pop("recipe")), scan=Scan(**scan) if scan else None, **values)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CvappError(f"{path}: not a card ({type(error).__name__}: {error}); train or copy the model again", Exit.BAD_DATA) from error
    except CvappError as error:
        raise CvappError(f"{path}: {error}" if str(path) not in str(error) else str(error), Exit.BAD_DATA) from error


def migrate(values: dict[str, Any]) -> None:
    """Bring what a card of an older schema holds to this one's, in place.

    Schema 1 named the handle of a hub module beside every backbone; now it stands only where the backbone is one. The backbone that comes with
    cvapp has another name now.
    """
    model = values["recipe"].get("model", {})
    if values["schema"] < 2 and model:
        handle = model.get("handle", _FIRST_HANDLE) if model.get("backbone", recipes.HUB) == recipes.HUB else ""
        model["handle"] = recipes.DRAWINGS_BACKBONE if handle == _FIRST_HANDLE else handle
    values["schema"] = SCHEMA


def check_file(card: Card, folder: Path, name: str) -> Path:
    """The path of one of the model's files, once its hash is what the card says (exit 3 otherwise)."""
    path = folder / name
    if name not in card.files:
        raise CvappError(f"{folder / FILE}: names no {name}; train or copy the model again", Exit.BAD_DATA)
    if not path.is_file() and is_package(card, folder):
        raise CvappError(
            f"{folder} is a package for a device, without {name}: it can be used with verify, bench, phone and "
            f"{'sample' if card.task == GENERATE else 'predict and camera'}; for this, use the folder that it was made from, "
            f"saved_models/{card.name} where it was trained",
            Exit.BAD_DATA,
        )
    if not path.is_file():
        raise CvappError(f"{path}: missing from the saved model; copy the whole folder again", Exit.BAD_DATA)
    if sha256(path) != card.files[name]:
        raise CvappError(f"{path}: altered since it was saved (its sha256 is not the card's); copy the whole folder again", Exit.BAD_DATA)
    return path


def is_package(card: Card, folder: Path) -> bool:
    """Whether a folder is what `export --out` packs: a variant and words on it, and none of what training saves."""
    return (folder / "lite").is_dir() and (folder / "README.md").is_file() and not any((folder / name).exists() for name in card.files)


def hash_files(folder: Path, besides: str = FILE) -> dict[str, str]:
    """sha256 of every file below a folder, by its path in it; the card itself, and files and folders of the pattern `besides`, are left out."""
    found = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != FILE}
    return {name.as_posix(): sha256(path) for name, path in found.items() if not any(Path(part).match(besides) for part in name.parts)}
