"""Selection of the cases of a parametrisation in the short suite."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def selected(cases: Iterable[Any], short: Collection[Any]) -> list[Any]:
    """Mark the cases that are not among `short` as `extended`.

    Raises:
        ValueError: if one of `short` is no case, as after a renaming.
    """
    cases = list(cases)
    unknown = [case for case in short if case not in cases]
    if unknown:
        raise ValueError(f"no such cases: {unknown}")
    return [pytest.param(*_values(case), marks=() if case in short else pytest.mark.extended) for case in cases]


def _values(case: Any) -> tuple[Any, ...]:
    return case if isinstance(case, tuple) else (case,)
