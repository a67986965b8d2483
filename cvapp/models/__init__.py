"""Keras networks, one architecture a file."""
