"""Linear baselines over n-grams, fitted by scikit-learn."""

import keras

from sentiment.architectures import blocks
from sentiment.architectures.registry import Sizes, register
from sentiment.config import ModelConfig
from sentiment.layers import LinearNgrams

WHOLE_TEXTS = {"vocabulary_size": 1_000_000, "max_length": 10_000}
LAYER = "ngrams"


def _model(counting: str, order: int, sizes: Sizes) -> keras.Model:
    ids = blocks.ids_input()
    return keras.Model(ids, LinearNgrams(sizes.terms, order, sizes.logits, counting, name=LAYER)(ids), name="linear")


@register("tfidf-lr", "TF-IDF of words and bigrams with logistic regression (scikit-learn)", learner="tfidf-lr",
          text=WHOLE_TEXTS)
def tfidf_lr(config: ModelConfig, sizes: Sizes) -> keras.Model:
    """TF-IDF: term frequencies weighted by inverse document frequency."""
    return _model("tf-idf", 2, sizes)


@register("nb-svm", "words, bigrams and trigrams, weighted by naive Bayes, with a linear SVM (Wang & Manning 2012)",
          learner="nb-svm", text=WHOLE_TEXTS)
def nb_svm(config: ModelConfig, sizes: Sizes) -> keras.Model:
    """NB-SVM: binary presence of terms."""
    return _model("binary", 3, sizes)
