"""What comes with cvapp: pipelines by name or by path, in a checkout and in a wheel."""

import pytest

from cvapp import shipped
from cvapp.errors import CvappError, Exit
from cvapp.recipe import Recipe, Train


def test_the_shipped_pipelines_are_recipes():
    assert {"hub_classifier", "pretrain_backbone"} <= set(shipped.pipelines())
    recipes = {name: shipped.load_pipeline(name) for name in shipped.pipelines()}
    assert all(isinstance(recipe, Recipe) for recipe in recipes.values())
    assert (recipes["hub_classifier"].task, recipes["pretrain_backbone"].task) == ("classify", "backbone")
    assert recipes["pretrain_backbone"].task == "backbone"


def test_a_pipeline_is_found_by_its_path(tmp_path):
    path = tmp_path / "my own ü.py"
    path.write_text("from cvapp.recipe import Recipe, Train\nRECIPE = Recipe(train=Train(epochs=3))\n")
    assert shipped.load_pipeline(str(path)) == Recipe(train=Train(epochs=3))


@pytest.mark.parametrize(
    "name, words",
    [
        ("hub_clasifier", r"^no pipeline 'hub_clasifier': choose one of .*hub_classifier.*, or give the path of a .py file. "
                          r"Did you mean hub_classifier\?$"),
        ("gone.py", "^no pipeline 'gone.py': choose one of dcgan, digit_rows, feature_extraction, fine_tune, "),
        (".", "^no pipeline '.': choose one of"),
        ("notes.txt", "^no pipeline 'notes.txt': choose one of"),
        ("empty.py", r"^empty.py: a pipeline defines RECIPE = Recipe\(...\)$"),
        ("wrong.py", "^wrong.py: train.epochs is 0: give a number from 1 to 100000$"),
        ("broken.py", "broken.py.*SyntaxError|broken.py.*syntax"),
        ("absent.py", "absent.py.*no_such_package"),
    ],
)
def test_what_is_no_pipeline_is_told_in_one_line(workspace, name, words):
    (workspace / "notes.txt").touch()
    (workspace / "empty.py").write_text("recipe = 3\n")
    (workspace / "wrong.py").write_text("from cvapp.recipe import Recipe, Train\nRECIPE = Recipe(train=Train(epochs=0))\n")
    (workspace / "broken.py").write_text("RECIPE = Recipe(\n")
    (workspace / "absent.py").write_text("import no_such_package\n")
    with pytest.raises(CvappError, match=words) as error:
        shipped.load_pipeline(name)
    assert error.value.code == Exit.USAGE


@pytest.mark.parametrize("wheel", [True, False])
def test_a_wheel_carries_them_inside_the_package_and_a_checkout_beside_it(tmp_path, monkeypatch, wheel):
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "cvapp" / "shipped.py"))
    home = tmp_path / "cvapp" if wheel else tmp_path
    (home / "pipelines").mkdir(parents=True)
    (home / "saved_models").mkdir()
    for name in ("one.py", "_draft.py", "notes.txt"):
        (home / "pipelines" / name).touch()
    assert shipped.pipelines() == {"one": home / "pipelines" / "one.py"}
    assert shipped.shipped_models() == home / "saved_models"
