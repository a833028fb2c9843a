"""Write the bundled sample: short film reviews made from a grammar, in which word order matters.

    python data/make_sample.py            # writes data/sample/train.csv and test.csv

Half of the reviews are pairs of the kind `order`: the two hold the same words in another order and have
opposite labels ("not good but great" against "not great but good" in spirit), so no bag of words can
tell them apart. The rest, of the kind `plain`, mix simple verdicts with negation and contrast.

Columns: text, label (negative, positive), kind (plain, order), group (both reviews of a pair share one).
"""

import argparse
import csv
import random
from pathlib import Path

GOOD = ["great", "wonderful", "gripping", "funny", "moving", "clever", "brilliant", "charming", "fresh", "superb",
        "touching", "delightful", "smart", "beautiful", "exciting", "memorable"]
BAD = ["awful", "boring", "dull", "clumsy", "tedious", "weak", "silly", "stale", "ugly", "lifeless", "predictable",
       "messy", "shallow", "dreadful", "annoying", "forgettable"]
ASPECTS = ["acting", "plot", "script", "music", "camera work", "dialogue", "ending", "first half", "second half",
           "pacing", "humour", "cast", "story", "direction", "lead actor", "editing"]
WHOLES = ["film", "movie", "picture", "thing"]
FILLERS = [
    "I saw it on a {day} with {people}.", "It runs for about {number} minutes.", "The story is set in {place}.",
    "We talked about it on the way home.", "It was shown in the small room of our cinema.",
    "The director made {number} films before this one.", "Somebody behind us ate popcorn all the time.",
    "The poster shows a {thing} and little else.", "I had not read anything about it.",
    "It begins in {place} and ends there, too.", "The tickets cost more than last year.",
]
SLOTS = {
    "day": ["Monday", "Tuesday", "Friday", "Saturday", "Sunday"],
    "people": ["my sister", "two friends", "my parents", "nobody else", "the whole family", "a colleague"],
    "number": ["three", "seven", "fifty", "eighty", "ninety"],
    "place": ["a small town", "the desert", "Vienna", "a submarine", "the north", "an old hotel", "the suburbs"],
    "thing": ["red car", "dog", "lamp", "train", "pair of shoes", "green door"],
}
# The verdict of a sentence is that of the word in {x}; {y} is a word of the opposite sign.
DIRECT = [
    "The {aspect} is {x}.", "What a {x} {whole}!", "I found the {aspect} {x}.", "The {aspect} is {x} and {x2}.",
    "The {aspect} was {x} from start to end.", "Such {x} {aspect}!",
]
ORDERED = [
    "The {aspect} is not {y} but {x}.", "I expected the {aspect} to be {y}, but it was {x}.",
    "It is {x}, not {y}.", "The {aspect} seemed {y} at first and turned out {x}.",
    "The critics called it {y}; they were wrong, it is {x}.",
    "Although the {aspect} is {y}, the {whole} as a whole is {x}.",
    "It could have been {y}; instead it is {x}.", "Never {y}, always {x}.",
    "The {aspect} is far from {y}, it is really {x}.", "My friend says {y}, I say {x}.",
]
COLUMNS = ("text", "label", "kind", "group")
LABELS = ("negative", "positive")


def fill(template: str, chosen: random.Random, positive: bool, words: dict[str, str] | None = None) -> str:
    """Fill the slots of a template so that its verdict is `positive` or not."""
    same, other = (GOOD, BAD) if positive else (BAD, GOOD)
    x, x2 = chosen.sample(same, 2)
    slots = {"x": x, "x2": x2, "y": chosen.choice(other), "aspect": chosen.choice(ASPECTS),
             "whole": chosen.choice(WHOLES)}
    slots |= {name: chosen.choice(values) for name, values in SLOTS.items()}
    return template.format(**slots | (words or {}))


def with_fillers(sentences: list[str], chosen: random.Random) -> list[str]:
    """Put neutral sentences between the others; the length of a review varies from 1 to about 20 sentences."""
    mixed = list(sentences)
    for _ in range(chosen.choice([0, 0, 1, 2, 3, 5, 9])):
        mixed.insert(chosen.randint(0, len(mixed)), fill(chosen.choice(FILLERS), chosen, True))
    return mixed


def plain_review(chosen: random.Random, positive: bool) -> str:
    """Return a review with one to four simple verdicts and up to four with negation or contrast."""
    templates = chosen.choices(DIRECT, k=chosen.randint(1, 4)) + chosen.choices(ORDERED, k=chosen.randint(0, 4))
    chosen.shuffle(templates)
    return " ".join(with_fillers([fill(template, chosen, positive) for template in templates], chosen))


def order_pair(chosen: random.Random) -> tuple[str, str]:
    """Return a negative and a positive review that hold the same words."""
    negative, positive = [], []
    for template in chosen.choices(ORDERED, k=chosen.randint(1, 3)):
        good, bad = chosen.choice(GOOD), chosen.choice(BAD)
        aspect, whole = chosen.choice(ASPECTS), chosen.choice(WHOLES)
        shared = {"aspect": aspect, "whole": whole}
        negative.append(fill(template, chosen, False, shared | {"x": bad, "y": good}))
        positive.append(fill(template, chosen, True, shared | {"x": good, "y": bad}))
    state = chosen.getstate()
    first = " ".join(with_fillers(negative, chosen))
    chosen.setstate(state)
    return first, " ".join(with_fillers(positive, chosen))


def reviews(count: int, seed: int, name: str) -> list[dict[str, str]]:
    """Return `count` distinct reviews in random order, half of each label and half of each kind."""
    chosen = random.Random(seed)
    rows: list[dict[str, str]] = []
    seen: set[str] = set()
    while len(rows) < count:
        number = len(rows) // 2
        kind = ("plain", "order")[number % 2]
        pair = order_pair(chosen) if kind == "order" else tuple(plain_review(chosen, side) for side in (False, True))
        if seen & set(pair):
            continue
        seen |= set(pair)
        rows += [{"text": text, "label": label, "kind": kind, "group": f"{name}-{number}"}
                 for text, label in zip(pair, LABELS, strict=True)]
    chosen.shuffle(rows)
    return rows


def write(folder: Path, train: int = 2000, test: int = 500) -> None:
    """Write `train.csv` and `test.csv`; no text is in both."""
    rows = reviews(train + 2 * test, seed=7, name="pair")
    groups = sorted({row["group"] for row in rows}, key=lambda group: int(group.split("-")[1]))
    held_out = set(groups[train // 2:train // 2 + test // 2])
    kept = set(groups[:train // 2])
    folder.mkdir(parents=True, exist_ok=True)
    for name, wanted in (("train", kept), ("test", held_out)):
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(row for row in rows if row["group"] in wanted)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent / "sample")
    write(parser.parse_args().folder)
