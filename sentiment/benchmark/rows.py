"""Rows of the IMDB benchmark: models with one change from a common base, and published accuracies."""

from dataclasses import dataclass
from typing import NamedTuple

from sentiment import architectures
from sentiment.config import ATTENTIONS, POOLINGS
from sentiment.errors import UserError, nearest

BASE = "bilstm"
GROUPS = ("baselines", "architectures", "attentions", "ablations", "data", "recurrent")


class Published(NamedTuple):
    """Published test accuracy on IMDB of the same kind of model, and its source."""

    accuracy: float
    source: str


@dataclass(frozen=True)
class Row:
    """Row of the table.

    Attributes:
        name: unique.
        group: one of `GROUPS`.
        flags: of `train`.
        pretraining: flags of a preceding `pretrain`; empty for none.
    """

    name: str
    group: str
    flags: tuple[str, ...]
    pretraining: tuple[str, ...] = ()

    @property
    def typed(self) -> str:
        """The flags on the command line, with those of pretraining after `pretrain`."""
        return " ".join(["pretrain", *self.pretraining] if self.pretraining else self.flags)


DAI_LE = "Dai & Le 2015"
PUBLISHED = {
    "lstm": Published(0.865, DAI_LE),
    "lstm, autoencoder": Published(0.9276, f"{DAI_LE}, SA-LSTM, with the texts without labels"),
    "lstm, language model": Published(0.9236, f"{DAI_LE}, LM-LSTM, with the texts without labels"),
    "bilstm": Published(0.9186, "Johnson & Zhang 2016, one-hot BiLSTM with max-pooling"),
    "stacked-bilstm": Published(0.843, "Keras's example of two bidirectional layers"),
    "fasttext": Published(0.906, "Keras's example of a bag of bigrams"),
    "nb-svm": Published(0.9122, "Wang & Manning 2012, with bigrams"),
    "adversarial": Published(0.9379, "Miyato et al. 2017, after pretraining on the texts without labels"),
}
# One change from the base.
ABLATIONS: dict[str, str] = {
    "no word dropout": "--word-dropout 0", "no embedding dropout": "--embedding-dropout 0",
    "no output dropout": "--output-dropout 0", "recurrent dropout": "--recurrent-dropout 0.2",
    "weight drop": "--weight-drop 0.5", "L2": "--l2 1e-5", "label smoothing": "--label-smoothing 0.1",
    "average of weights": "--ema 0.999", "gradient noise": "--gradient-noise 0.01",
    "layer normalisation": "--normalization layer", "weight normalisation": "--normalization weight",
    "two layers, batch normalisation": "--layers 2 --normalization batch", "two layers": "--layers 2",
    "two layers, residual": "--layers 2 --residual", "two layers, dense connections": "--layers 2 --skip",
    "directions summed, no attention": "--merge sum", "forget bias of 0": "--no-forget-bias",
    "128 units": "--units 128", "128 features of a word": "--embedding-size 128",
    "random embedding": "--embedding-start random", "adversarial": "--objective adversarial",
    "AdamW": "--optimizer adamw", "constant rate": "--schedule constant", "first 800 words": "--truncate head",
    "last 800 words": "--truncate tail", "200 words": "--max-length 200", "400 words": "--max-length 400",
    "10,000 words known": "--vocab-size 10000", "40,000 words known": "--vocab-size 40000",
    **{f"{pooling} pooling, no attention": f"--pooling {pooling}" for pooling in POOLINGS if pooling != "max"},
}
CELLS: dict[str, str] = {
    "gru, reset before the product": "--arch gru --gru-reset before",
    "rnn, rectified, from the identity": "--arch rnn --activation relu --recurrent-initializer identity",
}
# Pretrained networks; of the size of the base, so that nothing else differs.
PRETRAINED: dict[str, str] = {
    "lstm, autoencoder": "--arch lstm --method autoencoder", "lstm, language model": "--arch lstm --epochs 2",
    "bilstm, language model": "--arch bilstm --epochs 2",
}
SIZES = "--units 64 --embedding-size 256 --vocab-size 20000"
DATA: dict[str, str] = {
    "bilstm, 1 % of the data": "--arch bilstm --train-share 0.01",
    "bilstm, 10 % of the data": "--arch bilstm --train-share 0.1",
    "tfidf-lr, 1 % of the data": "--arch tfidf-lr --train-share 0.01",
    "tfidf-lr, 10 % of the data": "--arch tfidf-lr --train-share 0.1",
    "bilstm, random split": "--arch bilstm --random-split",
}
# Bidirectional recurrent layers with the attention of the base: after two epochs, and with as many parameters as the
# base. After four epochs they are rows of `architectures`, but for `bigru`, which has no attention by default.
WITH_ATTENTION = f"--attention {architectures.named(BASE).model['attention']}"
RECURRENT: dict[str, str] = {
    "bigru, attention": f"--arch bigru {WITH_ATTENTION}",
    "bigru, attention, two epochs": f"--arch bigru {WITH_ATTENTION} --epochs 2",
    **{f"{name}, two epochs": f"--arch {name} --epochs 2"
       for name in ("bilstm", "bimingru", "biminlstm", "biqrnn", "bisru")},
    **{f"{name}, {units} units, two epochs": f"--arch {name} --units {units} --epochs 2"
       for name, units in (("bimingru", 92), ("biminlstm", 81), ("bisru", 72))},
}


def all_rows() -> list[Row]:
    """Return every row, the base first."""
    entries = architectures.architectures()
    rows = [Row(entry.name, "architectures" if entry.by_gradient else "baselines", ("--arch", entry.name))
            for entry in entries]
    rows += [Row(f"{BASE}, {'no attention' if name == 'none' else name}", "attentions",
                 ("--arch", BASE, "--attention", name))
             for name in ATTENTIONS if name != architectures.named(BASE).model["attention"]]
    rows += [Row(name, "ablations", ("--arch", BASE, *flags.split())) for name, flags in ABLATIONS.items()]
    rows += [Row(name, "ablations", tuple(flags.split())) for name, flags in CELLS.items()]
    rows += [Row(name, "ablations", (), (*flags.split(), *SIZES.split())) for name, flags in PRETRAINED.items()]
    rows += [Row(name, group, tuple(flags.split()))
             for group, flags_of in (("data", DATA), ("recurrent", RECURRENT)) for name, flags in flags_of.items()]
    return sorted(rows, key=lambda row: (row.name != BASE, GROUPS.index(row.group)))


def chosen_rows(names: list[str] | None) -> list[Row]:
    """Return the named rows or groups of rows, all by default.

    Raises:
        UserError: for an unknown name.
    """
    rows = all_rows()
    known = [*GROUPS, *(row.name for row in rows)]
    for name in names or ():
        if name not in known:
            raise UserError(f"the benchmark has no row or group '{name}'{nearest(name, known)}")
    return [row for row in rows if not names or row.name in names or row.group in names]
