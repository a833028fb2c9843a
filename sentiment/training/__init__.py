"""Training: strategy, optimisation, callbacks and the loop; independent of architectures."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentiment.training.fitting import Trained
    from sentiment.training.training import train
else:
    from sentiment.lazy import lazy_names

    __getattr__ = lazy_names(__name__, {"Trained": "fitting", "train": "training"})

__all__ = ["Trained", "train"]
