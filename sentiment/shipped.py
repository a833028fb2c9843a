"""Trained model of film reviews that comes with the package, as a run and as an export that needs no TensorFlow."""

from pathlib import Path

from sentiment.errors import UserError

NAME = "imdb"
PACKAGE = "shipped_imdb"  # where the installed package has `models/imdb` of the repository


def shipped_run() -> Path:
    """Return the folder of the run: `models/imdb` in a checkout, package data when installed.

    Raises:
        UserError: if it is missing.
    """
    package = Path(__file__).parent
    for folder in (package.parent / "models" / NAME, package / PACKAGE):
        if (folder / "config.json").is_file():
            return folder
    raise UserError("the model that comes with the package is missing: install the package again, or name a model")


def shipped_export() -> Path:
    """Return the folder of the same model for ONNX Runtime.

    Raises:
        UserError: if it is missing.

    Example:
        >>> from sentiment.shipped import shipped_export
        >>> (shipped_export() / "model.onnx").is_file()
        True
    """
    return shipped_run() / "onnx"
