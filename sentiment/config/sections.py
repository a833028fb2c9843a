"""The configuration of a run: each option with its type, default, limits, help text and roles.

Every option is a flag of the command line and a keyword argument in Python; both are made from these declarations.
"""

from dataclasses import dataclass, field
from typing import Any, Self

from sentiment.config.declaration import Config, Range, Role, Section, option
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
# The weights of the adversarial loss, the virtual adversarial loss and the entropy; that of the cross-entropy is 1.
OBJECTIVES = {"cross-entropy": (0.0, 0.0, 0.0), "adversarial": (1.0, 0.0, 0.0), "vat": (0.0, 1.0, 0.0),
              "entropy": (0.0, 0.0, 1.0), "mixed": (1.0, 1.0, 1.0)}
DEFAULT_EPOCHS, DEFAULT_STEPS = 4, 1000
UNLABELLED_OF_CORPUS, NO_UNLABELLED = "corpus", "none"
STRATEGIES = ("auto", "single", "mirrored", "multiworker", "tpu")

# Roles of an option of the data that pretraining and linear models share with the classifier.
DATA = Role.COMMON | Role.LINEAR
COLUMN = DATA | Role.FILE | Role.SPLIT
TABLE = DATA | Role.TABLE | Role.SPLIT | Role.EVALUATION


@dataclass(frozen=True)
class DataConfig(Section):
    """Where texts and labels come from, and how they are split."""

    dataset: str = option("auto", "auto, imdb, sample, or a path: CSV, TSV, JSON, JSONL, Parquet or Excel (a glob "
                          "too), or a folder with a subfolder per class", DATA | Role.EVALUATION)
    data_dir: str | None = option(None, "folder or archive of IMDB (default: $SENTIMENT_DATA_DIR, then data/)",
                                  DATA | Role.EVALUATION)
    text_column: str | None = option(None, "column with the text (default: found by its name)",
                                     COLUMN | Role.UNLABELLED | Role.EVALUATION)
    label_column: str | None = option(None, "column with the label (default: found by its name)",
                                      COLUMN | Role.EVALUATION)
    group_column: str | None = option(None, "column whose equal values stay on one side of a split", COLUMN)
    encoding: str | None = option(None, "encoding of text files, such as cp1252, latin-1 or utf-16 (default: UTF-8, or "
                                  "what a byte-order mark says)", TABLE)
    separator: str | None = option(None, "character between the fields of CSV and TSV files, or tab (default: a comma "
                                   "for .csv, a tab for .tsv)", TABLE)
    header: bool = option(True, "whether the first line of CSV, TSV and Excel files names the columns; without a "
                          "header they are named by number: --text-column 1", TABLE)
    quoting: str | None = option(None, "quotes in CSV and TSV files: double (a quote in a quoted field is written "
                                 "twice), backslash (as \\\"), or none (quotes are ordinary characters); (default: "
                                 "double, and a quoted field that looks like several records is an error)", TABLE,
                                 choices=QUOTINGS)
    merge_labels: bool = option(False, "merge labels that differ only in case, white space or invisible characters; "
                                "the most frequent spelling is the name", COLUMN | Role.EVALUATION)
    min_class_size: int = option(1, "minimum number of distinct texts of a class; smaller classes are dropped", COLUMN,
                                 minimum=1)
    test_file: str | None = option(None, "file with the test split (default: a stratified part of the data)",
                                   DATA | Role.FILE)
    validation_file: str | None = option(None, "file with the validation split (default: a part of training)",
                                         DATA | Role.FILE)
    random_split: bool = option(False, "split without regard to groups (IMDB's movies), so that validation flatters, "
                                "to show by how much", DATA | Role.SPLIT)
    train_share: float = option(1.0, "share of the training texts that is used, to see what more of them bring", DATA,
                                minimum=1e-6, maximum=1.0)
    stream: bool = option(False, "read tables piece by piece, and keep the ids on disk: for data that memory does not "
                          "hold", Role.FILE)
    unlabelled: str | None = option(None, "unlabelled texts to learn from as well: without a value those of the "
                                    "corpus (IMDB has 50,000), or a file; none for no others where those of the corpus "
                                    "are read anyway, by pretraining and --preset best", Role.COMMON,
                                    const=UNLABELLED_OF_CORPUS)
    validation_fraction: float = option(0.1, "share of training held out to choose the best epoch", DATA,
                                        minimum=0.01, maximum=0.5)
    test_fraction: float = option(0.2, "share held out for the test where the data has no test split",
                                  DATA | Role.SPLIT, minimum=0.01, maximum=0.5)

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
        """The unlabelled texts that are named, None if none are."""
        return None if self.unlabelled == NO_UNLABELLED else self.unlabelled


