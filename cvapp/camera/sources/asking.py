"""Asking a server, after FFmpeg could not play what it serves, what is wrong."""

import base64
import http.client
import socket
import urllib.error
import urllib.request
from urllib.parse import SplitResult, unquote, urlsplit

ASK_SECONDS = 1.0


def why_not(word: str) -> str:
    """Ask a server that FFmpeg could not play what is wrong, and say it in words."""
    try:
        parts = urlsplit(word)
        answer = _ask_rtsp(parts) if parts.scheme.startswith("rtsp") else _ask_http(parts)
    except urllib.error.HTTPError as error:
        answer = f"{error.code} {error.reason}"
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        return f"cannot be reached ({getattr(reason, 'strerror', None) or reason}); is the address right, and the camera on?"
    hint = "; are the user, the password and the path right?" if answer.startswith(("401", "403")) else ""
    return f"the server answers {answer}, not a stream that OpenCV can play{hint}"


def _authorization(parts: SplitResult) -> dict[str, str]:
    if parts.username is None:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()).decode()}


def _ask_http(parts: SplitResult) -> str:
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
    with urllib.request.urlopen(urllib.request.Request(bare, headers=_authorization(parts)), timeout=ASK_SECONDS) as answer:
        return str(answer.headers.get_content_type())


def _ask_rtsp(parts: SplitResult) -> str:
    """The status of a DESCRIBE (RFC 2326, section 10.2)."""
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    lines = [f"DESCRIBE {bare} RTSP/1.0", "CSeq: 1", *(f"{name}: {value}" for name, value in _authorization(parts).items())]
    with socket.create_connection((parts.hostname or "", parts.port or 554), ASK_SECONDS) as server:
        server.sendall("\r\n".join([*lines, "", ""]).encode())
        status = server.recv(1024).decode(errors="replace").partition("\r\n")[0]
    return status.removeprefix("RTSP/1.0 ") if status.startswith("RTSP/") else "something else than RTSP"
