"""How old a frame is when a slow consumer gets it, and whether a long run grows: drawn signs at 30 frames/s, 200 ms spent on each answer.

    python benchmarks/live_age.py [SECONDS]

The budget: no frame older than two frames and the consumer's time; memory at the end as in the middle.
"""

import sys
import time
from pathlib import Path

import numpy as np

from cvapp.camera import live
from cvapp.camera.loop import Answered
from cvapp.camera.sources.frames import now

FPS, SPENT = 30, 0.2
BOUND = 1e3 * (2 / FPS + SPENT)


def memory() -> float:
    """MB of this process that are in RAM."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def main(seconds: float) -> None:
    """Print ages, dropped frames and memory."""
    ages: list[float] = []
    sizes: list[float] = []
    start = now()

    def each(answered: Answered) -> None:
        ages.append(1e3 * (now() - answered.captured))
        sizes.append(memory())
        time.sleep(SPENT)
        if now() - start >= seconds:
            raise KeyboardInterrupt

    done = live.run(f"synthetic:signs,fps={FPS}", lambda rgb: [("bright", rgb[::8, ::8].mean() / 255)], each=each)
    middle, late = np.percentile(ages, (50, 95))
    print(f"{done.frames} frames in {done.seconds:.0f} s, {done.dropped} dropped, {done.frames_per_second:.2f} a second")
    over = sum(age > BOUND for age in ages)
    print(f"age: median {middle:.1f} ms, 95th percentile {late:.1f}, largest {max(ages):.1f}; the bound {BOUND:.1f}, over it {over} frames")
    print(f"memory: {sizes[0]:.0f} MB at the first frame, {sizes[len(sizes) // 2]:.0f} in the middle, {sizes[-1]:.0f} at the end")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0)
