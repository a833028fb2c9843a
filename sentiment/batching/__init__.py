"""Tokenized texts and batches by length, with NumPy only."""

from sentiment.batching.batches import Batch, Batches, bucket_lengths, map_batches
from sentiment.batching.lanes import Lanes
from sentiment.batching.tokens import PADDING_ID, RESERVED_IDS, UNKNOWN_ID, TokenizedTexts

__all__ = ["PADDING_ID", "RESERVED_IDS", "UNKNOWN_ID", "Batch", "Batches", "Lanes", "TokenizedTexts", "bucket_lengths",
           "map_batches"]
