"""The bodies of requests and answers: those of TensorFlow Serving's REST interface, and of explanations.

Source: https://www.tensorflow.org/tfx/serving/api_rest
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sentiment.explain import WordWeights
from sentiment.surrogates import Mender

INPUT = "texts"


@dataclass(frozen=True)
class Limits:
    """Largest sizes of a request.

    Attributes:
        texts: the number of texts.
        explained: the number of texts whose words are weighed, which takes as many predictions as they have words.
        characters: the length of a text.
        body: the bytes of a request.
    """

    texts: int = 256
    explained: int = 16
    characters: int = 100_000
    body: int = 4 << 20


class TooLarge(ValueError):  # noqa: N818 - it is what the request is
    """A request holds more than the limits allow; the message says what."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Encoded(_Strict):
    """Bytes in base64, as TensorFlow Serving takes them; UTF-8, where it is damaged read with replacements."""

    b64: str

    @property
    def text(self) -> str:
        """The text."""
        return base64.b64decode(self.b64, validate=True).decode("utf-8", "replace")

    @model_validator(mode="after")
    def _is_base64(self) -> "Encoded":
        try:
            base64.b64decode(self.b64, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("not base64") from None
        return self


Text = str | Encoded


class Row(_Strict):
    """One text under the name of the model's input."""

    texts: Text


class Column(_Strict):
    """All texts under the name of the model's input."""

    texts: Annotated[list[Text], Field(min_length=1)]


class PredictRequest(_Strict):
    """Texts, by rows (`instances`) or by columns (`inputs`)."""

    signature_name: Literal["serving_default", "serve"] = "serving_default"
    instances: Annotated[list[Text | Row], Field(min_length=1)] | None = None
    inputs: Annotated[list[Text], Field(min_length=1)] | Column | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "PredictRequest":
        if (self.instances is None) == (self.inputs is None):
            raise ValueError("give either instances or inputs")
        return self

    def plain(self, limits: Limits) -> list[str]:
        """Return the texts.

        Raises:
            TooLarge: if there are too many, or one is too long.
        """
        if self.instances is not None:
            given: Sequence[Any] = [one.texts if isinstance(one, Row) else one for one in self.instances]
        else:
            given = self.inputs.texts if isinstance(self.inputs, Column) else self.inputs or []
        return within(limits, limits.texts, given)

    def answer(self, scores: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
        """Return the answer in the form that the texts came in; `scores` is [texts, classes]."""
        names, rows = list(classes), scores.tolist()
        if self.instances is not None:
            return {"predictions": [{"scores": row, "classes": names} for row in rows]}
        return {"outputs": {"scores": rows, "classes": [names] * len(rows)}}


class ExplainRequest(_Strict):
    """Texts whose words are weighed."""

    instances: Annotated[list[Text], Field(min_length=1)]

    def plain(self, limits: Limits) -> list[str]:
        """Return the texts.

        Raises:
            TooLarge: if there are too many, or one is too long.
        """
        return within(limits, min(limits.texts, limits.explained), self.instances)


def within(limits: Limits, most: int, given: Sequence[Text]) -> list[str]:
    """Return the texts as strings if there are at most so many and the limits allow their length."""
    texts = [one.text if isinstance(one, Encoded) else one for one in given]
    if len(texts) > most:
        raise TooLarge(f"{len(texts)} texts in a request: at most {most} are taken")
    longest = max(map(len, texts))
    if longest > limits.characters:
        raise TooLarge(f"a text of {longest:,} characters: at most {limits.characters:,} are taken")
    return texts


def without_surrogates(body: bytes) -> bytes:
    r"""Return a body in which U+FFFD stands for each lone surrogate, such as `"\ud83d"`, which pydantic refuses."""
    try:
        return Mender().json(body.decode()).encode()
    except UnicodeDecodeError:
        return body  # the error for this is pydantic's


class Scored(BaseModel):
    """The answer for one text: the probability of each class."""

    scores: list[float]
    classes: list[str]


class Columns(BaseModel):
    """The answers by columns."""

    scores: list[list[float]]
    classes: list[list[str]]


class ByRows(BaseModel):
    """Response to a request with `instances`."""

    predictions: list[Scored]


class ByColumns(BaseModel):
    """Response to a request with `inputs`."""

    outputs: Columns


class Word(BaseModel):
    """A word as the model reads it, its weight, and whether it is in the vocabulary."""

    word: str
    weight: float
    known: bool


class Explained(BaseModel):
    """The answer for one text, and what each word adds to the log-odds of the class `explained`."""

    scores: list[float]
    classes: list[str]
    explained: str
    words: list[Word]

    @classmethod
    def of(cls, found: WordWeights) -> "Explained":
        """Bring an explanation into its form for clients."""
        words = [Word(word=word, weight=weight, known=known) for word, weight, known
                 in zip(found.words, found.weights.tolist(), found.known, strict=True)]
        return cls(scores=list(found.prediction.scores.values()), classes=list(found.prediction.scores),
                   explained=found.explained, words=words)


class Explanations(BaseModel):
    """Response to a request for explanations."""

    predictions: list[Explained]


class Failure(BaseModel):
    """Response that tells an error."""

    error: str


class Names(BaseModel):
    """The names of the models."""

    models: list[str]


class Health(BaseModel):
    """The state of the server."""

    status: str


class _Status(BaseModel):
    error_code: str
    error_message: str


class VersionStatus(BaseModel):
    """The state of a version, as TensorFlow Serving says it."""

    version: str
    state: str
    status: _Status


class ModelStatus(BaseModel):
    """The states of the versions of a model."""

    model_version_status: list[VersionStatus]

    @classmethod
    def of(cls, numbers: Sequence[int]) -> "ModelStatus":
        """Say of versions that they are available, the newest first."""
        available = _Status(error_code="OK", error_message="")
        return cls(model_version_status=[VersionStatus(version=str(number), state="AVAILABLE", status=available)
                                         for number in sorted(numbers, reverse=True)])


def metadata(name: str, version: int, classes: int) -> dict[str, Any]:
    """Return the metadata of a version as TensorFlow Serving gives them: its signatures."""
    outputs = {"scores": _tensor("DT_FLOAT", [-1, classes]), "classes": _tensor("DT_STRING", [-1, classes])}
    signature = {"inputs": {INPUT: _tensor("DT_STRING", [-1])}, "outputs": outputs,
                 "method_name": "tensorflow/serving/predict"}
    return {"model_spec": {"name": name, "signature_name": "", "version": str(version)},
            "metadata": {"signature_def": {"signature_def": {"serving_default": signature, "serve": signature}}}}


def _tensor(dtype: str, sizes: Sequence[int]) -> dict[str, Any]:
    dims = [{"size": str(size), "name": ""} for size in sizes]
    return {"dtype": dtype, "tensor_shape": {"dim": dims, "unknown_rank": False}, "name": ""}
