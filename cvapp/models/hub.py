"""A hub module, held by a Keras 3 layer: TensorFlow Hub's own `KerasLayer` cannot be added to a Keras 3 model."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cvapp.errors import CvappError, Exit, folded, missing_extra
from cvapp.files import sha256
from cvapp.recipe import DEFAULT_BACKBONE
from cvapp.shipped import shipped_models

MODULE = "module"  # where a backbone made by cvapp keeps its module, and the layer its own within a .keras file


@keras.saving.register_keras_serializable("cvapp")
class HubModule(keras.layers.Layer):
    """A TF2 reusable SavedModel: float32 RGB in 0..1 (B, H, W, 3) -> features (B, `features`); frozen unless `trainable` is set.

    The `.keras` file holds the module itself as an asset, so it loads anywhere; `open_module` makes the layer from a handle.
    """

    def __init__(self, features: int, **options: Any):
        super().__init__(**{"trainable": False, **options})
        self.features = features
        self._module: Any = None

    def attach(self, module: Any) -> None:
        """Give the layer its module, as `tf.saved_model.load` returned it; Keras counts, trains and saves its variables from then on."""
        self._module = module
        trained = {id(variable) for variable in module.trainable_variables}
        held = []
        for variable in module.variables:
            mirror = keras.Variable(variable, trainable=id(variable) in trained, name=variable.name.split(":")[0].replace("/", "_"))
            mirror._value = variable  # one storage: what Keras' optimiser moves is what the module computes with
            held.append(mirror)
        self._tracker.unlock()  # a saved model is built before its assets are read
        self.module_weights = held
        self._tracker.lock()
        self.built = True
        for mirror in held:  # what was tracked as trainable can be let train later
            mirror.trainable = mirror.trainable and self.trainable

    def compute_output_spec(self, pictures: Any) -> keras.KerasTensor:
        """The shape alone: the module is not there yet while a saved model is being rebuilt."""
        return keras.KerasTensor((pictures.shape[0], self.features), "float32")

    def call(self, pictures: tf.Tensor) -> tf.Tensor:
        """Features of pictures; batch norm in inference mode, in fine-tuning too."""
        return self._module(tf.cast(pictures, tf.float32), training=False)

    def get_config(self) -> dict[str, Any]:
        """The arguments; what Keras records by itself loses the name among the options."""
        return {**super().get_config(), "features": self.features}

    def save_own_variables(self, store: Any) -> None:
        """Nothing: the asset holds the variables."""

    def load_own_variables(self, store: Any) -> None:
        """Nothing: the asset holds the variables."""

    def save_assets(self, folder: str) -> None:
        """Write the module into the `.keras` file."""
        tf.saved_model.save(self._module, str(Path(folder) / MODULE))

    def load_assets(self, folder: str) -> None:
        """Read the module from the `.keras` file."""
        self.attach(tf.saved_model.load(str(Path(folder) / MODULE)))


def save_module(network: keras.Model, scale: tuple[float, float], folder: Path) -> None:
    """Write a network as a TF2 reusable SavedModel, the form in which TensorFlow Hub serves image modules.

    It is called as `module(images, training=False)` with float32 RGB in 0..1, and has `.variables` and `.trainable_variables`.

    Args:
        network: scaled pixels (B, H, W, 3) -> features (B, F).
        scale: (factor, offset) that takes pixels 0..1 to what the network takes.
        folder: of the SavedModel.
    """
    module = tf.train.Checkpoint()

    @tf.function(autograph=False)
    def call(images: tf.Tensor, training: bool = False) -> tf.Tensor:
        return network(images * scale[0] + scale[1], training=training)

    spec = tf.TensorSpec((None, *network.input_shape[1:]), tf.float32, name="images")
    call.get_concrete_function(spec, training=False)
    call.get_concrete_function(spec, training=True)
    module.__call__ = call
    module.variables = [variable.value for variable in network.variables]
    module.trainable_variables = [variable.value for variable in network.trainable_variables]
    module.regularization_losses = []
    tf.saved_model.save(module, str(folder), signatures=call.get_concrete_function(spec, training=False))


def resolve(handle: str) -> Path:
    """The folder of a SavedModel: a folder itself, a backbone of cvapp by folder or name, or what tensorflow-hub fetches for an address.

    Raises:
        CvappError: the address cannot be fetched (exit 4), or nothing is there (exit 3).
    """
    for folder in (Path(handle), Path(handle) / MODULE, shipped_models() / handle / MODULE):
        if (folder / "saved_model.pb").is_file():
            return folder
    if "://" not in handle:
        shipped = sorted(path.parent.name for path in shipped_models().glob(f"*/{MODULE}"))
        raise CvappError(
            f"model.handle {handle!r}: no SavedModel there; give a folder with saved_model.pb, an https:// address, "
            f"or {' or '.join([DEFAULT_BACKBONE, *shipped])}",
            Exit.BAD_DATA,
        )
    try:
        import tensorflow_hub
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "tensorflow-hub", "train") from error
    try:
        return Path(tensorflow_hub.resolve(handle))
    except Exception as error:  # whatever the resolvers, the network and Kaggle's client raise, the weights are not to be had
        raise CvappError(
            f"model.handle {handle}: cannot be fetched ({type(error).__name__}: {folded(error, 120)}); check the network and the address, or "
            "download the module elsewhere and give its folder",
            Exit.NO_WEIGHTS,
        ) from error


def fingerprint(folder: Path) -> str:
    """What decides a module's answers: the hashes of its graph and its variables."""
    files = [folder / "saved_model.pb", *sorted((folder / "variables").glob("*"))]
    return "-".join(sha256(path)[:16] for path in files)


def open_module(folder: Path) -> tuple[HubModule, tuple[int, int] | None]:
    """The layer around the module in a folder, and its input's (height, width) where the module fixes one.

    Raises:
        CvappError: not a module that turns pictures into feature vectors (exit 3).
    """
    try:
        module = tf.saved_model.load(str(folder))
        functions = module.__call__.concrete_functions
        shape = functions[0].structured_input_signature[0][0].shape
        size = (int(shape[1]), int(shape[2])) if shape[1] and shape[2] else None
        features = module(np.zeros((1, *(size or (224, 224)), 3), np.float32), training=False)
        if features.shape.rank != 2:
            raise ValueError(f"answers {features.shape}, not (pictures, features)")
        list(module.variables)
    except (OSError, ValueError, TypeError, AttributeError, IndexError, tf.errors.OpError) as error:
        raise CvappError(
            f"{folder}: not an image feature-vector module ({type(error).__name__}: {folded(error, 160)}); give a TF2 SavedModel called as "
            "module(images, training=False) -> (B, features)",
            Exit.BAD_DATA,
        ) from error
    layer = HubModule(int(features.shape[1]), name="backbone")
    layer.attach(module)
    return layer, size
