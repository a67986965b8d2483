"""`cvapp phone`: a model on the phone in your hand."""

import argparse
import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from cvapp.cli.answer import Answer, model_folder
from cvapp.errors import CvappError, missing_extra
from cvapp.progress import Terminal


def phone(args: argparse.Namespace) -> Answer:
    """Serve the page with a model until Ctrl-C: to this machine, over the network, or over the cable."""
    try:
        from cvapp.phone import cable, model, served, server
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "uvicorn", "phone") from error
    _refuse(args)
    folder = model_folder(args.name)
    files = served.with_list({**served.page_files(), **model.model_files(folder, args.variant)})
    told = json.loads(files[model.TOLD].data)
    serial = cable.find_phone() if args.adb else None
    with contextlib.ExitStack() as stack:
        names, certificate, values = _secured(args, stack) if args.lan else (["localhost"], None, {})
        one = stack.enter_context(server.listen("0.0.0.0" if args.lan else server.LOOPBACK, args.port))
        port = one.getsockname()[1]
        if args.port is None and port != server.PORT:
            Terminal()(f"port {server.PORT} is taken, so the page is at {port}; what a phone kept from {server.PORT} is another page")
        addresses = [f"http{'s' * args.lan}://{name}:{port}/" for name in values.pop("hosts", names)]
        values = {"name": told["name"], "variant": told["chosen"], "port": port, "addresses": addresses, **values}
        web = server.prepare(files, [*names, "localhost", server.LOOPBACK], certificate)
        if serial is not None:
            stack.callback(cable.unforward, serial, port)
            cable.forward(serial, port)
            values |= {"serial": serial, "pushed": cable.push(serial, folder, told["chosen"])}
            cable.open_page(serial, addresses[0])
        stack.enter_context(server.ended_by_signals(web))
        held = stack.pop_all()

    def serve() -> None:
        with held:
            web.run(sockets=[one])

    return Answer(values, _text(values), then=serve)


def _refuse(args: argparse.Namespace) -> None:
    """Options that do not go together."""
    if args.lan and args.adb:
        raise CvappError("--lan reaches the phone over the network, --adb over the cable; give one of them")
    if (args.cert is None) != (args.key is None) or (args.cert and not args.lan):
        raise CvappError("--cert and --key go together, and with --lan: on this machine alone, and over the cable, no certificate is needed")


def _secured(args: argparse.Namespace, stack: contextlib.ExitStack) -> tuple[list[str], Any, dict[str, Any]]:
    """For the network: names that requests may be for, a certificate, and what is told: the hosts that phones are sent to, its fingerprint."""
    from cvapp.phone import network, server

    own = network.addresses()
    if args.cert:
        certificate = server.Certificate(Path(args.cert), Path(args.key))
        vouched = network.names(certificate.cert)
    else:
        certificate = network.make_certificate(own, Path(stack.enter_context(tempfile.TemporaryDirectory())))
        vouched = own
    told = {"hosts": network.reachable(vouched, own), "fingerprint": network.fingerprint(certificate.cert), "made": not args.cert}
    return [*vouched, *own], certificate, told


def _text(values: dict[str, Any]) -> str:
    """What a person is told: the address, and how the phone gets there."""
    first, *others = values["addresses"]
    lines = [f"{values['name']} ({values['variant']}) is at {first}" + (f", or {', '.join(others)}" if others else "")]
    if "fingerprint" in values:
        from cvapp.phone.network import qr_code

        lines += ["", qr_code(first, _coloured()), "", "point the phone's camera at the code; the phone must be in the same network as this machine"]
        if values["made"]:
            lines.append("its browser will warn, since the certificate vouches for itself: go on (Advanced, Proceed). It should be the one with")
            lines.append(f"SHA-256 {values['fingerprint']}")
    elif "serial" in values:
        lines.append(f"opened on the phone {values['serial']}; the model, its labels and golden samples for an app: {values['pushed']}")
        lines.append("add the page to the home screen and it works without the cable, too")
    else:
        lines.append("this machine's browser opens it; for a phone: --lan over the network, --adb over a cable")
    return "\n".join([*lines, "Ctrl-C ends it"])


def _coloured() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
