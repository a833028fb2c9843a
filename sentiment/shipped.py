"""Data and model that come with the package: their folders in a checkout, or in the installed package."""

from pathlib import Path

from sentiment.errors import UserError

NAME = "imdb"
EXAMPLES = ("A slow start, but the last hour is WONDERFUL: see it!",
            "Not as bad as they say; the ending is GREAT.",
            "Two hours of my life that I will never get back :-(")  # texts for people who try the model


def packaged_folder(checkout: str, package: str, file: str, missing: str) -> Path:
    """Return a folder that comes with the package.

    Args:
        checkout: its path in the repository.
        package: the name of the subpackage that has it when installed; see `package_dir` in setup.cfg.
        file: one that it holds.
        missing: the message if there is none.

    Raises:
        UserError: if it is missing.
    """
    root = Path(__file__).parent
    for folder in (root.parent / checkout, root / package):
        if (folder / file).is_file():
            return folder
    raise UserError(missing)


def shipped_run() -> Path:
    """Return the folder of the run of the film-review model.

    Raises:
        UserError: if it is missing.
    """
    return packaged_folder(f"models/{NAME}", f"shipped_{NAME}", "config.json", "the model that comes with the package "
                           "is missing: install the package again, or name a model")


def shipped_export() -> Path:
    """Return the folder of the same model for ONNX Runtime, which needs no TensorFlow.

    Raises:
        UserError: if it is missing.

    Example:
        >>> from sentiment.shipped import shipped_export
        >>> (shipped_export() / "model.onnx").is_file()
        True
    """
    return shipped_run() / "onnx"
