"""The command line: parse, call one function, print.

TensorFlow is imported by the commands that need it, so help and mistakes in the arguments answer at once.
Exit codes: 0 done, 1 a mistake in the request or the input, 2 wrong usage, 130 interrupted.
"""

import argparse
import dataclasses
import errno
import json
import os
import sys
import typing
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.config import DataConfig, RunConfig, Section, base_type, flag_of
from sentiment.console import log, print_table
from sentiment.errors import UserError
from sentiment.version import __version__

if TYPE_CHECKING:
    from sentiment.inference import Classifier

INTERRUPTED = 130
STDIN_CHUNK = 1024
EVALUATION_OPTIONS = ("dataset", "data_dir", "text_column", "label_column")


def add_section(parser: argparse.ArgumentParser, name: str, section: type[Section],
                only: tuple[str, ...] | None = None) -> None:
    """Add a flag for each field of a configuration section; a flag not given leaves no trace."""
    hints = typing.get_type_hints(section)
    group = parser.add_argument_group(f"{name} options", (section.__doc__ or "").strip())
    for declared in dataclasses.fields(section):  # type: ignore[arg-type]
        if only is not None and declared.name not in only:
            continue
        kind, _ = base_type(hints[declared.name])
        shown = "" if declared.default is None or kind is bool else f" (default: {declared.default})"
        options: dict[str, Any] = {"dest": f"{name}.{declared.name}", "default": argparse.SUPPRESS,
                                   "help": (declared.metadata["help"] + shown).replace("%", "%%")}
        if kind is bool:
            options["action"] = argparse.BooleanOptionalAction
        else:
            options |= {"type": kind, "choices": declared.metadata["choices"]}
            if declared.metadata["const"] is not None:
                options |= {"nargs": "?", "const": declared.metadata["const"]}
            if not declared.metadata["choices"]:
                options["metavar"] = {"int": "N", "float": "X", "str": "NAME"}[kind.__name__]
        group.add_argument(flag_of(declared), **options)


