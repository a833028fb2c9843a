"""The page on which people try the models: it asks the same addresses as every client."""

from functools import cache
from pathlib import Path

from sentiment.pages import page

SCRIPT = Path(__file__).with_name("page.js")
CONTENT_POLICY = ("default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; "
                  "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")


@cache
def front_page() -> str:
    """Return the page."""
    return page("Try a model", Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
