"""The part of a Recipe that decides what is exported."""

from dataclasses import dataclass

from cvapp.errors import CvappError
from cvapp.recipe.values import one_of, settle_kinds, within

VARIANTS = ("float32", "float16", "dynamic", "int8")


@dataclass(frozen=True)
class Export:
    """Which variants are made, what they say of themselves, and the gate each must pass before it is published.

    Args:
        variants: of `float32`, `float16` (weights in 16 bits), `dynamic` (weights in 8 bits, the rest in float) and `int8` (all in 8 bits).
        calibration: training photos that show int8 the range of every tensor.
        max_difference: largest probability difference of float32 from Keras.
        max_drop: accuracy that the others may lose, in points of 100; one photo is always allowed.
        min_agreement: share of photos on which their first answer must be Keras'.
        description: of the model, in the file; what it tells apart, and from how many photos, where empty.
        author: who made it, in the file.
        licence: of it, in the file; that of the backbone's weights where empty.
        version: of it, in the file.
    """

    variants: tuple[str, ...] = VARIANTS
    calibration: int = 200
    max_difference: float = 1e-3
    max_drop: float = 0.5
    min_agreement: float = 0.95
    description: str = ""
    author: str = ""
    licence: str = ""
    version: str = "1"

    def __post_init__(self) -> None:
        settle_kinds(self)
        for variant in self.variants:
            one_of("export.variants", variant, VARIANTS)
        if "float32" not in self.variants or len(set(self.variants)) != len(self.variants):
            raise CvappError(f"export.variants is {self.variants}: float32 must be among them, and none twice")
        within(self, calibration=(1, 100_000), max_difference=(0, 1), max_drop=(0, 100), min_agreement=(0, 1))
