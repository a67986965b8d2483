"""The Recipe: every value survives the JSON round trip, and what cannot be is refused when made, by its name."""

import dataclasses
import json

import pytest

from cvapp.errors import CvappError, Exit
from cvapp.images import Images
from cvapp.recipe import Data, Export, Generate, Model, Recipe, Train, did_you_mean, from_json, override, to_json
from cvapp.recipe.model import BACKBONES

# as typed after --set, and the value in the JSON; together they leave no value of the default recipe as it was but the handle, which goes
# with a hub module alone
SETTINGS = {
    "task=backbone": "backbone", "seed=7": 7, "data.generated=shapes": "shapes", "data.val=0.3": 0.3, "data.test=0": 0.0,
    "images.size=96,128": (96, 128), "images.fit=letterbox": "letterbox", "images.resize=linear": "linear", "images.bits=12": 12,
    "model.backbone=mobilenet_v2": "mobilenet_v2", "model.alpha=1": 1.0,
    "model.weights=none": "none", "model.stages=2": 2, "model.head=mlp": "mlp", "model.hidden=64": 64, "model.dropout=0": 0.0,
    "model.stochastic_depth=0.1": 0.1, "model.initialiser=he": "he",
    "augment.mirror=yes": True, "augment.crop=.1": 0.1, "augment.zoom=.2": 0.2, "augment.rotation=15": 15.0, "augment.stretch=.1": 0.1,
    "augment.brightness=.1": 0.1, "augment.contrast=.2": 0.2, "augment.colour=.05": 0.05, "augment.blur=1": 1.0, "augment.noise=.02": 0.02,
    "augment.cutout=.3": 0.3, "augment.retake=.5": 0.5, "augment.mixup=.2": 0.2, "augment.cutmix=1": 1.0,
    "train.epochs=5": 5, "train.batch=1": 1, "train.optimiser=sgd": "sgd", "train.momentum=.8": 0.8, "train.learning_rate=1e-3": 1e-3,
    "train.schedule=cosine": "cosine", "train.warmup=.1": 0.1, "train.decay=.5": 0.5, "train.decay_epochs=3": 3.0, "train.clip_norm=1": 1.0,
    "train.l1=1e-5": 1e-5, "train.l2=1e-4": 1e-4, "train.weight_decay=0": 0.0, "train.class_weights=True": True,
    "train.fine_tune=blocks:2": "blocks:2", "train.fine_tune_epochs=7": 7, "train.fine_tune_rate=1e-5": 1e-5,
    "train.mixed_precision=yes": True,
    "train.label_smoothing=.1": 0.1, "train.patience=1": 1, "train.images_per_epoch=1": 1,
    "export.variants=int8,float32": ("int8", "float32"), "export.calibration=1": 1, "export.max_difference=0.01": 0.01,
    "export.max_drop=2": 2.0, "export.min_agreement=0.5": 0.5, "export.description=Tells ants, bees and Käfer": "Tells ants, bees and Käfer",
    "export.author=N. N.": "N. N.", "export.licence=MIT": "MIT", "export.version=2": "2",
    "detect.window=48,64": (48, 64), "detect.shapes=1": 1, "detect.fill=.5": 0.5, "detect.hidden=32": 32, "detect.shift=0": 0.0,
    "detect.zoom=.3": 0.3, "detect.turn=yes": True, "detect.background=1": 1.0, "detect.hard=0": 0.0, "detect.rounds=2": 2,
    "detect.passes=1": 1, "detect.landmarks=no": False, "detect.box_weight=1": 1.0, "detect.overlap=.3": 0.3, "detect.tune=40": 40,
    "transcribe.least=2": 2, "transcribe.most=19": 19, "transcribe.features=64": 64, "transcribe.num_heads=2": 2, "transcribe.hidden=128": 128,
    "transcribe.encoder_blocks=0": 0, "transcribe.decoder_blocks=1": 1, "transcribe.dropout=0": 0.0, "transcribe.beam=1": 1,
    "generate.latent=64": 64, "generate.conditional=yes": True, "generate.loss=least-squares": "least-squares", "generate.steps=2": 2,
    "generate.discriminator_rate=1e-4": 1e-4, "generate.beta=0": 0.0, "generate.label_smoothing=.1": 0.1, "generate.instance_noise=.1": 0.1,
    "generate.augment=colour,cutout": ("colour", "cutout"), "generate.average=0": 0.0, "generate.penalty=1": 1.0, "generate.preview=50": 50,
    "generate.judged=1000": 1000,
}


