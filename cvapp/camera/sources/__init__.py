"""Where frames come from: one word each for a camera, an address, a video, pictures, a raw file, or drawn signs that move."""

from cvapp.camera.sources.devices import cameras
from cvapp.camera.sources.frames import Frame, Settings, Source
from cvapp.camera.sources.opening import open_source

__all__ = ["Frame", "Settings", "Source", "cameras", "open_source"]