@dataclass(frozen=True)
class TextConfig(Section):
    """How a text becomes ids; some architectures have other defaults here."""

    vocabulary_size: int = option(20_000, "ids in all: padding, unknown, then the most frequent training words",
                                  Role.SHARED, flag="vocab-size", minimum=3)
    max_length: int = option(800, "tokens kept of a text", Role.PRETRAINING, minimum=1, search=(200, 400, 800))
    truncate: str = option("both", "which end of a longer text is kept; both is half from each", Role.COMMON,
                           choices=TRUNCATIONS)
    buckets: int = option(12, "lengths that batches are padded to", minimum=1, maximum=64)
    word_rules: int = option(2, "version of the rules by which a text becomes words: 1 reads no emoticons; runs keep "
                             "theirs", Role.SHARED | Role.TOKENS, minimum=1, maximum=2, legacy=1)
    periods: bool = option(False, "keep the period that ends a sentence as a word, as ! and ? always are",
                           Role.SHARED | Role.TOKENS, legacy=False)


@dataclass(frozen=True)
class ModelConfig(Section):
    """What the network looks like; each architecture takes those of these options that it can use."""

    architecture: str = option("bilstm", "see `python -m sentiment architectures`", Role.SHARED, flag="arch")
    embedding_size: int = option(256, "features of a word", Role.SHARED, minimum=1, search=(64, 128, 256))
    units: int = option(64, "features of the state, in each direction; filters of a convolution", Role.SHARED,
                        minimum=1, search=(32, 64, 128, 256))
    layers: int | None = option(None, "layers on top of one another (default: 1; 2 for stacked-* and transformer)",
                                Role.SHARED, minimum=1, maximum=16, search=(1, 2, 3))
    activation: str = option("tanh", "of the plain recurrent layer", Role.SHARED, choices=ACTIVATIONS)
    gru_reset: str = option("after", "whether a GRU resets the state before or after the matrix product", Role.SHARED,
                            choices=("before", "after"))
    recurrent_initializer: str = option("orthogonal", "start of the recurrent kernel", Role.SHARED,
                                        choices=INITIALIZERS)
    forget_bias: bool = option(True, "start the forget gate of an LSTM open, with a bias of 1", Role.SHARED)
    merge: str = option("concat", "how the two directions become one sequence", choices=MERGES)
    residual: bool = option(False, "add the input of each recurrent layer but the first to its output")
    skip: bool = option(False, "dense connections: each recurrent layer, and the classifier, reads all layers below")
    normalization: str = option("none", "layer: inside the LSTM; weight: of the kernels; batch: between layers",
                                Role.SHARED, choices=NORMALIZATIONS)
    attention: str = option("none", "attention over the states", Role.READOUT, choices=ATTENTIONS)
    heads: int = option(4, "heads of multi-head attention", minimum=1, maximum=64)
    hops: int = option(1, "weighted sums that self-attentive pooling takes of a text", minimum=1, maximum=64)
    hops_penalty: float = option(0.0, "weight of the penalty on hops that look at the same words", Role.REGULARIZATION,
                                 minimum=0.0)
    window: int = option(10, "words to each side that luong-local-m and luong-local-p look at", minimum=1)
    pooling: str | None = option(None, "how the states of all words become one: concat is last, max and mean "
                                 "(default: max)", Role.READOUT, choices=POOLINGS, search=POOLINGS)
    bigram_buckets: int = option(100_000, "rows of the hashed table of word pairs", minimum=1)
    word_dropout: float = option(0.3, "share of words replaced by the unknown word in training",
                                 Role.PRETRAINING | Role.REGULARIZATION,
                                 minimum=0.0, maximum=0.95, search=Range(0.0, 0.5))
    embedding_dropout: float = option(0.5, "share of embedding features dropped, the same for all words of a text",
                                      Role.PRETRAINING | Role.REGULARIZATION,
                                      minimum=0.0, maximum=0.95, search=Range(0.0, 0.7))
    recurrent_dropout: float = option(0.0, "share of the state dropped between two steps, the same at all steps "
                                      "(slow: no fused kernel)", Role.PRETRAINING | Role.REGULARIZATION, minimum=0.0,
                                      maximum=0.95)
    weight_drop: float = option(0.0, "share of the recurrent kernel dropped (on a GPU slow: not by cuDNN)",
                                Role.PRETRAINING, minimum=0.0, maximum=0.95)
    output_dropout: float = option(0.5, "share of the features dropped before the classifier and between layers",
                                   Role.PRETRAINING | Role.REGULARIZATION,
                                   minimum=0.0, maximum=0.95, search=Range(0.0, 0.7))


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
                                "divided by this", minimum=1.0, needs="pretrained")
    unfreeze: float = option(0.0, "with --pretrained, epochs after which the next lower layer begins to learn, too; 0 "
                             "for all at once", minimum=0.0, needs="pretrained")
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
                                   minimum=0.0, maximum=1.0, needs="teacher")
    teacher_temperature: float = option(2.0, "what the logits of both are divided by, for softer probabilities",
                                        minimum=0.01, needs="teacher")
    label_smoothing: float = option(0.0, "share of each label spread over all classes", minimum=0.0, maximum=0.9)
    optimizer: str = option("adam", "optimiser", Role.PRETRAINING, choices=OPTIMIZERS)
    learning_rate: float = option(1e-3, "peak learning rate, for the whole batch over all devices", Role.PRETRAINING,
                                  minimum=0.0, search=Range(2e-4, 1e-2, log=True))
    schedule: str = option("cosine", "linear and cosine warm up, then fall to 0 over all epochs; slanted-triangular "
                           "falls to a 32nd; plateau halves the rate when the monitored value stalls", Role.PRETRAINING,
                           choices=SCHEDULES)
    warmup: float = option(0.1, "share of all steps over which linear, slanted-triangular and cosine rise",
                           Role.PRETRAINING, minimum=0.0, maximum=0.9, search=Range(0.0, 0.3))
    weight_decay: float = option(0.01, "decoupled weight decay of adamw", Role.PRETRAINING, minimum=0.0)
    clip_norm: float = option(1.0, "largest norm of the whole gradient; 0 for no limit", Role.PRETRAINING, minimum=0.0)
    clip_value: float = option(0.0, "largest absolute value in the gradient, before its norm is clipped; 0 for no "
                               "limit", Role.PRETRAINING, minimum=0.0)
    gradient_noise: float = option(0.0, "variance of the noise added to the gradient at the first step, falling as "
                                   "1 / step ** 0.55", Role.PRETRAINING, minimum=0.0)
    ema: float = option(0.0, "decay of the moving average of the weights that is validated and kept; 0 for none",
                        minimum=0.0, maximum=0.99999)
    l2: float = option(0.0, "weight of the squared kernels in the loss", minimum=0.0)
    batch_size: int = option(32, "texts in a step, over all devices", Role.PRETRAINING, minimum=1, search=(16, 32, 64,
                             128))
    epochs: int | None = option(None, f"passes over the training texts (default: {DEFAULT_EPOCHS}, more where that is "
                                f"below {DEFAULT_STEPS:,} steps)", Role.PRETRAINING, minimum=1)
    class_weights: str = option("none", "balanced weighs each class by the inverse of its frequency", Role.LINEAR,
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

    seed: int = option(1, "seed of the split, the weights, the order of the data and dropout", DATA, minimum=0)
    strategy: str = option("auto", "where to train: auto takes the workers of TF_CONFIG, else a TPU, else all GPUs, "
                           "else one device", Role.COMMON, choices=STRATEGIES)
    mixed_precision: bool = option(False, "compute in half precision: float16 on a GPU, bfloat16 elsewhere and "
                                  "in pretraining", Role.COMMON)
    deterministic: bool = option(False, "refuse operations whose result may differ between runs, at the cost of speed")
    checkpoint_minutes: float = option(5.0, "time between checkpoints; there is one at the end of an epoch anyway",
                                       Role.COMMON | Role.CHANGEABLE, minimum=0)
    checkpoint_steps: int | None = option(None, "steps between checkpoints (default: by time alone)",
                                          Role.COMMON | Role.CHANGEABLE, minimum=1)
    tensorboard: bool = option(False, "write TensorBoard logs beside the history")
    export: bool = option(True, "write a TensorFlow SavedModel at the end; `sentiment export --format saved_model` "
                          "writes one later", Role.LINEAR | Role.CHANGEABLE)
    save_float16: bool = option(False, "round the trained weights to float16 and compress model.keras, to 60% of its "
                                "size or less", Role.LINEAR)


@dataclass(frozen=True)
class PretrainingConfig(Section):
    """Pretraining on unlabelled texts."""

    method: str = option("language-model", "language-model: say the next word, forward and for bidirectional "
                         "architectures backward, too; autoencoder: write a text again after having read it",
                         Role.PRETRAINING, choices=PRETRAINING)
    window: int = option(100, "words that a language model reads at a time; its states are carried on",
                         Role.PRETRAINING, minimum=1)
    sampled_words: int = option(1024, "words drawn in each step to stand for the whole vocabulary", Role.PRETRAINING,
                                minimum=1)


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
