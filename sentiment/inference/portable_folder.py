"""Folder of an export for ONNX Runtime or LiteRT.

    models/bilstm/onnx/
        model.onnx        ids int32 [batch, time] to logits float32 [batch, 1 or classes]; or
        model.tflite      the same with a batch of 1
        vocabulary.txt    a word a line, from id 2 on
        labels.json       the class names by index
        tokens.json       options of the tokenizer: tables of characters, truncation, periods; and notes, which must be
                          said wherever the model answers

No file runs code when it is read.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sentiment.errors import UserError
from sentiment.text.plain_tokenizer import Characters, PlainTokenizer


class PortableFolder:
    """The files of one export."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.onnx = self.path / "model.onnx"
        self.lite = self.path / "model.tflite"
        self.vocabulary = self.path / "vocabulary.txt"
        self.labels = self.path / "labels.json"
        self.tokens = self.path / "tokens.json"

    def exists(self) -> bool:
        """Return whether the folder is such an export and no run."""
        return (self.onnx.is_file() or self.lite.is_file()) and self.tokens.is_file()

    def save_texts(self, tokenizer: PlainTokenizer, class_names: Sequence[str], notes: Sequence[str] = ()) -> None:
        """Write everything but the model."""
        self.vocabulary.write_text("".join(f"{word}\n" for word in tokenizer.places), encoding="utf-8")
        self.labels.write_text(json.dumps(list(class_names), ensure_ascii=False) + "\n", encoding="utf-8")
        tokens = {"head": tokenizer.head, "tail": tokenizer.tail, "periods": tokenizer.periods,
                  "characters": tokenizer.characters.to_json(), "notes": list(notes)}
        self.tokens.write_text(json.dumps(tokens, ensure_ascii=False) + "\n", encoding="utf-8")

    def load_tokenizer(self) -> PlainTokenizer:
        """Read the vocabulary and the tables.

        Raises:
            UserError: if a file is missing or damaged.
        """
        words = self._read(self.vocabulary).split("\n")[:-1]
        values = self._read_json(self.tokens)
        try:
            return PlainTokenizer(words, Characters.from_json(values["characters"]), head=int(values["head"]),
                                  tail=int(values["tail"]), periods=bool(values["periods"]))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{self.tokens} is damaged: {error!r}") from None

    def load_class_names(self) -> tuple[str, ...]:
        """Read the class names, by index."""
        return class_names(self.labels, self._read_json(self.labels))

    def load_notes(self) -> tuple[str, ...]:
        """Read the notes; none of an export of an earlier version.

        Raises:
            UserError: if the file is damaged.
        """
        notes = self._read_json(self.tokens).get("notes", [])
        if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
            raise UserError(f"{self.tokens} is damaged: its notes are no list of sentences")
        return tuple(notes)

    def _read_json(self, path: Path) -> Any:
        try:
            return json.loads(self._read(path))
        except ValueError as error:
            raise UserError(f"{path} is damaged: {error}") from None

    def _read(self, path: Path) -> str:
        if not path.is_file():
            raise UserError(f"the export {self.path} is incomplete: {path.name} is missing; export the model again")
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UserError(f"{path} is damaged: {error}") from None


def class_names(path: Path, values: Any) -> tuple[str, ...]:
    """Return the class names that a JSON file holds.

    Raises:
        UserError: if it is damaged.
    """
    if not isinstance(values, list) or len(values) < 2 or not all(isinstance(name, str) for name in values):
        raise UserError(f"{path} is damaged: expected a list of class names")
    return tuple(values)
