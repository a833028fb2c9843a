"""Folders for `--pretrained`: a pretrained network or a run."""

from sentiment.artifacts.pretrained import PretrainedFolder
from sentiment.artifacts.run import RunFolder


def open_start(path: str) -> PretrainedFolder | RunFolder:
    """Return the folder that initialises a classifier.

    Raises:
        UserError: as `open` of either.
    """
    return RunFolder.open(path) if RunFolder(path).model.is_file() else PretrainedFolder.open(path)
