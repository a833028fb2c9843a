"""Distribution of processor cores over recurrent layers."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sentiment.machine import available_cores

_directions: ContextVar[int] = ContextVar("directions", default=1)


@contextmanager
def two_directions() -> Iterator[None]:
    """Halve the cores of each layer called within the block, because the two directions run in parallel."""
    token = _directions.set(2)
    try:
        yield
    finally:
        _directions.reset(token)


def loops_of_a_layer() -> int:
    """Return the number of loops into which a layer splits its batch, one per core."""
    return max(1, available_cores() // _directions.get())
