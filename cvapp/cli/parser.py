"""The words of the command line. Nothing heavy is imported here: `cvapp --help` is a matter of milliseconds."""

import argparse
import difflib
import importlib
from typing import Any, Callable, NoReturn

import cvapp
from cvapp.errors import Exit


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """What came, what is allowed, what to try (exit 2)."""
        if "invalid choice: " in message:
            came = message.split("invalid choice: ")[1].split(" (choose")[0].strip("'")
            known = [piece.strip(" '()") for piece in message.split("choose from ")[-1].split(",")]
            close = difflib.get_close_matches(came, known, 1)
            message = f"{came!r}: choose one of {', '.join(known)}" + (f". Did you mean {close[0]}?" if close else "")
        self.exit(int(Exit.USAGE), f"cvapp: {message}; see {self.prog} --help\n")


def _later(module: str, function: str) -> Callable[[argparse.Namespace], Any]:
    """A command that is imported when it runs."""
    return lambda args: getattr(importlib.import_module(f"cvapp.cli.{module}"), function)(args)


def _command(group: Any, name: str, run: Callable, text: str, example: str) -> argparse.ArgumentParser:
    parser = group.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", epilog=f"example: {example}")
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="print one JSON object on standard output, and nothing else there")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def build() -> Parser:
    """The parser of all commands."""
    parser = Parser(prog="cvapp", description="From photos to a proven model on a device.")
    parser.add_argument("--version", action="version", version=f"cvapp {cvapp.__version__}")
    group = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=Parser)
    _add_model_commands(group)
    _add_slide_command(group)
    _add_proving_commands(group)
    _add_running_commands(group)
    _add_isp_command(group)
    data = group.add_parser("data", help="check, convert, split, collect or draw photos").add_subparsers(
        dest="thing", metavar="THING", required=True, parser_class=Parser
    )
    _add_data_commands(data)
    _command(group, "list", _later("models", "list_all"), "list the pipelines and the saved models", "cvapp list")
    _command(group, "doctor", _later("doctor", "doctor"), "look at this machine: versions, cameras, display, libraries", "cvapp doctor")
    return parser


def _add_model_commands(group: Any) -> None:
    train = _command(group, "train", _later("models", "train"), "train a model", "cvapp train --data photos --name mine")
    train.add_argument(
        "pipeline",
        nargs="?",
        default="hub_classifier",
        metavar="PIPELINE",
        help="a pipeline's name or the path of its file (default: %(default)s)",
    )
    train.add_argument(
        "--data",
        metavar="DIR|CSV",
        help="class folders of photos, with or without train/ val/ test/ above them; a CSV of path,label; of a detector, photos with boxes as "
        "Pascal VOC, COCO or YOLO",
    )
    train.add_argument("--name", metavar="NAME", help="of the model, saved_models/NAME (default: the data folder's name)")
    train.add_argument("--epochs", type=int, metavar="N", help="short for --set train.epochs=N")
    train.add_argument("--batch", type=int, metavar="N", help="short for --set train.batch=N")
    train.add_argument("--seed", type=int, metavar="N", help="short for --set seed=N")
    train.add_argument("--resume", action="store_true", help="go on with the run that was interrupted; the result is the same")
    train.add_argument("--set", action="append", default=[], metavar="A.B=C", help="change any part of the recipe; may be repeated")
    evaluate = _command(
        group, "evaluate", _later("models", "evaluate"), "measure a saved model on the photos it did not learn from", "cvapp evaluate mine"
    )
    evaluate.add_argument("name", metavar="NAME", help="of the model")
    evaluate.add_argument("--data", metavar="DIR|CSV", help="where its photos lie, where they are not kept from training")
    evaluate.add_argument("--part", choices=("train", "val", "test"), help="of the split (default: test where there is one, else val)")
    evaluate.add_argument("--variant", metavar="V", help="keras, or a .tflite of the model (default: the exported choice)")


def _add_slide_command(group: Any) -> None:
    slide = _command(
        group,
        "slide",
        _later("models", "slide"),
        "make a detector of a classifier: slid over frames at several scales, it finds what it can name",
        "cvapp slide signs --name signs_boxes --data photos",
    )
    slide.add_argument("model", metavar="NAME", help="of the classifier; not one on a hub module, whose layers are unknown")
    slide.add_argument("--name", metavar="NAME", help="of the detector (default: that of the classifier, and _boxes)")
    slide.add_argument(
        "--data", metavar="DIR|CSV", help="where the classifier's photos lie: they choose the threshold and prove the export"
    )
    slide.add_argument("--size", default="480x640", metavar="HxW", help="of the frames it will look at (default: %(default)s)")
    slide.add_argument(
        "--tune", type=int, default=0, metavar="N", help="steps in which a padded network learns to answer as on its windows"
    )


