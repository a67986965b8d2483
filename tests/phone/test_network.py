"""Addresses, the certificate made on the spot, and the QR code."""

import datetime
import re
import socket
import stat

import cv2
import numpy as np
import pytest
from cryptography import x509

from cvapp.errors import CvappError, Exit
from cvapp.phone import network


def test_addresses_are_not_loopback():
    try:
        found = network.addresses()
    except CvappError as error:  # a machine without any network
        assert error.code == Exit.NO_DEVICE and "--adb" in str(error)
        return
    assert found and all(re.fullmatch(r"[\d.]+", address) and not address.startswith("127.") for address in found)


def test_a_machine_without_a_network_is_told(monkeypatch):
    def refuse(*_):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(CvappError, match="has no address on a network: join the phone's Wi-Fi; or use a cable with --adb") as caught:
        network.addresses()
    assert caught.value.code == Exit.NO_DEVICE


def test_a_certificate_vouches_for_these_hosts_alone(tmp_path):
    cert, key = network.make_certificate(["192.0.2.7", "board.local"], tmp_path)
    assert sorted(network.names(cert)) == ["192.0.2.7", "board.local"]
    assert stat.S_IMODE(key.stat().st_mode) == 0o600 and b"PRIVATE KEY" in key.read_bytes() and b"PRIVATE" not in cert.read_bytes()
    read = x509.load_pem_x509_certificate(cert.read_bytes())
    now = datetime.datetime.now(datetime.timezone.utc)
    left = read.not_valid_after_utc - now
    assert read.not_valid_before_utc < now and datetime.timedelta(days=1) < left < datetime.timedelta(days=60)
    assert not read.extensions.get_extension_for_class(x509.BasicConstraints).value.ca  # it cannot vouch for others
    assert re.fullmatch("([0-9A-F]{2}:){31}[0-9A-F]{2}", network.fingerprint(cert))
    (tmp_path / "other").mkdir()
    assert network.fingerprint(network.make_certificate(["192.0.2.7"], tmp_path / "other").cert) != network.fingerprint(cert)


def test_a_phone_is_sent_where_it_gets_to():
    own = ["192.168.1.7"]
    vouched = ["localhost", "127.0.0.1", "::1", "mybox.example", "*.home.example", "192.168.1.7"]
    assert network.reachable(vouched, own) == ["mybox.example", "192.168.1.7"]
    assert network.reachable(["localhost", "*.home.example", "fd00::2"], own) == own and network.reachable(own, own) == own


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_no_certificate(tmp_path, content):
    path = tmp_path / "cert.pem"
    if content is not None:
        path.write_bytes(content)
    for read in (network.names, network.fingerprint):
        with pytest.raises(CvappError, match="no certificate in PEM") as caught:
            read(path)
        assert caught.value.code == Exit.BAD_DATA


def picture(text: str, colour: bool) -> np.ndarray:
    """The code as a terminal shows it, light on dark: each character two modules high."""
    lines = [re.sub("\x1b\\[[0-9;]*m", "", line) for line in text.splitlines()]
    assert all(line.startswith("\x1b[97;40m") and line.endswith("\x1b[0m") for line in text.splitlines()) is colour
    halves = {"█": (255, 255), "▀": (255, 0), "▄": (0, 255), " ": (0, 0)}
    rows = [[halves[character][half] for character in line] for line in lines for half in (0, 1)]
    return np.array(rows, np.uint8).repeat(8, 0).repeat(8, 1)


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("address", ["https://192.168.178.23:8765/", "https://a-rather-long-name.local.example:8784/"])
def test_a_reader_reads_the_address(address, colour):
    shown = cv2.copyMakeBorder(picture(network.qr_code(address, colour), colour), 40, 40, 40, 40, cv2.BORDER_CONSTANT, value=0)
    assert cv2.QRCodeDetector().detectAndDecode(shown)[0] == address
    assert cv2.QRCodeDetector().detectAndDecode(np.zeros_like(shown))[0] == ""
