"""Model and texts of a command line: `--model MODEL`, or the included model."""

from pathlib import Path

from sentiment.console import log
from sentiment.errors import UserError
from sentiment.files import user_path
from sentiment.shipped import advice_on

BEGINNINGS_OF_PATHS = ("/", "./", "../", "~/", "models/")


def model_and_texts(model: str | None, words: list[str]) -> tuple[str | None, list[str]]:
    """Return the named model, None for the default, and the texts.

    Arguments without a flag are texts. The syntax of earlier versions, with the model's folder as the first argument,
    is accepted with a warning.

    Raises:
        UserError: if the first argument is a path without a model.
    """
    if model is not None or not words:
        return model, words
    first = user_path(words[0])
    if is_model(first):
        log.warning(f"pass the model with --model: --model {words[0]}; arguments without a flag are texts")
        return str(first), words[1:]
    if words[0].startswith(BEGINNINGS_OF_PATHS):
        raise UserError(f"no such model: {words[0]}{advice_on(words[0])}; pass a model with --model, and a text that "
                        "begins like a path with standard input or --input")
    return None, words


def is_model(path: Path) -> bool:
    """Whether a path is the folder of a run or of an export."""
    try:
        return any((path / name).is_file() for name in ("config.json", "tokens.json"))
    except (OSError, ValueError):  # not a path: too long, or with a null character
        return False


def log_default() -> None:
    """Log that the included model is used."""
    log("using the included film-review model; --model selects another")
