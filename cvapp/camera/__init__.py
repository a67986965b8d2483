"""Frames in, frames out: sources, the live loop, overlay, recorder and window. Knows a predict function, no model."""

import os

import cv2

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
cv2.utils.logging.setLogLevel(
    cv2.utils.logging.LOG_LEVEL_SILENT
)  # OpenCV and ffmpeg say on the terminal, less clearly, what our errors say
