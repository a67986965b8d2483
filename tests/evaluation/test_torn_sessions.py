"""Sessions that train as well are no measure of others; and classes of a photo each leave nothing to learn from."""

import numpy as np

from cvapp.data.split import Row
from cvapp.evaluation import probe
from cvapp.evaluation.results import held_out_sessions, parts


def test_sessions_that_train_do_not_count_by_session():
    rows = [
        Row("1", "1.png", "a", "train", "monday"),
        Row("2", "2.png", "b", "train", "tuesday"),
        Row("3", "3.png", "a", "test", "monday"),
        Row("4", "4.png", "b", "test", "friday"),
        Row("5", "5.png", "b", "test", ""),
        Row("6", "6.png", "b", "val", "tuesday"),
    ]
    assert held_out_sessions(rows[2:5], rows) == [None, "friday", ""]
    answers = np.eye(2)[[0, 1, 0, 0, 1, 1]]  # of the test photos that count, friday's is wrong and the single one right
    found = parts(rows, answers, ["a", "b"])
    assert found["test"].accuracy == 2 / 3 and found["val"].by_session is None
    told = found["test"].by_session
    assert told is not None and (told.sessions, told.accuracy, told.worst.name) == (2, 0.5, "friday")


def test_a_photo_of_each_class_is_judged_by_nothing():
    answers = probe.left_out(np.eye(2, 8), np.array([0, 1]), 2, 0)
    np.testing.assert_allclose(answers, 0.5)
