"""Folder of an export for ONNX Runtime or LiteRT.

    models/bilstm/onnx/
        model.onnx        ids int32 [batch, time] to logits float32 [batch, 1 or classes]; or
        model.tflite      the same with a batch of 1
        vocabulary.txt    one word per line, from id 2 on
        labels.json       the class names by index
        tokens.json       options of the tokenizer: tables of characters, truncation, periods; notes, which must be
                          shown with every prediction; the name and size of the training data, and the test
                          accuracy; and checksums (CRC-32) of all files and of its own other values

Reading these files executes no code.
"""

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from sentiment.errors import UserError
from sentiment.measured import TRAINED_ON
from sentiment.stored import Stored, check_checksums, checksums, read_class_names, read_json, read_vocabulary
from sentiment.text.plain_tokenizer import RANGES, Characters, PlainTokenizer

CHECKSUMS = "checksums"
LETTERS = {str: str}
TOKENS = {"head": int, "tail": int, "periods": bool, "notes?": [str],
          "trained_on?": TRAINED_ON, f"{CHECKSUMS}?": {str: int}, "characters": {
    "lower": LETTERS, "variants?": {str: LETTERS}, **{f"{name}?": [int] for name in RANGES},
    "markup?": [[str]], "signs?": (str, type(None))}}


class PortableFolder:
    """Folder of an export."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.onnx = self.path / "model.onnx"
        self.lite = self.path / "model.tflite"
        self.vocabulary = self.path / "vocabulary.txt"
        self.labels = self.path / "labels.json"
        self.tokens = self.path / "tokens.json"

    def exists(self) -> bool:
        """Whether the folder is an export, complete or not, and not a run."""
        own = (self.onnx, self.lite, self.tokens)
        return any(path.is_file() for path in own) and not (self.path / "config.json").is_file()

    @property
    def model(self) -> Path:
        """The file of the model."""
        return self.lite if self.lite.is_file() else self.onnx

    def save_texts(self, tokenizer: PlainTokenizer, class_names: Sequence[str], notes: Sequence[str] = (),
                   trained_on: Mapping[str, Any] | None = None) -> None:
        """Write all files except the model, which exists already."""
        self.vocabulary.write_text("".join(f"{word}\n" for word in tokenizer.places), encoding="utf-8")
        self.labels.write_text(json.dumps(list(class_names), ensure_ascii=False) + "\n", encoding="utf-8")
        tokens = {"head": tokenizer.head, "tail": tokenizer.tail, "periods": tokenizer.periods,
                  "characters": tokenizer.characters.to_json(), "notes": list(notes),
                  **({"trained_on": dict(trained_on)} if trained_on else {})}
        stored = {**checksums((self.vocabulary, self.labels, self.model)), self.tokens.name: _checksum(tokens)}
        self.tokens.write_text(json.dumps({**tokens, CHECKSUMS: stored}, ensure_ascii=False) + "\n", encoding="utf-8")

    def check(self) -> None:
        """Check that the files are complete and belong together; exports of earlier versions lack some checksums.

        Raises:
            UserError: if a file is missing, damaged, or of another export.
        """
        for path in (self.model, self.vocabulary, self.labels, self.tokens):
            if not path.is_file():
                raise UserError(f"the export {self.path} is incomplete: {path.name} is missing; export the model again")
        stored = dict(self._tokens.get(CHECKSUMS, {}))
        own = _checksum({name: value for name, value in self._tokens.items() if name != CHECKSUMS})
        if stored.pop(self.tokens.name, own) != own:
            raise UserError(f"{self.tokens} is damaged: it differs from the export; export the model again")
        paths = [path for path in (self.model, self.vocabulary, self.labels) if path.name in stored]
        check_checksums(paths, stored, "export the model again")

    @cached_property
    def _tokens(self) -> Stored:
        return read_json(self.tokens, TOKENS)  # type: ignore[no-any-return]

    def load_tokenizer(self) -> PlainTokenizer:
        """Read the vocabulary and the tables.

        Raises:
            UserError: if a file is missing or damaged.
        """
        values = self._tokens
        try:
            return PlainTokenizer(read_vocabulary(self.vocabulary), Characters.from_json(values["characters"]),
                                  head=values["head"], tail=values["tail"], periods=values["periods"])
        except ValueError as error:
            raise UserError(f"{self.tokens} is damaged: {error}") from None

    def load_class_names(self, classes: int) -> tuple[str, ...]:
        """Read the class names, by index, of a model with `classes` classes.

        Raises:
            UserError: if the file is damaged, or has another number of classes.
        """
        return read_class_names(self.labels, classes)

    def load_notes(self) -> tuple[str, ...]:
        """Read the notes; an export of an earlier version has none.

        Raises:
            UserError: if the file is damaged.
        """
        return tuple(self._tokens.get("notes", ()))

    def load_trained_on(self) -> dict[str, Any]:
        """Read the description of the training, as in `sentiment.measured`; empty for an earlier export.

        Raises:
            UserError: if the file is damaged.
        """
        return dict(self._tokens.get("trained_on", {}))


def _checksum(tokens: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(tokens, sort_keys=True).encode())
