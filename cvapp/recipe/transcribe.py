"""The part of a Recipe that a transcriber has besides: the texts that it learns to read, its transformer, how it writes."""

from dataclasses import dataclass

from cvapp.errors import CvappError
from cvapp.recipe.values import settle_kinds, within


@dataclass(frozen=True)
class Transcribe:
    """What a transcriber reads, and with what; no other task has a use for it.

    Args:
        least: characters in a picture.
        most: characters in a picture; any number from one to the other is as likely.
        features: numbers for each column of the picture and each character, in encoder and decoder.
        num_heads: of attention; they must divide the features.
        hidden: of the blocks' feed-forward.
        encoder_blocks: over the picture's columns.
        decoder_blocks: over the characters.
        dropout: in all blocks.
        beam: texts side by side where the beam search is set beside the greedy one.
    """

    least: int = 1
    most: int = 8
    features: int = 96
    num_heads: int = 4
    hidden: int = 192
    encoder_blocks: int = 1
    decoder_blocks: int = 2
    dropout: float = 0.1
    beam: int = 4

    def __post_init__(self) -> None:
        settle_kinds(self)
        within(self, least=(1, 64), most=(1, 64), features=(8, 1024), num_heads=(1, 64), hidden=(1, 65_536), encoder_blocks=(0, 24))
        within(self, decoder_blocks=(1, 24), dropout=(0, 0.9), beam=(1, 64))
        if self.least > self.most:
            raise CvappError(f"transcribe.least is {self.least}, more than transcribe.most, {self.most}: give at most as many")
        if self.features % self.num_heads:
            raise CvappError(
                f"transcribe.features is {self.features}: give a multiple of transcribe.num_heads, {self.num_heads}, so that each head has as many"
            )
