"""Windows on a picture: where a convolutional detector looks, the pyramid it looks at, and what its answers mean."""

from cvapp.windows.geometry import Windows

__all__ = ["Windows"]
