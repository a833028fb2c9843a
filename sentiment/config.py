"""The configuration of a run: frozen dataclasses with a JSON round trip.

Every field is also a command-line flag (`sentiment.cli` builds them from the metadata here), so each
has its help text, its unit and its default in this one place.
"""

import dataclasses
import json
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from sentiment.errors import UserError, nearest
from sentiment.table_format import QUOTINGS, TableFormat

TRUNCATIONS = ("head", "tail", "both")
POOLINGS = ("last", "max", "mean", "concat")
ACTIVATIONS = ("tanh", "relu", "leaky-relu")
INITIALIZERS = ("orthogonal", "glorot", "identity")
MERGES = ("concat", "sum")
NORMALIZATIONS = ("none", "layer", "weight", "batch")
ATTENTIONS = ("none", "additive", "luong-dot", "luong-general", "luong-concat", "luong-local-m", "luong-local-p",
              "dot-product", "multi-head", "self-attentive", "cosine", "euclidean")
OPTIMIZERS = ("sgd", "rmsprop", "adam", "adamw")
SCHEDULES = ("constant", "linear", "slanted-triangular", "cosine", "plateau")
PRETRAINING = ("language-model", "autoencoder")
CLASS_WEIGHTS = ("none", "balanced")
MONITORS = ("val_calibrated_loss", "val_loss", "val_accuracy")
# The weights of the adversarial, the virtual adversarial and the entropy loss beside cross-entropy.
OBJECTIVES = {"cross-entropy": (0.0, 0.0, 0.0), "adversarial": (1.0, 0.0, 0.0), "vat": (0.0, 1.0, 0.0),
              "entropy": (0.0, 0.0, 1.0), "mixed": (1.0, 1.0, 1.0)}
DEFAULT_EPOCHS, DEFAULT_STEPS = 4, 1000
UNLABELLED_OF_CORPUS, NO_UNLABELLED = "corpus", "none"
# What a classifier must have as it was in pretraining, for the weights to fit and to mean the same.
SHARED = {"text": ("vocabulary_size", "periods", "word_rules"),
          "model": ("architecture", "embedding_size", "units", "layers", "activation", "gru_reset", "forget_bias",
                    "recurrent_initializer", "normalization")}
# What may differ in a classifier that starts from another classifier: it has no weights.
FREE_AT_START = ("hops_penalty", "word_dropout", "embedding_dropout", "recurrent_dropout", "output_dropout")
OF_OLD_TEXT = {"vocabulary_size", "max_length", "truncate", "buckets"}  # what each run has written of its texts
OF_TEACHER = ("teacher_weight", "teacher_temperature")  # options that do nothing without one
STRATEGIES = ("auto", "single", "mirrored", "multiworker", "tpu")


def option(default: Any, help: str, *, flag: str | None = None, choices: tuple[str, ...] | None = None,
           minimum: float | None = None, maximum: float | None = None, const: Any = None) -> Any:
    """Declare a configuration field with its help text, its flag and its allowed values.

    With `const`, the flag may stand without a value and then means that one.
    """
    limits = {"choices": choices, "minimum": minimum, "maximum": maximum}
    return field(default=default, metadata={"help": help, "flag": flag, "const": const, **limits})


def flag_of(declared: "dataclasses.Field[Any]") -> str:
    """Return the command-line flag of a field: ``--max-length`` for ``max_length``."""
    return "--" + (declared.metadata["flag"] or declared.name).replace("_", "-")


def base_type(annotation: Any) -> tuple[type, bool]:
    """Split ``int | None`` into ``(int, True)`` and ``int`` into ``(int, False)``."""
    if isinstance(annotation, types.UnionType):
        (kind,) = [part for part in typing.get_args(annotation) if part is not type(None)]
        return kind, True
    return annotation, False


