"""Frames in, frames out: sources, the live loop, overlay, recorder and window. Knows a predict function, no model."""

import os

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # ffmpeg says on the terminal, less clearly, what our errors say
