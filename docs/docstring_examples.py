"""Griffe extension for the site: read the section `Example:` of a docstring as `Examples:`, which shows it as code."""

from typing import Any

import griffe


class DocstringExamples(griffe.Extension):
    """Rename the section in each docstring that is collected."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of a module, class, function or attribute in place."""
        if obj.docstring:
            obj.docstring.value = obj.docstring.value.replace("\nExample:\n", "\nExamples:\n")
