"""Whether a window can be opened: imshow without a display, or with one that refuses us, would abort the process."""

import os
import re
import socket
import struct
import sys
from pathlib import Path


def has_display() -> bool:
    """Whether a window can be opened: on Linux, whether the X server that DISPLAY names answers (OpenCV's wheel speaks X only)."""
    if sys.platform != "linux":
        return True
    match = re.fullmatch(r"(?:unix|(?P<host>[^:/]*)):(?P<number>\d+)(?:\.\d+)?", os.environ.get("DISPLAY", ""))
    if match is None:
        return False
    host, number = match["host"], int(match["number"])
    if host:
        return _answers(socket.AF_INET, (host, 6000 + number), number)
    place = f"/tmp/.X11-unix/X{number}"
    return (Path(place).exists() and _answers(socket.AF_UNIX, place, number)) or _answers(socket.AF_UNIX, f"\0{place}", number)


def _answers(family: int, address: object, number: int) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as server:
        server.settimeout(1)
        try:
            server.connect(address)  # type: ignore[arg-type]
            name, cookie = _cookie(number)
            pads = [part + bytes(-len(part) % 4) for part in (name, cookie)]
            server.sendall(struct.pack("<BxHHHHxx", ord("l"), 11, 0, len(name), len(cookie)) + b"".join(pads))
            return server.recv(1) == b"\1"  # 0: refused, 2: asks for more (X11 protocol, connection setup)
        except (OSError, OverflowError, UnicodeError):
            return False


def _cookie(number: int) -> tuple[bytes, bytes]:
    """The kind and bytes of the key that the person's Xauthority file holds for a display; empty where it holds none."""
    path = Path(os.environ.get("XAUTHORITY") or Path.home() / ".Xauthority")
    data, at = path.read_bytes() if path.is_file() else b"", 0
    while at + 2 <= len(data):
        family, fields = struct.unpack(">H", data[at : at + 2])[0], []
        at += 2
        for _ in range(4):
            size = struct.unpack(">H", data[at : at + 2])[0]
            fields.append(data[at + 2 : at + 2 + size])
            at += 2 + size
        address, display, name, cookie = fields
        local = family == 0xFFFF or family == 256 and address == socket.gethostname().encode()
        if local and display in (b"", str(number).encode()) and name == b"MIT-MAGIC-COOKIE-1":
            return name, cookie
    return b"", b""
