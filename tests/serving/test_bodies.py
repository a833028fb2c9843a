"""Bodies are counted before they are parsed, and large ones are parsed in a thread."""

import asyncio
import json
import threading
from typing import Any

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from sentiment.serving import bodies
from sentiment.serving.protocol import ExplainRequest, Limits, PredictRequest, TooLarge

LIMITS = Limits(texts=3, explained=2)
MANY = 100_000


@pytest.mark.parametrize("content", [
    b'{"instances": [' + b",".join([b'""'] * MANY) + b"]}",
    b'{"instances": [' + b",".join([b"0"] * MANY) + b"]}",
    b'{"instances": [' + b"{}," * MANY,
    b"[" * MANY,
    b"{" + b",".join(b'"%d":1' % number for number in range(MANY)) + b"}",
    b'{"instances": [' + b",".join([rb'"\\"'] * MANY) + b"]}",
    b'{"instances": ["a", "b", {"texts": "c", ' + b",".join([b'"d":0'] * MANY) + b"}]}"],
    ids=["texts", "numbers", "objects", "depth", "members", "backslashes", "members of a row"])
def test_more_values_than_texts_need_are_not_parsed(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (PredictRequest, ExplainRequest):
        monkeypatch.setattr(kind, "model_validate_json", lambda content: pytest.fail("it was parsed"))
    with pytest.raises(TooLarge, match="more values in a request than 3 texts need: at most 3 texts are accepted"):
        bodies.parsed(PredictRequest, content, LIMITS)
    with pytest.raises(TooLarge, match="at most 2 texts"):
        bodies.parsed(ExplainRequest, content, LIMITS)


def test_a_few_too_many_are_counted_exactly() -> None:
    with pytest.raises(TooLarge, match=r"^4 texts in a request: at most 3 are accepted"):
        bodies.parsed(PredictRequest, b'{"instances": ["a", "b", "c", "d"]}', LIMITS)


@given(st.lists(st.text(alphabet='"\\,[]{}:a\n') | st.text(), min_size=1, max_size=3), st.booleans())
def test_as_many_texts_as_are_allowed_pass_whatever_they_hold(texts: list[str], ascii_only: bool) -> None:
    repeated = [text * 50 for text in texts]
    for instances in (repeated, [{"texts": text} for text in repeated]):
        content = json.dumps({"instances": instances}, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
        assert bodies.parsed(PredictRequest, content, LIMITS)[1] == repeated


@pytest.mark.parametrize(("characters", "name"), [(10, "MainThread"), (bodies.INLINE, "parse_0")])
def test_large_bodies_do_not_hold_up_the_event_loop(characters: int, name: str, monkeypatch: pytest.MonkeyPatch
                                                    ) -> None:
    names: list[str] = []

    def parsed(*values: Any) -> None:
        names.append(threading.current_thread().name)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps({"instances": ["a" * characters]}).encode()}

    monkeypatch.setattr(bodies, "parsed", parsed)
    asyncio.run(bodies.read(PredictRequest, Request({"type": "http", "headers": []}, receive), Limits()))
    assert names == [name]