def given_options(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return the configuration flags that were given: ``{"model": {"units": 128}}``."""
    changes: dict[str, dict[str, Any]] = {}
    for key, value in vars(arguments).items():
        section, dot, name = key.partition(".")
        if dot:
            changes.setdefault(section, {})[name] = value
    return changes


def make_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="sentiment", description="Train, compare and ship recurrent text classifiers.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    training = commands.add_parser("train", help="train, evaluate and export a classifier")
    training.add_argument("--config", help="a run's config.json; flags given beside it win")
    training.add_argument("--output-dir", type=Path, help="where the run is written (default: models/ARCH)")
    training.add_argument("--overwrite", action="store_true", help="replace a finished run")
    training.add_argument("--json", action="store_true", help="print the metrics as JSON")
    for name, section in RunConfig.sections().items():
        add_section(training, name, section)
    training.set_defaults(run=run_train)

    prediction = commands.add_parser("predict", help="label texts with a trained model")
    prediction.add_argument("model", help="the folder of a run")
    prediction.add_argument("texts", nargs="*", help="texts; without any, standard input is read, a text a line")
    prediction.add_argument("--input", help="a CSV, TSV, JSONL or Parquet file (a glob too)")
    prediction.add_argument("--output", type=Path, help="write all columns and the predictions to this file")
    prediction.add_argument("--text-column", help="column with the text (default: found by its name)")
    prediction.add_argument("--json", action="store_true", help="print a JSON object a line")
    prediction.set_defaults(run=run_predict)

    evaluation = commands.add_parser("evaluate", help="measure a trained model on labelled texts")
    evaluation.add_argument("model", help="the folder of a run")
    evaluation.add_argument("--json", action="store_true", help="print the metrics as JSON")
    add_section(evaluation, "data", DataConfig, EVALUATION_OPTIONS)
    evaluation.set_defaults(run=run_evaluate)

    information = commands.add_parser("info", help="show what a trained model is")
    information.add_argument("model", help="the folder of a run")
    information.add_argument("--json", action="store_true", help="print it as JSON")
    information.set_defaults(run=run_info)

    listing = commands.add_parser("architectures", help="list the architectures")
    listing.add_argument("--json", action="store_true", help="print them as JSON")
    listing.set_defaults(run=run_architectures)
    return parser


def run_train(arguments: argparse.Namespace) -> None:
    """Train a classifier and print a short summary."""
    given = given_options(arguments)
    start = RunConfig.from_json_file(arguments.config) if arguments.config else None
    import_tensorflow()
    from sentiment.workflow import default_config, run_training

    config = (start or default_config(given)).updated(given)
    target = arguments.output_dir or Path("models") / config.model.architecture

    folder = run_training(config, target, overwrite=arguments.overwrite)
    measured = folder.load_metrics()
    if arguments.json:
        print(json.dumps(measured))
    else:
        print(training_summary(folder.path, measured))
    for note in measured["dataset"]["notes"]:
        log.warning(note)


def training_summary(path: Path, measured: dict[str, Any]) -> str:
    """Return the lines printed at the end of a run."""
    test, validation, training = measured["test"], measured["validation"], measured["training"]
    epoch = f" (epoch {training['best_epoch']} of {training['epochs']})" if training["best_epoch"] else ""
    return (f"{measured['dataset']['name']}: test accuracy {test['accuracy']:.4f}, validation "
            f"{validation['accuracy']:.4f}{epoch}, "
            f"{measured['seconds']['all']:.0f} s, {measured['peak_memory_bytes'] / 1e9:.2f} GB\n"
            f"saved to {path}; try: python -m sentiment predict {path} \"A wonderful film.\"")


def run_predict(arguments: argparse.Namespace) -> None:
    """Print or write predictions."""
    if arguments.input and arguments.texts:
        raise UserError("give texts or --input, not both")
    if arguments.output and not arguments.input:
        raise UserError("--output goes with --input")
    if not arguments.texts and not arguments.input and sys.stdin.isatty():
        raise UserError("no text: give texts, --input FILE, or pipe a text a line")
    import_tensorflow()
    import sentiment

    if arguments.input:
        _predict_file(arguments, sentiment.load)
        return
    classifier = sentiment.load(arguments.model)
    texts = iter(arguments.texts) if arguments.texts else stdin_texts()
    while chunk := list(islice(texts, STDIN_CHUNK)):
        print_predictions(classifier, chunk, as_json=arguments.json)


def _predict_file(arguments: argparse.Namespace, load: Any) -> None:
    from sentiment.datasets.tables import matching_files
    from sentiment.inference.files import TableWriter, scored_chunks, text_chunks

    matching_files(arguments.input)
    if arguments.output is None:
        classifier = load(arguments.model)
        for texts in text_chunks(arguments.input, arguments.text_column):
            print_predictions(classifier, texts, as_json=arguments.json)
        return
    writer, count = TableWriter(arguments.output), 0
    chunks = scored_chunks(load(arguments.model), arguments.input, arguments.text_column)
    with writer:
        for frame in chunks:
            writer.write(frame)
            count += len(frame)
    log(f"{count:,} rows written to {arguments.output}")


def stdin_texts() -> Iterator[str]:
    """Yield the lines of standard input.

    Raises:
        UserError: for a line that is not UTF-8.
    """
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            yield line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise UserError(f"standard input, line {number}: not UTF-8") from None


def print_predictions(classifier: "Classifier", texts: list[str], *, as_json: bool) -> None:
    """Print a chunk of predictions: a table for people, an object a line for machines."""
    answers = classifier.predict(texts)
    if as_json:
        for text, answer in zip(texts, answers, strict=True):
            print(json.dumps({"text": text, **answer._asdict()}, ensure_ascii=False))
        return
    rows = [[answer.label, f"{answer.score:.4f}", text if len(text) <= 200 else text[:199] + "…"]
            for text, answer in zip(texts, answers, strict=True)]
    print_table(["label", "score", "text"], rows, numeric=(1,))


def run_evaluate(arguments: argparse.Namespace) -> None:
    """Print the metrics of a run on its test split or on other labelled texts."""
    changes = given_options(arguments).get("data", {})
    import_tensorflow()
    from sentiment.artifacts import RunFolder
    from sentiment.workflow import run_evaluation

    folder = RunFolder.open(arguments.model)
    metrics = run_evaluation(folder, evaluation_data(changes, folder.load_config()))
    if arguments.json:
        print(json.dumps(metrics, ensure_ascii=False))
        return
    print("\n".join(evaluation_lines(metrics)))
    for note in metrics["notes"]:
        log.warning(note)


def evaluation_data(changes: dict[str, Any], own: RunConfig) -> DataConfig | None:
    """Return what the flags of `evaluate` name, or None for the run's own test split."""
    if not changes:
        return None
    if "dataset" in changes:
        return DataConfig.from_dict(changes)
    if own.data.dataset not in ("imdb", "sample"):
        raise UserError("--data-dir, --text-column and --label-column go with --dataset")
    return own.updated({"data": changes}).data


def evaluation_lines(metrics: dict[str, Any]) -> list[str]:
    """Return metrics as aligned text."""
    area = "-" if metrics["roc_auc"] is None else f"{metrics['roc_auc']:.4f}"
    lines = [f"{metrics['dataset']}: {metrics['texts']:,} texts",
             f"accuracy {metrics['accuracy']:.4f}   macro F1 {metrics['macro_f1']:.4f}   "
             f"log loss {metrics['log_loss']:.4f}   ROC AUC {area}", ""]
    width = max(5, *(len(name) for name in metrics["classes"]))
    lines.append(f"{'class':<{width}}  precision  recall      F1    texts")
    for name, row in metrics["classes"].items():
        lines.append(f"{name:<{width}}  {row['precision']:9.4f}  {row['recall']:6.4f}  {row['f1']:6.4f}  "
                     f"{row['texts']:7,}")
    return lines


def run_info(arguments: argparse.Namespace) -> None:
    """Print what a run is: its configuration, data and results."""
    import_tensorflow()
    from sentiment.artifacts import RunFolder

    folder = RunFolder.open(arguments.model)
    config, measured = folder.load_config(), folder.load_metrics()
    if arguments.json:
        print(json.dumps({"config": config.to_dict(), "metrics": measured}, ensure_ascii=False))
        return
    print("\n".join(info_lines(folder.path, config, measured)))
    for note in measured["dataset"]["notes"]:
        log.warning(note)


def info_lines(path: Path, config: RunConfig, measured: dict[str, Any]) -> list[str]:
    """Return a run's facts as aligned text."""
    training, data = measured["training"], measured["dataset"]
    epochs = f"{training['epochs']} epochs, best {training['best_epoch']}" if training["best_epoch"] else "at once"
    facts = {
        "model": str(path),
        "architecture": f"{config.model.architecture}, {training['parameters']:,} parameters",
        "classes": ", ".join(data["classes"]),
        "vocabulary": f"{training['vocabulary']:,} ids, {config.text.max_length} tokens a text "
                      f"({config.text.truncate})",
        "data": f"{data['name']}: {data['train_texts']:,} training, {data['validation_texts']:,} validation, "
                f"{data['test_texts']:,} test texts",
        "training": f"{epochs}, {measured['seconds']['all']:.0f} s on {training['devices']}, "
                    f"seed {config.runtime.seed}",
        "validation": f"accuracy {measured['validation']['accuracy']:.4f}",
        "test": f"accuracy {measured['test']['accuracy']:.4f}",
        "versions": ", ".join(f"{name} {version}" for name, version in measured["versions"].items()),
    }
    return [f"{name:<13} {value}" for name, value in facts.items()]


def run_architectures(arguments: argparse.Namespace) -> None:
    """List the architectures with their parameter counts at the default sizes."""
    import_tensorflow()
    from sentiment import architectures

    config = RunConfig()
    sizes = architectures.Sizes(config.text.vocabulary_size, classes=2)
    rows = []
    for entry in architectures.architectures():
        model = entry.build(dataclasses.replace(config.model, architecture=entry.name), sizes)
        rows.append((entry.name, model.count_params(), entry.summary))
    if arguments.json:
        print(json.dumps([{"name": name, "parameters": count, "summary": text} for name, count, text in rows]))
        return
    width = max(len(name) for name, _, _ in rows)
    print(f"{'name':<{width}}  {'parameters':>10}  description")
    for name, count, text in rows:
        print(f"{name:<{width}}  {count:>10,}  {text}")


def import_tensorflow() -> None:
    """Import TensorFlow without the lines that its native part prints before any log level applies."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            import tensorflow as tf

            tf.config.list_logical_devices()
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def with_hyphens(words: Iterable[str]) -> list[str]:
    """Turn ``--max_length=5`` into ``--max-length=5``; values stay as they are."""
    result, verbatim = [], False
    for word in words:
        verbatim = verbatim or word == "--"
        name, equals, value = word.partition("=")
        is_flag = word.startswith("--") and not verbatim
        result.append(name.replace("_", "-") + equals + value if is_flag else word)
    return result


def main(words: list[str] | None = None) -> int:
    """Run a command and return its exit code."""
    arguments = make_parser().parse_args(with_hyphens(sys.argv[1:] if words is None else words))
    try:
        arguments.run(arguments)
        sys.stdout.flush()
    except UserError as error:
        log.error(str(error))
        return 1
    except KeyboardInterrupt:
        log("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        message = system_error(error)
        if message is None:
            raise
        log.error(message)
        return 1
    return 0


def system_error(error: Exception) -> str | None:
    """Return a line for what the system refused: a full disk (also as HDF5 or TensorFlow report it), a file."""
    if getattr(error, "errno", None) == errno.ENOSPC or os.strerror(errno.ENOSPC) in str(error):
        return "no space left on the device: free some, or write elsewhere with --output-dir or --output"
    if isinstance(error, OSError) and error.filename is not None:
        return f"cannot access {error.filename}: {error.strerror}"
    return None
