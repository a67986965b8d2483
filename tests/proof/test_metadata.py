"""What a .tflite says of itself comes back, changes no answer, and never breaks its reader."""

import io
import time
import zipfile
from dataclasses import replace

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from cvapp.errors import CvappError, Exit
from cvapp.proof import metadata as proof
from cvapp.proof import metadata_tables
from cvapp.proof.metadata import Metadata
from tests.tiny_generator import tiny_generator
from tests.tiny_tflite import LABELS, SIZE, softmax_of_pixels, tiny_tflite

OURS = Metadata("bees", "Names what a picture shows.", "3", "a person", "Apache-2.0", LABELS, 0.75)
OTHER = Metadata("other", "Something else, and longer.", "4", "someone", "MIT", ("x", "y"), 0.5, 127.5, 127.5, "GRAYSCALE")
PLACES = {"version": 2, "author": 4, "licence": 5}  # fields of the first table, by the schema


def answers(model: bytes, pictures: np.ndarray) -> np.ndarray:
    """The probabilities by LiteRT, from memory."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    found = []
    for picture in pictures:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0])
    return np.stack(found)


def entries(model: bytes) -> dict[str, bytes]:
    """The model's entries by name, as the generated reader of TFLite's own schema sees them."""
    held = schema.ModelT.InitFromPackedBuf(model)
    return {entry.name.decode(): bytes(held.buffers[entry.buffer].data) for entry in held.metadata or []}


def with_entry(model: bytes, name: str, data: bytes) -> bytes:
    """The model with an entry, as another program adds it."""
    held = schema.ModelT.InitFromPackedBuf(model)
    entry, buffer = schema.MetadataT(), schema.BufferT()
    entry.name, entry.buffer, buffer.data = name.encode(), len(held.buffers), np.frombuffer(data, np.uint8)
    held.metadata = [*(held.metadata or []), entry]
    held.buffers.append(buffer)
    builder = flatbuffers.Builder(4096)
    builder.Finish(held.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def damaged(good: bytes, rng: np.random.Generator, kind: int) -> bytes:
    """The file with random bytes, cut off, with an odd length or distance, or with a hole."""
    data, place = bytearray(good), int(rng.integers(len(good) - 4))
    if kind == 0:
        data[place : place + 3] = rng.bytes(3)
    elif kind == 1:
        del data[place:]
    elif kind == 2:
        data[place : place + 4] = rng.choice([b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\0\0\0\x80", b"\x10\x27\0\0"])
    else:
        del data[place : place + int(rng.integers(1, 64))]
    return bytes(data)


@pytest.mark.parametrize("metadata", [OURS, OTHER, replace(OURS, labels=("Straße", "蜂", "a b"), description="", threshold=0.0)])
def test_what_is_written_comes_back(metadata):
    assert proof.read(proof.write(tiny_tflite(), metadata), "tiny.tflite") == metadata


@pytest.mark.parametrize("colours, channels", [("RGB", 3), ("GRAYSCALE", 1)])
def test_a_generator_says_that_it_makes_pictures_and_of_which_size(colours, channels):
    said = replace(OURS, threshold=0.0, color_space=colours, makes=True)
    written = proof.write(tiny_generator(3, channels), said)
    assert proof.read(written, "x") == said and tiny_generator(3, channels) in written
    assert proof.read(proof.write(tiny_tflite(), replace(OURS, threshold=0.0)), "x").makes is False
    info = metadata_tables.Table.root(entries(written)[proof.ENTRY], b"M001")
    (ports,) = info.tables(3)
    (source,), (target,) = ports.tables(2), ports.tables(3)
    assert (source.text(0), target.text(0)) == ("noise", "picture") and target.table(5).numbers(0, "f") == (1.0,)
    assert target.table(5).numbers(1, "f") == (-1.0,)
    size = target.table(3).table(1).table(1)
    assert (size.number(0, "I"), size.number(1, "I")) == (8, 12), "width, height"


def test_a_threshold_is_kept_as_a_float32():
    threshold = proof.read(proof.write(tiny_tflite(), replace(OURS, threshold=0.7)), "tiny.tflite").threshold
    assert threshold == np.float32(0.7)


def test_the_same_model_and_metadata_give_the_same_bytes(monkeypatch):
    first = proof.write(tiny_tflite(), OURS)
    monkeypatch.setattr(time, "time", lambda: 2e9)
    assert proof.write(tiny_tflite(), OURS) == first
    assert proof.write(tiny_tflite(), replace(OURS, author="b")) != first


def test_not_a_byte_of_the_model_changes_and_it_answers_the_same(rng):
    pictures = rng.integers(0, 256, (5, *SIZE, 3), np.uint8)
    model = tiny_tflite()
    written = proof.write(model, OURS)
    assert model in written and written.index(model) % 16 == 0
    np.testing.assert_array_equal(answers(written, pictures), answers(model, pictures))
    np.testing.assert_allclose(answers(written, pictures), softmax_of_pixels(pictures), atol=1e-5)


def test_new_metadata_take_the_place_of_the_old():
    model = tiny_tflite()
    once, twice = proof.write(model, OURS), proof.write(proof.write(model, OTHER), OURS)
    assert twice == once
    assert b"someone" in proof.write(model, OTHER) and b"someone" not in twice


def test_metadata_of_another_program_are_replaced_and_its_other_entries_stay():
    model = with_entry(with_entry(tiny_tflite(), "min_runtime_version", b"1.5.0"), proof.ENTRY, b"....M001 of another kind")
    data = io.BytesIO(model)
    with zipfile.ZipFile(data, "a") as archive:
        archive.writestr("old.txt", "bee\n")
    written = proof.write(data.getvalue(), OURS)
    assert list(entries(written)) == ["min_runtime_version", proof.ENTRY]
    assert entries(written)["min_runtime_version"] == b"1.5.0"
    assert proof.read(written, "x") == OURS
    assert zipfile.ZipFile(io.BytesIO(written)).namelist() == ["labels.txt"]


def test_the_label_file_lies_behind_the_model_as_any_zip_reader_finds_it():
    model = tiny_tflite()
    written = proof.write(model, OURS)
    with zipfile.ZipFile(io.BytesIO(written)) as archive:
        (info,) = archive.infolist()
        assert archive.read("labels.txt").decode() == "bee\nKäfer\nant\n"
    assert info.header_offset == written.index(model) + len(model)
    assert (info.filename, info.compress_type, info.date_time[:3]) == ("labels.txt", zipfile.ZIP_STORED, (1980, 1, 1))


def test_the_tables_are_those_of_the_schema():
    data = entries(proof.write(tiny_tflite(), OURS))["TFLITE_METADATA"]
    assert data[4:8] == b"M001" and len(data) % 16 == 0
    table = flatbuffers.table.Table(data, int.from_bytes(data[:4], "little"))

    def text(number):
        return table.String(table.Pos + table.Offset(4 + 2 * number)).decode()

    assert {name: text(place) for name, place in PLACES.items()} == {name: getattr(OURS, name) for name in PLACES}
    assert text(7) == "1.0.0"


def test_buffers_of_the_model_and_of_the_metadata_lie_on_16_bytes():
    written = proof.write(tiny_tflite(), OURS)
    tables = entries(written)["TFLITE_METADATA"]
    assert written.index(tables) % 16 == 0


def test_whatever_the_bytes_reading_ends_with_metadata_or_one_line(rng):
    good = proof.write(tiny_tflite(), OURS)
    read, refused = 0, 0
    start = time.perf_counter()
    for number in range(20_000):
        try:
            proof.read(damaged(good, rng, number % 4), "x.tflite")
            read += 1
        except CvappError as error:
            assert error.code == Exit.BAD_DATA and str(error).startswith("x.tflite: its metadata cannot be read (")
            refused += 1
    assert read > 1000 and refused > 1000  # many a byte is the model's own; both ways were gone
    assert time.perf_counter() - start < 60
    assert proof.read(good, "x.tflite") == OURS


@pytest.mark.parametrize(
    "change, text",
    [
        (lambda good: tiny_tflite(), "x.tflite: its metadata cannot be read (it has none); export the model again"),
        (lambda good: b"", "starts with b'', not b'TFL3'"),
        (lambda good: with_entry(tiny_tflite(), "TFLITE_METADATA", b"12345678"), "starts with b'5678', not b'M001'"),
        (lambda good: good[: good.index(b"PK\3\4")], "label file 'labels.txt': BadZipFile: File is not a zip file"),
        (lambda good: good.replace("Käfer".encode(), "Kafer!".encode()), "BadZipFile: Bad CRC-32 for file 'labels.txt'"),
        (lambda good: good.replace(np.float32(0.75).tobytes(), np.float32(1.5).tobytes()), "threshold 1.5, mean 0 or deviation 1 is out"),
        (lambda good: proof.write(good, replace(OURS, deviation=0.0)), "threshold 0.75, mean 0 or deviation 0 is out of range"),
        (lambda good: proof.write(good, replace(OURS, labels=("é" * (1 << 20),))), "ValueError: 2097153 bytes, by method 0"),
        (lambda good: proof.write(good, replace(OURS, labels=())), "label file 'labels.txt' is empty"),
        (lambda good: proof.write(good, replace(OURS, name="n" * 70_000)), "a text of 70000 bytes"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(change, text):
    good = proof.write(tiny_tflite(), OURS)
    with pytest.raises(CvappError) as caught:
        proof.read(change(good), "x.tflite")
    assert text in str(caught.value) and caught.value.code == Exit.BAD_DATA


def test_a_packed_label_file_is_not_unpacked():
    data = io.BytesIO(proof.write(tiny_tflite(), OURS).split(b"PK\3\4")[0])
    with zipfile.ZipFile(data, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labels.txt", "a\n" * 400_000)
    with pytest.raises(CvappError, match="800000 bytes, by method 8"):
        proof.read(data.getvalue(), "x.tflite")


def test_only_a_tflite_takes_metadata():
    with pytest.raises(ValueError, match="starts with b'', not b'TFL3'"):
        proof.write(b"PNG", OURS)
