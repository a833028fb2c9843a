"""What `--pretrained` names: a folder of `pretrain`, or a run."""

from pathlib import Path

from sentiment.artifacts.pretrained import PretrainedFolder
from sentiment.artifacts.run import RunFolder


def open_start(path: str) -> PretrainedFolder | RunFolder:
    """Return the folder that a classifier is to start from.

    Raises:
        UserError: as `open` of either.
    """
    is_run = RunFolder(path).model.is_file() and not PretrainedFolder(path).weights.exists()
    return RunFolder.open(Path(path)) if is_run else PretrainedFolder.open(Path(path))
