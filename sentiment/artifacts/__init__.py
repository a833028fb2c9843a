"""Folders of runs and of pretrained networks, and the names of their files."""

from sentiment.artifacts.folder import ResultFolder
from sentiment.artifacts.loading import load_classifier
from sentiment.artifacts.pretrained import PretrainedFolder
from sentiment.artifacts.run import RunFolder
from sentiment.artifacts.starts import open_start

__all__ = ["PretrainedFolder", "ResultFolder", "RunFolder", "load_classifier", "open_start"]
