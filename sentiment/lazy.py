"""Lazy import of a package's public names (PEP 562), so that its light modules load without its heavy ones."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package that imports a name's module when the name is first asked for.

    No module may have the name of what it holds: once imported, it would be found in its place.

    Args:
        package: its `__name__`.
        modules: the module of each name, within the package.

    Example:
        >>> from sentiment.lazy import lazy_names
        >>> lazy_names("sentiment", {"UserError": "errors"})("UserError")
        <class 'sentiment.errors.UserError'>
    """

    def imported(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        value = getattr(import_module(f"{package}.{modules[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return imported
