"""What the conversions to other runtimes share."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from sentiment.export.characters import characters_of_the_graph
from sentiment.export.check import ExportError
from sentiment.portable import PlainTokenizer
from sentiment.preprocessing import TextPreprocessor
from sentiment.preprocessing.preprocessor import kept_at_ends

LOGGERS = ("tensorflow", "tf2onnx", "absl")


def plain_tokenizer(preprocessor: TextPreprocessor) -> PlainTokenizer:
    """Return the tokenizer in plain Python that gives the ids of a preprocessor."""
    head, tail = kept_at_ends(preprocessor.config)
    return PlainTokenizer(preprocessor.words, characters_of_the_graph(), head=head, tail=tail,
                          periods=preprocessor.config.periods)


@contextmanager
def failing_as_export_error(runtime: str) -> Iterator[None]:
    """Say in one line what a library could not do with the model; what libraries log on the way is not shown."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        reason = (str(error) or repr(error)).splitlines()[0]
        raise ExportError(f"this model cannot be converted to {runtime}: {reason}") from error
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
