"""Loading of weights, with a check of the size of their file before the model is built."""

import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import keras
import numpy as np

from sentiment.errors import UserError, first_line

HIGHEST_RATIO = 100  # maximum compression ratio: float16 values in float32 have 2, zeros 1,000
SLACK = 1 << 24  # bytes of an archive without weights: names, padding, the description of the model
FEWEST_BYTES, MOST_BYTES = 2, 4  # of a weight


def load_checked(path: Path, build: Callable[[], keras.Model], load: Callable[[keras.Model], None]) -> keras.Model:
    """Build a model and load its weights; weights that are too large are refused before memory is allocated.

    Args:
        path: a ZIP archive with the weights, a `.keras` or `.npz` file.
        build: builds the model; it is called twice, the first time without values.
        load: loads the weights into it.

    Raises:
        UserError: if the archive is damaged or does not fit the model, or a weight is not finite.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            stored = sum(member.file_size for member in archive.infolist())
        held, weights = path.stat().st_size, _count(build)
        if stored > HIGHEST_RATIO * held + SLACK:
            raise ValueError(f"its {held:,} bytes unpack to {stored:,}")
        if not FEWEST_BYTES * weights <= stored <= MOST_BYTES * weights + SLACK:
            raise ValueError(f"the model has {weights:,} weights, but the file {stored:,} bytes")
        model = build()
        load(model)
        for variable in model.weights:
            if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
                raise ValueError(f"the weights {variable.path} have values that are not finite")
    except UserError:
        raise
    except Exception as error:  # Keras, HDF5 and ZIP raise many types
        raise UserError(f"{path} is damaged or does not fit its config.json and sizes.json: {first_line(error)}"
                        ) from None
    return model


def _count(build: Callable[[], keras.Model]) -> int:
    """Return the number of weights of a model that is built without values.

    Keras keeps variables without a value in a thread-local list, to initialise them later. The model is therefore built
    in a separate thread, whose list is discarded.
    """
    found: list[int | Exception] = []

    def count() -> None:
        try:
            with keras.StatelessScope(initialize_variables=False):
                found.append(sum(math.prod(weight.shape) for weight in build().weights))
        except Exception as error:
            found.append(error)

    thread = Thread(target=count)
    thread.start()
    thread.join()
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0]
