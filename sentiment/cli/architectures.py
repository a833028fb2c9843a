"""`sentiment architectures`: list the architectures."""

import argparse
import dataclasses
from typing import Any

from sentiment.config import ModelConfig, RunConfig, TextConfig, flag_of
from sentiment.console import print_json, print_text
from sentiment.startup import import_tensorflow


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("architectures", help="list the architectures")
    parser.add_argument("--options", action="store_true",
                        help="list the options that each takes, and defaults of its own, as well")
    parser.add_argument("--json", action="store_true", help="print them as JSON")


def run(arguments: argparse.Namespace) -> None:
    """List the architectures with their parameter counts at the default sizes, and their options."""
    import_tensorflow(devices=True)
    import keras

    from sentiment import architectures

    config = RunConfig()
    sizes = architectures.Sizes(config.text.vocabulary_size, classes=2)
    flags = {declared.name: flag_of(declared) for section in (TextConfig, ModelConfig)
             for declared in dataclasses.fields(section)}
    entries = []
    for entry in architectures.architectures():
        try:
            with keras.StatelessScope(initialize_variables=False):  # the shapes of the weights, without their values
                model = entry.build(dataclasses.replace(config.model, architecture=entry.name, **entry.model), sizes)
        finally:
            keras.backend.clear_session()  # else the next StatelessScope would initialise these weights
        count = model.count_params() if entry.by_gradient else None  # as many as there are terms
        entries.append({"name": entry.name, "parameters": count, "summary": entry.summary,
                        "options": [flags[name] for name in flags if name in entry.uses - {"architecture"}],
                        "defaults": {flags[name]: value for name, value in {**entry.text, **entry.model}.items()}})
    if arguments.json:
        print_json(entries)
    else:
        print_text("\n".join(lines(entries, options=arguments.options)))


def lines(entries: list[dict[str, Any]], *, options: bool) -> list[str]:
    """Return the entries as aligned text."""
    width = max(len(entry["name"]) for entry in entries)
    result = [f"{'name':<{width}}  {'parameters':>10}  description"]
    for entry in entries:
        count = f"{entry['parameters']:,}" if entry["parameters"] is not None else "by terms"
        result.append(f"{entry['name']:<{width}}  {count:>10}  {entry['summary']}")
        if options:
            result.append(f"{'':<{width}}  {'':>10}  {' '.join(entry['options']) or 'no options'}")
            own = " ".join(typed(flag, value) for flag, value in entry["defaults"].items())
            if own:
                result.append(f"{'':<{width}}  {'':>10}  by default {own}")
    return result


def typed(flag: str, value: Any) -> str:
    """Return an option as it is typed."""
    if value is True:
        return flag
    return f"{flag} {value:g}" if isinstance(value, float) else f"{flag} {value}"
