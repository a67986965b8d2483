"""What comes with cvapp, in a checkout and in a wheel: the pipelines and the backbone."""

import runpy
from pathlib import Path

from cvapp.errors import CvappError, folded
from cvapp.recipe import Recipe, did_you_mean


def _shipped_folder(name: str) -> Path:
    """A folder that a wheel carries inside the package and a checkout has beside it."""
    inside = Path(__file__).parent / name
    return inside if inside.is_dir() else Path(__file__).parent.parent / name


def shipped_models() -> Path:
    """The folder of the models that come with cvapp."""
    return _shipped_folder("saved_models")


def pipelines() -> dict[str, Path]:
    """The pipelines that come with cvapp, by name."""
    return {path.stem: path for path in sorted(_shipped_folder("pipelines").glob("*.py")) if not path.stem.startswith("_")}


def load_pipeline(name: str) -> Recipe:
    """The RECIPE of a pipeline, by its name or by the path of its file."""
    known = pipelines()
    path = known.get(name, Path(name))
    if path.suffix != ".py" or not path.is_file():
        raise CvappError(
            f"no pipeline {name!r}: choose one of {', '.join(known)}, or give the path of a .py file{did_you_mean(name, known)}"
        )
    try:
        recipe = runpy.run_path(str(path)).get("RECIPE")
    except CvappError as error:
        raise CvappError(f"{path}: {error}", error.code) from error
    except Exception as error:  # a person's own file may fail in any way
        raise CvappError(f"{path}: cannot be run ({type(error).__name__}: {folded(error)})") from error
    if not isinstance(recipe, Recipe):
        raise CvappError(f"{path}: a pipeline defines RECIPE = Recipe(...)")
    return recipe
