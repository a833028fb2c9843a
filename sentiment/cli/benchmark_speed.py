"""`sentiment benchmark speed`: speed against other libraries."""

import argparse
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from sentiment.cli.options import add_section, given_options
from sentiment.config import DataConfig, RunConfig
from sentiment.console import log, print_json, print_table
from sentiment.errors import UserError
from sentiment.files import locked
from sentiment.startup import import_tensorflow

HEADERS = ["row", "side", "median ms", "quartiles", "rate", "MiB", "x as long"]
# Independent of the defaults, so that the figures of versions are comparable.
SIZES = {"model": {"embedding_size": 128}, "text": {"max_length": 400}}
GROUPS = ("layer", "scan", "recurrent", "training", "settings", "prediction", "startup")
LONG = ("units", "grid")  # only when asked for: they take long


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("speed", help="layers, training, prediction and start-up, against stock Keras, "
                                 "PyTorch and ONNX Runtime")
    parser.add_argument("--rows", nargs="+", choices=(*GROUPS, *LONG), default=list(GROUPS),
                        help="groups of rows to measure (default: all but units, all recurrent layers by units, and "
                        "grid, LSTM and GRU over sizes and modes)")
    parser.add_argument("--repeats", type=int, default=7, metavar="N", help="runs of each implementation (default: 7)")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of each implementation (default: all cores)")
    parser.add_argument("--training-texts", type=int, default=1600, metavar="N",
                        help="texts of a training epoch (default: 1600)")
    parser.add_argument("--prediction-texts", type=int, default=2000, metavar="N",
                        help="texts of a prediction (default: 2000)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write all times as JSON, row by row")
    parser.add_argument("--json", action="store_true", help="print all times as JSON")
    add_section(parser, "data", DataConfig, ("dataset", "data_dir", "text_column", "label_column"))


def run(arguments: argparse.Namespace) -> None:
    """Measure and print."""
    counts = (arguments.repeats, arguments.threads, arguments.training_texts, arguments.prediction_texts)
    if any(count is not None and count < 1 for count in counts):
        raise UserError("--repeats, --threads, --training-texts and --prediction-texts must be at least 1")
    import_tensorflow(devices=True)
    from sentiment.benchmark import speed
    from sentiment.machine import available_cores

    config = RunConfig().updated(SIZES).updated(given_options(arguments))
    threads = arguments.threads or available_cores()
    result: dict[str, Any] = {"machine": speed.machine(), "threads": threads, "rows": []}
    with locked(arguments.output, "--output") if arguments.output else nullcontext():
        for row in speed.measure(arguments.rows, config, repeats=arguments.repeats, threads=threads,
                                 training=arguments.training_texts, prediction=arguments.prediction_texts):
            result["rows"].append(row)
            if arguments.output:
                arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    if arguments.json:
        print_json(result)
    else:
        print_table(HEADERS, speed.table(result["rows"]), numeric=(2, 3, 4, 5, 6))
    if arguments.output:
        log(f"written to {arguments.output}")
