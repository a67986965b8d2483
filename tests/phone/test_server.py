"""The server: its files with strict headers, and nothing else, whatever it is asked and however."""

import gzip
import http.client
import random
import socket
import ssl
import threading
import urllib.parse

import pytest

from cvapp.errors import CvappError, Exit
from cvapp.phone import network, server
from cvapp.phone.served import Served
from tests.phone.serving import exchange, running

SECRET = b"nobody may read this"
WASM = b"\0asm" * 500
FILES = {
    "/": Served(b"<!doctype html>", "text/html; charset=utf-8"),
    "/page.js": Served(b"start()", "text/javascript; charset=utf-8"),
    "/run.wasm": Served(gzip.compress(WASM), "application/wasm", zipped=True),
    "/model/ab12.tflite": Served(b"TFL3", "application/octet-stream", lasting=True),
}
HOSTS = ["localhost", "127.0.0.1"]


@pytest.fixture(scope="module")
def port():
    with running(FILES, HOSTS) as number:
        yield number


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return network.make_certificate(["127.0.0.1", "localhost"], tmp_path_factory.mktemp("tls"))


def ask(port, path, method="GET", **headers):
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    line.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = line.getresponse()
    body = answer.read()
    line.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


def test_each_file_with_its_type_and_strict_headers(port):
    for path, one in FILES.items():
        status, headers, body = ask(port, path)
        assert status == 200 and body == one.plain() and headers["content-type"] == one.type, path
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'" and policy["script-src"] == "'self' 'wasm-unsafe-eval'" and policy["frame-ancestors"] == "'none'"
        assert "unsafe-inline" not in headers["content-security-policy"] and "server" not in headers


def test_caching(port):
    status, headers, _ = ask(port, "/page.js")
    assert headers["cache-control"] == "no-cache"  # asked for each time
    assert ask(port, "/page.js", If_None_Match=headers["etag"])[::2] == (304, b"")
    assert ask(port, "/page.js", If_None_Match='"other"')[0] == 200
    assert "immutable" in ask(port, "/model/ab12.tflite")[1]["cache-control"]
    assert ask(port, "/gone.js")[1]["cache-control"] == "no-store"


def test_what_is_compressed_is_sent_so_to_who_takes_it(port):
    status, headers, body = ask(port, "/run.wasm", Accept_Encoding="gzip, br")
    assert headers["content-encoding"] == "gzip" and gzip.decompress(body) == WASM and "accept-encoding" in headers["vary"].lower()
    status, headers, body = ask(port, "/run.wasm", Accept_Encoding="identity")
    assert "content-encoding" not in headers and body == WASM


def test_methods(port):
    status, headers, body = ask(port, "/page.js", "HEAD")
    assert (status, body, headers["content-length"]) == (200, b"", "7")
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "BREW"):
        assert ask(port, "/page.js", method)[0] == 405, method


def test_another_host_gets_nothing(port):
    """A page elsewhere that lets its own name point here (DNS rebinding) reads nothing."""
    for host in ("evil.example", "evil.example:80", "localhost.evil.example", ""):
        assert ask(port, "/page.js", Host=host)[0] == 400, host
    assert ask(port, "/page.js", Host=f"localhost:{port}")[0] == 200


def test_a_port_that_is_taken():
    with server.listen(server.LOOPBACK, 0) as one:
        port = one.getsockname()[1]
        with pytest.raises(CvappError, match=rf"--port {port}: cannot listen there \(.*\); choose another"):
            server.listen(server.LOOPBACK, port)
    with pytest.raises(CvappError, match="--port 70000: give a port"):
        server.listen(server.LOOPBACK, 70000)


def test_without_a_port_the_next_free_one_is_taken(monkeypatch):
    with server.listen(server.LOOPBACK, 0) as one:
        monkeypatch.setattr(server, "PORT", one.getsockname()[1])
        with server.listen(server.LOOPBACK, None) as other:
            assert 0 < other.getsockname()[1] - one.getsockname()[1] < server.TRIED
        monkeypatch.setattr(server, "TRIED", 1)
        with pytest.raises(CvappError, match="are all taken"):
            server.listen(server.LOOPBACK, None)


def test_tls(certificate):
    trusting = ssl.create_default_context(cafile=str(certificate.cert))
    with running(FILES, HOSTS, certificate) as port:
        line = http.client.HTTPSConnection("127.0.0.1", port, context=trusting, timeout=5)
        line.request("GET", "/page.js")
        assert line.getresponse().read() == b"start()"
        line.close()
        with pytest.raises(ssl.SSLCertVerificationError, match="self.signed"):  # the control: nobody else vouches for it
            http.client.HTTPSConnection("127.0.0.1", port, context=ssl.create_default_context(), timeout=5).request("GET", "/")


@pytest.mark.parametrize("harm", ["swapped", "missing", "text", "another's key", "locked"])
def test_a_certificate_that_cannot_be_used(certificate, tmp_path, harm):
    cert, key = certificate
    (tmp_path / "text.pem").write_text("no certificate")
    if harm == "locked":
        from cryptography.hazmat.primitives import serialization as s

        loaded = s.load_pem_private_key(key.read_bytes(), None)
        (tmp_path / "locked.pem").write_bytes(loaded.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.BestAvailableEncryption(b"word")))
    pairs = {
        "swapped": (key, cert),
        "missing": (cert, tmp_path / "none.pem"),
        "text": (tmp_path / "text.pem", key),
        "another's key": (cert, network.make_certificate(["localhost"], tmp_path).key),
        "locked": (cert, tmp_path / "locked.pem"),
    }
    with pytest.raises(CvappError, match="cannot be used .*; give a certificate and its key in PEM, without a password") as caught:
        server.prepare(FILES, HOSTS, server.Certificate(*pairs[harm]))
    assert caught.value.code == Exit.BAD_DATA


