"""Selection of the classes to show if there are too many."""

from collections.abc import Mapping, Sequence
from typing import Any

MOST_ROWS = 40  # in a table of classes
MOST_NAMES = 20  # in a sentence


def rows_shown(classes: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, Mapping[str, Any]], str]:
    """Return the metrics of all classes, or of the 40 with the lowest F1 with a note on the others.

    Args:
        classes: by name, as in `metrics["classes"]`.

    Example:
        >>> rows, note = rows_shown({f"class {n}": {"f1": n / 100} for n in range(100)})
        >>> len(rows), note
        (40, 'The 40 of 100 classes with the lowest F1; the metrics as JSON have all.')
    """
    if len(classes) <= MOST_ROWS:
        return dict(classes), ""
    lowest = sorted(classes, key=lambda name: classes[name]["f1"])[:MOST_ROWS]
    return ({name: classes[name] for name in lowest},
            f"The {MOST_ROWS} of {len(classes):,} classes with the lowest F1; the metrics as JSON have all.")


def names_shown(names: Sequence[str]) -> str:
    """Return names separated by commas, at most twenty, and the number of the others.

    Example:
        >>> names_shown(["neg", "pos"])
        'neg, pos'
    """
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")
