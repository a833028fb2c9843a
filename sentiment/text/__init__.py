"""Preprocessing of raw texts to ids, and word vectors."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentiment.text.co_occurrence import word_vectors
    from sentiment.text.layer import TextToIds
    from sentiment.text.plain_tokenizer import PlainTokenizer
    from sentiment.text.preprocessor import TextPreprocessor
    from sentiment.text.skip_gram import word2vec
    from sentiment.text.standardization import standardize
    from sentiment.text.vector_files import read_vectors, write_vectors
else:
    from sentiment.lazy import lazy_names

    __getattr__ = lazy_names(__name__, {
        "PlainTokenizer": "plain_tokenizer", "TextPreprocessor": "preprocessor", "TextToIds": "layer",
        "read_vectors": "vector_files", "standardize": "standardization", "word2vec": "skip_gram",
        "word_vectors": "co_occurrence", "write_vectors": "vector_files"})

__all__ = ["PlainTokenizer", "TextPreprocessor", "TextToIds", "read_vectors", "standardize", "word2vec",
           "word_vectors", "write_vectors"]