STEPS = ["..", "%2e%2e", "%2e.", ".%2e", "%252e%252e", "..%00", "..;", "%c0%ae%c0%ae", "%uff0e%uff0e", "\uff0e\uff0e", "....", "..%5c.."]
SLASHES = ["/", "%2f", "//", "\\", "%5c", "%252f", "%c0%af", "/./", "/%20/"]
TARGETS = ["secret.txt", "secret.txt%00.js", "page.js/../secret.txt", "etc/passwd", "secret.txt?x=/page.js", "secret.txt#/page.js"]
METHODS = ["GET", "get", "HEAD", "POST", "PUT", "CONNECT", "TRACE", "G" * 300, "", "GET GET", "\x00", "PRI"]


def hostile(count: int, seed: int) -> list[bytes]:
    """So many requests as an attacker would send them: traversal in many spellings, odd methods, huge heads, broken lines, bodies."""
    rng = random.Random(seed)
    made = []
    for number in range(count):
        path = "/" + "".join(rng.choice(STEPS) + rng.choice(SLASHES) for _ in range(rng.randint(1, 8))) + rng.choice(TARGETS)
        plain = number % 2 == 0  # nothing is odd about it but what it asks for
        if plain:
            made.append(f"GET {path.replace(chr(92), '%5c')} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            continue
        version, host = rng.choice(["1.1", "1.1", "1.0", "0.9", "2.0", "x"]), rng.choice(["localhost", "localhost", "a" * 300, ""])
        lines = [f"{rng.choice(METHODS)} {path} HTTP/{version}", f"Host: {host}"]
        extras = [
            lambda: "X-Long: " + "a" * rng.choice([100, 20_000, 200_000]),
            lambda: "Content-Length: " + rng.choice(["-1", "99999999999999999999", "5", "a"]),
            lambda: "Transfer-Encoding: " + rng.choice(["chunked", "chunked, chunked", "xchunked"]),
            lambda: "Range: bytes=" + rng.choice(["0-", "-1", "99-1", "0-0," * 500]),
            lambda: "Upgrade: " + rng.choice(["websocket", "h2c"]),
            lambda: "Bad Header\x00: \x01\x02",
            lambda: "If-None-Match: *",
        ]
        lines += [rng.choice(extras)() for _ in range(rng.randint(0, 3))]
        body = rng.randbytes(rng.choice([0, 0, 10, 5000])).decode("latin-1")
        lines += ["Connection: close", "", body]
        end = "\n" if rng.random() < 0.1 else "\r\n"
        raw = end.join(lines).encode("utf-8", "surrogateescape")
        made.append(raw[: rng.randint(1, len(raw))] if rng.random() < 0.1 else raw)
    return made


def plainly_served(answer: bytes) -> bool:
    """Whether a body came with the answer that is one of the table's."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.startswith(b"HTTP/1.1 200") and any(body in (one.data, one.plain(), b"") for one in FILES.values())


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_a_thousand_hostile_requests(tmp_path, monkeypatch, certificate, secure):
    (tmp_path / "secret.txt").write_bytes(SECRET)
    (tmp_path / "page").mkdir()
    monkeypatch.chdir(tmp_path / "page")
    loose = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    loose.check_hostname, loose.verify_mode = False, ssl.CERT_NONE
    rng, statuses = random.Random(1), {}
    with running(FILES, HOSTS, certificate if secure else None) as port:
        for number, raw in enumerate(hostile(1000, seed=7)):
            broken = secure and number % 4 == 0  # no TLS at all, or noise where a handshake should be
            garbled = rng.choice([raw[:200], rng.randbytes(300), b"\x16\x03\x01\xff\xff" + rng.randbytes(50), b"\x80" * 70])
            answer = exchange(port, garbled if broken else raw, None if broken or not secure else loose.wrap_socket, seconds=0.2)
            assert SECRET not in answer and b"root:" not in answer and b"Traceback" not in answer, raw[:300]
            status = answer[9:12].decode("latin-1") if answer.startswith(b"HTTP/1.1 ") else "none"
            statuses[status] = statuses.get(status, 0) + 1
            assert status != "200" or plainly_served(answer), (raw[:300], answer[:300])
            assert status[0] != "5", (raw[:300], answer[:300])
        last = b"GET /page.js HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        assert exchange(port, last, loose.wrap_socket if secure else None).endswith(b"\r\n\r\nstart()")  # it is still there
    assert statuses.get("404", 0) > 100 and statuses.get("400", 0) > 100, statuses


def test_a_hundred_that_say_nothing_keep_nobody_waiting(port):
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
    try:
        for one in silent[::2]:
            one.sendall(b"GET /page.js HTTP/1.1\r\nHost: loc")
        assert ask(port, "/page.js")[2] == b"start()"
    finally:
        for one in silent:
            one.close()
    assert threading.active_count() < 20


def test_the_address_that_is_asked_for_is_taken_as_it_is_spelt(port):
    """`/model/../page.js` is not `/page.js`: nothing is looked up but in the table."""
    for path in ("/model/../page.js", "/./page.js", "//page.js", "/page.js/", "/PAGE.JS", "/page.js%00"):
        raw = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        assert exchange(port, raw).startswith(b"HTTP/1.1 404"), path
    spelt = urllib.parse.quote("/page.js", safe="/").replace("p", "%70", 1)
    assert ask(port, spelt)[2] == b"start()"  # the control: another spelling of the same address
