"""`sentiment compare`: comparison of several models on the same texts."""

import argparse
from typing import Any

from sentiment.cli.evaluate import evaluation_data
from sentiment.cli.options import add_report, add_section, check_report, given_options
from sentiment.config import DataConfig, Role
from sentiment.console import log, print_json, print_table, print_text
from sentiment.errors import UserError
from sentiment.startup import import_tensorflow


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("compare", help="compare trained models on the same texts")
    parser.add_argument("models", nargs="+", help="the folders of two or more runs")
    add_report(parser)
    parser.add_argument("--json", action="store_true", help="print metrics and tests as JSON")
    add_section(parser, "data", DataConfig, DataConfig.names(Role.EVALUATION))


def run(arguments: argparse.Namespace) -> None:
    """Print the metrics of all models, and McNemar's test for each pair."""
    check_report(arguments.report)
    if len(arguments.models) < 2:
        raise UserError("compare needs at least two models")
    changes = given_options(arguments).get("data", {})
    from sentiment.artifacts import RunPaths
    from sentiment.reports import comparison_report, write_report
    from sentiment.reports.comparison import HEADERS, comparison_rows, pairwise
    from sentiment.run_predictions import predict_with_all, stored_predictions, texts_for

    folders = [RunPaths.open(path) for path in arguments.models]
    data, texts = evaluation_data(changes, folders[0].load_config()), None
    found = stored_predictions(folders) if data is None and not arguments.report else None
    if found is None:
        texts = texts_for(folders, data)
        import_tensorflow(devices=True)
        found = predict_with_all(folders, texts)
    classes, labels = found.class_names, found.labels
    tests = pairwise(found.logits, labels)
    if arguments.json:
        print_json({"dataset": found.dataset, "models": [
            dict(zip(HEADERS, row, strict=True)) for row in comparison_rows(found.logits, labels, classes)],
            "mcnemar": [{"models": pair, **test._asdict()} for pair, test in tests.items()],
            "seen_in_training": found.overlaps, "notes": found.notes})
    else:
        print_table(list(HEADERS), comparison_rows(found.logits, labels, classes), numeric=(1, 2, 3, 4, 5))
        for (first, second), test in tests.items():
            print_text(f"only {first} right: {test.first_alone:,}, only {second} right: {test.second_alone:,}, "
                       f"p = {test.p_value:.2g} (McNemar)")
    if arguments.report and texts is not None:
        write_report(comparison_report(found.logits, texts.examples, classes, found.dataset, found.notes),
                     arguments.report)
        log(f"written to {arguments.report / 'index.html'}")
    for note in found.notes:
        log.warning(note)
