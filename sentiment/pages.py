"""Pages of HTML that need nothing else: no script, no font, no network; for light and dark, phones and paper."""

from html import escape
from pathlib import Path

STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


def page(title: str, body: str) -> str:
    """Return a page; `body` is HTML."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{STYLE}</style>
</head>
<body>
{body.strip()}
</body>
</html>
"""
