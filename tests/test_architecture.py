"""The house keeps its order: imports point one way, a device needs no TensorFlow, files and functions stay small."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "cvapp"
# From the ground up; a part may import those before it. A pair in one row may import neither the other.
RANKS = [
    ("installing",),
    ("errors",),
    ("locks",),
    ("files", "names", "progress", "ending", "streams", "fonts"),
    ("heif", "lettering", "limits"),
    ("headers",),
    ("boxes", "exif"),
    ("decoding",),
    ("images",),
    ("picture_files", "windows"),
    ("isp",),
    ("signs",),
    ("recipe",),
    ("card", "shipped", "sampling", "tflite"),
    ("bundle", "camera", "runs"),
    ("proof",),
    ("data",),
    ("models",),
    ("keras_layers", "loading"),
    ("evaluation",),
    ("training",),
    ("export", "phone"),
    ("cli",),
]
RANK = {part: rank for rank, row in enumerate(RANKS) for part in row}
DEVICE = [part for part in RANK if RANK[part] <= RANK["proof"]]
HEAVY = {"tensorflow", "keras", "tensorflow_hub", "keras_cv", "matplotlib", "pandas"}
OPTIONAL = {"pi_heif", "rawpy", "PIL"}  # what an extra brings to a device
SOURCES = sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    """`cvapp/data/split.py` belongs to `data`, `cvapp/card.py` to `card`."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(tree: ast.AST, late: bool = True) -> set[str]:
    """Modules that a file imports; without `late`, only those at its top."""
    found: set[str] = set()
    for node in ast.walk(tree) if late else getattr(tree, "body", []):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "cvapp":
            found |= {f"cvapp.{name.name}" for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or ".")
    return found


def upward(part: str, tree: ast.AST) -> list[str]:
    """Imports of a part that point to itself's row or above, where they must not."""
    parts = {name.split(".")[1] for name in imports(tree) if name.startswith("cvapp.")}
    return sorted(other for other in parts - {part} if other in RANK and RANK[other] >= RANK[part])


@pytest.mark.parametrize(
    "path",
    [path for path in SOURCES if path.parent != PACKAGE or not path.name.startswith("__")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_imports_point_down(path):
    part = part_of(path)
    assert part in RANK, f"{part} has no place in the house"
    # loading is where Keras comes in, by a late import of models; __init__ re-exports it
    assert upward(part, ast.parse(path.read_text())) == []


def test_an_upward_import_is_seen():
    assert upward("images", ast.parse("from cvapp.data import split")) == ["data"]
    assert upward("camera", ast.parse("def f():\n    from cvapp import bundle")) == ["bundle"]


@pytest.mark.parametrize("path", [path for path in SOURCES if part_of(path) in DEVICE], ids=lambda path: str(path.relative_to(ROOT)))
def test_a_device_part_imports_nothing_heavy(path):
    assert {name.split(".")[0] for name in imports(ast.parse(path.read_text()))} & HEAVY == set()


def test_pipelines_import_the_recipe_alone():
    for path in (ROOT / "pipelines").glob("*.py"):
        assert imports(ast.parse(path.read_text())) == {"cvapp.recipe"}, path.name


def test_device_parts_and_load_run_with_tensorflow_blocked():
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in SOURCES
        if part_of(path) in [*DEVICE, "loading", "data"]
    ]
    block = f"import sys\nfor name in {sorted(HEAVY | OPTIONAL)}: sys.modules[name] = None\n"
    code = f"{block}import importlib\nfor name in {names}: importlib.import_module(name)\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_help_loads_nothing_heavy():
    code = "import sys\nfrom cvapp.cli import build\nbuild().format_help()\nprint(' '.join(sys.modules))"
    loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    assert loaded & (HEAVY | OPTIONAL | {"numpy", "cv2"}) == set()


@pytest.mark.parametrize("path", [*SOURCES, *sorted((ROOT / "pipelines").glob("*.py"))], ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small(path):
    text = path.read_text()
    tree = ast.parse(text)
    assert text.count("\n") <= 250
    assert ast.get_docstring(tree), "a module says what it does"
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names = [
                argument.arg
                for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                if argument.arg not in ("self", "cls")
            ]
            assert node.end_lineno - node.lineno < 60, node.name
            assert len(names) <= 6 or node.name == "__init__", f"{node.name} takes {len(names)} arguments"
            assert node.name.startswith("_") or ast.get_docstring(node) or node.name in nested(tree), f"{node.name} has no docstring"


def nested(tree: ast.AST) -> set[str]:
    """Names of functions defined inside functions."""
    outer = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return {inner.name for node in outer for inner in ast.walk(node) if isinstance(inner, ast.FunctionDef) and inner is not node}


def test_only_the_command_line_prints():
    for path in SOURCES:
        if part_of(path) not in ("cli", "progress"):
            calls = [
                node
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
            ]
            assert not calls, path.name
