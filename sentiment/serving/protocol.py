"""Bodies of requests and responses: TensorFlow Serving's REST interface, and explanations.

Source: https://www.tensorflow.org/tfx/serving/api_rest
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sentiment.explain import WordWeights
from sentiment.predictions import predictions
from sentiment.surrogates import Mender

INPUT = "texts"


@dataclass(frozen=True)
class Limits:
    """Limits of a request.

    Attributes:
        texts: the maximum number of texts.
        explained: the maximum number of texts to explain, each with as many predictions as it has words.
        characters: the maximum length of a text.
        body: the maximum bytes of a request.
        in_flight: the maximum bytes of all unanswered requests.
        seconds: the time in which a request must arrive.
    """

    texts: int = 256
    explained: int = 16
    characters: int = 100_000
    body: int = 4 << 20
    in_flight: int = 64 << 20
    seconds: float = 30.0


class TooLarge(ValueError):  # noqa: N818 - it is what the request is
    """A request that exceeds a limit, which the message names."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Encoded(_Strict):
    """Base64-encoded bytes, as in TensorFlow Serving; decoded as UTF-8 with replacement of invalid bytes."""

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
Probability = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]


class Row(_Strict):
    """One text under the name of the model's input."""

    texts: Text


class Column(_Strict):
    """All texts under the name of the model's input."""

    texts: Annotated[list[Text], Field(min_length=1)]


