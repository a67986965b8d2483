"""Frames in, frames out: sources, the live loop, overlay, recorder and window. Knows a predict function, no model."""
