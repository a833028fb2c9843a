"""Folder of an export for ONNX Runtime or LiteRT.

    models/bilstm/onnx/
        model.onnx        ids int32 [batch, time] to logits float32 [batch, 1 or classes]; or
        model.tflite      the same with a batch of 1
        vocabulary.txt    a word a line, from id 2 on
        labels.json       the class names by index
        tokens.json       options of the tokenizer: tables of characters, truncation, periods; checksums (CRC-32) of
                          the vocabulary and the model; and notes, which must be said wherever the model answers

No file runs code when it is read.
"""

import json
import os
import zlib
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
        """Return whether the folder is such an export, complete or not, and no run."""
        own = (self.onnx, self.lite, self.tokens)
        return any(path.is_file() for path in own) and not (self.path / "config.json").is_file()

    @property
    def model(self) -> Path:
        """The file of the model."""
        return self.lite if self.lite.is_file() else self.onnx

    def save_texts(self, tokenizer: PlainTokenizer, class_names: Sequence[str], notes: Sequence[str] = ()) -> None:
        """Write everything but the model, which is there already."""
        self.vocabulary.write_text("".join(f"{word}\n" for word in tokenizer.places), encoding="utf-8")
        self.labels.write_text(json.dumps(list(class_names), ensure_ascii=False) + "\n", encoding="utf-8")
        tokens = {"head": tokenizer.head, "tail": tokenizer.tail, "periods": tokenizer.periods,
                  "characters": tokenizer.characters.to_json(), "notes": list(notes),
                  "checksums": {path.name: _checksum(path) for path in (self.vocabulary, self.model)}}
        self.tokens.write_text(json.dumps(tokens, ensure_ascii=False) + "\n", encoding="utf-8")

    def check(self) -> None:
        """Check that the files are complete and belong together; exports of earlier versions have no checksums.

        Raises:
            UserError: if one is missing, damaged, or of another export.
        """
        for path in (self.model, self.vocabulary, self.labels, self.tokens):
            if not path.is_file():
                raise UserError(f"the export {self.path} is incomplete: {path.name} is missing; export the model again")
        tokens = self._read_json(self.tokens)
        for name, checksum in (tokens.get("checksums", {}) if isinstance(tokens, dict) else {}).items():
            if _checksum(self.path / name) != checksum:
                raise UserError(f"{self.path / name} is damaged: it is not the file that was exported, or not all of "
                                "it; export the model again")

    def load_tokenizer(self) -> PlainTokenizer:
        """Read the vocabulary and the tables.

        Raises:
            UserError: if a file is missing or damaged.
        """
        *words, rest = self._read(self.vocabulary).split("\n")
        if rest:
            raise UserError(f"{self.vocabulary} is damaged: its last line has no end")
        values = self._read_json(self.tokens)
        try:
            return PlainTokenizer(words, Characters.from_json(values["characters"]), head=int(values["head"]),
                                  tail=int(values["tail"]), periods=bool(values["periods"]))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{self.tokens} is damaged: {error!r}") from None

    def load_class_names(self, classes: int) -> tuple[str, ...]:
        """Read the class names, by index, of a model with so many.

        Raises:
            UserError: if the file is damaged, or names more or fewer.
        """
        return class_names(self.labels, self._read_json(self.labels), classes)

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
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UserError(f"{path} is damaged: {error}") from None


def _checksum(path: Path) -> int:
    with path.open("rb") as file:
        checksum = 0
        while piece := file.read(1 << 20):
            checksum = zlib.crc32(piece, checksum)
    return checksum


def class_names(path: Path, values: Any, classes: int | None = None) -> tuple[str, ...]:
    """Return the class names that a JSON file holds, as many as the model has.

    Raises:
        UserError: if it is damaged, or the model has another number of classes.
    """
    if not isinstance(values, list) or len(values) < 2 or not all(isinstance(name, str) for name in values):
        raise UserError(f"{path} is damaged: expected a list of class names")
    if classes is not None and len(values) != classes:
        raise UserError(f"{path} is damaged: it names {len(values)} classes, the model has {classes}")
    return tuple(values)
