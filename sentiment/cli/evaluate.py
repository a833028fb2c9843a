"""`sentiment evaluate`: measure a trained model on labelled texts."""

import argparse
from typing import Any

from sentiment.cli.options import add_mixed_precision, add_report, add_section, check_report, given_options
from sentiment.config import DataConfig, Role, RunConfig
from sentiment.console import log, print_json, print_text
from sentiment.errors import UserError, counted
from sentiment.files import user_path
from sentiment.shipped import shipped_run
from sentiment.startup import import_tensorflow


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("evaluate", help="measure a trained model on labelled texts")
    parser.add_argument("model", nargs="?", help="the folder of a run (default: the included film-review model)")
    parser.add_argument("--json", action="store_true", help="print the metrics as JSON")
    add_report(parser)
    add_mixed_precision(parser)
    add_section(parser, "data", DataConfig, DataConfig.names(Role.EVALUATION))


def run(arguments: argparse.Namespace) -> None:
    """Print the metrics of a run on its test split or on other labelled texts."""
    check_report(arguments.report)
    changes = given_options(arguments).get("data", {})
    from sentiment.artifacts import RunPaths
    from sentiment.reports import write_report
    from sentiment.run_predictions import metrics_of, predict_with_all, report_of, texts_for

    folder = RunPaths.open(arguments.model or shipped_run())
    texts = texts_for([folder], evaluation_data(changes, folder.load_config()))
    import_tensorflow(devices=True)  # errors in the data are reported before
    found = predict_with_all([folder], texts, mixed_precision=arguments.mixed_precision)
    metrics = metrics_of(found)
    if arguments.report:
        write_report(report_of(folder, texts, found), arguments.report)
        log(f"written to {arguments.report / 'index.html'}")
    if arguments.json:
        print_json(metrics)
        return
    print_text("\n".join(evaluation_lines(metrics)))
    for note in metrics["notes"]:
        log.warning(note)


def evaluation_data(changes: dict[str, Any], own: RunConfig) -> DataConfig | None:
    """Return the data that the flags select, or None for the test split of the run.

    Of a table, the columns that the run's user named are read, where it has them and no flag names others.
    """
    if not changes:
        return None
    if "dataset" in changes:
        data = DataConfig.from_dict(changes)
        if data.is_named or user_path(data.dataset).is_dir():
            return data
        from sentiment.data.tables import columns_of_run

        return DataConfig.from_dict({**columns_of_run(data.dataset, data.table_format, own.data), **changes})
    if own.data.dataset not in ("imdb", "sample"):
        raise UserError("data options such as --text-column need --dataset")
    return own.updated({"data": changes}).data


def evaluation_lines(metrics: dict[str, Any]) -> list[str]:
    """Return metrics as aligned text."""
    area = "-" if metrics["roc_auc"] is None else f"{metrics['roc_auc']:.4f}"
    lines = [f"{metrics['dataset']}: {counted(metrics['texts'], 'text')}",
             f"accuracy {metrics['accuracy']:.4f}   macro F1 {metrics['macro_f1']:.4f}   ROC AUC {area}",
             f"log loss {metrics['log_loss']:.4f}   calibration error {metrics['calibration_error']:.4f}", ""]
    width = max(5, *(len(name) for name in metrics["classes"]))
    lines.append(f"{'class':<{width}}  precision  recall      F1    texts")
    for name, row in metrics["classes"].items():
        lines.append(f"{name:<{width}}  {row['precision']:9.4f}  {row['recall']:6.4f}  {row['f1']:6.4f}  "
                     f"{row['texts']:7,}")
    return lines
