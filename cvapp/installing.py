"""The command that installs cvapp with an extra from where this cvapp came from: it is in no package index."""

import json
import shlex
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlparse

ROOT = Path(__file__).resolve().parents[1]  # of a checkout; the folder of all packages where cvapp is installed


def command(extra: str) -> str:
    """A pip command that can be pasted.

    Of a checkout or an editable installation it names the folder, of a wheel its file, of an address the address. Where none is known it is
    `pip install 'cvapp[EXTRA]'`.

    Args:
        extra: such as `train`; empty for cvapp alone.
    """
    wanted = f"[{extra}]" if extra else ""
    if (ROOT / "setup.cfg").is_file() and (ROOT / "pyproject.toml").is_file():
        return f"pip install -e {shlex.quote(f'{ROOT}{wanted}')}"
    url = _url()
    if url.startswith("file:"):
        path = Path(unquote(urlparse(url).path))
        return f"pip install {shlex.quote(f'{path if path.exists() else path.name}{wanted}')}"
    return f"pip install {shlex.quote(f'cvapp{wanted} @ {url}' if url else f'cvapp{wanted}')}"


def _url() -> str:
    """Where pip found the installed cvapp (PEP 610); empty where it was an index, or is not known."""
    try:
        told = json.loads(metadata.distribution("cvapp").read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        return ""
    vcs = told.get("vcs_info", {}).get("vcs")
    return f"{vcs}+{told['url']}" if vcs else told.get("url", "")
