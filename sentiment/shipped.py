"""Folders of the included data and model, in a checkout or in the installed package."""

import os
from pathlib import Path

from sentiment.errors import UserError

NAME = "imdb"
EXAMPLES = ("A slow start, but the last hour is WONDERFUL: see it!",
            "Not as bad as they say; the ending is GREAT.",
            "Two hours of my life that I will never get back :-(")  # texts for people who try the model


def packaged_folder(checkout: str, package: str, file: str, missing: str) -> Path:
    """Return an included folder.

    Args:
        checkout: its path in the repository.
        package: the subpackage that contains it when installed; see `package_dir` in setup.cfg.
        file: a file that it contains.
        missing: the message if it is missing.

    Raises:
        UserError: if it is missing.
    """
    root = Path(__file__).parent
    for folder in (root.parent / checkout, root / package):
        if (folder / file).is_file():
            return folder
    raise UserError(missing)


def advice_on(path: str | os.PathLike[str]) -> str:
    """Return what to do about a missing model folder that is the included model's in a checkout; empty for others."""
    if Path(path).parts[-2:] != ("models", NAME):
        return ""
    return "; the included film-review model is used if no model is named"


def shipped_run() -> Path:
    """Return the run folder of the included film-review model.

    Raises:
        UserError: if it is missing.
    """
    return packaged_folder(f"models/{NAME}", f"shipped_{NAME}", "config.json", "the included model is missing: install "
                           "the package again, or name a model")


def shipped_export() -> Path:
    """Return the folder of the included model for ONNX Runtime, which needs no TensorFlow.

    Raises:
        UserError: if it is missing.

    Example:
        >>> from sentiment.shipped import shipped_export
        >>> (shipped_export() / "model.onnx").is_file()
        True
    """
    return shipped_run() / "onnx"
