"""`sentiment predict`: label texts with a trained model."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from sentiment.cli.options import add_mixed_precision, add_table_format, load, open_run, table_format
from sentiment.cli.shipped import log_default, model_and_texts
from sentiment.console import byte_progress, log, print_json, print_table
from sentiment.errors import UserError, counted
from sentiment.shipped import shipped_export, shipped_run
from sentiment.startup import import_tensorflow
from sentiment.table_format import DEFAULT_FORMAT

if TYPE_CHECKING:
    from sentiment.predictions import Prediction

ENGINES = ("local", "ray")
STDIN_CHUNK = 1024
SECONDS_A_LINE = 5.0  # between progress lines when predictions are piped


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("predict", help="label texts with a trained model")
    parser.add_argument("texts", nargs="*", default=[], metavar="TEXT",
                        help="texts; without any, standard input is read, one text per line")
    parser.add_argument("--model", help="the folder of a run, or of an export for ONNX Runtime or LiteRT (default: the "
                        "included film-review model)")
    parser.add_argument("--input", help="a CSV, TSV, JSON, JSONL, Parquet or Excel file (a glob too)")
    parser.add_argument("--output", type=Path, help="write all columns and the predictions to this file, or one file "
                        "per input to this folder")
    parser.add_argument("--resume", action="store_true", help="continue an interrupted --output")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing --output")
    parser.add_argument("--engine", choices=ENGINES, default="local", help="ray: distribute the files of --input over "
                        "the Ray cluster that RAY_ADDRESS names, or over this machine (default: local)")
    parser.add_argument("--text-column", help="column with the text (default: found by its name)")
    parser.add_argument("--stateful", action="store_true", help="treat the texts, or the lines of standard input, as "
                        "pieces of one text, and predict after each; for unidirectional models")
    add_mixed_precision(parser)
    add_table_format(parser)
    parser.add_argument("--abstain-below", type=float, metavar="P", help="omit the label if the score is below this "
                        "probability; the scores are kept")
    parser.add_argument("--known", action="store_true", help="add a column to --output with the share of known words, "
                        "from 0 to 1")
    parser.add_argument("--defuse-formulas", action="store_true", help="put an apostrophe before text in a CSV or TSV "
                        "--output that a spreadsheet would evaluate: it begins with =, +, -, @, a tab or a carriage "
                        "return, and is not a number")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")


def run(arguments: argparse.Namespace) -> None:
    """Print or write predictions."""
    arguments.model, arguments.texts = model_and_texts(arguments.model, arguments.texts)
    _check(arguments)
    if arguments.model is None:
        log_default()
        arguments.model = str(shipped_run() if arguments.stateful or arguments.mixed_precision else shipped_export())
    run = open_run(arguments.model)  # a mistake in the model or the table is reported before TensorFlow is imported
    if arguments.input and arguments.text_column is None and run is not None:
        from sentiment.data.tables import columns_of_run

        found = columns_of_run(arguments.input, table_format(arguments), run.load_config().data)
        arguments.text_column = found.get("text_column")
    if arguments.stateful:
        _predict_pieces(arguments)
    elif arguments.output:
        _write_file(arguments)
    elif arguments.input:
        _predict_file(arguments)
    else:
        _predict_texts(arguments)


def _check(arguments: argparse.Namespace) -> None:
    """Refuse options that exclude each other.

    Raises:
        UserError: with the reason.
    """
    if arguments.input and arguments.texts:
        raise UserError("pass texts or --input, not both")
    if arguments.stateful and arguments.input:
        raise UserError("--stateful needs texts or standard input, not --input")
    if arguments.abstain_below is not None:
        from sentiment.predictions import check_abstention

        check_abstention(arguments.abstain_below)
    if arguments.known and not arguments.output:
        raise UserError("--known needs --output; --json always has the share of known words")
    if arguments.output and not arguments.input:
        raise UserError("--output needs --input")
    if not arguments.input and (table_format(arguments) != DEFAULT_FORMAT or arguments.text_column is not None):
        raise UserError("--text-column, --encoding, --separator, --no-header and --quoting go with --input")
    for_output = (arguments.resume, arguments.overwrite, arguments.engine != "local", arguments.defuse_formulas)
    if any(for_output) and not arguments.output:
        raise UserError("--resume, --overwrite, --engine and --defuse-formulas need --output")
    if arguments.resume and arguments.overwrite:
        raise UserError("--resume continues an existing output, --overwrite replaces it: pass only one of them")
    if not arguments.texts and not arguments.input and sys.stdin.isatty():
        raise UserError("no text: pass texts, --input FILE, or one text per line on standard input")


def _predict_texts(arguments: argparse.Namespace) -> None:
    classifier = load(arguments.model, arguments.mixed_precision)
    texts = iter(arguments.texts) if arguments.texts else stdin_texts()
    chunks = iter(lambda: list(islice(texts, STDIN_CHUNK)), [])
    _print_all(((chunk, classifier.predict(chunk, abstain_below=_threshold(arguments))) for chunk in chunks), arguments)


def _predict_pieces(arguments: argparse.Namespace) -> None:
    import_tensorflow(devices=True)
    from sentiment.artifacts import RunFolder, load_classifier
    from sentiment.inference import Reader

    classifier = load_classifier(arguments.model, mixed_precision=arguments.mixed_precision)
    classifier.warn()
    reader = Reader(classifier, RunFolder.open(arguments.model).load_config().model)
    # Arguments are separated by spaces; the lines of a file keep their line ends.
    pieces = (f"{text} " for text in arguments.texts) if arguments.texts else (f"{line}\n" for line in stdin_texts())
    _print_all((([piece.rstrip()], [reader.read(piece, abstain_below=_threshold(arguments))]) for piece in pieces),
               arguments)


def _predict_file(arguments: argparse.Namespace) -> None:
    from sentiment.scoring import text_chunks

    chunks = text_chunks(arguments.input, arguments.text_column, table_format(arguments))
    first = next(chunks, [])  # before the model is loaded, so that input errors are reported at once
    classifier = load(arguments.model, arguments.mixed_precision)
    _print_all(((texts, classifier.predict(texts, abstain_below=_threshold(arguments)))
                for texts in chain([first], chunks)), arguments)


def _write_file(arguments: argparse.Namespace) -> None:
    from sentiment.scoring import plan_jobs, run_jobs
    from sentiment.scoring.over_ray import run_over_ray

    model = Path(arguments.model)
    jobs = plan_jobs(arguments.input, arguments.output, model, arguments.text_column, resume=arguments.resume,
                     overwrite=arguments.overwrite, mixed_precision=arguments.mixed_precision,
                     form=table_format(arguments), abstain_below=_threshold(arguments), known=arguments.known,
                     defuse=arguments.defuse_formulas)
    if not jobs:
        log(f"{arguments.output} is complete: nothing to resume")
        return
    with byte_progress("labelling", sum(job.size for job in jobs)) as seen:
        done = run_over_ray(jobs, load, seen) if arguments.engine == "ray" else \
            run_jobs(jobs, load(model, arguments.mixed_precision), seen)
    log(f"{counted(done.rows, 'row')} written to {arguments.output}")
    _log_abstentions(done.abstained, done.labelled, arguments)


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


def _threshold(arguments: argparse.Namespace) -> float:
    return arguments.abstain_below or 0.0


def _print_all(answered: Iterable[tuple[list[str], list["Prediction"]]], arguments: argparse.Namespace) -> None:
    """Print texts and their predictions part by part, then log how many have no label."""
    texts = abstained = 0
    begun = last_logged = monotonic()
    for part, predicted in answered:
        print_predictions(part, predicted, as_json=arguments.json, heading=not texts)
        sys.stdout.flush()
        texts += len(part)
        abstained += sum(one.label is None for one in predicted)
        now = monotonic()
        if now - last_logged > SECONDS_A_LINE and not sys.stdout.isatty():
            last_logged = now
            rate = texts / (now - begun)
            log(f"{counted(texts, 'text')}{f', {rate:,.0f} a second' if rate >= 1 else ''}")
    _log_abstentions(abstained, texts, arguments)


def _log_abstentions(abstained: int, texts: int, arguments: argparse.Namespace) -> None:
    if arguments.abstain_below is not None:
        scores = "its score is" if abstained == 1 else "their scores are"
        log(f"{abstained:,} of {counted(texts, 'text')} got no label: {scores} below {arguments.abstain_below:g}")


def print_predictions(texts: list[str], predicted: list["Prediction"], *, as_json: bool, heading: bool = True) -> None:
    """Print predictions: one JSON object per line, or a table with a remark if few words of a text are known.

    In a pipe every line has the column of remarks, which is mostly empty; a terminal shows it only if one is not empty.
    With `heading`, the first line names the columns.
    """
    if as_json:
        for text, one in zip(texts, predicted, strict=True):
            print_json({"text": text, **one._asdict()})
        return
    rows = [[one.label or "-", f"{one.score:.4f}", text if len(text) <= 200 else text[:199] + "…", one.remark]
            for text, one in zip(texts, predicted, strict=True)]
    headers = ["label", "score", "text", "remark"]
    if sys.stdout.isatty() and not any(one.remark for one in predicted):
        headers, rows = headers[:-1], [row[:-1] for row in rows]
    print_table(headers, rows, numeric=(1,), heading=heading)
