"""Lazy import of a package's public names (PEP 562), so that light modules load without heavy ones."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a `__getattr__` for a package that imports a name's module on first access.

    A module must not have the same name as its content, because the imported module would shadow it.

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
