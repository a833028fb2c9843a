"""`sentiment export`: write a trained model in a form that runs elsewhere."""

import argparse
from typing import Any

from sentiment.commands.tensorflow import import_tensorflow
from sentiment.console import log

FORMATS = ("onnx", "saved_model")


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("export", help="write a trained model in a form that runs elsewhere")
    parser.add_argument("model", help="the folder of a run")
    parser.add_argument("--format", choices=FORMATS, required=True,
                        help="onnx: for ONNX Runtime, answers without TensorFlow; saved_model: for TensorFlow alone, "
                        "which training has written already")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Export and say where it is."""
    import_tensorflow()
    from sentiment import export
    from sentiment.artifacts import RunFolder

    folder = RunFolder.open(arguments.model)
    if arguments.format == "saved_model":
        log(f"saved to {export.export_saved_model(folder)}")
        return
    path = export.export_onnx(folder)
    log(f'saved to {path}; try: python -m sentiment predict {path} "A wonderful film."')
