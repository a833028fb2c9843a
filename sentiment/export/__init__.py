"""Forms of a trained model that run elsewhere; each is checked against the Keras model."""

from sentiment.export.saved_model import ExportError, export_saved_model

__all__ = ["ExportError", "export_saved_model"]
