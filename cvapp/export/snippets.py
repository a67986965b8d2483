"""Code that uses an exported model without cvapp, written out for one model: its size, its threshold, its way of fitting a photo."""

from string import Template

from cvapp.card import Card

PYTHON_RESIZE = {
    "area": """\
def resize(picture, height, width):
    shrinks = picture.shape[0] >= height and picture.shape[1] >= width
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
""",
    "linear": """\
def resize(picture, height, width):
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
""",
}
PYTHON_FIT = {
    "crop": """\
def fit(picture):  # the middle, in the shape of the model's picture
    rows, columns = picture.shape[:2]
    scale = min(rows / HEIGHT, columns / WIDTH)
    height, width = max(1, round(scale * HEIGHT)), max(1, round(scale * WIDTH))
    top, left = (rows - height) // 2, (columns - width) // 2
    return resize(picture[top : top + height, left : left + width], HEIGHT, WIDTH)
""",
    "letterbox": """\
def fit(picture):  # all of it, with black beside it
    rows, columns = picture.shape[:2]
    scale = min(HEIGHT / rows, WIDTH / columns)
    height, width = max(1, round(scale * rows)), max(1, round(scale * columns))
    top, left = (HEIGHT - height) // 2, (WIDTH - width) // 2
    borders = top, HEIGHT - height - top, left, WIDTH - width - left
    return cv2.copyMakeBorder(resize(picture, height, width), *borders, cv2.BORDER_CONSTANT)
""",
    "stretch": """\
def fit(picture):  # all of it, whatever its shape
    return resize(picture, HEIGHT, WIDTH)
""",
}
PYTHON_READ = """\
if len(sys.argv) != 2:
    sys.exit("give the path of one photo")
bgr = cv2.imread(sys.argv[1])
if bgr is None:
    sys.exit(f"{sys.argv[1]}: not a photo that OpenCV reads")
picture = fit(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
"""
_LITERT = Template("""\
import sys
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

HEIGHT, WIDTH, THRESHOLD = $height, $width, $threshold


$resize

$fit

$read
interpreter = Interpreter("lite/$variant.tflite")
interpreter.allocate_tensors()
source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
interpreter.set_tensor(source["index"], picture[None])
interpreter.invoke()
answer = interpreter.get_tensor(target["index"])[0].astype(np.float32)
if target["dtype"] == np.uint8:
    scale, zero = target["quantization"]
    answer = (answer - zero) * np.float32(scale)
labels = Path("lite/labels.txt").read_text(encoding="utf-8").splitlines()
best, probability = labels[answer.argmax()], float(answer.max())
known = probability >= THRESHOLD and best not in ("background", "unknown")
print(best if known else "unknown", f"{probability:.6f}")
""")
_MEDIAPIPE = Template("""\
import sys

import cv2
import mediapipe as mp
from mediapipe.tasks.python.vision import ImageClassifier

HEIGHT, WIDTH = $height, $width


$resize

$fit

$read
with ImageClassifier.create_from_model_path("lite/$variant.tflite") as classifier:
    found = classifier.classify(mp.Image(image_format=mp.ImageFormat.SRGB, data=picture))
categories = found.classifications[0].categories  # the best first; none that is less sure than the file's threshold
best = categories[0].category_name if categories else "unknown"
print("unknown" if best == "background" else best)
""")

_KOTLIN_RESIZE = {
    "area": """\
fun resize(picture: Bitmap, width: Int, height: Int): Bitmap {
    var now = picture
    while (now.width >= 2 * width && now.height >= 2 * height) { // halves, so that every pixel counts
        now = Bitmap.createScaledBitmap(now, now.width / 2, now.height / 2, true)
    }
    return Bitmap.createScaledBitmap(now, width, height, true)
}
""",
    "linear": """\
fun resize(picture: Bitmap, width: Int, height: Int): Bitmap = Bitmap.createScaledBitmap(picture, width, height, true)
""",
}
_KOTLIN_FIT = {
    "crop": """\
fun fit(picture: Bitmap): Bitmap {
    val scale = min(picture.width / WIDTH.toDouble(), picture.height / HEIGHT.toDouble())
    val width = max(1, round(scale * WIDTH).toInt())
    val height = max(1, round(scale * HEIGHT).toInt())
    val part = Bitmap.createBitmap(picture, (picture.width - width) / 2, (picture.height - height) / 2, width, height)
    return resize(part, WIDTH, HEIGHT)
}
""",
    "letterbox": """\
fun fit(picture: Bitmap): Bitmap {
    val scale = min(WIDTH / picture.width.toDouble(), HEIGHT / picture.height.toDouble())
    val width = max(1, round(scale * picture.width).toInt())
    val height = max(1, round(scale * picture.height).toInt())
    val out = Bitmap.createBitmap(WIDTH, HEIGHT, Bitmap.Config.ARGB_8888)
    val canvas = Canvas(out)
    canvas.drawColor(Color.BLACK)
    canvas.drawBitmap(resize(picture, width, height), ((WIDTH - width) / 2).toFloat(), ((HEIGHT - height) / 2).toFloat(), null)
    return out
}
""",
    "stretch": """\
fun fit(picture: Bitmap): Bitmap = resize(picture, WIDTH, HEIGHT)
""",
}
_KOTLIN = Template("""\
import android.content.Context
import android.graphics.*
import com.google.mediapipe.framework.image.BitmapImageBuilder
import com.google.mediapipe.tasks.vision.imageclassifier.ImageClassifier
import kotlin.math.*

const val WIDTH = $width
const val HEIGHT = $height

$resize
$fit
class Classifier(context: Context) {
    private val classifier = ImageClassifier.createFromFile(context, "$variant.tflite")

    /** What an upright ARGB_8888 bitmap shows. */
    fun name(picture: Bitmap): String {
        val result = classifier.classify(BitmapImageBuilder(fit(picture)).build()).classificationResult()
        val best = result.classifications()[0].categories().firstOrNull()?.categoryName() ?: "unknown"
        return if (best == "background") "unknown" else best
    }
}
""")

