"""From logits to probabilities: the one place outside the exported graphs."""

import numpy as np
from scipy.special import expit, softmax


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Turn logits into probabilities.

    Args:
        logits: float [texts, 1] (the log-odds of class 1) or [texts, classes].

    Returns:
        float64 [texts, classes]; each row adds up to 1.
    """
    logits = np.asarray(logits, dtype=np.float64)
    if logits.shape[1] == 1:
        return np.concatenate([expit(-logits), expit(logits)], axis=1)
    return np.asarray(softmax(logits, axis=1))
