"""Metrics and plots from labels and logits."""

from sentiment.evaluation.metrics import calibration_error, evaluate, log_loss, shown

__all__ = ["calibration_error", "evaluate", "log_loss", "shown"]
