"""`sentiment export`: export a trained model to other runtimes."""

import argparse
import shutil
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.cli.train import example_for, predict_command
from sentiment.console import log, print_table
from sentiment.errors import EXTRAS, UserError, check_extra
from sentiment.shipped import NAME, shipped_run
from sentiment.startup import import_tensorflow

if TYPE_CHECKING:
    from sentiment.artifacts import RunFolder
    from sentiment.export import Original

FORMATS = ("saved_model", "litert", "onnx", "all")
PRECISIONS = ("float32", "float16", "int8")
WITH_PRECISIONS = ("litert", "onnx")  # formats with several precisions
CHECKED_TEXTS = 300  # texts of the built-in sample on which an export must agree with the model


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("export", help="write a trained model in formats for other runtimes")
    parser.add_argument("model", nargs="?", help="the folder of a run, to which the export is written (default: a copy "
                        "of the included film-review model, in models/imdb)")
    parser.add_argument("--format", choices=FORMATS, required=True,
                        help="saved_model: for TensorFlow; litert: for LiteRT, on phones and small machines; onnx: "
                        "for ONNX Runtime; all: all of these, in every precision")
    parser.add_argument("--precision", choices=PRECISIONS,
                        help="precision of the weights, for litert and onnx (default: float32)")


def run(arguments: argparse.Namespace) -> None:
    """Export, and print a table of the exports."""
    if arguments.precision is not None and arguments.format not in WITH_PRECISIONS:
        raise UserError(f"--precision needs --format {' or '.join(WITH_PRECISIONS)}")
    from sentiment.artifacts import RunPaths

    if arguments.format in EXTRAS:  # mistakes are reported before TensorFlow is imported
        check_extra(f"--format {arguments.format}", arguments.format)
    model = arguments.model or _copy_of_shipped()
    RunPaths.open(model)
    import_tensorflow(devices=True)
    from sentiment import export
    from sentiment.artifacts import RunFolder
    from sentiment.data.sample import sample_texts

    folder = RunFolder.open(model)
    original = export.Original(folder, list(islice(sample_texts(), CHECKED_TEXTS)))
    precisions = PRECISIONS if arguments.format == "all" else [arguments.precision or "float32"]
    makers: dict[str, Callable[[], Path]] = {
        "saved_model": partial(export.export_saved_model, original),
        **{f"onnx {name}": partial(export.export_onnx, original, name) for name in precisions},
        **{f"litert {name}": partial(export.export_litert, original, name) for name in precisions}}
    made, refused = [], []
    for name, make in makers.items():
        if arguments.format not in ("all", name.split()[0]):
            continue
        try:
            made.append((name, make()))
        except export.ExportError as error:
            refused.append(error)
    if made:
        _show(folder, original, made)
    for reason in refused[:-1]:
        log.warning(str(reason))
    if refused:
        raise refused[-1]


def _copy_of_shipped() -> Path:
    """Return the run `models/imdb` in the working folder, copied from the included model if it is missing."""
    target = Path("models") / NAME
    if not (target / "config.json").is_file():
        shutil.copytree(shipped_run(), target, ignore=shutil.ignore_patterns("onnx*", "__pycache__"))
        log(f"copied the included film-review model to {target}")
    return target


def _show(folder: "RunFolder", original: "Original", made: list[tuple[str, Path]]) -> None:
    """Print size, latency and difference of each export."""
    from sentiment.export.measure import measured

    rows = [[name, str(path.relative_to(folder.path)), f"{found.megabytes:.2f}", f"{found.milliseconds:.2f}",
             f"{found.difference:.1e}", f"{found.agreement:.4f}"]
            for (name, path), found in zip(made, measured(original, made), strict=True)]
    print_table(["form", "folder", "MB", "ms a text", "difference", "same label"], rows, numeric=(2, 3, 4, 5))
    model = made[-1][1] if made[-1][0] != "saved_model" else folder.path
    log(f"try: {predict_command(model, example_for(folder.load_config().data))}")
