"""Model and texts of a command line: `--model MODEL`, or the model that comes with the package."""

from pathlib import Path

from sentiment.console import log
from sentiment.errors import UserError
from sentiment.files import user_path

BEGINNINGS_OF_PATHS = ("/", "./", "../", "~/", "models/")


def model_and_texts(model: str | None, words: list[str]) -> tuple[str | None, list[str]]:
    """Return the model that was named, None for the default, and the texts.

    Words without a flag are texts. The form of earlier versions, with the model's folder as the first word, is taken
    with a warning if that is the folder of a model.

    Raises:
        UserError: if the first word is a path that leads to no model.
    """
    if model is not None or not words:
        return model, words
    first = user_path(words[0])
    if is_model(first):
        log.warning(f"name the model with --model: --model {words[0]}; words without a flag are texts")
        return str(first), words[1:]
    if words[0].startswith(BEGINNINGS_OF_PATHS):
        raise UserError(f"no such model: {words[0]}; name a model with --model, and give a text that begins like a "
                        "path by standard input or --input")
    return None, words


def is_model(path: Path) -> bool:
    """Return whether a path is the folder of a run or of an export."""
    try:
        return any((path / name).is_file() for name in ("config.json", "tokens.json"))
    except (OSError, ValueError):  # no path: too long, or with a null character
        return False


def say_default() -> None:
    """Log that the model that comes with the package answers."""
    log("the film-review model that comes with the package answers; --model names another")
