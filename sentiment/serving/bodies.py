"""Request bodies: reading, counting of values and validation, without blocking the event loop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fastapi import HTTPException, Request
from pydantic import ValidationError

from sentiment.serving.protocol import ExplainRequest, Limits, PredictRequest, TooLarge, without_surrogates

EXAMPLE = '{"instances": ["A wonderful film."]}'
SPARE = 32  # values of a body besides its texts
INLINE = 1 << 16  # bytes that are parsed in the event loop, which is faster than waiting for a thread
PLACES = {"signature_name", "instances", "inputs", "texts", "b64", "abstain_below"}
PARSER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="parse")
Body = TypeVar("Body", PredictRequest, ExplainRequest)


class WrongBody(ValueError):  # noqa: N818 - it is what the request is
    """A body in the wrong form; the message says what is wrong and shows a valid body."""

    def __init__(self, wrong: str) -> None:
        super().__init__(f"{wrong}; a valid body: {EXAMPLE}")


async def read(kind: type[Body], request: Request, limits: Limits) -> tuple[Body, list[str]]:
    """Return the body of a request, and its texts.

    The content type is ignored, because TensorFlow Serving's clients need not send one, except `text/plain`: with it, a
    page of another site may send a body without a CORS preflight request.

    Raises:
        HTTPException: 415 for `text/plain`.
        WrongBody, TooLarge: see `parsed`.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/plain":
        raise HTTPException(415, "the body must be JSON with the content type application/json, not text/plain")
    content = await request.body()
    if len(content) <= INLINE:
        return parsed(kind, content, limits)
    return await asyncio.get_running_loop().run_in_executor(PARSER, parsed, kind, content, limits)


def parsed(kind: type[Body], content: bytes, limits: Limits) -> tuple[Body, list[str]]:
    """Count the values of a body, parse and validate it.

    Raises:
        WrongBody: if it has the wrong form.
        TooLarge: if there are too many texts, or one is too long.

    Example:
        >>> from sentiment.serving.protocol import Limits, PredictRequest
        >>> parsed(PredictRequest, b'{"instances": ["A wonderful film."]}', Limits())[1]
        ['A wonderful film.']
    """
    _count(content, kind.most(limits))
    try:
        body = kind.model_validate_json(without_surrogates(content))
    except ValidationError as error:
        raise WrongBody(said(error.errors()[0])) from None
    return body, body.plain(limits)


def _count(content: bytes, most: int) -> None:
    """Refuse a body with more values than `most` texts need, before each value becomes an object.

    Between the strings of JSON are its brackets, commas and numbers; a text has at most three strings
    (`{"texts": {"b64": "..."}}`).
    """
    bare = content.replace(b"\\\\", b"").replace(b'\\"', b"")  # the remaining quotes begin and end strings
    values = bare.count(b'"') // 2
    if values <= 3 * most + SPARE:
        between = b"".join(bare.split(b'"')[::2])
        values = sum(map(between.count, (b",", b"[", b"{")))
    if values > 3 * most + SPARE:
        raise TooLarge(f"more values in a request than {most} texts need: at most {most} texts are accepted")


def said(error: Any) -> str:
    """Return a one-line message on an invalid body, without internal class names."""
    given = {error["loc"][-1]} if error["type"] == "extra_forbidden" else set()
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]
                    if isinstance(part, int) or part in PLACES | given).lstrip(".")
    what = "expected an object" if error["type"].startswith(("model_", "dict_")) else error["msg"]
    what = what.removeprefix("Value error, ")
    return f"{place}: {what}" if place else what
