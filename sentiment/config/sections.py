"""The configuration of a run: each option with its type, default, limits, help text and roles.

Every option is a flag of the command line and a keyword argument in Python; both are made from these declarations.
"""

from dataclasses import dataclass, field
from typing import Any, Self

from sentiment.config.declaration import Config, Options, Range, Role, Section, option
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
DEFAULT_EPOCHS, DEFAULT_STEPS, MOST_EPOCHS = 4, 1000, 200
UNLABELLED_OF_CORPUS, NO_UNLABELLED = "corpus", "none"
STRATEGIES = ("auto", "single", "mirrored", "multiworker", "tpu")

# Roles of an option of the data that pretraining and linear models share with the classifier.
DATA = Role.COMMON | Role.LINEAR
COLUMN = DATA | Role.COLUMN | Role.FILE | Role.SPLIT
LABELS = DATA | Role.LABELS | Role.FILE | Role.SPLIT
TABLE = DATA | Role.TABLE | Role.SPLIT | Role.EVALUATION


SAMPLE = "sample"  # the name of the built-in corpus
NAMED_DATA = ("auto", "imdb", SAMPLE)
IN_MEMORY = "texts in memory"  # in place of the path of a data set
OF_SAMPLE = ("the model was trained on the built-in sample, artificial sentences made from a grammar: its predictions "
             "for real texts are meaningless")


@dataclass(frozen=True)
class DataConfig(Section):
    """Data: source, columns and splits."""

    dataset: str = option("auto", "auto, imdb, sample, or a path: CSV, TSV, JSON, JSONL, Parquet or Excel (a glob "
                          "too), or a folder with a subfolder per class", DATA | Role.EVALUATION)
    data_dir: str | None = option(None, "folder or archive of IMDB (default: $SENTIMENT_DATA_DIR, then data/)",
                                  DATA | Role.EVALUATION)
    text_column: str | None = option(None, "column with the text (default: found by its name)",
                                     COLUMN | Role.UNLABELLED | Role.EVALUATION)
    label_column: str | None = option(None, "column with the label (default: found by its name)",
                                      COLUMN | Role.EVALUATION)
    group_column: str | None = option(None, "column of groups; rows of one group stay in one split", COLUMN)
    encoding: str | None = option(None, "encoding of text files, such as cp1252, latin-1 or utf-16 (default: that of a "
                                  "byte-order mark, or UTF-8)", TABLE)
    separator: str | None = option(None, "character between the fields of CSV and TSV files, or tab (default: a comma "
                                   "for .csv, a tab for .tsv)", TABLE)
    header: bool = option(True, "whether the first line of CSV, TSV and Excel files names the columns; without a "
                          "header they are named by number: --text-column 1", TABLE)
    quoting: str | None = option(None, "quotes in CSV and TSV files: double (a quote in a quoted field is written "
                                 "twice), backslash (as \\\"), or none (quotes are ordinary characters); (default: "
                                 "double, and a quoted field that looks like several records is an error)", TABLE,
                                 choices=QUOTINGS)
    merge_labels: bool = option(False, "merge labels that differ only in case, white space or invisible characters; "
                                "the most frequent spelling is the name", LABELS | Role.EVALUATION)
    min_class_size: int = option(1, "minimum number of distinct texts of a class; smaller classes are dropped", LABELS,
                                 minimum=1)
    test_file: str | None = option(None, "file with the test split (default: a stratified part of the data)",
                                   DATA | Role.FILE)
    validation_file: str | None = option(None, "file with the validation split (default: a part of training)",
                                         DATA | Role.FILE)
    random_split: bool = option(False, "ignore groups (IMDB's films) in splits, to measure by how much the validation "
                                "accuracy is then too high", DATA | Role.SPLIT)
    train_share: float = option(1.0, "share of the training texts that is used, for learning curves", DATA,
                                minimum=1e-6, maximum=1.0)
    stream: bool = option(False, "read tables piece by piece, with the ids on disk, for data larger than memory",
                          Role.FILE)
    unlabelled: str | None = option(None, "unlabelled texts for training: without a value those of the corpus (IMDB "
                                    "has 50,000), or a file; none omits those that pretraining and --preset best use "
                                    "by default", Role.COMMON, const=UNLABELLED_OF_CORPUS)
    validation_fraction: float = option(0.1, "share of training held out to choose the best epoch", DATA,
                                        minimum=0.01, maximum=0.5)
    test_fraction: float = option(0.2, "share held out for the test split if the data has none; 0 with --test-file or "
                                  "--folds for no such split", DATA | Role.SPLIT, minimum=0.0, maximum=0.5)
    folds: int | None = option(None, "number of folds of a cross-validation in place of a test split, for small data: "
                               "every text is predicted by a model that was not trained on it, and the final model is "
                               "trained on all", DATA | Role.SPLIT, minimum=2, maximum=100)

    def __post_init__(self) -> None:
        """Check each value, and the table format as a whole."""
        super().__post_init__()
        self.table_format  # noqa: B018

    @property
    def is_named(self) -> bool:
        """Whether the data set is a named corpus, not a path."""
        return self.dataset in NAMED_DATA

    @property
    def notes(self) -> tuple[str, ...]:
        """Warnings for users of a model that was trained on this data, one sentence each."""
        return (OF_SAMPLE,) if self.dataset == SAMPLE else ()

    @property
    def table_format(self) -> TableFormat:
        """Format of text files: encoding, separator, header and quoting."""
        return TableFormat(self.encoding, self.separator, self.header, self.quoting)

    @property
    def named_unlabelled(self) -> str | None:
        """The source of unlabelled texts, None if there are none."""
        return None if self.unlabelled == NO_UNLABELLED else self.unlabelled


