"""Stratified, seeded splits; equal texts and groups never span two splits."""

import warnings
from dataclasses import replace
from itertools import islice

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

from sentiment.data.corpus import Corpus, Examples, Texts, identities
from sentiment.errors import UserError, counted


def connected_texts(texts: Texts, groups: list[str] | None) -> np.ndarray:
    """Return connected components of texts with equal text or equal group, which must stay in one split.

    Returns:
        The number of each text's component, int32 [texts].
    """
    text_codes = identities(texts)
    if groups is None:
        return text_codes.astype(np.int32)
    distinct = int(text_codes.max()) + 1
    group_codes = identities(groups)
    nodes = distinct + int(group_codes.max()) + 1
    edges = coo_array((np.ones(len(texts)), (text_codes, distinct + group_codes)), shape=(nodes, nodes))
    _, components = connected_components(edges, directed=False)
    return np.asarray(components[text_codes], dtype=np.int32)


def hold_out(examples: Examples, fraction: float, seed: int, class_names: tuple[str, ...]
             ) -> tuple[Examples, Examples]:
    """Split into a larger and a held-out part of about `fraction`, stratified by class.

    With groups, one of round(1 / fraction) folds of `StratifiedGroupKFold` is held out, without groups a stratified
    part of the distinct texts.

    Raises:
        UserError: if a class has too few distinct texts or groups to be in both parts.
    """
    bound = connected_texts(examples.texts, examples.groups)
    _check_spread(examples.labels, bound, class_names, examples.groups is not None)
    if examples.groups is None:
        held_out = _random_sets(examples.labels, bound, fraction, seed)
    else:
        smallest = min(len(np.unique(bound[examples.labels == label])) for label in range(len(class_names)))
        folds = StratifiedGroupKFold(min(max(2, round(1 / fraction)), smallest), shuffle=True, random_state=seed)
        _, rows = next(folds.split(bound, examples.labels, bound))
        held_out = np.isin(np.arange(len(examples)), rows)
    kept, held = examples.take(np.flatnonzero(~held_out)), examples.take(np.flatnonzero(held_out))
    for part in (kept, held):
        missing = set(range(len(class_names))) - set(part.labels.tolist())
        if missing:
            names = ", ".join(f"'{class_names[label]}'" for label in sorted(missing))
            unit = "groups" if examples.groups else "texts"
            raise UserError(f"too few {unit} to split: one part has none of the class {names}; add some, or drop "
                            "small classes with --min-class-size")
    return kept, held


def take_fold(examples: Examples, folds: int, fold: int, seed: int) -> tuple[Examples, Examples]:
    """Return the other folds and fold number `fold`, from 0: stratified, with groups and equal texts in one fold.

    Raises:
        UserError: if there are more folds than the largest class has distinct texts or groups.
    """
    bound = connected_texts(examples.texts, examples.groups)
    largest = max(len(np.unique(bound[examples.labels == label])) for label in np.unique(examples.labels))
    if folds > largest:
        unit = "groups" if examples.groups else "distinct texts"
        raise UserError(f"--folds {folds} needs a class with {folds} {unit}, and the largest has {largest}: use fewer "
                        "folds, or add texts")
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class in fewer folds than `folds`
        _, held = next(islice(splitter.split(bound, examples.labels, bound), fold, None))
    return examples.take(np.setdiff1d(np.arange(len(examples)), held)), examples.take(np.sort(held))


def share_of(examples: Examples, share: float, seed: int) -> Examples:
    """Return a random share of each class, at least one text; with equal seeds, smaller shares are part of larger."""
    random = np.random.default_rng(seed)
    rows = [random.permutation(np.flatnonzero(examples.labels == label)) for label in np.unique(examples.labels)]
    return examples.take(np.sort(np.concatenate([of[:max(1, round(share * len(of)))] for of in rows])))


def with_share(corpus: Corpus, share: float, seed: int) -> Corpus:
    """Return a corpus with `share_of` its training texts."""
    return corpus if share == 1 else replace(corpus, train=share_of(corpus.train, share, seed))


def _check_spread(labels: np.ndarray, bound: np.ndarray, class_names: tuple[str, ...], grouped: bool) -> None:
    for label, name in enumerate(class_names):
        sets = len(np.unique(bound[labels == label]))
        if sets < 2:
            unit = "group" if grouped else "distinct text"
            raise UserError(f"class '{name}' has {counted(sets, unit)} left to split: at least 2 "
                            "are needed, one for each part; add some, or name a file for the held-out split")


def _random_sets(labels: np.ndarray, bound: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Return which texts are held out, bool [texts], by a stratified split of the distinct texts."""
    random = np.random.default_rng(seed)
    sets, first = np.unique(bound, return_index=True)
    strata = labels[first]
    if np.unique(strata, return_counts=True)[1].min() < 2:
        raise UserError("a class has only one text without another label as well: at least 2 are needed")
    classes = len(np.unique(strata))
    size = min(max(round(fraction * len(sets)), classes), len(sets) - classes)
    _, held = train_test_split(sets, test_size=size, stratify=strata, random_state=seed)
    held_out = np.isin(bound, held)
    for label in np.unique(labels):  # a stratified split may leave a part without a class that has few texts
        own = np.unique(bound[labels == label])
        for side in (True, False):
            if not (held_out[labels == label] == side).any():
                held_out[bound == random.choice(own)] = side
    return held_out
