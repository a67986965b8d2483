"""The report's pictures are there, and say what they are given."""

import numpy as np

from cvapp import images
from cvapp.evaluation import report

HISTORY = [
    {"epoch": epoch, "loss": 1 / epoch, "val_loss": abs(epoch - 3) + 1, "accuracy": 0.5, "val_accuracy": 0.6} for epoch in range(1, 8)
]


def test_curves_and_confusion_are_pictures(tmp_path):
    report.write_curves(HISTORY, tmp_path / "curves.png")
    report.write_confusion(np.array([[3, 0], [1, 2]]), ["ants", "bees"], "val", tmp_path / "confusion.png")
    curves, confusion = images.read(tmp_path / "curves.png"), images.read(tmp_path / "confusion.png")
    assert curves.shape[1] > curves.shape[0] > 300 and confusion.shape[0] > 300
    orange = (np.abs(curves.astype(int) - (0xD9, 0x78, 0x2D)).max(-1) < 40).sum()
    assert orange > 200, "the validation curve is drawn"


def test_a_matrix_of_a_hundred_classes_stays_of_a_sane_size(tmp_path):
    report.write_confusion(np.eye(100, dtype=int), [f"class {index}" for index in range(100)], "val", tmp_path / "confusion.png")
    assert max(images.read(tmp_path / "confusion.png").shape) < 2000


def test_the_page_is_self_contained(exported):
    page = (exported / "saved_models/mine/report/report.html").read_text()
    assert page.count("data:image/png;base64,") == 2 and "http" not in page.replace("http-equiv", "")
    assert "heart, moon, tree" in page
