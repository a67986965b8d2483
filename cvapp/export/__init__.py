"""From a Keras model to .tflite variants, each proven against it before it is published."""

import cvapp.models  # noqa: F401 - loads TensorFlow with its start-up lines kept off the terminal
