"""Format of delimited text files: encoding, separator, header and quoting."""

import codecs
from dataclasses import dataclass

from sentiment.errors import UserError, nearest

QUOTINGS = ("double", "backslash", "none")
NAMED_SEPARATORS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}


@dataclass(frozen=True)
class TableFormat:
    """Format of a delimited text file, where it differs from the default of its suffix.

    Attributes:
        encoding: a Python codec; None for that of a byte-order mark, or UTF-8.
        separator: one character between fields; None for a comma in `.csv` and a tab in `.tsv`.
        header: whether the first record has the names of the columns; without it they are called 1, 2, ...
        quoting: `double` (a quote in a quoted field is written twice), `backslash` (after a backslash) or `none`
            (quotes are ordinary characters); None for `double`, with a check for unclosed quotes.
        separator_line: whether a line `sep=;` with the separator precedes the header of a written file.

    Raises:
        UserError: for an unknown encoding, a separator that is not one character, or another quoting.
    """

    encoding: str | None = None
    separator: str | None = None
    header: bool = True
    quoting: str | None = None
    separator_line: bool = False

    def __post_init__(self) -> None:
        if self.encoding is not None:
            try:
                known = codecs.lookup(self.encoding)
                "".encode(self.encoding)  # refuses codecs that are not text encodings, such as base64
            except (LookupError, UnicodeError):
                near = nearest(self.encoding, ("utf-8", "utf-16", "latin-1", "cp1252", "cp1251"))
                raise UserError(f"--encoding: Python has no text encoding '{self.encoding}'{near}") from None
            object.__setattr__(self, "encoding", "utf-8-sig" if known.name == "utf-8" else known.name)
        if self.separator is not None:
            character = NAMED_SEPARATORS.get(self.separator.lower(), self.separator)
            if len(character) != 1 or character in '"\\\r\n\0':
                raise UserError(f"--separator must be one character, or 'tab', not {self.separator!r}")
            object.__setattr__(self, "separator", character)
        if self.quoting not in (None, *QUOTINGS):
            raise UserError(f"--quoting must be one of {', '.join(QUOTINGS)}, not '{self.quoting}'")


DEFAULT_FORMAT = TableFormat()
