"""What answers without TensorFlow: tokens in plain Python, the model in ONNX Runtime or LiteRT."""

from sentiment.portable.classifier import PortableClassifier
from sentiment.portable.folder import PortableFolder
from sentiment.portable.tokens import Characters, PlainTokenizer, Ranges

__all__ = ["Characters", "PlainTokenizer", "PortableClassifier", "PortableFolder", "Ranges"]