def leaves(values: dict, prefix: str = "") -> dict:
    """Nested values by their dotted path."""
    flat = {}
    for name, value in values.items():
        flat |= leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def test_every_value_can_be_set_and_survives_the_round_trip_through_json():
    recipe = override(Recipe(), SETTINGS)
    found, default = leaves(to_json(recipe)), leaves(to_json(Recipe()))
    assert found == {setting.partition("=")[0]: value for setting, value in SETTINGS.items()} | {"model.handle": ""}
    assert [path for path in default if found[path] == default[path]] == ["model.handle"]
    for each in (recipe, Recipe(), override(Recipe(), ["model.handle=/tmp/my modules/é"]), Recipe(images=Images((8, 9)))):
        assert from_json(json.loads(json.dumps(to_json(each)))) == each
    assert recipe != Recipe() == override(Recipe(), [])


@pytest.mark.parametrize(
    "setting, path, value",
    [
        ("images.size=none", "images.size", None), ("images.size=[32, 48]", "images.size", (32, 48)), (" seed = 3 ", "seed", 3),
        ("model.handle=https://host/a?b=c", "model.handle", "https://host/a?b=c"), ("model.handle='quoted'", "model.handle", "quoted"),
        ("export.variants=float32", "export.variants", ("float32",)), ("model.handle=modules, old/a", "model.handle", "modules, old/a"),
        ("model.handle=2024", "model.handle", "2024"), ("export.version=1.10", "export.version", "1.10"),
        ("export.variants=dynamic,float16,float32", "export.variants", ("dynamic", "float16", "float32")),
        ("model.alpha=0.35", "model.alpha", 0.35), ("detect.window=none", "detect.window", None),
        ("detect.window=[8, 1024]", "detect.window", (8, 1024)),
    ],
)
def test_a_setting_is_taken_as_its_field_means_it(setting, path, value):
    assert leaves(to_json(override(Recipe(images=Images((8, 8))), [setting])))[path] == value


