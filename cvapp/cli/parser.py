"""The words of the command line. Nothing heavy is imported here: `cvapp --help` is a matter of milliseconds."""

from typing import Any

import cvapp
from cvapp.cli.words import Parser, add_split, add_starts, command, later


def build() -> Parser:
    """The parser of all commands."""
    parser = Parser(prog="cvapp", description="From photos to a proven model on a device.", epilog="cvapp help VERB tells all of one.")
    parser.add_argument("--version", action="version", version=f"cvapp {cvapp.__version__}")
    group = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=Parser)
    _add_model_commands(group)
    _add_slide_command(group)
    _add_proving_commands(group)
    _add_running_commands(group)
    _add_sample_command(group)
    _add_phone_command(group)
    _add_isp_command(group)
    data = group.add_parser("data", help="check, convert, split, collect or draw photos").add_subparsers(
        dest="thing", metavar="THING", required=True, parser_class=Parser
    )
    _add_data_commands(data)
    command(group, "list", later("models", "list_all"), "list the pipelines and the saved models", "cvapp list")
    cache = command(group, "cache", later("caching", "show"), "show how large the cache of fitted photos is, or remove it", "cvapp cache --clear")
    cache.add_argument("--clear", action="store_true", help="remove it; training fills it again")
    command(group, "doctor", later("doctor", "doctor"), "look at this machine: versions, cameras, display, libraries", "cvapp doctor")
    return parser


def _add_model_commands(group: Any) -> None:
    train = command(group, "train", later("training", "train"), "train a model", "cvapp train --data photos --name mine")
    train.add_argument(
        "pipeline",
        nargs="?",
        default="feature_extraction",
        metavar="PIPELINE",
        help="a pipeline's name or the path of its file (default: %(default)s)",
    )
    train.add_argument(
        "--data",
        metavar="DIR|CSV",
        help="class folders of photos, with or without train/ val/ test/ above them; a CSV of path,label; of a detector, photos with boxes as "
        "Pascal VOC, COCO or YOLO; of a generator, photos in class folders or not (default: the printable signs, drawn)",
    )
    train.add_argument("--name", metavar="NAME", help="of the model, saved_models/NAME (default: the data folder's name)")
    train.add_argument("--epochs", type=int, metavar="N", help="at most N epochs in all; of fine-tuning at most N more (train.fine_tune_epochs)")
    train.add_argument("--batch", type=int, metavar="N", help="short for --set train.batch=N")
    train.add_argument("--seed", type=int, metavar="N", help="short for --set seed=N")
    add_starts(train)
    train.add_argument("--strict", action="store_true", help="of a generator: end with an error where its samples collapse")
    train.add_argument("--set", action="append", default=[], metavar="A.B=C", help="change any part of the recipe; may be repeated")
    evaluate = command(
        group,
        "evaluate",
        later("measuring", "evaluate"),
        "measure a saved model on photos that it did not learn from: its own, or those of another folder",
        "cvapp evaluate mine --data new_photos",
    )
    evaluate.add_argument("name", metavar="NAME", help="of the model")
    evaluate.add_argument("--data", metavar="DIR|CSV", help="labeled photos to measure on; with --split, where the photos of its split lie")
    add_split(evaluate)
    evaluate.add_argument("--variant", metavar="V", help="keras, or a .tflite of the model (default: the exported choice)")


