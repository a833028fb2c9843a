"""Trained model of the repository, the default of `predict`."""

from pathlib import Path

import sentiment
from sentiment.console import log
from sentiment.errors import UserError

IN_CLONE = Path("models") / "imdb"
CLONE = Path(sentiment.__file__).parents[1]  # the root, if the package is run from a clone


def is_text(word: str) -> bool:
    """Return whether a word of the command line can only be a text.

    That is one with white space, or without a letter and a digit, unless a file has this name.
    """
    spaces, letters = any(map(str.isspace, word)), any(map(str.isalnum, word))
    return (spaces or not letters) and not Path(word).exists()


def shipped_model() -> str:
    """Return the folder of the model that comes with the repository, and log that it is used.

    Raises:
        UserError: if this is no clone of the repository.
    """
    for folder in (IN_CLONE, CLONE / IN_CLONE):
        if folder.is_dir():
            log(f"{IN_CLONE} answers, the film-review model that comes with sentiment; name another before the texts")
            return str(folder)
    raise UserError("name a model: the folder of a run or of an export (the one that comes with the repository is in "
                    "models/imdb of a clone)")