class PredictRequest(_Strict):
    """Texts in row format (`instances`) or column format (`inputs`); no label for scores below `abstain_below`."""

    signature_name: Literal["serving_default", "serve"] = "serving_default"
    instances: Annotated[list[Text | Row], Field(min_length=1)] | None = None
    inputs: Annotated[list[Text], Field(min_length=1)] | Column | None = None
    abstain_below: Probability = 0.0

    @model_validator(mode="after")
    def _one_of_both(self) -> "PredictRequest":
        if (self.instances is None) == (self.inputs is None):
            raise ValueError("pass either instances or inputs")
        return self

    @staticmethod
    def most(limits: Limits) -> int:
        """Return the maximum number of texts."""
        return limits.texts

    def plain(self, limits: Limits) -> list[str]:
        """Return the texts.

        Raises:
            TooLarge: if there are too many, or one is too long.
        """
        if self.instances is not None:
            given: Sequence[Any] = [one.texts if isinstance(one, Row) else one for one in self.instances]
        else:
            given = self.inputs.texts if isinstance(self.inputs, Column) else self.inputs or []
        return within(limits, self.most(limits), given)

    def answer(self, rows: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
        """Return the response in the format of the request.

        Args:
            rows: float64 [texts, logits + 1]: the logits of each text, then its share of known words.
            classes: the class names by index.
        """
        found = [{"scores": list(one.scores.values()), "classes": list(one.scores), "label": one.label,
                  "known": one.known}
                 for one in predictions(rows[:, :-1], rows[:, -1], classes, abstain_below=self.abstain_below)]
        if self.instances is not None:
            return {"predictions": found}
        return {"outputs": {name: [one[name] for one in found] for name in found[0]}}


class ExplainRequest(_Strict):
    """Texts to explain."""

    instances: Annotated[list[Text], Field(min_length=1)]

    @staticmethod
    def most(limits: Limits) -> int:
        """Return the maximum number of texts."""
        return min(limits.texts, limits.explained)

    def plain(self, limits: Limits) -> list[str]:
        """Return the texts.

        Raises:
            TooLarge: if there are too many, or one is too long.
        """
        return within(limits, self.most(limits), self.instances)


def within(limits: Limits, most: int, given: Sequence[Text]) -> list[str]:
    """Return the texts as strings if there are at most `most` and their length is within the limits."""
    texts = [one.text if isinstance(one, Encoded) else one for one in given]
    if len(texts) > most:
        raise TooLarge(f"{len(texts)} texts in a request: at most {most} are accepted")
    longest = max(map(len, texts))
    if longest > limits.characters:
        raise TooLarge(f"a text of {longest:,} characters: at most {limits.characters:,} are accepted")
    return texts


def without_surrogates(body: bytes) -> bytes:
    r"""Return a body with lone surrogates such as `"\ud83d"`, which pydantic refuses, replaced by U+FFFD."""
    if b"\\u" not in body:  # most bodies have none, so they are not decoded
        return body
    try:
        return Mender().json(body.decode()).encode()
    except UnicodeDecodeError:
        return body  # pydantic raises the error


class Scored(BaseModel):
    """Prediction for one text.

    It has the probabilities of all classes, the label (null for an abstention), and the share of known words.
    """

    scores: list[float]
    classes: list[str]
    label: str | None
    known: float


class Columns(BaseModel):
    """Predictions in column format."""

    scores: list[list[float]]
    classes: list[list[str]]
    label: list[str | None]
    known: list[float]


class ByRows(BaseModel):
    """Response to a request with `instances`."""

    predictions: list[Scored]


class ByColumns(BaseModel):
    """Response to a request with `inputs`."""

    outputs: Columns


class Word(BaseModel):
    """A word as the model reads it, its weight, and whether it is in the vocabulary.

    `start` and `end` are its place in the text, in characters (code points).
    """

    word: str
    start: int
    end: int
    weight: float
    known: bool


class Explained(BaseModel):
    """Prediction for one text, with the contribution of each word to the log-odds of the class `explained`.

    `remark` is a sentence if few words are known, else empty.
    """

    scores: list[float]
    classes: list[str]
    known: float
    remark: str
    explained: str
    words: list[Word]

    @classmethod
    def of(cls, found: WordWeights) -> "Explained":
        """Return the response for an explanation."""
        words = [Word(word=word, start=start, end=end, weight=weight, known=known) for word, (start, end), weight, known
                 in zip(found.words, found.spans, found.weights.tolist(), found.known, strict=True)]
        return cls(scores=list(found.prediction.scores.values()), classes=list(found.prediction.scores),
                   known=found.prediction.known, remark=found.prediction.remark, explained=found.explained,
                   words=words)


class Explanations(BaseModel):
    """Response to a request for explanations; `notes` are caveats about the model's predictions."""

    predictions: list[Explained]
    notes: list[str]


class Failure(BaseModel):
    """Response with an error."""

    error: str


class Names(BaseModel):
    """Names of the models."""

    models: list[str]


class Health(BaseModel):
    """State of the server."""

    status: str


class _Status(BaseModel):
    error_code: str
    error_message: str


class VersionStatus(BaseModel):
    """State of a version, in TensorFlow Serving's format."""

    version: str
    state: str
    status: _Status


class ModelStatus(BaseModel):
    """States of the versions of a model."""

    model_version_status: list[VersionStatus]

    @classmethod
    def of(cls, numbers: Sequence[int]) -> "ModelStatus":
        """Return available versions, the newest first."""
        available = _Status(error_code="OK", error_message="")
        return cls(model_version_status=[VersionStatus(version=str(number), state="AVAILABLE", status=available)
                                         for number in sorted(numbers, reverse=True)])


def metadata(name: str, version: int, classes: Sequence[str], notes: Sequence[str], trained_on: Mapping[str, Any]
             ) -> dict[str, Any]:
    """Return the metadata of a version: TensorFlow Serving's signatures, classes, notes and training data."""
    outputs = {"scores": _tensor("DT_FLOAT", [-1, len(classes)]), "classes": _tensor("DT_STRING", [-1, len(classes)]),
               "label": _tensor("DT_STRING", [-1]), "known": _tensor("DT_FLOAT", [-1])}
    signature = {"inputs": {INPUT: _tensor("DT_STRING", [-1])}, "outputs": outputs,
                 "method_name": "tensorflow/serving/predict"}
    return {"model_spec": {"name": name, "signature_name": "", "version": str(version)},
            "metadata": {"signature_def": {"signature_def": {"serving_default": signature, "serve": signature}},
                         "classes": list(classes), "notes": list(notes), "trained_on": dict(trained_on)}}


def _tensor(dtype: str, sizes: Sequence[int]) -> dict[str, Any]:
    dims = [{"size": str(size), "name": ""} for size in sizes]
    return {"dtype": dtype, "tensor_shape": {"dim": dims, "unknown_rank": False}, "name": ""}
