"""Hyper-parameter search on the validation split."""

from sentiment.tuning.space import space_of
from sentiment.tuning.trials import best_config, importances, search

__all__ = ["best_config", "importances", "search", "space_of"]
