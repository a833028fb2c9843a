"""What answers without TensorFlow: tokens in plain Python, the model in ONNX Runtime or LiteRT."""

from sentiment.portable.classifier import PortableClassifier
from sentiment.portable.folder import PortableFolder

__all__ = ["PortableClassifier", "PortableFolder"]
