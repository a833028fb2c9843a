"""`sentiment architectures`: list the architectures."""

import argparse
import dataclasses
from typing import Any

from sentiment.config import ModelConfig, TextConfig, flag_of
from sentiment.config.catalogue import listed_architectures
from sentiment.console import print_json, print_text


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("architectures", help="list the architectures")
    parser.add_argument("--options", action="store_true",
                        help="also list the options and the own defaults of each")
    parser.add_argument("--json", action="store_true", help="print them as JSON")


def run(arguments: argparse.Namespace) -> None:
    """List the architectures with their parameter counts at the default sizes, and their options."""
    flags = {declared.name: flag_of(declared) for section in (TextConfig, ModelConfig)
             for declared in dataclasses.fields(section)}
    entries = [{"name": entry.name, "parameters": entry.parameters, "summary": entry.summary,
                "options": [flags[name] for name in flags if name in entry.uses and name != "architecture"],
                "defaults": {flags[name]: value for name, value in {**entry.text, **entry.model}.items()}}
               for entry in listed_architectures()]
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
    """Return an option as typed on the command line."""
    if value is True:
        return flag
    return f"{flag} {value:g}" if isinstance(value, float) else f"{flag} {value}"
