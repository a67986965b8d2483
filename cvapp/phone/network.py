"""Where a phone on the same network finds this machine: its addresses, a certificate made on the spot, and the address as a QR code."""

import datetime
import io
import ipaddress
import os
import socket
from pathlib import Path

import segno
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cvapp.errors import CvappError, Exit, folded
from cvapp.phone.server import Certificate

DAYS = 30
_WHITE_ON_BLACK, _RESET = "\x1b[97;40m", "\x1b[0m"  # the letters are the light modules
_ANYWHERE = ("192.0.2.1", "192.168.255.255", "10.255.255.255")  # which way the system would send, by default first; nothing is sent


def addresses() -> list[str]:
    """This machine's addresses on the network, the likeliest first.

    Raises:
        CvappError: it has none (exit 6).
    """
    found: dict[str, None] = {}
    for target in _ANYWHERE:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((target, 9))
                found[probe.getsockname()[0]] = None
            except OSError:
                continue
    found = {address: None for address in found if not ipaddress.ip_address(address).is_loopback}
    if not found:
        raise CvappError(
            "this machine has no address on a network: join the phone's Wi-Fi; or use a cable with --adb, or this machine's browser without --lan",
            Exit.NO_DEVICE,
        )
    return list(found)


def make_certificate(hosts: list[str], folder: Path) -> Certificate:
    """A certificate that vouches for itself, for these addresses and names, and its key, readable by its owner only.

    A browser warns of such a one and goes on when told so; then the page counts as secure, but no service worker is let in.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cvapp phone")])
    now = datetime.datetime.now(datetime.timezone.utc)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # a phone's clock may be behind
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([_subject(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    made = Certificate(folder / "cert.pem", folder / "key.pem")
    made.cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    with open(os.open(made.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
    return made


def _subject(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def fingerprint(cert: Path) -> str:
    """SHA-256 of a certificate, as browsers show it: pairs of digits, parted by colons (exit 3 where it is none)."""
    return _read(cert).fingerprint(hashes.SHA256()).hex(":").upper()


def names(cert: Path) -> list[str]:
    """The names and addresses that a certificate vouches for, some perhaps with a `*` (exit 3 where it is none)."""
    try:
        subjects = _read(cert).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(one.value) for one in subjects if isinstance(one, (x509.DNSName, x509.IPAddress))]


def reachable(vouched: list[str], own: list[str]) -> list[str]:
    """Of the names that a certificate vouches for those that lead a phone here; this machine's own addresses where there are none.

    Args:
        vouched: names and addresses of the certificate; patterns, loopback's names and IPv6 addresses lead no phone here.
        own: addresses of this machine.
    """
    return [name for name in vouched if name != "localhost" and not name.startswith("127.") and not set(name) & set("*:")] or own


def _read(cert: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(cert.read_bytes())
    except (OSError, ValueError) as error:
        raise CvappError(f"{cert}: no certificate in PEM ({folded(error)}); give the file that holds it", Exit.BAD_DATA) from error


def qr_code(address: str, colour: bool) -> str:
    """The address as a QR code in lines of text, two rows of modules a line.

    Args:
        address: to be read from it.
        colour: whether the terminal takes colours: black on white then, whatever its own are; otherwise it is made for light letters on dark.
    """
    out = io.StringIO()
    segno.make(address, error="l", micro=False).terminal(out, border=2, compact=True)
    lines = out.getvalue().splitlines()
    return "\n".join(f"{_WHITE_ON_BLACK}{line}{_RESET}" if colour else line for line in lines)