@pytest.mark.parametrize(
    "setting, words",
    [
        ("seed", "--set seed: write it as part.name=value, for example train.epochs=5"),
        ("train.epoch=3", "train.epoch is no part of a recipe. Did you mean train.epochs?"),
        ("epochs=3", "epochs is no part of a recipe. Did you mean train.epochs?"),
        ("train.epochs.x=3", "train.epochs.x is no part of a recipe. Did you mean train.epochs?"),
        ("zzz=3", "zzz is no part of a recipe"),
        ("images=crop", "images is no part of a recipe. Did you mean images.fit?"),
        ("train.epochs=many", "train.epochs is 'many': expected int"),
        ("train.epochs=2.5", "train.epochs is 2.5: expected int"),
        ("train.epochs=True", "train.epochs is True: expected int"),
        ("train.epochs=0", "train.epochs is 0: give a number from 1 to 100000"),
        ("train.learning_rate=1e999", "train.learning_rate is inf: give a number from 1e-08 to 10"),
        ("data.val=none", "data.val is None: expected float"),
        ("seed={[]:1}", "seed is '{[]:1}': expected int"),
        ("images.size=4,224", "images.size is (4, 224): give (height, width), each 8 to 16384 pixels"),
        ("images.fit=cropp", "images.fit is 'cropp': choose one of crop, letterbox, stretch"),
        ("model.backbone=mobilenet", "model.backbone is 'mobilenet': choose one of hub, mobilenet_v2_drawings, efficientnet_lite0, "),
        ("model.backbone=mobilenet", ". Did you mean mobilenet_v2?"),
        ("model.weights=", "model.weights is empty: give imagenet, none, or a .weights.h5 file"),
        ("train.fine_tune=some", "train.fine_tune is 'some': give none, auto, all, layers:N or blocks:N, such as blocks:3"),
        ("train.fine_tune=blocks:0", "train.fine_tune is 'blocks:0'"),
        ("train.optimiser=adm", "train.optimiser is 'adm': choose one of sgd, "),
        ("augment.mirror=maybe", "augment.mirror is 'maybe': give yes, no or auto"),
        ("augment.rotation=200", "augment.rotation is 200.0: give a number from 0 to 180"),
        ("model.backbone=hub", "model.handle is empty: give a SavedModel's folder, an address, efficientnet_lite0 or mobilenet_v2_drawings"),
        ("export.variants=int8,", "float32 must be among them"),
        ("export.variants=float32,int16", "export.variants is 'int16': choose one of float32, float16, dynamic, int8. Did you mean int8?"),
        ("export.variants=float32,float61", "choose one of float32, float16, dynamic, int8. Did you mean float16?"),
        ("export.max_drop=-1", "export.max_drop is -1.0: give a number from 0 to 100"),
        ("model.alpha=1", "model.alpha is 1, but efficientnet_lite0 comes in one width; choose model.backbone=mobilenet_v2 or small_resnet"),
        ("data.test=0.8", "data.val + data.test is 1: give at most 0.9, the rest trains"),
        ("task=backbone", "a backbone recipe needs data.generated, images.size and a model.backbone other than hub"),
        ("task=detect", "a detector needs the size of its frames: give images.size, such as 480,640"),
        ("task=detector", "task is 'detector': choose one of classify, backbone, detect, transcribe, generate. Did you mean detect?"),
        ("detect.windows=8,8", "detect.windows is no part of a recipe. Did you mean detect.window?"),
        ("detect.window=64", "detect.window is (64,): give (height, width), each 8 to 1024 pixels"),
        ("detect.window=7,64", "detect.window is (7, 64): give (height, width), each 8 to 1024 pixels"),
        ("detect.window=64,1025", "detect.window is (64, 1025): give (height, width), each 8 to 1024 pixels"),
        ("detect.window=a,b", "detect.window is ('a', 'b'): give (height, width), each 8 to 1024 pixels"),
        ("detect.window=64.0,64", "detect.window is (64.0, 64): give (height, width), each 8 to 1024 pixels"),
        ("detect.shapes=0", "detect.shapes is 0: give a number from 1 to 32"), ("detect.shapes=1.5", "detect.shapes is 1.5: expected int"),
        ("detect.fill=0", "detect.fill is 0.0: give a number from 0.1 to 1"), ("detect.fill=nan", "detect.fill is 'nan': expected float"),
        ("detect.hidden=0", "detect.hidden is 0: give a number from 1 to 65536"), ("detect.shift=.6", "detect.shift is 0.6: give a number"),
        ("detect.zoom=-1", "detect.zoom is -1.0: give a number from 0 to 1"), ("detect.turn=2", "detect.turn is 2: expected bool"),
        ("detect.background=0", "detect.background is 0.0: give a number from 0.1 to 20"), ("detect.hard=2", "detect.hard is 2.0: give"),
        ("detect.rounds=0", "detect.rounds is 0: give a number from 1 to 100"), ("detect.passes=0", "detect.passes is 0: give a number"),
        ("task=transcriber", "task is 'transcriber': choose one of classify, backbone, detect, transcribe, generate. Did you mean transcribe?"),
        ("generate.loss=hinges", "generate.loss is 'hinges': choose one of non-saturating, least-squares, hinge, wasserstein. Did you mean hinge?"),
        ("generate.augment=color", "generate.augment is 'color': choose one of colour, translation, cutout. Did you mean colour?"),
        ("generate.augment=cutout,cutout", "generate.augment is cutout, cutout: name each once"),
        ("generate.steps=0", "generate.steps is 0: give a number from 1 to 100"),
        ("task=transcribe", "a transcriber learns from pictures that are drawn: give data.generated=digits"),
        ("data.generated=digit", "data.generated is 'digit': choose one of shapes, digits. Did you mean digits?"),
        ("data.generated=shapes", "data.generated is 'shapes' in a classify recipe: a backbone learns from shapes, a transcriber from digits, "),
        ("data.generated=digits", "data.generated is 'digits' in a classify recipe: a backbone learns from shapes, a transcriber from digits, "),
        ("transcribe.least=9", "transcribe.least is 9, more than transcribe.most, 8: give at most as many"),
        ("transcribe.least=0", "transcribe.least is 0: give a number from 1 to 64"), ("transcribe.most=65", "transcribe.most is 65: give a"),
        ("transcribe.features=90", "transcribe.features is 90: give a multiple of transcribe.num_heads, 4, so that each head has as many"),
        ("transcribe.features=4", "transcribe.features is 4: give a number from 8 to 1024"), ("transcribe.dropout=1", "transcribe.dropout is 1.0"),
        ("transcribe.num_heads=0", "transcribe.num_heads is 0: give a number from 1 to 64"), ("transcribe.hidden=0", "transcribe.hidden is 0"),
        ("transcribe.encoder_blocks=-1", "transcribe.encoder_blocks is -1: give a number from 0 to 24"),
        ("transcribe.decoder_blocks=0", "transcribe.decoder_blocks is 0: give a number from 1 to 24"),
        ("transcribe.beam=0", "transcribe.beam is 0: give a number from 1 to 64"), ("transcribe.beams=2", "Did you mean transcribe.beam?"),
        ("detect.box_weight=-1", "detect.box_weight is -1.0: give a number from 0 to 1000"),
        ("detect.overlap=1.1", "detect.overlap is 1.1: give a number from 0 to 1"), ("detect.tune=-1", "detect.tune is -1: give a number"),
    ],
)
def test_a_wrong_setting_is_one_line_that_helps(setting, words):
    with pytest.raises(CvappError) as error:
        override(Recipe(), [setting])
    assert words in str(error.value) and error.value.code == Exit.USAGE


