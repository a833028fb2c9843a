"""From raw text to padded batches of ids; one object for training, prediction and export."""

from sentiment.preprocessing.batching import Batch, Batches, bucket_lengths, map_batches, training_dataset
from sentiment.preprocessing.preprocessor import TextPreprocessor
from sentiment.preprocessing.standardization import standardize
from sentiment.preprocessing.tokens import PADDING_ID, UNKNOWN_ID, TokenizedTexts
from sentiment.preprocessing.word_vectors import word_vectors

__all__ = ["PADDING_ID", "UNKNOWN_ID", "Batch", "Batches", "TextPreprocessor", "TokenizedTexts", "bucket_lengths",
           "map_batches", "standardize", "training_dataset", "word_vectors"]
