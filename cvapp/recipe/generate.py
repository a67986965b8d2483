"""The part of a Recipe that a generator has besides: how it and its discriminator learn from each other, and how that is watched."""

from dataclasses import dataclass

from cvapp.errors import CvappError
from cvapp.recipe.values import one_of, settle_kinds, within

LOSSES = ("non-saturating", "least-squares", "hinge", "wasserstein")
SIDES = (28, 32, 64, 96)  # of the pictures that can be made; 28 in grey, all others in colour
VARIATIONS = ("colour", "translation", "cutout")


@dataclass(frozen=True)
class Generate:
    """How pictures are learnt to be made; no other task has a use for it.

    Args:
        latent: numbers that a picture is made from.
        conditional: whether it learns to make a picture of a class that is asked for.
        loss: `non-saturating` (Goodfellow et al. 2014), `least-squares` (Mao et al. 2017), `hinge` (Lim and Ye 2017), or `wasserstein` with a
            gradient penalty (Gulrajani et al. 2017), whose discriminator has layer instead of batch norm.
        steps: of the discriminator for each of the generator, on photos of their own.
        discriminator_rate: learning rate of the discriminator; `train.learning_rate` is the generator's.
        beta: Adam's decay of the mean gradient, of both.
        label_smoothing: by how much the discriminator's target for photos is under 1; of the first two losses.
        instance_noise: standard deviation of the noise that the discriminator sees on photos and samples, of values from -1 to 1; it falls to 0
            over the training.
        augment: of `colour`, `translation` and `cutout`, how photos and samples alike are varied before the discriminator sees them (Zhao et al.
            2020); for little data.
        average: share of the old weights in the moving average of the generator's, which is what is saved; 0 saves the last.
        penalty: weight of the gradient penalty.
        preview: steps between two pictures of the same sixty-four samples.
        judged: samples that are judged at the end and after each epoch, then at most four for each validation photo.
    """

    latent: int = 100
    conditional: bool = False
    loss: str = "non-saturating"
    steps: int = 1
    discriminator_rate: float = 2e-4
    beta: float = 0.5
    label_smoothing: float = 0.0
    instance_noise: float = 0.0
    augment: tuple[str, ...] = ()
    average: float = 0.999
    penalty: float = 10.0
    preview: int = 100
    judged: int = 5000

    def __post_init__(self) -> None:
        settle_kinds(self)
        one_of("generate.loss", self.loss, LOSSES)
        for word in self.augment:
            one_of("generate.augment", word, VARIATIONS)
        if len(set(self.augment)) != len(self.augment):
            raise CvappError(f"generate.augment is {', '.join(self.augment)}: name each once")
        within(self, latent=(1, 4096), steps=(1, 100), discriminator_rate=(1e-8, 10), beta=(0, 0.9999), label_smoothing=(0, 0.5))
        within(self, instance_noise=(0, 2), average=(0, 0.99999), penalty=(0, 1e6), preview=(1, 10**6), judged=(64, 10**6))
        if self.label_smoothing and self.loss not in LOSSES[:2]:
            raise CvappError(f"generate.label_smoothing means nothing to the loss {self.loss!r}, which has no target; leave it out")
