"""Tables of any strings, for property tests."""

from typing import Any

from hypothesis import strategies as st

# Everything that a file can hold: no lone surrogates. Characters that mean something to a reader come often.
CELLS = st.text(st.one_of(st.sampled_from("\",;\t\r\n\\ \0a"), st.characters(exclude_categories=["Cs"])), max_size=12)


@st.composite
def tables(draw: Any) -> list[list[str]]:
    """Return records of equal length, the first of which is a header that no byte-order mark begins."""
    width = draw(st.integers(1, 4))
    rows: list[list[str]] = draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=2, max_size=8))
    rows[0][0] = rows[0][0].lstrip("\ufeff")
    return rows
