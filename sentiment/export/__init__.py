"""Export of trained models to other runtimes, each checked against the Keras model."""

from sentiment.export.check import ExportError, Original
from sentiment.export.litert import export_litert
from sentiment.export.onnx_model import export_onnx
from sentiment.export.saved_model import export_saved_model

__all__ = ["ExportError", "Original", "export_litert", "export_onnx", "export_saved_model"]
