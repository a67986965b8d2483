"""What may be fetched: all that the page asks for, and nothing else of the package."""

import gzip
import hashlib
import json
import re

import pytest

from cvapp.errors import CvappError, Exit
from cvapp.phone import served
from cvapp.phone.served import Served, page_files, with_list


@pytest.fixture(scope="module")
def files():
    return page_files()


def asked_for(address: str, text: str) -> set[str]:
    """Addresses that a page's file names, of the page itself."""
    named = re.findall(r"""(?:from |import\(|src=|href=|Worker\(|register\(|importScripts\(|"src": )['"]([^'"]+)['"]""", text)
    return {f"/{name.removeprefix('./')}" for name in named}


def test_all_that_the_page_names_is_there(files):
    own = {address: one for address, one in files.items() if "litert/" not in address}
    texts = {address: one.plain().decode() for address, one in own.items() if re.search("html|css|javascript|manifest", one.type)}
    named = {name for address, text in texts.items() for name in asked_for(address, text)}
    assert named >= {"/page.js", "/worker.js", "/keep.js", "/litert/litert.js", "/fit.js", "/page.css", "/icon-512.png"}
    assert named <= set(files) and asked_for("/", '<script src="gone.js">') - set(files) == {"/gone.js"}
    parts = re.search(r"\[('\./.*')\]", texts["/worker.js"]).group(1)
    assert {f"/{name.strip(chr(39))[2:]}" for name in parts.split(", ")} <= set(files)


def test_nothing_of_it_leads_elsewhere(files):
    """No address of another host, no markup that the policy forbids."""
    for address, one in files.items():
        if "litert/" not in address and one.type.startswith("text/"):
            text = one.plain().decode()
            assert re.findall(r"https?://[\w.]+", text.replace("http://www.w3.org/2000/svg", "")) == [], address
            assert not re.search(r"<script>|\son\w+=|\sstyle=|innerHTML", text), address


def test_the_library_is_whole_and_says_whose_it_is(files):
    wasm = files["/litert/litert_wasm_compat_internal.wasm"]
    assert wasm.zipped and wasm.type == "application/wasm" and wasm.plain()[:8] == b"\0asm\1\0\0\0"
    assert files["/litert/litert.js"].plain().startswith(b"var litert=")
    assert "Apache-2.0" in (served.PAGE / "litert/NOTICE").read_text()
    assert not any(address.endswith((".gz", "NOTICE")) for address in files)


def test_the_lock_file_pins_what_was_built_and_holds_no_address():
    folder = served.PAGE.parent / "litert"
    lock = json.loads((folder / "package-lock.json").read_text())
    version = lock["packages"]["node_modules/@litertjs/core"]["version"]
    assert f"LiteRT.js {version}," in (served.PAGE / "litert/NOTICE").read_text()
    assert all("resolved" not in row and row.get("integrity", "sha512-").startswith("sha512-") for row in lock["packages"].values())
    assert "://" not in (folder / "package-lock.json").read_text()


def test_the_list_names_each_file_by_its_content():
    files = {"/": Served(b"page", "text/html"), "/a.js": Served(gzip.compress(b"code", mtime=0), "text/javascript", zipped=True)}
    listed = with_list(files)
    told = json.loads(listed[served.FILES].data)
    assert told["/"] == hashlib.sha256(b"page").hexdigest()[:32] and set(told) == {"/", "/a.js"}
    changed = json.loads(with_list({**files, "/": Served(b"pag3", "text/html")})[served.FILES].data)
    assert changed["/a.js"] == told["/a.js"] and changed["/"] != told["/"]
    assert files["/a.js"].plain() == b"code" and files["/"].plain() == b"page"


def test_an_installation_without_its_page_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(served, "PAGE", tmp_path)
    (tmp_path / "index.html").write_text("page")
    with pytest.raises(CvappError, match="the phone page is not whole; install cvapp again") as caught:
        page_files()
    assert caught.value.code == Exit.BAD_DATA
