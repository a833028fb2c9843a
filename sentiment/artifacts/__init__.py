"""Folders of runs and of pretrained networks, and the names of their files."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentiment.artifacts.folder import ResultFolder
    from sentiment.artifacts.loading import load_classifier
    from sentiment.artifacts.paths import RunPaths
    from sentiment.artifacts.pretrained import PretrainedFolder
    from sentiment.artifacts.run import RunFolder
    from sentiment.artifacts.starts import open_start
else:
    from sentiment.lazy import lazy_names

    __getattr__ = lazy_names(__name__, {
        "PretrainedFolder": "pretrained", "ResultFolder": "folder", "RunFolder": "run", "RunPaths": "paths",
        "load_classifier": "loading", "open_start": "starts"})

__all__ = ["PretrainedFolder", "ResultFolder", "RunFolder", "RunPaths", "load_classifier", "open_start"]
