"""From raw text to ids; one object for training, prediction and the SavedModel."""

from sentiment.text.preprocessor import TextPreprocessor
from sentiment.text.standardization import standardize
from sentiment.text.vector_files import read_vectors, write_vectors
from sentiment.text.word2vec import word2vec
from sentiment.text.word_vectors import word_vectors

__all__ = ["TextPreprocessor", "read_vectors", "standardize", "word2vec", "word_vectors", "write_vectors"]
