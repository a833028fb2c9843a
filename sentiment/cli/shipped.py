"""The trained model that comes with the repository, for who names none."""

from pathlib import Path

import sentiment
from sentiment.console import log
from sentiment.errors import UserError

IN_CLONE = Path("models") / "imdb"
BESIDE = Path(sentiment.__file__).parents[1]  # what is run from a clone, wherever one stands


def is_text(word: str) -> bool:
    """Return whether a word of the command line can only be a text.

    That is one with white space, or without a letter and a digit, unless a file has this name.
    """
    spaces, letters = any(map(str.isspace, word)), any(map(str.isalnum, word))
    return (spaces or not letters) and not Path(word).exists()


def shipped_model() -> str:
    """Return the folder of the model that comes with the repository, and say that it answers.

    Raises:
        UserError: if this is no clone of the repository.
    """
    for folder in (IN_CLONE, BESIDE / IN_CLONE):
        if folder.is_dir():
            log(f"{IN_CLONE} answers, the film-review model that comes with sentiment; name another before the texts")
            return str(folder)
    raise UserError("name a model: the folder of a run or of an export (the one that comes with the repository is in "
                    "models/imdb of a clone)")
