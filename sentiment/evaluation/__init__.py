"""Metrics and plots from labels and logits."""

from sentiment.evaluation.metrics import calibration_error, evaluate, log_loss

__all__ = ["calibration_error", "evaluate", "log_loss"]
