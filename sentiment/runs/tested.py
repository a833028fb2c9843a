"""Results of a run on its test split, or on the test parts of all folds of a cross-validation."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sentiment.artifacts import RunFolder
from sentiment.evaluation.baselines import KEYS, Baselines
from sentiment.evaluation.statistics import fold_interval

OVER_FOLDS = ("accuracy", "macro_f1", "log_loss", "calibration_error")


@dataclass(frozen=True)
class Tested:
    """Predictions on test texts.

    Attributes:
        labels: int32 [texts].
        logits: float32 [texts, 1 or classes].
        uncalibrated: the logits before division by the temperature.
        seen: counts of the texts that were seen in training, for `metrics.json`.
        baselines: their predictions, None if they were not evaluated.
        folds: of a cross-validation, `count`, `seconds`, and for each metric `mean`, `interval` and `values` by fold.
    """

    labels: np.ndarray
    logits: np.ndarray
    uncalibrated: np.ndarray
    seen: dict[str, Any]
    baselines: Baselines | None
    folds: dict[str, Any] | None = None

    def save(self, folder: RunFolder) -> None:
        """Write labels and logits, including those of the baselines, to the folder of the run."""
        others = self.baselines.logits if self.baselines else {}
        np.savez(folder.test, allow_pickle=False, labels=self.labels, logits=self.logits, **others)


def pooled(folders: Sequence[RunFolder]) -> Tested:
    """Return the pooled results of the runs of all folds, each on its own fold.

    Every text is in one fold, and predicted by the model that was trained without it. Means over folds have the
    interval of `fold_interval`.
    """
    runs = [folder.load_metrics() for folder in folders]
    parts = []
    for folder in folders:
        with np.load(folder.test, allow_pickle=False) as test:
            parts.append(dict(test))
    temperatures = [np.float32(one["calibration"]["temperature"]) for one in runs]
    folds: dict[str, Any] = {"count": len(runs), "seconds": round(sum(one["seconds"]["all"] for one in runs), 1)}
    for key in OVER_FOLDS:
        values = [one["test"][key] for one in runs]
        highest = None if key == "log_loss" else 1
        folds[key] = {"mean": float(np.mean(values)), "interval": np.clip(fold_interval(values), 0, highest).tolist(),
                      "values": values}
    seen_by_fold = [one["test_texts_seen"] for one in runs]
    unseen = [len(part["labels"]) - seen["labelled"] for part, seen in zip(parts, seen_by_fold, strict=True)]
    seen = {key: sum(one[key] for one in seen_by_fold) for key in ("labelled", "unlabelled", "pretraining")}
    seen["accuracy_without_labelled"] = float(np.average(
        [one["accuracy_without_labelled"] or 0 for one in seen_by_fold], weights=unseen)) if any(unseen) else None
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    uncalibrated = np.concatenate([part["logits"] * temperature
                                   for part, temperature in zip(parts, temperatures, strict=True)])
    return Tested(joined.pop("labels"), joined.pop("logits"), uncalibrated, seen,
                  _pooled_baselines([one["baselines"] for one in runs], joined), folds)


def _pooled_baselines(found: Sequence[Any], logits: dict[str, np.ndarray]) -> Baselines | None:
    """Return the pooled baselines of all folds, with the mean of their validation metrics."""
    if None in found:
        return None
    validation = {name: {key: float(np.mean([one["models"][name]["validation"][key] for one in found])) for key in KEYS}
                  for name in logits}
    majority = Counter(one["majority"] for one in found).most_common(1)[0][0]
    return Baselines(logits, validation, majority, sum(one["seconds"] for one in found))