@dataclass(frozen=True)
class TextConfig(Section):
    """Preprocessing of a text to ids; some architectures have other defaults."""

    vocabulary_size: int = option(20_000, "size of the vocabulary: padding, the unknown token, then the most frequent "
                                  "training words", Role.SHARED, flag="vocab-size", minimum=3)
    max_length: int = option(800, "tokens kept of a text; longer texts are truncated", Role.PRETRAINING, minimum=1,
                             search=(200, 400, 800))
    truncate: str = option("both", "end of a longer text that is kept; both keeps half of the tokens from each",
                           Role.COMMON, choices=TRUNCATIONS)
    buckets: int = option(12, "number of lengths that batches are padded to", minimum=1, maximum=64)
    word_rules: int = option(2, "version of the tokenization rules: 1 has no emoticons; a run keeps its version",
                             Role.SHARED | Role.TOKENS, minimum=1, maximum=2, legacy=1)
    periods: bool = option(False, "keep the period at the end of a sentence as a token, like ! and ?",
                           Role.SHARED | Role.TOKENS, legacy=False)


@dataclass(frozen=True)
class ModelConfig(Section):
    """Layers of the network; each architecture uses some of these options."""

    architecture: str = option("bilstm", "see `python -m sentiment architectures`", Role.SHARED, flag="arch")
    embedding_size: int = option(256, "dimensions of the word embedding", Role.SHARED, minimum=1, search=(64, 128, 256))
    units: int = option(64, "units of a recurrent layer, in each direction; filters of a convolution", Role.SHARED,
                        minimum=1, search=(32, 64, 128, 256))
    layers: int | None = option(None, "number of recurrent or Transformer layers (default: 1; 2 for stacked-* and "
                                "transformer)", Role.SHARED, minimum=1, maximum=16, search=(1, 2, 3))
    activation: str = option("tanh", "activation of the plain recurrent layer", Role.SHARED, choices=ACTIVATIONS)
    gru_reset: str = option("after", "whether the reset gate of a GRU is applied before or after the matrix product",
                            Role.SHARED, choices=("before", "after"))
    recurrent_initializer: str = option("orthogonal", "initializer of the recurrent kernel", Role.SHARED,
                                        choices=INITIALIZERS)
    forget_bias: bool = option(True, "initialize the bias of a forget gate to 1, of an update gate to -1", Role.SHARED)
    qrnn_window: int = option(2, "words per step of a QRNN: the current one and those before it", Role.SHARED,
                              minimum=1, maximum=3)
    merge: str = option("concat", "combination of the outputs of the two directions", choices=MERGES)
    residual: bool = option(False, "residual connections around all recurrent layers but the first")
    skip: bool = option(False, "dense connections: each recurrent layer, and the classifier, reads all layers below")
    normalization: str = option("none", "layer normalization inside the LSTM, weight normalization of its kernels, or "
                                "batch normalization between layers", Role.SHARED, choices=NORMALIZATIONS)
    attention: str = option("none", "attention over the hidden states", Role.READOUT, choices=ATTENTIONS)
    heads: int = option(4, "heads of multi-head attention", minimum=1, maximum=64)
    hops: int = option(1, "attention hops of self-attentive pooling", minimum=1, maximum=64)
    hops_penalty: float = option(0.0, "weight of the penalty on hops that attend to the same words",
                                 Role.REGULARIZATION, minimum=0.0)
    window: int = option(10, "words on each side in local attention, luong-local-m and luong-local-p", minimum=1)
    pooling: str | None = option(None, "pooling of the hidden states of all words; concat is last, max and mean "
                                 "(default: max)", Role.READOUT, choices=POOLINGS, search=POOLINGS)
    bigram_buckets: int = option(100_000, "rows of the hashed embedding of word bigrams", minimum=1)
    word_dropout: float = option(0.3, "share of words replaced by the unknown token in training",
                                 Role.PRETRAINING | Role.REGULARIZATION, minimum=0.0, maximum=0.95,
                                 search=Range(0.0, 0.5))
    embedding_dropout: float = option(0.5, "share of embedding dimensions dropped, the same ones for all words of a "
                                      "text", Role.PRETRAINING | Role.REGULARIZATION, minimum=0.0, maximum=0.95,
                                      search=Range(0.0, 0.7))
    recurrent_dropout: float = option(0.0, "share of the recurrent state dropped between steps, with one mask for all "
                                      "steps (slow: no fused kernel)", Role.PRETRAINING | Role.REGULARIZATION,
                                      minimum=0.0, maximum=0.95)
    weight_drop: float = option(0.0, "share of the recurrent kernel dropped (slow on a GPU: without cuDNN)",
                                Role.PRETRAINING, minimum=0.0, maximum=0.95)
    zoneout: float = option(0.0, "share of a QRNN's units that keep their state at a step, drawn for each step",
                            Role.PRETRAINING | Role.REGULARIZATION, minimum=0.0, maximum=0.95)
    output_dropout: float = option(0.5, "share of the features dropped before the classifier and between layers",
                                   Role.PRETRAINING | Role.REGULARIZATION,
                                   minimum=0.0, maximum=0.95, search=Range(0.0, 0.7))


