"""Pages of HTML that need nothing else: no script, no font, no network; for light and dark, phones and paper.

And text within Markdown.
"""

import re
from html import escape
from pathlib import Path

from sentiment.console import visible

STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


def page(title: str, body: str) -> str:
    """Return a page; `body` is HTML."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(visible(title))}</title>
<style>
{STYLE}</style>
</head>
<body>
{visible(body.strip())}
</body>
</html>
"""


def in_markdown(text: str) -> str:
    r"""Return text in which Markdown and HTML find nothing to obey, on one line.

    Example:
        >>> print(in_markdown("a_b | <i>c</i>"))
        a\_b \| \<i\>c\</i\>
    """
    line = " ".join(visible(text).split())
    for sign in "\\`*_[]<>|#~$":
        line = line.replace(sign, f"\\{sign}")
    return re.sub(r"&(?=\\?#?\w+;)", r"\\&", line)  # where it begins an entity