def test_a_detector_needs_the_size_of_its_frames():
    with pytest.raises(CvappError, match="^a detector needs the size of its frames: give images.size, such as 480,640$") as error:
        Recipe(task="detect", model=Model(backbone="window_net", weights="none"))
    assert error.value.code == Exit.USAGE
    for backbone in ("window_net", "efficientnet_lite0"):
        weights = "none" if backbone == "window_net" else "imagenet"
        Recipe(task="detect", images=Images((480, 640)), model=Model(backbone=backbone, weights=weights))


@pytest.mark.parametrize("size", [None, (20, 160), (32, 158)])
def test_a_transcriber_needs_the_size_of_its_pictures(size):
    with pytest.raises(CvappError) as error:
        Recipe(task="transcribe", data=Data(generated="digits"), images=Images(size))
    assert str(error.value) == f"images.size is {size}: a transcriber needs a height divisible by 8 and a width by 4, such as 32,160"
    assert Recipe(task="transcribe", data=Data(generated="digits"), images=Images((32, 160))).transcribe.most == 8


@pytest.mark.parametrize(
    "task, generated", [("backbone", "digits"), ("transcribe", "shapes"), ("detect", "digits")]
)
def test_each_drawn_set_is_for_one_task(task, generated):
    model, images = Model(backbone="window_net", weights="none"), Images((32, 160))
    with pytest.raises(CvappError, match=f"^data.generated is '{generated}' in a {task} recipe: .*, all others from photos$"):
        Recipe(task=task, data=Data(generated=generated), model=model, images=images)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_only_a_backbone_of_several_widths_takes_another(backbone):
    handle = "efficientnet_lite0" if backbone == "hub" else ""
    assert Model(backbone=backbone, handle=handle).alpha == 0.35, "the width that is not asked for is no error"
    if backbone in ("mobilenet_v2", "small_resnet", "window_net"):
        assert Model(backbone=backbone, alpha=0.5).alpha == 0.5
    else:
        with pytest.raises(CvappError, match=f"model.alpha is 0.5, but {backbone} comes in one width"):
            Model(backbone=backbone, handle=handle, alpha=0.5)


@pytest.mark.parametrize(
    "setting, words",
    [
        ("model.stages=2", "model.stages and model.stochastic_depth need a Keras backbone, a hub module is opaque; try model.backbone=effi"),
        ("train.fine_tune=blocks:2", "a hub module is frozen or tuned whole (none, auto, all), its layers are unknown"),
        ("train.mixed_precision=yes", "train.mixed_precision needs a Keras backbone, a hub module computes as it was saved"),
        ("model.weights=mine.weights.h5", "model.weights is 'mine.weights.h5', but hub has its own; choose model.backbone=mobilenet_v2"),
        ("task=detect", "a detector needs the layers of its network, a hub module is opaque; try model.backbone=window_net or efficientnet_"),
        ("task=backbone", "a backbone recipe needs data.generated, images.size and a model.backbone other than hub"),
        ("model.handle=", "model.handle is empty: give a SavedModel's folder, an address, efficientnet_lite0 or mobilenet_v2_drawings"),
    ],
)
def test_what_a_hub_module_cannot_do_is_one_line_that_helps(setting, words):
    with pytest.raises(CvappError) as error:
        override(Recipe(model=Model(handle="efficientnet_lite0")), [setting])
    assert words in str(error.value) and error.value.code == Exit.USAGE


