"""Metrics and plots from labels and logits."""

from sentiment.evaluation.metrics import evaluate, log_loss

__all__ = ["evaluate", "log_loss"]