def _add_slide_command(group: Any) -> None:
    slide = command(
        group,
        "slide",
        later("models", "slide"),
        "make a detector of a classifier: slid over frames at several scales, it finds what it can name",
        "cvapp slide photos --data photos",
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
    export = command(group, "export", later("proving", "export"), "make .tflite variants and prove them", "cvapp export mine --auto")
    verify = command(
        group, "verify", later("proving", "verify"), "check that an exported model answers here as where it was made", "cvapp verify mine"
    )
    bench = command(group, "bench", later("proving", "bench"), "time the variants of a model on this machine", "cvapp bench mine")
    for one in (export, verify, bench):
        one.add_argument("name", metavar="NAME", help="of the model")
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
    predict = command(group, "predict", later("running", "predict"), "name what photos show, or box it", "cvapp predict mine photo.jpg")
    predict.add_argument("name", metavar="NAME", help="of the model")
    predict.add_argument("paths", nargs="+", metavar="FILE|DIR", help="photos, or folders of them")
    predict.add_argument("--csv", metavar="OUT.csv", help="also write the table to a file")
    predict.add_argument("--draw", metavar="DIR", help="also write the photos with the answers drawn on them")
    camera = command(
        group, "camera", later("running", "camera"), "run a model live on a camera, a video or a folder", "cvapp camera mine --source 0"
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
    for one in (predict, camera):
        one.add_argument(
            "--conf", type=float, metavar="X", help="of a detector: score from which a box counts (default: the card's threshold)"
        )
        one.add_argument("--iou", type=float, metavar="X", help="of a detector: overlap above which one of two boxes of a class is dropped")
        one.add_argument("--attention", action="store_true", help="draw where a vision transformer looks; predict wants --draw for it")
        one.add_argument("--variant", metavar="V", help="keras, or a .tflite of the model (default: the exported choice)")
        one.add_argument("--threads", type=int, default=1, metavar="N", help="of the interpreter (default: %(default)s)")


def _add_sample_command(group: Any) -> None:
    sample = command(
        group, "sample", later("sampling", "sample"), "make pictures with a generator", "cvapp sample mine --count 64 --grid out.png"
    )
    sample.add_argument("name", metavar="NAME", help="of the generator")
    sample.add_argument("--count", type=int, default=64, metavar="N", help="pictures to make (default: %(default)s)")
    sample.add_argument("--seed", type=int, default=0, metavar="N", help="another seed makes other pictures (default: %(default)s)")
    sample.add_argument("--label", metavar="L", help="of a conditional generator: the class to make (default: all in turn)")
    sample.add_argument(
        "--grid", metavar="FILE.png", help="all pictures in one (default: NAME.png, where neither --out nor --video is given)"
    )
    sample.add_argument("--out", metavar="DIR", help="each picture in a file of its own")
    sample.add_argument("--video", metavar="OUT.mp4", help="the grid turns into that of another seed, and back")
    sample.add_argument("--to", type=int, metavar="SEED", help="of --video: the other seed (default: the next)")
    sample.add_argument("--seconds", type=float, metavar="S", help="of --video: how long there and back takes (default: 6)")
    sample.add_argument("--variant", metavar="V", help="keras, or a .tflite of the model (default: the exported choice)")
    sample.add_argument("--threads", type=int, default=1, metavar="N", help="of the interpreter (default: %(default)s)")


def _add_phone_command(group: Any) -> None:
    phone = command(group, "phone", later("phone", "phone"), "run an exported model on a phone, in its browser", "cvapp phone mine --lan")
    phone.add_argument("name", metavar="NAME", help="of the model")
    phone.add_argument("--lan", action="store_true", help="serve the network, over HTTPS (default: this machine alone)")
    phone.add_argument("--adb", action="store_true", help="serve an Android phone at the cable, open the page there, push the model for an app")
    phone.add_argument("--port", type=int, metavar="N", help="to listen at (default: the first free one from 8765 on)")
    phone.add_argument("--cert", metavar="FILE.pem", help="of --lan: a certificate that the phone trusts (default: made on the spot)")
    phone.add_argument("--key", metavar="FILE.pem", help="of --cert: its key")
    phone.add_argument("--variant", metavar="V", help="that the page starts with (default: the exported choice)")


def _add_isp_command(group: Any) -> None:
    isp = command(group, "isp", later("isp", "isp"), "develop a camera's raw file", "cvapp isp photo.dng --steps denoise=8")
    isp.add_argument("file", metavar="FILE", help="DNG, CR2, NEF ..., a mosaic (.npy, .npz), or a picture to try --steps on")
    isp.add_argument("--out", metavar="FILE.png", help="what to write (default: beside the file, where nothing is replaced)")
    isp.add_argument("--steps", metavar="S,S=N", help="done last, for example grey-world,gamma=1.2,median=3; a wrong name lists them all")
    isp.add_argument("--pattern", metavar="P", help="of a mosaic's colour filter array: RGGB, BGGR, GRBG or GBRG")
    isp.add_argument("--raw", metavar="WxH,BITS,P", help="what a sensor's dump without a header holds, for example 640x480,12,RGGB")
    isp.add_argument("--white", type=float, metavar="N", help="value where the sensor saturates, of a mosaic or a dump, for example 4095")
    isp.add_argument("--method", choices=("bilinear", "edge-aware"), help="of demosaicing (default: edge-aware)")
    balances = ("camera", "grey-world", "white-world")
    isp.add_argument("--balance", choices=balances, help="white balance (default: the camera's; grey-world where the file holds none)")
    isp.add_argument("--patch", metavar="L,T,R,B", help="white balance by a grey patch: left,top,right,bottom in the developed picture")
    isp.add_argument("--exposure", type=float, metavar="N", help="stops (default: the brightest hundredth becomes white)")


def _add_data_commands(group: Any) -> None:
    check = command(
        group, "check", later("checking", "check"), "name files that cannot be used, copies, and what else is amiss", "cvapp data check photos"
    )
    split = command(
        group,
        "split",
        later("data", "split_"),
        "freeze which photo trains, validates and tests, in DIR/split.csv (or beside the CSV); copies stay together. What is frozen stays, "
        "unless --val, --test or --seed asks for another split",
        "cvapp data split photos",
    )
    folders = "class folders of photos, a CSV of path,label, or a folder of idx files"
    boxed = "photos with boxes: a folder of Pascal VOC, COCO, YOLO, LabelMe, CreateML, Edge Impulse or TensorFlow's CSV, a json, a csv or a data.yaml"
    check.add_argument("folder", metavar="DIR|CSV", help=f"{folders}; or {boxed}")
    split.add_argument("folder", metavar="DIR|CSV", help=folders)
    convert = command(
        group,
        "convert",
        later("data", "convert"),
        "write photos with boxes in another format",
        "cvapp data convert voc_photos --to yolo --out yolo_photos",
    )
    convert.add_argument("source", metavar="DIR|FILE", help=boxed)
    convert.add_argument("--to", required=True, choices=("voc", "coco", "yolo"), help="the format")
    convert.add_argument("--out", required=True, metavar="DIR", help="a folder that holds nothing yet")
    split.add_argument("--val", type=float, metavar="X", help="share of each class for validation (default: 0.2)")
    split.add_argument("--test", type=float, metavar="X", help="share of each class held out to the end (default: 0.2)")
    split.add_argument("--seed", type=int, metavar="N", help="another seed is another split (default: 0)")
    collect = command(
        group,
        "collect",
        later("data", "collect"),
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
    signs = command(
        group,
        "signs",
        later("data", "draw_signs"),
        "draw the printable signs: photos, a sheet, a video, scenes to find them in",
        "cvapp data signs --out signs --count 100 --print signs.pdf",
    )
    signs.add_argument("--out", metavar="DIR", help="write class folders of photos")
    signs.add_argument("--count", type=int, default=100, metavar="N", help="photos of each class; scenes (default: %(default)s)")
    signs.add_argument("--print", metavar="FILE.pdf", help="write the sheet to print or to show on a screen")
    signs.add_argument("--video", metavar="FILE.mp4", help="write a moving scene, and the truth for each frame beside it")
    signs.add_argument("--scenes", metavar="DIR", help="write scenes of several signs with boxes and corners, for a detector (COCO)")
    signs.add_argument("--seed", type=int, default=0, metavar="N", help="another seed is another result (default: %(default)s)")
