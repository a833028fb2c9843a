"""Griffe extension for the site: shows the section `Example:` of a docstring as code, which Griffe calls `Examples:`."""

from typing import Any

import griffe


class DocstringExamples(griffe.Extension):
    """Rename the section in each docstring that is collected."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of a module, class, function or attribute in place."""
        if obj.docstring:
            obj.docstring.value = obj.docstring.value.replace("\nExample:\n", "\nExamples:\n")
