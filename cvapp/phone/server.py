"""The server of the phone page: a table of files behind strict headers, on loopback or, with TLS, on the network. Uvicorn does the serving."""

import contextlib
import signal
import socket
from pathlib import Path
from typing import Iterator, Mapping, NamedTuple, Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cvapp.ending import SIGNALS
from cvapp.errors import CvappError, Exit
from cvapp.phone.served import Served

PORT, TRIED = 8765, 20  # the first port that is tried, and how many, where none is named
LOOPBACK = "127.0.0.1"
LONGEST = 16384  # bytes of a request's head
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self';"
    " manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
LASTING, ASKED = "public, max-age=31536000, immutable", "no-cache"  # kept for good; kept, and asked for each time whether it changed


class Certificate(NamedTuple):
    """Files of a certificate (with those that vouch for it) and of its key, in PEM."""

    cert: Path
    key: Path


def application(files: Mapping[str, Served], hosts: Sequence[str]) -> Starlette:
    """Answers GET and HEAD for what is in the table, 404 for all else, 405 for other methods, 400 for other hosts.

    Args:
        files: by address.
        hosts: names and addresses that a request may be for; a page elsewhere that points its own name here gets nothing (DNS rebinding).
    """

    async def answer(request: Request) -> Response:
        """What the table holds at the address that is asked for."""
        found = files.get(request.url.path)
        if found is None:
            return Response("not here", 404, {**HEADERS, "Cache-Control": "no-store"}, "text/plain")
        return _send(found, request)

    trusted = Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET"])], middleware=[trusted])


def _send(found: Served, request: Request) -> Response:
    """One file, or that it has not changed."""
    headers = {**HEADERS, "ETag": found.tag, "Cache-Control": LASTING if found.lasting else ASKED}
    if found.zipped:
        headers["Vary"] = "Accept-Encoding"
    if found.tag in request.headers.get("if-none-match", ""):
        return Response(None, 304, headers)
    if not found.zipped:
        return Response(found.data, 200, headers, found.type)
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(found.plain(), 200, headers, found.type)
    return Response(found.data, 200, {**headers, "Content-Encoding": "gzip"}, found.type)


def listen(host: str, port: int | None) -> socket.socket:
    """A socket that listens.

    Args:
        host: the address, or 0.0.0.0 for all.
        port: the port; where none is named, the first that is free from 8765 on.

    Raises:
        CvappError: the port is taken, out of range, or not allowed (exit 2).
    """
    if port is not None and not 0 <= port <= 65535:
        raise CvappError(f"--port {port}: give a port, 1024 to 65535, or 0 for any that is free")
    for number in [port] if port is not None else range(PORT, PORT + TRIED):
        one = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sends at once where it is told that it is TCP
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((host, number))
            one.listen(128)
            return one
        except OSError as error:
            one.close()
            reason = error.strerror
    if port is not None:
        raise CvappError(f"--port {port}: cannot listen there ({reason}); choose another, or leave it out")
    raise CvappError(f"ports {PORT} to {PORT + TRIED - 1} are all taken ({reason}); --port 0 takes any that is free")


def prepare(files: Mapping[str, Served], hosts: Sequence[str], certificate: Certificate | None) -> uvicorn.Server:
    """A server, ready to run: `run(sockets=[listen(...)])` serves until its `should_exit` is set.

    Args:
        files: by address.
        hosts: see `application`.
        certificate: for TLS; without one it is plain HTTP.

    Raises:
        CvappError: the certificate or its key cannot be read (exit 3).
    """
    config = uvicorn.Config(
        application(files, hosts),
        log_config=None,
        log_level="critical",  # who sends nonsense is answered, not talked about
        access_log=False,
        server_header=False,
        http="h11",
        ws="none",
        lifespan="off",
        h11_max_incomplete_event_size=LONGEST,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate and str(certificate.cert),
        ssl_keyfile=certificate and str(certificate.key),
        ssl_keyfile_password="-",  # a key that wants another is an error, not a question on the terminal
    )
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        both = f"{certificate.cert} and {certificate.key}" if certificate else "TLS"
        wanted = "give a certificate and its key in PEM, without a password"
        raise CvappError(f"{both}: cannot be used ({error.strerror or error}); {wanted}", Exit.BAD_DATA) from error
    return uvicorn.Server(config)


@contextlib.contextmanager
def ended_by_signals(web: uvicorn.Server) -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP end the server, also one that has yet to start; SIGHUP that is ignored (as under nohup) stays so.

    A phone that goes away while it is sent something is no reason to end (SIGPIPE).
    """
    heard = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, lambda *_: setattr(web, "should_exit", True)) for number in heard}
    if hasattr(signal, "SIGPIPE"):
        before[signal.SIGPIPE] = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