_SWIFT_PLACE = {
    "crop": """\
    let photo = CGSize(width: picture.size.width * picture.scale, height: picture.size.height * picture.scale)
    let scale = min(photo.width / size.width, photo.height / size.height)
    let width = max(1, (scale * size.width).rounded(.toNearestOrEven))
    let height = max(1, (scale * size.height).rounded(.toNearestOrEven))
    let (across, down) = (size.width / width, size.height / height)
    let left = ((photo.width - width) / 2).rounded(.down)
    let top = ((photo.height - height) / 2).rounded(.down)
    let place = CGRect(x: -left * across, y: -top * down, width: photo.width * across, height: photo.height * down)
""",
    "letterbox": """\
    let scale = min(size.width / picture.size.width, size.height / picture.size.height)
    let width = max(1, (scale * picture.size.width).rounded(.toNearestOrEven))
    let height = max(1, (scale * picture.size.height).rounded(.toNearestOrEven))
    let left = ((size.width - width) / 2).rounded(.down)
    let top = ((size.height - height) / 2).rounded(.down)
    let place = CGRect(x: left, y: top, width: width, height: height)
""",
    "stretch": """\
    let place = CGRect(origin: .zero, size: size)
""",
}
_SWIFT_QUALITY = {"area": "high", "linear": "low"}
_SWIFT = Template("""\
import MediaPipeTasksVision
import UIKit

let size = CGSize(width: $width, height: $height)

func fit(_ picture: UIImage) -> UIImage {
$place
    let format = UIGraphicsImageRendererFormat()
    format.scale = 1
    format.preferredRange = .standard
    return UIGraphicsImageRenderer(size: size, format: format).image { context in
        UIColor.black.setFill()
        context.fill(CGRect(origin: .zero, size: size))
        context.cgContext.interpolationQuality = .$quality
        picture.draw(in: place)
    }
}

final class Classifier {
    private let classifier: ImageClassifier

    init() throws {
        classifier = try ImageClassifier(modelPath: Bundle.main.path(forResource: "$variant", ofType: "tflite")!)
    }

    /// What a photo shows.
    func name(_ picture: UIImage) throws -> String {
        let result = try classifier.classify(image: MPImage(uiImage: fit(picture))).classificationResult
        let best = result.classifications[0].categories.first?.categoryName ?? "unknown"
        return best == "background" ? "unknown" : best
    }
}
""")


def litert(card: Card, variant: str) -> str:
    """Python with LiteRT, NumPy and OpenCV: says what the photo of its argument shows, run in the unpacked folder."""
    return _LITERT.substitute(_values(card, variant), resize=PYTHON_RESIZE[card.images.resize], fit=PYTHON_FIT[card.images.fit])


def mediapipe(card: Card, variant: str) -> str:
    """Python with MediaPipe Tasks: the same."""
    return _MEDIAPIPE.substitute(_values(card, variant), resize=PYTHON_RESIZE[card.images.resize], fit=PYTHON_FIT[card.images.fit])


def kotlin(card: Card, variant: str) -> str:
    """Kotlin with MediaPipe Tasks, for Android; Android has no resizing by area, so it halves first."""
    return _KOTLIN.substitute(_values(card, variant), resize=_KOTLIN_RESIZE[card.images.resize], fit=_KOTLIN_FIT[card.images.fit])


def swift(card: Card, variant: str) -> str:
    """Swift with MediaPipe Tasks, for iOS; Core Graphics averages at high quality."""
    return _SWIFT.substitute(_values(card, variant), place=_SWIFT_PLACE[card.images.fit], quality=_SWIFT_QUALITY[card.images.resize])


def _values(card: Card, variant: str) -> dict[str, object]:
    """What every snippet names."""
    height, width = card.images.size or (0, 0)
    return {"height": height, "width": width, "threshold": card.threshold, "variant": variant, "read": PYTHON_READ}
