"""The tiny videos beside this file, which OpenCV cannot write: python make.py, with the package av (PyAV 18 made them), which no test needs.

Twelve numbered frames each, as `tests.camera.test_sources.painted` draws them. `phone`, `screen` and `browser` have frames in fast threes with pauses
between, B-frames but for the last; `reordered`, `raw` and `broadcast` keep no time for some of their frames; `sound*` hold silence.
"""

import struct
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[3]))
from tests.camera.test_sources import painted  # noqa: E402

VARYING = (0, 33, 67, 100, 600, 633, 667, 700, 2700, 2733, 2767, 2800)  # milliseconds
STEADY = range(12)
KINDS = {"fltp": np.float32, "s16": np.int16}  # of samples


def encode(stream, times, units):
    """The packets of numbered frames at such times."""
    stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
    stream.codec_context.time_base = stream.time_base = Fraction(1, units)
    for number, time in enumerate(times):
        frame = av.VideoFrame.from_ndarray(painted(number), "rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = time, Fraction(1, units)
        yield from stream.encode(frame)
    yield from stream.encode()


def silence(stream, seconds):
    """The packets of no sound."""
    name = stream.codec_context.format.name
    for number in range(seconds * 50):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 960), KINDS[name]), name, "mono")
        frame.rate, frame.pts, frame.time_base = 48000, 960 * number, Fraction(1, 48000)
        yield from stream.encode(frame)
    yield from stream.encode()


def make(name, codec, times=(), units=1000, sound=None, **options):
    """Write one video."""
    with av.open(str(Path(__file__).with_name(name)), "w", options=options) as file:
        rate = 30 if units == 1000 else units
        pictures = file.add_stream(codec, rate=rate, options={} if codec == "libvpx" else {"bf": "2"}) if codec else None
        sounds = file.add_stream(sound, rate=48000) if sound else None
        if sounds:
            sounds.bit_rate, sounds.codec_context.layout = 16000, "mono"
        for packet in encode(pictures, times, units) if pictures else ():
            file.mux(packet)
        for packet in silence(sounds, 2 if pictures else 1) if sounds else ():
            file.mux(packet)


def without_room(path):
    """Leave out the four kilobytes that an AVI keeps free for an index of its stream."""
    data = bytearray(path.read_bytes())
    at = data.index(b"JUNK")
    size = 8 + struct.unpack_from("<I", data, at + 4)[0]
    for place in (4, data.index(b"hdrl") - 4, data.index(b"strl") - 4):  # the sizes of what holds it
        struct.pack_into("<I", data, place, struct.unpack_from("<I", data, place)[0] - size)
    path.write_bytes(data[:at] + data[at + size :])


make("phone.mp4", "libx264", VARYING, movflags="faststart")
make("phone.flv", "libx264", VARYING)
make("screen.mkv", "libx264", VARYING)
make("browser.webm", "libvpx", VARYING)
make("reordered.avi", "libx264", STEADY, 25)
without_room(Path(__file__).with_name("reordered.avi"))
make("raw.h264", "libx264", STEADY, 25)
make("broadcast.mpg", "mpeg2video", STEADY, 25)
make("sound.mp4", "", sound="aac")
make("sound.webm", "", sound="libopus")
make("sound_after.webm", "libvpx", STEADY, 25, sound="libopus")
