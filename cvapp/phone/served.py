"""Every file that the phone page may fetch, held in memory: what is not in this table is not served."""

import gzip
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from cvapp.errors import CvappError, Exit

PAGE = Path(__file__).parent / "page"
INDEX, FILES = "/", "/files.json"  # the page itself, and the list of what it needs to work without the server
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".wasm": "application/wasm",
    ".tflite": "application/octet-stream",
    ".bin": "application/octet-stream",
}


@dataclass(frozen=True)
class Served:
    """One file as it is sent.

    Args:
        data: its bytes, compressed where `zipped`.
        type: its media type.
        zipped: whether `data` is gzip.
        lasting: whether its address names its content, so that it never changes.
    """

    data: bytes
    type: str
    zipped: bool = False
    lasting: bool = False
    tag: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tag", f'"{hashlib.sha256(self.data).hexdigest()[:32]}"')

    def plain(self) -> bytes:
        """Its bytes, not compressed."""
        return gzip.decompress(self.data) if self.zipped else self.data


def page_files() -> dict[str, Served]:
    """The files of the page by their address.

    Raises:
        CvappError: the installation has no page (exit 3).
    """
    files = {}
    for path in sorted(PAGE.rglob("*")):
        name = path.relative_to(PAGE).as_posix()
        zipped = name.endswith(".gz")
        name = name.removesuffix(".gz")
        kind = TYPES.get(Path(name).suffix)
        if path.is_file() and kind:
            files[INDEX if name == "index.html" else f"/{name}"] = Served(path.read_bytes(), kind, zipped)
    if INDEX not in files or not any(name.endswith(".wasm") for name in files):
        raise CvappError(f"{PAGE}: the phone page is not whole; install cvapp again, or run make page in a checkout", Exit.BAD_DATA)
    return files


def with_list(files: dict[str, Served]) -> dict[str, Served]:
    """The same table and, in it, the list of the addresses with their tags, which the service worker keeps."""
    listed = {address: one.tag.strip('"') for address, one in files.items()}
    return {**files, FILES: Served(json.dumps(listed).encode(), TYPES[".json"])}