def _add_proving_commands(group: Any) -> None:
    export = _command(group, "export", _later("proving", "export"), "make .tflite variants and prove them", "cvapp export mine --auto")
    verify = _command(
        group, "verify", _later("proving", "verify"), "check that an exported model answers here as where it was made", "cvapp verify mine"
    )
    bench = _command(group, "bench", _later("proving", "bench"), "time the variants of a model on this machine", "cvapp bench mine")
    for command in (export, verify, bench):
        command.add_argument("name", metavar="NAME", help="of the model")
    export.add_argument("--data", metavar="DIR|CSV", help="where its photos lie, where they are not kept from training")
    export.add_argument("--auto", action="store_true", help="put the smallest variant that passes in use, not float32")
    export.add_argument("--use", metavar="V", help="put this variant in use; nothing is made anew if it is there")
    export.add_argument(
        "--max-drop", type=float, metavar="X", help="points of accuracy that a variant may lose, or one photo (default: 0.5)"
    )
    export.add_argument("--set", action="append", default=[], metavar="export.B=C", help="change any part of the recipe's export")
    export.add_argument(
        "--out", metavar="FILE.zip", help="pack the variant in use for another machine; nothing is made anew if it is there"
    )
    bench.add_argument("--threads", type=int, nargs="+", metavar="N", help="of the interpreter (default: 1, 2, 4 and all that there are)")
    bench.add_argument(
        "--rounds", type=int, default=3, metavar="N", help="the variants take turns; medians are shown (default: %(default)s)"
    )


def _add_running_commands(group: Any) -> None:
    predict = _command(group, "predict", _later("running", "predict"), "name what photos show, or box it", "cvapp predict mine photo.jpg")
    predict.add_argument("name", metavar="NAME", help="of the model")
    predict.add_argument("paths", nargs="+", metavar="FILE|DIR", help="photos, or folders of them")
    predict.add_argument("--csv", metavar="OUT.csv", help="also write the table to a file")
    predict.add_argument("--draw", metavar="DIR", help="also write the photos with the answers drawn on them")
    camera = _command(
        group, "camera", _later("running", "camera"), "run a model live on a camera, a video or a folder", "cvapp camera mine --source 0"
    )
    camera.add_argument("name", nargs="?", metavar="NAME", help="of the model")
    camera.add_argument(
        "--source",
        default="0",
        metavar="S",
        help="a camera's index or device, a video, a picture, a folder, a glob, an http:// or rtsp:// address, a raw file, or synthetic:signs"
        " (default: %(default)s)",
    )
    camera.add_argument("--save", metavar="OUT.mp4", help="record the annotated video")
    camera.add_argument("--no-show", action="store_true", help="open no window")
    camera.add_argument("--frames", type=int, metavar="N", help="stop after N frames")
    camera.add_argument("--mirror", action="store_true", help="show the picture as a mirror does")
    camera.add_argument("--log", metavar="OUT.jsonl|OUT.csv", help="a line for each frame; - is JSON lines on standard output")
    camera.add_argument("--snapshots", metavar="DIR", help="where the key s puts pictures (default: snapshots)")
    camera.add_argument("--smooth", type=float, metavar="S", help="average answers over S seconds (default: 0.3 of a camera, 0 of a file)")
    camera.add_argument("--isp", metavar="STEPS", help='do these to every picture first, such as "grey-world,gamma=2.2"')
    camera.add_argument("--realtime", action="store_true", help="play a file by the clock, as a camera would")
    camera.add_argument("--size", metavar="HxW", help="picture size to ask the camera for, or to draw synthetic:signs at")
    camera.add_argument("--fps", type=float, metavar="N", help="frames a second to ask the camera for, or to draw synthetic:signs at")
    camera.add_argument("--backend", metavar="B", help="of OpenCV, such as V4L2")
    camera.add_argument("--list", action="store_true", help="list the cameras and stop")
    for command in (predict, camera):
        command.add_argument(
            "--conf", type=float, metavar="X", help="of a detector: score from which a box counts (default: the card's threshold)"
        )
        command.add_argument(
            "--iou", type=float, metavar="X", help="of a detector: overlap above which one of two boxes of a class is dropped"
        )
        command.add_argument("--attention", action="store_true", help="draw where a vision transformer looks; predict wants --draw for it")
        command.add_argument("--variant", metavar="V", help="keras, or a .tflite of the model (default: the exported choice)")
        command.add_argument("--threads", type=int, default=1, metavar="N", help="of the interpreter (default: %(default)s)")