def test_a_handle_chooses_the_hub_and_another_backbone_leaves_it():
    of_hub, of_row = Recipe(model=Model(handle="a")), Recipe(model=Model("window_net", weights="none", alpha=1.0))
    assert (of_hub.model.backbone, Model().backbone, Model().weights) == ("hub", "efficientnet_lite0", "imagenet")
    assert override(of_row, ["model.handle=a"]).model == of_hub.model
    assert override(of_hub, ["model.handle=b"]).model == Model("hub", "b")
    assert override(of_hub, ["model.backbone=mobilenet_v2"]).model == Model("mobilenet_v2")
    assert override(of_row, ["model.backbone=efficientnet_lite0"]).model == Model(), "with its own weights, not at random"
    assert override(of_row, ["model.backbone=vit_small"]).model == Model("vit_small", weights="none")
    assert override(of_row, ["model.backbone=mobilenet_v2", "model.weights=none"]).model == Model("mobilenet_v2", weights="none")
    assert override(of_row, ["model.backbone=window_net"]).model == of_row.model, "the same one is no change"
    with pytest.raises(CvappError, match="^model.handle is 'a', but mobilenet_v2 is no hub module; leave it out, or give model.backbone=hub$"):
        override(of_row, ["model.backbone=mobilenet_v2", "model.handle=a"])


def test_names_of_earlier_versions_still_mean_what_they_meant():
    assert Model("shipped") == Model("mobilenet_v2_drawings")
    assert Model("keras_cv_efficientnet_lite_b0") == Model("efficientnet_lite0")
    scratch = Recipe(model=Model(weights="none"))
    assert override(scratch, ["model.backbone=keras_cv_efficientnet_lite_b0"]) == scratch, "the same one is no change"
    assert override(scratch, ["model.backbone="]) == scratch, "left out, it is the default"
    assert override(Recipe(model=Model("window_net", weights="none")), ["model.backbone="]).model == Model()


def test_all_variants_are_made_unless_fewer_are_asked_for():
    assert Export().variants == ("float32", "float16", "dynamic", "int8")


@pytest.mark.parametrize(
    "values, words",
    [
        (None, "recipe is None: expected names and values"),
        ({"train": 3}, "train is 3: expected names and values"),
        ({"trian": {}}, "trian is no part of a recipe. Did you mean train?"),
        ({"train": {"epochs": "5"}}, "train.epochs is '5': expected int"),
        ({"data": {"val": float("nan")}}, "data.val is nan: give a number from 0.01 to 0.8"),
        ({"data": {"generated": 3}}, "data.generated is 3: expected str or none"),
    ],
)
def test_json_that_is_no_recipe_is_refused(values, words):
    with pytest.raises(CvappError) as error:
        from_json(values)
    assert words in str(error.value) and error.value.code == Exit.USAGE


@pytest.mark.parametrize(
    "make",
    [
        lambda: Train(epochs=2.5), lambda: Train(epochs="5"), lambda: Data(val=None), lambda: Model(handle=3),
        lambda: Export(variants=("float32", "float32")), lambda: Recipe(images=(224, 224)),
    ],
    ids=["half an epoch", "a word", "no share", "a number as handle", "a variant twice", "a size as images"],
)
def test_a_pipeline_that_cannot_work_fails_when_made(make):
    with pytest.raises(CvappError) as error:
        make()
    assert error.value.code == Exit.USAGE


def test_a_recipe_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().seed = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().train.epochs = 1


def test_did_you_mean_names_what_is_close_and_nothing_else():
    assert did_you_mean("epohs", ["epochs", "batch"]) == ". Did you mean epochs?"
    assert did_you_mean("zebra", ["epochs", "batch"]) == did_you_mean("x", []) == ""


def test_a_generator_makes_squares_of_four_sizes():
    for size in (None, (28, 28), (96, 96)):
        assert Recipe(task="generate", images=Images(size)).images.size == size
    with pytest.raises(CvappError, match=r"images.size is \(48, 48\): a generator makes squares of 28, 32, 64, 96; give images.size=32,32"):
        Recipe(task="generate", images=Images((48, 48)))


def test_smoothed_labels_want_a_loss_with_a_target():
    Generate(loss="least-squares", label_smoothing=0.1)
    with pytest.raises(CvappError, match="generate.label_smoothing means nothing to the loss 'hinge', which has no target; leave it out"):
        Generate(loss="hinge", label_smoothing=0.1)
