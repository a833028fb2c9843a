"""`sentiment predict`: label texts with a trained model."""

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.commands.tensorflow import import_tensorflow
from sentiment.console import log, print_table
from sentiment.errors import UserError

if TYPE_CHECKING:
    from sentiment.predictions import Prediction, Predictor

STDIN_CHUNK = 1024


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("predict", help="label texts with a trained model")
    parser.add_argument("model", help="the folder of a run, or of an export for ONNX Runtime")
    parser.add_argument("texts", nargs="*", default=[],
                        help="texts; without any, standard input is read, a text a line")
    parser.add_argument("--input", help="a CSV, TSV, JSONL or Parquet file (a glob too)")
    parser.add_argument("--output", type=Path, help="write all columns and the predictions to this file")
    parser.add_argument("--text-column", help="column with the text (default: found by its name)")
    parser.add_argument("--stateful", action="store_true", help="take the texts, or the lines of standard input, as "
                        "pieces of one text, and predict after each; for models that read one way")
    parser.add_argument("--json", action="store_true", help="print a JSON object a line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print or write predictions."""
    if arguments.input and arguments.texts:
        raise UserError("give texts or --input, not both")
    if arguments.stateful and arguments.input:
        raise UserError("--stateful goes with texts or standard input, not with --input")
    if arguments.output and not arguments.input:
        raise UserError("--output goes with --input")
    if not arguments.texts and not arguments.input and sys.stdin.isatty():
        raise UserError("no text: give texts, --input FILE, or pipe a text a line")
    import sentiment
    from sentiment.portable import PortableFolder

    if arguments.stateful:
        _predict_pieces(arguments)
        return
    if not PortableFolder(arguments.model).exists():
        import_tensorflow()
    if arguments.input:
        _predict_file(arguments, sentiment.load)
        return
    classifier = sentiment.load(arguments.model)
    texts = iter(arguments.texts) if arguments.texts else stdin_texts()
    while chunk := list(islice(texts, STDIN_CHUNK)):
        print_predictions(classifier, chunk, as_json=arguments.json)


def _predict_pieces(arguments: argparse.Namespace) -> None:
    import_tensorflow()
    from sentiment.artifacts import RunFolder
    from sentiment.inference import Reader, load

    reader = Reader(load(arguments.model), RunFolder.open(arguments.model).load_config().model)
    # Arguments are words apart; the lines of a file keep their line ends.
    pieces = (f"{text} " for text in arguments.texts) if arguments.texts else (f"{line}\n" for line in stdin_texts())
    for piece in pieces:
        print_answers([piece.rstrip()], [reader.read(piece)], as_json=arguments.json)
        sys.stdout.flush()


def _predict_file(arguments: argparse.Namespace, load: Any) -> None:
    from sentiment.datasets.tables import matching_files
    from sentiment.scoring import TableWriter, scored_chunks, text_chunks

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


def print_predictions(classifier: "Predictor", texts: list[str], *, as_json: bool) -> None:
    """Predict a chunk of texts and print the answers."""
    print_answers(texts, classifier.predict(texts), as_json=as_json)


def print_answers(texts: list[str], answers: list["Prediction"], *, as_json: bool) -> None:
    """Print predictions: a table for people, an object a line for machines."""
    if as_json:
        for text, answer in zip(texts, answers, strict=True):
            print(json.dumps({"text": text, **answer._asdict()}, ensure_ascii=False))
        return
    rows = [[answer.label, f"{answer.score:.4f}", text if len(text) <= 200 else text[:199] + "…"]
            for text, answer in zip(texts, answers, strict=True)]
    print_table(["label", "score", "text"], rows, numeric=(1,))
