"""How often a sign classifier is right on a drawn video, against the truth beside it.

python benchmarks/sign_video.py signs demo/scene.mp4
"""

import sys

from cvapp import load
from cvapp.camera import live
from cvapp.data.signs import read_truth, truth_path


def main(name: str, video: str) -> None:
    """Print the share of frames named right: those with a whole sign, those with none, and all."""
    bundle = load(f"saved_models/{name}")
    truth = read_truth(truth_path(video))
    answers: list[str] = []
    live.run(video, bundle.classify, each=lambda answered: answers.append(answered.answer[0][0]))
    right = [answer == label for answer, (label, _) in zip(answers, truth, strict=True)]
    whole = [was for was, (_, seen) in zip(right, truth) if seen]
    empty = [was for was, (label, _) in zip(right, truth) if label == "background"]
    print(
        f"{video}: {name} is right on {sum(whole)}/{len(whole)} = {sum(whole) / len(whole):.3f} of the frames with a whole sign, "
        f"{sum(empty)}/{len(empty)} of those with none, {sum(right)}/{len(right)} of all"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
