"""Runs: training, pretraining, ensembles, tuning and presets, from a configuration to a finished folder."""

from sentiment.runs.cross_validation import cross_validated_run
from sentiment.runs.ensemble import ensemble_run
from sentiment.runs.exclusive import exclusive_training
from sentiment.runs.pretraining import pretrain_run
from sentiment.runs.recipe import Recipe
from sentiment.runs.resolution import resolve
from sentiment.runs.training import CorpusSource, load_prior, train_run, versions
from sentiment.runs.tuning import Tuned, tune_run

__all__ = ["CorpusSource", "Recipe", "Tuned", "cross_validated_run", "ensemble_run", "exclusive_training",
           "load_prior", "pretrain_run", "resolve", "train_run", "tune_run", "versions"]
