"""From a recipe to a saved model."""

import cvapp.models  # noqa: F401 - loads TensorFlow with its start-up lines kept off the terminal
