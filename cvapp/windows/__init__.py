"""Windows on a picture: where a convolutional detector looks, the pyramid it looks at, and what its answers mean."""

from cvapp.windows.decode import decode, detect
from cvapp.windows.geometry import Windows
from cvapp.windows.pyramid import crop, paint
from cvapp.windows.scan import BOX, Scan, lay_out

__all__ = ["BOX", "Scan", "Windows", "crop", "decode", "detect", "lay_out", "paint"]
