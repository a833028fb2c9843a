"""Generator of `sentiment/config/architectures.json`, the list of the architectures, from their registry.

After a change of an architecture: ``python tests/helpers/architecture_list.py > sentiment/config/architectures.json``.
"""

import dataclasses
import json

import keras

from sentiment import architectures
from sentiment.config import RunConfig


def text() -> str:
    """Return the text of the file."""
    config = RunConfig()
    sizes = architectures.Sizes(config.text.vocabulary_size, classes=2)
    entries = []
    for entry in architectures.architectures():
        try:
            with keras.StatelessScope(initialize_variables=False):  # the shapes of the weights, without their values
                model = entry.build(dataclasses.replace(config.model, architecture=entry.name, **entry.model), sizes)
        finally:
            keras.backend.clear_session()  # else the next StatelessScope would initialise these weights
        entries.append({"name": entry.name, "summary": entry.summary,
                        "parameters": model.count_params() if entry.by_gradient else None,
                        "uses": sorted(entry.uses), "text": dict(entry.text), "model": dict(entry.model)})
    return json.dumps(entries, indent=1) + "\n"


if __name__ == "__main__":
    print(text(), end="")