@dataclass(frozen=True)
class TrainingConfig(Section):
    """Initialization, loss, optimization and early stopping."""

    embedding_start: str = option("svd", "initial embedding: svd (word vectors factorised from the training texts), "
                                  "random, or a file of word vectors in the text format of GloVe or word2vec")
    freeze_embedding: bool = option(False, "keep the embedding as it is initialized")
    pretrained: str | None = option(None, "folder of `sentiment pretrain`, from which the classifier takes vocabulary, "
                                    "embedding and recurrent layers; or of a run, from which it takes all layers")
    layer_decay: float = option(1.0, "discriminative fine-tuning, with --pretrained: each layer's learning rate is "
                                "that of the layer above divided by this", minimum=1.0, needs="pretrained")
    unfreeze: float = option(0.0, "gradual unfreezing, with --pretrained: epochs until the next lower layer is "
                             "trained as well; 0 for all layers at once", minimum=0.0, needs="pretrained")
    objective: str = option("cross-entropy", "loss: cross-entropy, or cross-entropy plus the adversarial loss, the "
                            "virtual adversarial loss (vat), the entropy of the predictions, or all of them (mixed)",
                            choices=tuple(OBJECTIVES))
    adversarial_weight: float | None = option(None, "weight of the adversarial loss (default: by --objective)",
                                              minimum=0.0)
    vat_weight: float | None = option(None, "weight of the virtual adversarial loss (default: by --objective)",
                                      minimum=0.0)
    entropy_weight: float | None = option(None, "weight of the entropy of the predictions (default: by --objective)",
                                          minimum=0.0)
    epsilon: float = option(5.0, "norm of an adversarial perturbation of the embedded words of a text, in "
                            "units of the root mean square of their values", minimum=0.0)
    xi: float = option(0.1, "norm of the trial step that finds the virtual adversarial direction, in the same "
                       "units", minimum=1e-6)
    teacher: str | None = option(None, "folder of a run for knowledge distillation: its probabilities are additional "
                                 "targets, also for --unlabelled texts")
    teacher_weight: float = option(0.9, "weight of the distillation loss; that of the labels' loss is 1 minus this",
                                   minimum=0.0, maximum=1.0, needs="teacher")
    teacher_temperature: float = option(2.0, "temperature of the distillation loss; the logits of both models are "
                                        "divided by it", minimum=0.01, needs="teacher")
    label_smoothing: float = option(0.0, "label smoothing: share of each label spread over all classes", minimum=0.0,
                                    maximum=0.9)
    optimizer: str = option("adam", "optimiser", Role.PRETRAINING, choices=OPTIMIZERS)
    learning_rate: float = option(1e-3, "peak learning rate, for the whole batch over all devices", Role.PRETRAINING,
                                  minimum=0.0, search=Range(2e-4, 1e-2, log=True))
    schedule: str = option("cosine", "linear and cosine warm up, then fall to 0 over all epochs; slanted-triangular "
                           "falls to a 32nd; plateau halves the rate when the monitored value stalls", Role.PRETRAINING,
                           choices=SCHEDULES)
    warmup: float = option(0.1, "share of all steps over which linear, slanted-triangular and cosine warm up",
                           Role.PRETRAINING, minimum=0.0, maximum=0.9, search=Range(0.0, 0.3))
    weight_decay: float = option(0.01, "decoupled weight decay of adamw", Role.PRETRAINING, minimum=0.0)
    clip_norm: float = option(1.0, "largest norm of the gradient of all weights; 0 for no clipping", Role.PRETRAINING,
                              minimum=0.0)
    clip_value: float = option(0.0, "largest absolute value in the gradient, clipped before the norm; 0 for no "
                               "clipping", Role.PRETRAINING, minimum=0.0)
    gradient_noise: float = option(0.0, "variance of the noise added to the gradient at the first step, falling as "
                                   "1 / step ** 0.55", Role.PRETRAINING, minimum=0.0)
    ema: float = option(0.0, "decay of the moving average of the weights that is validated and kept; 0 for none",
                        minimum=0.0, maximum=0.99999)
    l2: float = option(0.0, "weight of the L2 penalty on all kernels", minimum=0.0)
    batch_size: int = option(32, "batch size, over all devices", Role.PRETRAINING, minimum=1, search=(16, 32, 64, 128))
    epochs: int | None = option(None, f"passes over the training texts (default: {DEFAULT_EPOCHS}, more if that is "
                                f"below {DEFAULT_STEPS:,} steps, at most {MOST_EPOCHS})", Role.PRETRAINING, minimum=1)
    class_weights: str = option("none", "balanced weights each class by the inverse of its frequency", Role.LINEAR,
                                choices=CLASS_WEIGHTS)
    monitor: str = option("val_calibrated_loss", "metric that selects the best epoch: the validation loss after "
                          "temperature scaling, without it, or the accuracy", choices=MONITORS)
    patience: int | None = option(None, "early stopping: epochs without an improvement (default: a fifth of all, at "
                                  "least 3)", minimum=1)
    plateau_patience: int = option(1, "epochs without an improvement before --schedule plateau halves the rate",
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
        """Whether layers have different learning rates."""
        return self.layer_decay != 1 or self.unfreeze > 0

    @property
    def uses_unlabelled(self) -> bool:
        """Whether the objective has a term that needs no labels."""
        _, virtual, entropy = self.objective_weights
        return bool(virtual or entropy or self.teacher)

    def epochs_for(self, steps_per_epoch: int) -> int:
        """Return the maximum number of epochs: the option, or enough for `DEFAULT_STEPS` steps, within limits."""
        return self.epochs or min(max(DEFAULT_EPOCHS, -(-DEFAULT_STEPS // steps_per_epoch)), MOST_EPOCHS)

    def patience_for(self, epochs: int) -> int:
        """Return the patience of early stopping: the option, or a fifth of all epochs, at least 3."""
        return self.patience or max(3, epochs // 5)


@dataclass(frozen=True)
class RuntimeConfig(Section):
    """Seed, device, precision, checkpoints and outputs of a run."""

    seed: int = option(1, "seed of the split, the weights, the order of the data and dropout", DATA, minimum=0,
                       maximum=2**32 - 1)
    strategy: str = option("auto", "distribution strategy: auto uses the workers of TF_CONFIG, else a TPU, else all "
                           "GPUs, else one device", Role.COMMON, choices=STRATEGIES)
    mixed_precision: bool = option(False, "compute in half precision: float16 on a GPU, bfloat16 elsewhere and "
                                  "in pretraining", Role.COMMON)
    deterministic: bool = option(False, "refuse operations whose result may differ between runs (slower)")
    checkpoint_minutes: float = option(5.0, "minutes between checkpoints; each epoch ends with one anyway",
                                       Role.COMMON | Role.CHANGEABLE | Role.OUTPUT, minimum=0)
    checkpoint_steps: int | None = option(None, "steps between checkpoints (default: by time alone)",
                                          Role.COMMON | Role.CHANGEABLE | Role.OUTPUT, minimum=1)
    tensorboard: bool = option(False, "write TensorBoard logs", Role.OUTPUT)
    export: bool = option(True, "write a TensorFlow SavedModel at the end; `sentiment export --format saved_model` "
                          "writes one later", Role.LINEAR | Role.CHANGEABLE | Role.OUTPUT)
    baselines: bool = option(True, "evaluate the majority class and tfidf-lr on the same splits, and report whether "
                             "the model is better by more than chance", Role.LINEAR | Role.CHANGEABLE | Role.OUTPUT)
    save_float16: bool = option(False, "round the trained weights to float16 and compress model.keras, to 60% of its "
                                "size or less", Role.LINEAR | Role.OUTPUT)


@dataclass(frozen=True)
class PretrainingConfig(Section):
    """Pretraining on unlabelled texts."""

    method: str = option("language-model", "language-model: predict the next word, forward and, for bidirectional "
                         "architectures, backward; autoencoder: reconstruct a text from its last state",
                         Role.PRETRAINING, choices=PRETRAINING)
    window: int = option(100, "words of a training window of a language model, whose state is carried on to the "
                         "next", Role.PRETRAINING, minimum=1)
    sampled_words: int = option(1024, "words drawn in each step for the sampled softmax", Role.PRETRAINING, minimum=1)


@dataclass(frozen=True)
class RunConfig(Config):
    """Configuration of a run: all options that determine it except its output folder."""

    data: DataConfig = field(default_factory=DataConfig)
    text: TextConfig = field(default_factory=TextConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)


@dataclass(frozen=True)
class PretrainConfig(Config):
    """Configuration of `sentiment pretrain`, with defaults for language models."""

    data: DataConfig = field(default_factory=DataConfig)
    text: TextConfig = field(default_factory=lambda: TextConfig(vocabulary_size=30_000, max_length=10_000))
    model: ModelConfig = field(default_factory=lambda: ModelConfig(
        units=256, embedding_size=256, word_dropout=0.0, embedding_dropout=0.1, output_dropout=0.1))
    pretraining: PretrainingConfig = field(default_factory=PretrainingConfig)
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(
        learning_rate=2e-3, batch_size=64, epochs=4))
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)

    @classmethod
    def of_given(cls, given: Options) -> Self:
        """Return the configuration with the user's options, and the defaults of the method for the others.

        An autoencoder reads whole texts at once, so they are truncated.
        """
        method = given.get("pretraining", {}).get("method", PretrainingConfig.method)
        changes: dict[str, dict[str, Any]] = {"pretraining": {"method": method}}
        if method == "autoencoder":
            changes |= {"text": {"max_length": 400}, "model": {"architecture": "lstm"},
                        "training": {"batch_size": TrainingConfig.batch_size, "epochs": 1}}
        return cls().updated(changes).updated(given).with_given(given)
