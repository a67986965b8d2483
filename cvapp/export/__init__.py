"""From a Keras model to .tflite variants, each proven against it before it is published; and the package that is handed over."""
