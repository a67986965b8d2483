"""Every Keras class of cvapp that a saved model may hold. Keras finds a class by its name only once its module is imported: here all are."""

from cvapp.models.attention import MultiHeadAttention
from cvapp.models.hub import HubModule
from cvapp.models.positions import LearnedPositions, SinusoidalPositions
from cvapp.models.token_decoder import TokenDecoder
from cvapp.models.transformer_blocks import DecoderBlock, EncoderBlock, FeedForward
from cvapp.models.vit import ClassToken, GridPositions

CLASSES = (
    ClassToken,
    DecoderBlock,
    EncoderBlock,
    FeedForward,
    GridPositions,
    HubModule,
    LearnedPositions,
    MultiHeadAttention,
    SinusoidalPositions,
    TokenDecoder,
)
