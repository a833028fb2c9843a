"""From raw text to padded batches of ids; one object for training, prediction and export."""

from sentiment.preprocessing.batching import Batch, Batches, bucket_lengths, endless, map_batches, training_dataset
from sentiment.preprocessing.preprocessor import TextPreprocessor
from sentiment.preprocessing.standardization import standardize
from sentiment.preprocessing.tokens import PADDING_ID, UNKNOWN_ID, TokenizedTexts
from sentiment.preprocessing.vector_files import read_vectors, write_vectors
from sentiment.preprocessing.word2vec import word2vec
from sentiment.preprocessing.word_vectors import word_vectors

__all__ = ["PADDING_ID", "UNKNOWN_ID", "Batch", "Batches", "TextPreprocessor", "TokenizedTexts", "bucket_lengths",
           "endless", "map_batches", "read_vectors", "standardize", "training_dataset", "word2vec", "word_vectors",
           "write_vectors"]
