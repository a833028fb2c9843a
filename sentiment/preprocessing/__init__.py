"""From raw text to ids; one object for training, prediction and the SavedModel."""

from sentiment.preprocessing.preprocessor import TextPreprocessor
from sentiment.preprocessing.standardization import standardize
from sentiment.preprocessing.vector_files import read_vectors, write_vectors
from sentiment.preprocessing.word2vec import word2vec
from sentiment.preprocessing.word_vectors import word_vectors

__all__ = ["TextPreprocessor", "read_vectors", "standardize", "word2vec", "word_vectors", "write_vectors"]
