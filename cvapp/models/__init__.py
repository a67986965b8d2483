"""Keras networks, one architecture a file. TensorFlow is loaded here, its start-up lines kept off the terminal."""

from cvapp.progress import hushed

with hushed():
    import tensorflow as tf

    tf.config.list_physical_devices()  # the first look for a GPU complains on machines without one
