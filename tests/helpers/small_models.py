"""Small models with weights large enough that no mistake is too small to see."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from sentiment import architectures
from sentiment.architectures import Sizes
from sentiment.artifacts import RunFolder
from sentiment.batching import TokenizedTexts
from sentiment.config import ATTENTIONS, ModelConfig, RunConfig
from sentiment.text import TextPreprocessor
from sentiment.training.linear import LEARNERS, count_terms, set_fitted

VOCABULARY = 30
SENTENCE_ENDS = (5, 6)
LENGTHS = [9, 7, 1, 4, 9, 2]
IDS = np.random.default_rng(2).integers(1, VOCABULARY, size=(6, 9)).astype(np.int32)
for _row, _length in enumerate(LENGTHS):
    IDS[_row, _length:] = 0
TEXTS = ["A good film.", "", "bad <br /> bad &amp; worse! 😀", "x\x00y", "good " * 5000, "unseen"]
CLASS_NAMES = {2: ("neg", "pos"), 3: ("a", "b", "ü")}
LABELS = np.array([0, 1, 1, 0, 0, 1], np.int32)
# Options of a bidirectional LSTM that make layers of every kind.
KINDS: list[dict[str, Any]] = [
    *({"attention": attention} for attention in ATTENTIONS[1:]), {"normalization": "layer"},
    {"normalization": "weight"}, {"normalization": "batch", "layers": 2, "skip": True},
    {"weight_drop": 0.5, "merge": "sum"}]
SHORT_KINDS = [{"weight_drop": 0.5, "merge": "sum"}]  # in the short suite
NAMES_AND_CLASSES = [(entry.name, classes) for entry in architectures.architectures() for classes in (2, 3)]
NO_DROPOUT: dict[str, Any] = {"word_dropout": 0.0, "embedding_dropout": 0.0, "output_dropout": 0.0}
# Every architecture, and what an option makes of one.
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "rnn": ("rnn", {}), "lstm": ("lstm", {}), "gru": ("gru", {}), "birnn": ("birnn", {}), "bilstm": ("bilstm", {}),
    "bigru": ("bigru", {}), "stacked-lstm": ("stacked-lstm", {}), "stacked-bilstm": ("stacked-bilstm", {}),
    "stacked-gru": ("stacked-gru", {}), "attention": ("attention", {}), "fasttext": ("fasttext", {}),
    "cnn": ("cnn", {}), "cnn-lstm": ("cnn-lstm", {}), "transformer": ("transformer", {}), "han": ("han", {}),
    "tfidf-lr": ("tfidf-lr", {}), "nb-svm": ("nb-svm", {}), "qrnn": ("qrnn", {}), "sru": ("sru", {}),
    "mingru": ("mingru", {}), "minlstm": ("minlstm", {}), "rglru": ("rglru", {}), "biqrnn": ("biqrnn", {}),
    "bisru": ("bisru", {}), "bimingru": ("bimingru", {}), "biminlstm": ("biminlstm", {}),
    **{f"bilstm {pooling}": ("bilstm", {"pooling": pooling}) for pooling in ("last", "mean", "concat")},
    **{f"bilstm {attention}": ("bilstm", {"attention": attention}) for attention in ATTENTIONS[1:]},
    "gru skip luong-concat": ("gru", {"layers": 2, "skip": True, "attention": "luong-concat"}),
    "lstm hops": ("lstm", {"attention": "self-attentive", "hops": 3, "hops_penalty": 0.01}),
    "rnn leaky-relu identity": ("rnn", {"activation": "leaky-relu", "recurrent_initializer": "identity"}),
    "rnn relu": ("rnn", {"activation": "relu"}),
    "gru before": ("gru", {"gru_reset": "before"}),
    "bilstm sum": ("bilstm", {"merge": "sum", "layers": 2}),
    "gru residual": ("gru", {"layers": 3, "residual": True}),
    "bilstm skip": ("bilstm", {"layers": 3, "skip": True, "pooling": "concat"}),
    "bilstm layer": ("bilstm", {"normalization": "layer"}),
    "lstm weight": ("lstm", {"normalization": "weight"}),
    "bigru weight": ("bigru", {"normalization": "weight", "gru_reset": "before"}),
    "bilstm batch": ("bilstm", {"normalization": "batch", "layers": 2}),
    "bilstm weight drop": ("bilstm", {"weight_drop": 0.3}),
    "birnn recurrent dropout": ("birnn", {"recurrent_dropout": 0.3}),
    "qrnn zoneout": ("qrnn", {"qrnn_window": 3, "zoneout": 0.3, "layers": 2, "attention": "additive"}),
    "sru highway batch": ("sru", {"units": 4, "layers": 2, "residual": True, "normalization": "batch"}),
    "lstm layer dropouts": ("lstm", {"normalization": "layer", "weight_drop": 0.3, "recurrent_dropout": 0.3}),
}
TOKENS = TokenizedTexts(IDS[IDS > 0], np.concatenate([[0], np.cumsum(LENGTHS)]))


def small(name: str, **options: Any) -> dict[str, Any]:
    """Return the configuration of a small model; of the usual sizes only what the architecture takes."""
    uses = architectures.named(name).uses
    sizes = {"units": 5, "embedding_size": 4, "bigram_buckets": 50, "heads": 2}
    if name != "transformer" and options.get("attention") != "multi-head":
        sizes.pop("heads")
    return {"architecture": name, **{key: value for key, value in sizes.items() if key in uses}, **options}


def build(name: str, classes: int = 2, **options: Any) -> keras.Model:
    """Build a small model as it starts."""
    config = ModelConfig.from_dict(small(name, **options))
    return architectures.build(config, Sizes(VOCABULARY, classes, SENTENCE_ENDS, terms=7))


def lively(name: str, classes: int = 2, **options: Any) -> keras.Model:
    """Build a small model with weights of about 1; a linear one is fitted to `IDS` and `LABELS`."""
    learner = architectures.named(name).learner
    if learner != "gradient":
        return fitted(name, learner, LABELS if classes == 2 else np.arange(6, dtype=np.int32) % classes)
    return enlivened(build(name, classes, **options))


def enlivened(model: keras.Model) -> keras.Model:
    """Give a model weights of about 1; variances are positive, and tables of n-grams sorted."""
    random = np.random.default_rng(7)

    def drawn(name: str, weight: np.ndarray) -> np.ndarray:
        if weight.dtype == np.int32:
            return np.sort(random.integers(0, 12, weight.shape), axis=0)
        return np.abs(random.normal(1.0, 0.3, weight.shape)) if "variance" in name else np.asarray(
            random.normal(0.0, 0.8, weight.shape))

    model.set_weights([drawn(variable.name, weight)
                       for variable, weight in zip(model.weights, model.get_weights(), strict=True)])
    return model


def fitted(name: str, learner: str, labels: np.ndarray) -> keras.Model:
    """Build a linear model and fit it to `IDS`."""
    terms = count_terms(TOKENS, 2 if learner == "tfidf-lr" else 3, VOCABULARY)
    sizes = Sizes(VOCABULARY, int(labels.max()) + 1, terms=len(terms.keys))
    model = architectures.build(ModelConfig(architecture=name), sizes)
    set_fitted(model.get_layer("ngrams"), terms, LEARNERS[learner](terms.counts, labels, None, None))
    return model


def logits(model: keras.Model, ids: np.ndarray = IDS) -> np.ndarray:
    """Return the logits of a batch."""
    return np.asarray(keras.ops.convert_to_numpy(model(ids, training=False)))


def untrained_run(path: Path, name: str, classes: int, **options: Any) -> RunFolder:
    """Write the run folder of a small model with weights of about 1."""
    folder = RunFolder(path)
    path.mkdir()
    config = RunConfig().updated({"model": small(name, **options),
                                  "text": {"max_length": 20, "periods": True}})
    preprocessor = TextPreprocessor.fit(config.text, ["a good film bad x y. So it is."])
    sizes = architectures.Sizes(preprocessor.vocabulary_size, classes, preprocessor.sentence_ends, terms=3)
    assert len(sizes.sentence_ends) == 1
    model = enlivened(architectures.build(config.model, sizes))
    folder.save_run(config, preprocessor, CLASS_NAMES[classes], sizes, model)
    folder.metrics.write_text("{}", encoding="utf-8")
    return folder