class Section:
    """A group of options that checks its values when it is made."""

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(type(self))
        for declared in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, declared.name)
            checked = _checked(declared, value, *base_type(hints[declared.name]))
            object.__setattr__(self, declared.name, checked)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build the section from plain values.

        Raises:
            UserError: for an unknown key or a value of the wrong type or outside its limits.
        """
        known = [declared.name for declared in dataclasses.fields(cls)]  # type: ignore[arg-type]
        for key in values:
            if key not in known:
                raise UserError(f"unknown configuration key '{key}' in {cls.__name__}{nearest(key, known)}")
        return cls(**values)


def _checked(declared: "dataclasses.Field[Any]", value: Any, kind: type, optional: bool) -> Any:
    """Return `value` if it is what the field takes (an int passes for a float), or raise UserError."""
    flag, limits = flag_of(declared), declared.metadata
    if value is None and optional:
        return None
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise UserError(f"{flag} takes {kind.__name__}, not {value!r}")
    if limits["choices"] and value not in limits["choices"]:
        names = ", ".join(limits["choices"])
        raise UserError(f"{flag} is one of {names}, not '{value}'{nearest(str(value), limits['choices'])}")
    if limits["minimum"] is not None and not value >= limits["minimum"]:
        raise UserError(f"{flag} is at least {limits['minimum']}, not {value}")
    if limits["maximum"] is not None and not value <= limits["maximum"]:
        raise UserError(f"{flag} is at most {limits['maximum']}, not {value}")
    return value


@dataclass(frozen=True)
class DataConfig(Section):
    """Where texts and labels come from, and how they are split."""

    dataset: str = option("auto", "auto, imdb, sample, or a path: CSV, TSV, JSON, JSONL, Parquet or Excel (a glob "
                          "too), or a folder with a subfolder per class")
    data_dir: str | None = option(None, "folder or archive of IMDB (default: $SENTIMENT_DATA_DIR, then data/)")
    text_column: str | None = option(None, "column with the text (default: found by its name)")
    label_column: str | None = option(None, "column with the label (default: found by its name)")
    group_column: str | None = option(None, "column whose equal values stay on one side of a split")
    encoding: str | None = option(None, "encoding of text files, such as cp1252, latin-1 or utf-16 (default: UTF-8, or "
                                  "what a byte-order mark says)")
    separator: str | None = option(None, "character between the fields of CSV and TSV files, or tab (default: a comma "
                                   "for .csv, a tab for .tsv)")
    header: bool = option(True, "whether the first line of CSV, TSV and Excel files names the columns; without a "
                          "header they are named by number: --text-column 1")
    quoting: str | None = option(None, "quotes in CSV and TSV files: double (a quote in a quoted field is written "
                                 "twice), backslash (as \\\"), or none (quotes are ordinary characters); (default: "
                                 "double, and a quoted field that looks like several records is an error)",
                                 choices=QUOTINGS)
    merge_labels: bool = option(False, "merge labels that differ only in case, white space or invisible characters; "
                                "the most frequent spelling is the name")
    min_class_size: int = option(1, "minimum number of distinct texts of a class; smaller classes are dropped",
                                 minimum=1)
    test_file: str | None = option(None, "file with the test split (default: a stratified part of the data)")
    validation_file: str | None = option(None, "file with the validation split (default: a part of training)")
    random_split: bool = option(False, "split without regard to groups (IMDB's movies), so that validation flatters, "
                                "to show by how much")
    train_share: float = option(1.0, "share of the training texts that is used, to see what more of them bring",
                                minimum=1e-6, maximum=1.0)
    stream: bool = option(False, "read tables piece by piece, and keep the ids on disk: for data that memory does not "
                          "hold")
    unlabelled: str | None = option(None, "texts without labels to learn from as well: without a value those of the "
                                    "corpus (IMDB has 50,000), or a file; none for no others where those of the corpus "
                                    "are read anyway, by pretraining and --preset best", const=UNLABELLED_OF_CORPUS)
    validation_fraction: float = option(0.1, "share of training held out to choose the best epoch",
                                        minimum=0.01, maximum=0.5)
    test_fraction: float = option(0.2, "share held out for the test where the data has no test split",
                                  minimum=0.01, maximum=0.5)

    def __post_init__(self) -> None:
        """Check the values, also those that only together make a format of tables."""
        super().__post_init__()
        self.table_format  # noqa: B018

    @property
    def table_format(self) -> TableFormat:
        """How text files are encoded, separated and quoted."""
        return TableFormat(self.encoding, self.separator, self.header, self.quoting)

    @property
    def named_unlabelled(self) -> str | None:
        """The texts without labels that are named, None if none are."""
        return None if self.unlabelled == NO_UNLABELLED else self.unlabelled


@dataclass(frozen=True)
class TextConfig(Section):
    """How a text becomes ids; some architectures have other defaults here."""

    vocabulary_size: int = option(20_000, "ids in all: padding, unknown, then the most frequent training words",
                                  flag="vocab-size", minimum=3)
    max_length: int = option(800, "tokens kept of a text", minimum=1)
    truncate: str = option("both", "which end of a longer text is kept; both is half from each", choices=TRUNCATIONS)
    buckets: int = option(12, "lengths that batches are padded to", minimum=1, maximum=64)
    word_rules: int = option(2, "version of the rules by which a text becomes words: 1 reads no emoticons; runs keep "
                             "theirs", minimum=1, maximum=2)
    periods: bool = option(False, "keep the period that ends a sentence as a word, as ! and ? always are")


@dataclass(frozen=True)
class ModelConfig(Section):
    """What the network looks like; each architecture takes those of these options that it can use."""

    architecture: str = option("bilstm", "see `python -m sentiment architectures`", flag="arch")
    embedding_size: int = option(256, "features of a word", minimum=1)
    units: int = option(64, "features of the state, in each direction; filters of a convolution", minimum=1)
    layers: int | None = option(None, "layers on top of one another (default: 1; 2 for stacked-* and transformer)",
                                minimum=1, maximum=16)
    activation: str = option("tanh", "of the plain recurrent layer", choices=ACTIVATIONS)
    gru_reset: str = option("after", "whether a GRU resets the state before or after the matrix product",
                            choices=("before", "after"))
    recurrent_initializer: str = option("orthogonal", "start of the recurrent kernel", choices=INITIALIZERS)
    forget_bias: bool = option(True, "start the forget gate of an LSTM open, with a bias of 1")
    merge: str = option("concat", "how the two directions become one sequence", choices=MERGES)
    residual: bool = option(False, "add the input of each recurrent layer but the first to its output")
    skip: bool = option(False, "dense connections: each recurrent layer, and the classifier, reads all layers below")
    normalization: str = option("none", "layer: inside the LSTM; weight: of the kernels; batch: between layers",
                                choices=NORMALIZATIONS)
    attention: str = option("none", "attention over the states", choices=ATTENTIONS)
    heads: int = option(4, "heads of multi-head attention", minimum=1, maximum=64)
    hops: int = option(1, "weighted sums that self-attentive pooling takes of a text", minimum=1, maximum=64)
    hops_penalty: float = option(0.0, "weight of the penalty on hops that look at the same words", minimum=0.0)
    window: int = option(10, "words to each side that luong-local-m and luong-local-p look at", minimum=1)
    pooling: str | None = option(None, "how the states of all words become one: concat is last, max and mean "
                                 "(default: max)", choices=POOLINGS)
    bigram_buckets: int = option(100_000, "rows of the hashed table of word pairs", minimum=1)
    word_dropout: float = option(0.3, "share of words replaced by the unknown word in training",
                                 minimum=0.0, maximum=0.95)
    embedding_dropout: float = option(0.5, "share of embedding features dropped, the same for all words of a text",
                                      minimum=0.0, maximum=0.95)
    recurrent_dropout: float = option(0.0, "share of the state dropped between two steps, the same at all steps "
                                      "(slow: no fused kernel)", minimum=0.0, maximum=0.95)
    weight_drop: float = option(0.0, "share of the recurrent kernel dropped (on a GPU slow: not by cuDNN)",
                                minimum=0.0, maximum=0.95)
    output_dropout: float = option(0.5, "share of the features dropped before the classifier and between layers",
                                   minimum=0.0, maximum=0.95)


@dataclass(frozen=True)
class TrainingConfig(Section):
    """How the weights are found."""

    embedding_start: str = option("svd", "svd: word vectors factorised from the training texts; random; or a file of "
                                  "word vectors in the text format of GloVe or word2vec")
    freeze_embedding: bool = option(False, "leave the embedding as it starts")
    pretrained: str | None = option(None, "folder of `sentiment pretrain`, whose vocabulary, embedding and recurrent "
                                    "layers the classifier starts from; or of a run, all of whose layers it starts "
                                    "from")
    layer_decay: float = option(1.0, "with --pretrained, the learning rate of each layer is that of the layer above "
                                "divided by this", minimum=1.0)
    unfreeze: float = option(0.0, "with --pretrained, epochs after which the next lower layer begins to learn, too; 0 "
                             "for all at once", minimum=0.0)
    objective: str = option("cross-entropy", "what is minimised: cross-entropy, and with it the adversarial loss, the "
                            "virtual adversarial loss, the entropy of the predictions, or all (mixed)",
                            choices=tuple(OBJECTIVES))
    adversarial_weight: float | None = option(None, "weight of the adversarial loss (default: as --objective says)",
                                              minimum=0.0)
    vat_weight: float | None = option(None, "weight of the virtual adversarial loss", minimum=0.0)
    entropy_weight: float | None = option(None, "weight of the entropy of the predictions", minimum=0.0)
    epsilon: float = option(5.0, "norm of an adversarial perturbation of the embedded words of a text, in "
                            "units of the root mean square of their values", minimum=0.0)
    xi: float = option(0.1, "norm of the trial step that finds the virtual adversarial direction, in the same "
                       "units", minimum=1e-6)
    teacher: str | None = option(None, "folder of a run whose probabilities are learnt beside the labels, also for "
                                 "--unlabelled texts")
    teacher_weight: float = option(0.9, "weight of the teacher's probabilities; that of the labels is what is left",
                                   minimum=0.0, maximum=1.0)
    teacher_temperature: float = option(2.0, "what the logits of both are divided by, for softer probabilities",
                                        minimum=0.01)
    label_smoothing: float = option(0.0, "share of each label spread over all classes", minimum=0.0, maximum=0.9)
    optimizer: str = option("adam", "optimiser", choices=OPTIMIZERS)
    learning_rate: float = option(1e-3, "peak learning rate, for the whole batch over all devices", minimum=0.0)
    schedule: str = option("cosine", "linear and cosine warm up, then fall to 0 over all epochs; slanted-triangular "
                           "falls to a 32nd; plateau halves the rate when the monitored value stalls",
                           choices=SCHEDULES)
    warmup: float = option(0.1, "share of all steps over which linear, slanted-triangular and cosine rise",
                           minimum=0.0, maximum=0.9)
    weight_decay: float = option(0.01, "decoupled weight decay of adamw", minimum=0.0)
    clip_norm: float = option(1.0, "largest norm of the whole gradient; 0 for no limit", minimum=0.0)
    clip_value: float = option(0.0, "largest absolute value in the gradient, before its norm is clipped; 0 for no "
                               "limit", minimum=0.0)
    gradient_noise: float = option(0.0, "variance of the noise added to the gradient at the first step, falling as "
                                   "1 / step ** 0.55", minimum=0.0)
    ema: float = option(0.0, "decay of the moving average of the weights that is validated and kept; 0 for none",
                        minimum=0.0, maximum=0.99999)
    l2: float = option(0.0, "weight of the squared kernels in the loss", minimum=0.0)
    batch_size: int = option(32, "texts in a step, over all devices", minimum=1)
    epochs: int | None = option(None, f"passes over the training texts (default: {DEFAULT_EPOCHS}, more where that is "
                                f"below {DEFAULT_STEPS:,} steps)", minimum=1)
    class_weights: str = option("none", "balanced weighs each class by the inverse of its frequency",
                                choices=CLASS_WEIGHTS)
    monitor: str = option("val_calibrated_loss", "what the best epoch is chosen by: the validation loss once the "
                          "logits are divided by their best temperature, as they are at the end; the loss as it is; or "
                          "the accuracy", choices=MONITORS)
    patience: int | None = option(None, "epochs without a better value before training stops (default: a fifth "
                                  "of all, at least 3)", minimum=1)
    plateau_patience: int = option(1, "epochs without a better value before --schedule plateau halves the rate",
                                   minimum=1)

    @property
    def objective_weights(self) -> tuple[float, float, float]:
        """The weights of the adversarial, the virtual adversarial and the entropy loss."""
        given = (self.adversarial_weight, self.vat_weight, self.entropy_weight)
        adversarial, virtual, entropy = (preset if weight is None else weight
                                         for weight, preset in zip(given, OBJECTIVES[self.objective], strict=True))
        return adversarial, virtual, entropy

    @property
    def layered(self) -> bool:
        """Whether layers have learning rates of their own."""
        return self.layer_decay != 1 or self.unfreeze > 0

    @property
    def uses_unlabelled(self) -> bool:
        """Whether the objective has a term that needs no label."""
        _, virtual, entropy = self.objective_weights
        return bool(virtual or entropy or self.teacher)

    def epochs_for(self, steps_per_epoch: int) -> int:
        """Return the largest number of epochs: as given, else enough for a fair number of steps."""
        return self.epochs or max(DEFAULT_EPOCHS, -(-DEFAULT_STEPS // steps_per_epoch))

    def patience_for(self, epochs: int) -> int:
        """Return the number of epochs to wait for a better one: as given, else a fifth of all."""
        return self.patience or max(3, epochs // 5)


@dataclass(frozen=True)
class RuntimeConfig(Section):
    """Seed, device, precision, checkpoints and outputs of a run."""

    seed: int = option(1, "seed of the split, the weights, the order of the data and dropout", minimum=0)
    strategy: str = option("auto", "where to train: auto takes the workers of TF_CONFIG, else a TPU, else all GPUs, "
                           "else one device",
                           choices=STRATEGIES)
    mixed_precision: bool = option(False, "compute in half precision: float16 on a GPU, bfloat16 elsewhere and "
                                  "in pretraining")
    deterministic: bool = option(False, "refuse operations whose result may differ between runs, at the cost of speed")
    checkpoint_minutes: float = option(5.0, "time between checkpoints; there is one at the end of an epoch anyway",
                                       minimum=0)
    checkpoint_steps: int | None = option(None, "steps between checkpoints (default: by time alone)", minimum=1)
    tensorboard: bool = option(False, "write TensorBoard logs beside the history")
    export: bool = option(True, "write a TensorFlow SavedModel at the end; `sentiment export --format saved_model` "
                          "writes one later")
    save_float16: bool = option(False, "round the trained weights to float16 and compress model.keras, to 60% of its "
                                "size or less")


@dataclass(frozen=True)
class PretrainingConfig(Section):
    """What is learnt from texts without labels, and in which pieces."""

    method: str = option("language-model", "language-model: say the next word, forward and for bidirectional "
                         "architectures backward, too; autoencoder: write a text again after having read it",
                         choices=PRETRAINING)
    window: int = option(100, "words that a language model reads at a time; its states are carried on", minimum=1)
    sampled_words: int = option(1024, "words drawn in each step to stand for the whole vocabulary", minimum=1)


@dataclass(frozen=True)
class Config:
    """Sections by name, as nested plain values and as JSON."""

    @classmethod
    def sections(cls) -> dict[str, type[Section]]:
        """Return the sections by name, in order."""
        hints = typing.get_type_hints(cls)
        return {declared.name: hints[declared.name] for declared in dataclasses.fields(cls)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build a configuration from nested plain values; sections and keys that are absent keep their defaults.

        Raises:
            UserError: for an unknown section or key, or a value that its field does not take.
        """
        sections = cls.sections()
        for key, value in values.items():
            if key not in sections:
                raise UserError(f"unknown configuration section '{key}'{nearest(key, sections)}")
            if not isinstance(value, dict):
                raise UserError(f"configuration section '{key}' is an object, not {value!r}")
        built: dict[str, Any] = {key: sections[key].from_dict(value) for key, value in values.items()}
        return cls(**built)

    def updated(self, changes: dict[str, dict[str, Any]]) -> Self:
        """Return a copy with some fields changed: ``{"model": {"units": 128}}``."""
        values = self.to_dict()
        for section, fields in changes.items():
            values[section] |= fields
        return type(self).from_dict(values)

    def differing_flags(self, values: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Return the flags of the fields in `values`, nested as in `updated`, that have another value here."""
        own = self.to_dict()
        return [flag_of(declared) for section, fields in values.items()
                for declared in dataclasses.fields(self.sections()[section])  # type: ignore[arg-type]
                if declared.name in fields and fields[declared.name] != own[section][declared.name]]

    def values_of(self, names: Mapping[str, Iterable[str]]) -> dict[str, dict[str, Any]]:
        """Return the values of some fields, named by section, nested as in `updated`."""
        own = self.to_dict()
        return {section: {name: own[section][name] for name in of_section} for section, of_section in names.items()}

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return nested plain values, ready for JSON."""
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        """Return the configuration as indented JSON."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    @classmethod
    def from_json_file(cls, path: str | Path) -> Self:
        """Read a configuration as `to_json` writes it.

        Raises:
            UserError: if the file is missing, is not JSON, or does not hold a configuration.
        """
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(f"cannot read the configuration {path}: {error.strerror}") from None
        except ValueError as error:
            raise UserError(f"{path} is not JSON: {error}") from None
        if not isinstance(values, dict):
            raise UserError(f"{path} holds no configuration: expected a JSON object")
        text = values.get("text")
        if isinstance(text, dict) and set(text) >= OF_OLD_TEXT:
            text.setdefault("word_rules", 1)  # a run wrote it before there was a second version
        try:
            return cls.from_dict(values)
        except UserError as error:
            raise UserError(f"{path}: {error}") from None


@dataclass(frozen=True)
class RunConfig(Config):
    """Everything that determines a run, except where its results are written."""

    data: DataConfig = field(default_factory=DataConfig)
    text: TextConfig = field(default_factory=TextConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)


@dataclass(frozen=True)
class PretrainConfig(Config):
    """Everything that determines what `sentiment pretrain` learns; its own defaults suit language models."""

    data: DataConfig = field(default_factory=DataConfig)
    text: TextConfig = field(default_factory=lambda: TextConfig(vocabulary_size=30_000, max_length=10_000))
    model: ModelConfig = field(default_factory=lambda: ModelConfig(
        units=256, embedding_size=256, word_dropout=0.0, embedding_dropout=0.1, output_dropout=0.1))
    pretraining: PretrainingConfig = field(default_factory=PretrainingConfig)
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(
        learning_rate=2e-3, batch_size=64, epochs=4))
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)

    @classmethod
    def of_method(cls, method: str) -> Self:
        """Return the defaults for a method; an autoencoder reads whole texts at once, so they are cut."""
        changes: dict[str, dict[str, Any]] = {"pretraining": {"method": method}}
        if method == "autoencoder":
            changes |= {"text": {"max_length": 400}, "model": {"architecture": "lstm"},
                        "training": {"batch_size": TrainingConfig.batch_size, "epochs": 1}}
        return cls().updated(changes)
