"""Class names: sort order, near-duplicates, and checks for numeric targets and rare classes."""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence

from sentiment.errors import UserError, counted

MAJORITY = 0.8  # share of the largest class that gives a warning
MOST_NUMBERS = 20  # distinct numbers that are always accepted as classes
ROWS_OF_A_NUMBER = 10  # minimum texts per class, on average, for more distinct whole numbers to be classes
NUMERIC_SHARE = 0.95  # share of the distinct labels that are numbers, from which labels count as numeric
DECIMAL = re.compile(r"[+-]?\d+,\d+")
NAMES_OF_MISSING = ("nan", "<na>", "nat", "null", "#n/a")  # names of missing values that were converted to text
SHOWN = 5


def class_order(names: set[str]) -> tuple[str, ...]:
    """Return class names in order: numbers by value, others by spelling (`negative` before `positive`).

    The order depends only on the set of names: `nan`, which is not comparable with numbers, is treated as a name.
    """
    try:
        values = {name: float(name) for name in names}
    except ValueError:
        return tuple(sorted(names))
    numbers = not any(map(math.isnan, values.values()))
    return tuple(sorted(names, key=lambda name: (values[name], name) if numbers else name))


def folded(name: str) -> str:
    """Return a class name in NFKC, case-folded, without invisible characters (category Cf), with single spaces.

    Names with the same folded form are probably one class.
    """
    return unicodedata.normalize("NFKC", _visible(name).casefold())


def _visible(name: str) -> str:
    shown = "".join(character for character in unicodedata.normalize("NFKC", name)
                    if unicodedata.category(character) != "Cf")
    return " ".join(shown.split())


def similar_names(counts: Mapping[str, int]) -> list[list[str]]:
    """Return the groups of class names with the same folded form, each with its most frequent name first."""
    groups: dict[str, list[str]] = {}
    for name in class_order(set(counts)):
        groups.setdefault(folded(name), []).append(name)
    return [sorted(group, key=lambda name: -counts[name]) for group in groups.values() if len(group) > 1]


def notes_on(counts: Mapping[str, int]) -> list[str]:
    """Return warnings about class names and class frequencies, one sentence each."""
    notes = []
    similar = [" and ".join(f"{_shown(name, group)} ({counted(counts[name], 'text')})" for name in group)
               for group in similar_names(counts)]
    if similar:
        notes.append("class names differ only in case, white space or invisible characters: "
                     f"{'; '.join(similar[:SHOWN])}{'; ...' if len(similar) > SHOWN else ''}: --merge-labels merges "
                     "them")
    missing = [name for name in counts if name.casefold() in NAMES_OF_MISSING]
    if missing:
        notes.append(f"a class is called '{missing[0]}' ({counted(counts[missing[0]], 'text')}), as missing values are "
                     "once they are text: rows with an empty label would be dropped")
    several = _several(counts)
    if several:
        notes.append(f"the class {_listed(several, counts)} looks like several labels: each combination is a class of "
                     "its own; for one label a text, keep one of them")
    name, count = max(counts.items(), key=lambda item: item[1])
    share = count / sum(counts.values())
    if share > MAJORITY:
        notes.append(f"the class '{name}' has {share:.1%} of the texts, so always predicting it has this accuracy: "
                     "consider macro F1, and try --class-weights balanced")
    return notes


def _shown(name: str, group: Sequence[str]) -> str:
    """Return a name in quotes, with its code points that are not ASCII if another name of the group looks the same."""
    alike = any(_visible(name) == _visible(other) for other in group if other != name)
    points = [f"U+{ord(character):04X}" for character in name
              if not character.isascii() or (character.isspace() and character != " ")]
    if not alike or not points:
        return repr(name) if alike else f"'{name}'"
    return f"'{name}' with {' '.join(points[:SHOWN])}"


def _several(counts: Mapping[str, int]) -> list[str]:
    """Return names that seem to contain several labels: with a pipe, or with a part that is also a class."""
    found = []
    for name in counts:
        if DECIMAL.fullmatch(name):
            continue
        for separator in "|;,":
            parts = [part.strip() for part in name.split(separator)]
            if len(parts) > 1 and all(parts) and (separator == "|" or any(part in counts for part in parts)):
                found.append(name)
                break
    return found


def check_not_numbers(counts: Mapping[str, int], where: str) -> None:
    """Refuse labels that are many distinct numbers.

    Up to 20 are classes, such as stars. More are classes only if they are consecutive whole numbers from 0 or 1 with
    ten texts each on average. One label in twenty may be non-numeric, such as that of a missing value.

    Raises:
        UserError: with what to do.
    """
    names = [name for name in counts if name.casefold() not in NAMES_OF_MISSING]
    values = sorted({value for value in map(_number, names) if value is not None and not math.isnan(value)})
    if len(values) <= MOST_NUMBERS or len(values) < NUMERIC_SHARE * len(names):
        return
    numbered = values[0] in (0, 1) and values == [values[0] + place for place in range(len(values))]
    if numbered and sum(counts.values()) >= ROWS_OF_A_NUMBER * len(counts):
        return
    raise UserError(f"the labels of {where} are {len(values):,} different numbers, from {values[0]:g} to "
                    f"{values[-1]:g}: this is a classifier, it cannot predict a number. Make a few classes of them, "
                    "such as low, middle and high; if they are names of classes, write them with a letter in front")


def _number(name: str) -> float | None:
    try:
        return float(name.replace(",", ".") if DECIMAL.fullmatch(name) else name)
    except ValueError:
        return None


def kept_names(distinct: Mapping[str, int], smallest: int) -> tuple[set[str], list[str]]:
    """Return the class names with at least `smallest` distinct texts, and a note on the others, if any."""
    rare = [name for name in class_order(set(distinct)) if distinct[name] < smallest]
    if not rare:
        return set(distinct), []
    note = (f"{len(rare):,} {'class' if len(rare) == 1 else 'classes'} with fewer than {smallest} distinct texts "
            f"{'was' if len(rare) == 1 else 'were'} left out: {_listed(rare, distinct)}")
    return set(distinct) - set(rare), [note]


def check_sizes(distinct: Mapping[str, int], parts: Sequence[str], where: str, unit: str = "distinct texts") -> None:
    """Refuse classes with fewer distinct texts or groups than splits.

    Args:
        distinct: the number of distinct texts, or of groups, of each class.
        parts: the splits that need a text of each class: training, validation, test.
        where: the file or folder.
        unit: texts or groups.

    Raises:
        UserError: with the classes, their numbers, and what to do.
    """
    rare = [name for name in class_order(set(distinct)) if distinct[name] < len(parts)]
    if rare:
        files = " or ".join(f"--{part}-file" for part in parts if part != "training")
        ways = ["add some", *([f"name other texts with {files}"] if files else []),
                *([f"drop such classes with --min-class-size {len(parts)}"] if unit != "groups" else [])]
        raise UserError(f"too few {unit} in {where} of the class {_listed(rare, distinct)}: at least {len(parts)} are "
                        f"needed, for {', '.join(parts)}; {', or '.join(ways)}")


def _listed(names: Sequence[str], counts: Mapping[str, int]) -> str:
    listed = ", ".join(f"'{name}' ({counts[name]:,})" for name in names[:SHOWN])
    return listed if len(names) <= SHOWN else f"{listed} and {len(names) - SHOWN:,} more"