def _add_isp_command(group: Any) -> None:
    isp = _command(group, "isp", _later("isp", "isp"), "develop a camera's raw file", "cvapp isp photo.dng --steps denoise=8")
    isp.add_argument("file", metavar="FILE", help="DNG, CR2, NEF ..., a mosaic (.npy, .npz), or a picture to try --steps on")
    isp.add_argument("--out", metavar="FILE.png", help="what to write (default: beside the file, where nothing is replaced)")
    isp.add_argument("--steps", metavar="S,S=N", help="done last, for example grey-world,gamma=1.2,median=3; a wrong name lists them all")
    isp.add_argument("--pattern", metavar="P", help="of a mosaic's colour filter array: RGGB, BGGR, GRBG or GBRG")
    isp.add_argument("--method", choices=("bilinear", "edge-aware"), help="of demosaicing (default: edge-aware)")
    isp.add_argument(
        "--balance",
        choices=("camera", "grey-world", "white-world"),
        help="white balance (default: the camera's; grey-world where the file holds none)",
    )
    isp.add_argument("--patch", metavar="L,T,R,B", help="white balance by a grey patch: left,top,right,bottom in the developed picture")
    isp.add_argument("--exposure", type=float, metavar="N", help="stops (default: the brightest hundredth becomes white)")


def _add_data_commands(group: Any) -> None:
    check = _command(
        group, "check", _later("data", "check"), "name files that cannot be used, copies, and what else is amiss", "cvapp data check photos"
    )
    split = _command(
        group,
        "split",
        _later("data", "split_"),
        "freeze which photo trains, validates and tests, in DIR/split.csv (or beside the CSV); copies stay together",
        "cvapp data split photos",
    )
    folders = "class folders of photos, a CSV of path,label, or a folder of idx files"
    boxed = "photos with boxes: a folder of Pascal VOC, COCO or YOLO, a COCO json or a data.yaml"
    check.add_argument("folder", metavar="DIR|CSV", help=f"{folders}; or {boxed}")
    split.add_argument("folder", metavar="DIR|CSV", help=folders)
    convert = _command(
        group,
        "convert",
        _later("data", "convert"),
        "write photos with boxes in another format",
        "cvapp data convert voc_photos --to yolo --out yolo_photos",
    )
    convert.add_argument("source", metavar="DIR|FILE", help=boxed)
    convert.add_argument("--to", required=True, choices=("voc", "coco", "yolo"), help="the format")
    convert.add_argument("--out", required=True, metavar="DIR", help="a folder that holds nothing yet")
    split.add_argument("--val", type=float, default=0.2, metavar="X", help="share of each class for validation (default: %(default)s)")
    split.add_argument(
        "--test", type=float, default=0.2, metavar="X", help="share of each class held out to the end (default: %(default)s)"
    )
    collect = _command(
        group,
        "collect",
        _later("data", "collect"),
        "take photos of one class with a camera",
        "cvapp data collect mug --out photos --count 60",
    )
    collect.add_argument("label", metavar="LABEL", help="the class; its folder is made below --out")
    collect.add_argument("--source", default="0", metavar="S", help="a camera's index, or a video file (default: %(default)s)")
    collect.add_argument("--out", required=True, metavar="DIR", help="the data folder")
    collect.add_argument("--count", type=int, default=40, metavar="N", help="photos to take (default: %(default)s)")
    collect.add_argument("--interval", type=float, default=0.5, metavar="S", help="seconds between photos (default: %(default)s)")
    collect.add_argument("--countdown", type=float, default=3.0, metavar="S", help="seconds to get ready (default: %(default)s)")
    collect.add_argument("--no-show", action="store_true", help="open no window")
    signs = _command(
        group,
        "signs",
        _later("data", "draw_signs"),
        "draw the printable signs: photos, a sheet, a video, scenes to find them in",
        "cvapp data signs --out signs --count 100 --print signs.pdf",
    )
    signs.add_argument("--out", metavar="DIR", help="write class folders of photos")
    signs.add_argument("--count", type=int, default=100, metavar="N", help="photos of each class; scenes (default: %(default)s)")
    signs.add_argument("--print", metavar="FILE.pdf", help="write the sheet to print or to show on a screen")
    signs.add_argument("--video", metavar="FILE.mp4", help="write a moving scene, and the truth for each frame beside it")
    signs.add_argument("--scenes", metavar="DIR", help="write scenes of several signs with boxes and corners, for a detector (COCO)")
    for command in (split, signs):
        command.add_argument("--seed", type=int, default=0, metavar="N", help="another seed is another result (default: %(default)s)")
