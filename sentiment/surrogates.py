r"""Lone surrogates: halves of a character, which JSON can contain (`"\ud83d"`) but UTF-8 cannot."""

import re

from sentiment.errors import counted

REPLACEMENT = "\ufffd"
SURROGATE = re.compile("[\ud800-\udfff]")
ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")
# A pair, which is one character; a lone surrogate; any other escape, so that `\\ud83d` is unchanged.
ESCAPES = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
                     r"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.", re.DOTALL)


class Mender:
    r"""Replacement of lone surrogates by U+FFFD, as UTF-8 decoders replace damaged bytes, with a count.

    Attributes:
        count: the number of replacements.

    Example:
        >>> mender = Mender()
        >>> mender.text("\ud83d great"), mender.json(r'{"text": "\ud83d\ude00 \ud83d"}'), mender.count
        ('� great', '{"text": "\\ud83d\\ude00 \\ufffd"}', 2)
    """

    def __init__(self) -> None:
        self.count = 0

    def text(self, text: str) -> str:
        """Return a text without lone surrogates."""
        try:
            text.encode()  # many times faster than a regular expression
        except UnicodeEncodeError:
            text, found = SURROGATE.subn(REPLACEMENT, text)
            self.count += found
        return text

    def texts(self, texts: list[str]) -> list[str]:
        """Return texts without lone surrogates."""
        return [self.text(text) for text in texts]

    def json(self, content: str) -> str:
        """Return JSON without lone surrogates."""
        return ESCAPES.sub(self._escape, content) if ESCAPED.search(content) else content

    def _escape(self, found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0]
        self.count += 1
        return r"\ufffd"

    def notes(self, where: str) -> tuple[str, ...]:
        """Return a list with a sentence on the replacements in `where`, empty if there were none."""
        return notes_on(self.count, where)


def notes_on(count: int, where: str) -> tuple[str, ...]:
    """Return a list with a sentence on `count` lone surrogates, empty for 0."""
    if not count:
        return ()
    return (f"{counted(count, 'lone surrogate')} (half a character, such as \\ud83d in JSON) of "
            f"{where} {'was' if count == 1 else 'were'} read as U+FFFD",)


def as_utf8(text: str) -> bytes:
    """Return a text as UTF-8, with lone surrogates replaced by U+FFFD."""
    return Mender().text(text).encode()
