"""The addresses, asked as clients do."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from helpers.fake_predictor import FakePredictor

from sentiment.predictions import probabilities
from sentiment.serving.app import create_app
from sentiment.serving.batcher import Batching
from sentiment.serving.metrics import Metrics
from sentiment.serving.models import Models, ServedModel
from sentiment.serving.protocol import Limits

LIMITS = Limits(texts=3, characters=50, body=400)
PREDICT = "/v1/models/reviews:predict"
Story = Callable[[httpx.AsyncClient], Awaitable[Any]]


@pytest.fixture(autouse=True)
def _unsettled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the collection of garbage after each start, which walks through what all earlier tests have left."""
    monkeypatch.setattr("sentiment.serving.models._settle", lambda: None)


def ask(story: Story, predictor: FakePredictor | None = None, batching: Batching | None = None,
        limits: Limits = LIMITS) -> Any:
    """Return what a story with a client gives, of a server with the models `reviews` and `other`."""
    predictor = predictor or FakePredictor()

    async def whole() -> Any:
        metrics = Metrics()
        served = [ServedModel("reviews", Path("reviews")), ServedModel("other", Path("other"))]
        models = Models(served, lambda path: predictor if path.name == "reviews" else FakePredictor(sign=-1),
                        batching or Batching(seconds=0.001), watch=metrics.batch)
        await models.start()
        transport = httpx.ASGITransport(create_app(models, limits, metrics), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            result = await asyncio.wait_for(story(client), 20)
        await models.close()
        return result

    return asyncio.run(whole())


def post(body: Any, path: str = PREDICT, **options: Any) -> httpx.Response:
    """Send one body, which is JSON unless it is bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response: httpx.Response = ask(lambda client: client.post(path, content=content), **options)
    return response


def get(path: str) -> httpx.Response:
    response: httpx.Response = ask(lambda client: client.get(path))
    return response


def scores(*logits: float) -> list[Any]:
    return [pytest.approx(row) for row in probabilities(np.array(logits)[:, None])]


@pytest.mark.parametrize("instances", [
    ["good", "bad film"], [{"texts": "good"}, {"texts": "bad film"}],
    [{"b64": b64encode(b"good").decode()}, {"texts": {"b64": b64encode(b"bad film").decode()}}]])
def test_rows(instances: list[Any]) -> None:
    response = post({"signature_name": "serving_default", "instances": instances})
    good, bad = scores(2.0, -2.5)
    assert response.status_code == 200
    assert response.json() == {"predictions": [{"scores": good, "classes": ["neg", "pos"]},
                                               {"scores": bad, "classes": ["neg", "pos"]}]}


@pytest.mark.parametrize("inputs", [["good", "bad film"], {"texts": ["good", "bad film"]}])
def test_columns(inputs: Any) -> None:
    response = post({"inputs": inputs})
    assert response.json() == {"outputs": {"scores": scores(2.0, -2.5), "classes": [["neg", "pos"]] * 2}}


def test_the_content_type_does_not_matter() -> None:
    """As `curl -d` sends it."""
    response = ask(lambda client: client.post(PREDICT, content=b'{"instances": ["good"]}', headers={
        "content-type": "application/x-www-form-urlencoded"}))
    assert response.status_code == 200


def test_lone_surrogates_are_read_as_replacements() -> None:
    predictor = FakePredictor()
    response = post(b'{"instances": ["good \\ud83d", "\\ud83d\\ude00 \\\\ud83d"]}', predictor=predictor)
    assert response.status_code == 200
    assert predictor.batches[1:] == [["good \ufffd", "😀 \\ud83d"]]
    assert post(b'{"instances": ["good \\ud83d"]}', PREDICT.replace("predict", "explain")).status_code == 200
    assert post(b'{"instances": ["\xff \\ud83d"]}').status_code == 400


def test_versions_and_models_have_their_own_addresses() -> None:
    body = {"instances": ["good"]}
    assert post(body, "/v1/models/reviews/versions/1:predict").json()["predictions"][0]["scores"] == scores(2.0)[0]
    assert post(body, "/v1/models/other:predict").json()["predictions"][0]["scores"] == scores(-2.0)[0]


def test_words_are_weighed() -> None:
    answer = post({"instances": ["bad new film"]}, "/v1/models/reviews:explain").json()["predictions"][0]
    assert answer["explained"] == "neg"
    assert answer["scores"] == scores(-2.5)[0]
    assert answer["words"] == [{"word": "bad", "weight": 3.0, "known": True}, {"word": "new", "weight": 0.0,
                               "known": False}, {"word": "film", "weight": -0.5, "known": True}]


@pytest.mark.parametrize(("body", "message"), [
    (b"", "Invalid JSON"), (b"{", "Invalid JSON"), (b"\xff", "Invalid JSON"), (b"[" * 390, "Invalid JSON"),
    (b'{"instances": ["\xff"]}', "Invalid JSON"), ([], "expected an object"),
    ({}, "give either instances or inputs"),
    ({"instances": ["a"], "inputs": ["a"]}, "give either instances or inputs"),
    ({"instances": []}, "instances: List should have at least 1 item"),
    ({"instances": "a"}, "instances: Input should be a valid"),
    ({"instances": ["a", 1]}, "instances[1]: Input should be a valid string"),
    ({"instances": [{"texts": ["a"]}]}, "instances[0]: Input should be a valid string"),
    ({"instances": [{"b64": "%"}]}, "instances[0]: Input should be a valid string"),
    ({"inputs": {"texts": []}}, "inputs: Input should be a valid"),
    ({"instances": ["a"], "extra": 1}, "extra: Extra inputs are not permitted"),
    ({"instances": ["a"], "signature_name": "tokens"}, "signature_name: Input should be 'serving_default' or 'serve'"),
])
def test_wrong_bodies_are_said_in_a_line(body: Any, message: str) -> None:
    response = post(body)
    assert response.status_code == 400
    assert list(response.json()) == ["error"]
    said = response.json()["error"]
    assert said.startswith(message)
    assert not any(name in said for name in ("Request", "Encoded", "Row", "Column", "\n"))


@pytest.mark.parametrize(("body", "message"), [
    ({"instances": ["a"] * 4}, "4 texts in a request: at most 3 are taken"),
    ({"instances": ["a" * 51]}, "a text of 51 characters: at most 50 are taken"),
    ({"inputs": [{"b64": b64encode(b"a" * 51).decode()}]}, "a text of 51 characters: at most 50 are taken"),
    (b" " * 401, "the request is larger than 400 bytes"),
])
@pytest.mark.parametrize("verb", ["predict", "explain"])
def test_what_is_too_large(body: Any, message: str, verb: str) -> None:
    if isinstance(body, dict) and "inputs" in body and verb == "explain":
        body = {"instances": body["inputs"]}
    response = post(body, f"/v1/models/reviews:{verb}")
    assert (response.status_code, response.json()) == (413, {"error": message})


def test_few_texts_are_explained_at_once() -> None:
    response = post({"instances": ["good"] * 3}, "/v1/models/reviews:explain", limits=Limits(explained=2))
    assert (response.status_code, response.json()) == (413, {"error": "3 texts in a request: at most 2 are taken"})


def test_a_body_that_does_not_say_its_length_is_measured_as_it_comes() -> None:
    async def endless(client: httpx.AsyncClient) -> httpx.Response:
        async def parts() -> Any:
            for _ in range(5):
                yield b" " * 100

        return await client.post(PREDICT, content=parts())

    response = ask(endless)
    assert (response.status_code, response.json()) == (413, {"error": "the request is larger than 400 bytes"})


@pytest.mark.parametrize(("path", "message"), [
    ("/v1/models/none:predict", "no model 'none' (there are reviews, other)"),
    ("/v1/models/reviews/versions/7:predict", "no version 7 of 'reviews' (there are 1)"),
    ("/v1/models/reviews/versions/x:predict", "Not Found"), ("/nothing", "Not Found")])
def test_what_is_not_there(path: str, message: str) -> None:
    response = post({"instances": ["a"]}, path)
    assert (response.status_code, response.json()) == (404, {"error": message})


def test_a_full_queue_says_when_to_come_back() -> None:
    predictor = FakePredictor()

    async def story(client: httpx.AsyncClient) -> tuple[list[httpx.Response], str]:
        predictor.gate.clear()
        first = asyncio.create_task(client.post(PREDICT, json={"instances": ["good"]}))
        await predictor.called(2)  # the first call warmed it up
        second = asyncio.create_task(client.post(PREDICT, json={"instances": ["bad"]}))
        while 'sentiment_waiting_texts{model="reviews"} 1.0' not in (await client.get("/metrics")).text:
            await asyncio.sleep(0.001)
        third = await client.post(PREDICT, json={"instances": ["film"]})
        predictor.gate.set()
        return [await first, await second, third], (await client.get("/metrics")).text

    (first, second, third), metrics = ask(story, predictor, Batching(seconds=0, queue=1))
    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 503)
    assert third.headers["retry-after"] == "1"
    assert third.json() == {"error": "too many requests wait: try again later"}
    assert 'sentiment_refused_requests_total{model="reviews"} 1.0' in metrics


def test_a_mistake_of_ours_tells_nothing_of_the_inside() -> None:
    predictor = FakePredictor()

    async def story(client: httpx.AsyncClient) -> httpx.Response:
        predictor.broken = True
        return await client.post(PREDICT, json={"instances": ["good"]})

    response = ask(story, predictor)
    assert (response.status_code, response.json()) == (500, {"error": "the server made a mistake"})


def test_states() -> None:
    available = {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    for path in ("/v1/models/reviews", "/v1/models/reviews/versions/1"):
        assert get(path).json() == {"model_version_status": [available]}
    assert get("/v1/models").json() == {"models": ["reviews", "other"]}
    assert get("/healthz").json() == get("/readyz").json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/v1/models/reviews/metadata", "/v1/models/reviews/versions/1/metadata"])
def test_metadata(path: str) -> None:
    answer = get(path).json()
    assert answer["model_spec"] == {"name": "reviews", "signature_name": "", "version": "1"}
    signature = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"]["texts"]["dtype"] == "DT_STRING"
    assert [dim["size"] for dim in signature["outputs"]["scores"]["tensor_shape"]["dim"]] == ["-1", "2"]


def test_counters() -> None:
    async def story(client: httpx.AsyncClient) -> str:
        for text in ("good", "bad"):
            await client.post(PREDICT, json={"instances": [text, text]})
        await client.post("/v1/models/unknown-0001:predict", json={"instances": ["good"]})
        return (await client.get("/metrics")).text

    found = ask(story)
    assert 'sentiment_request_seconds_count{code="200",route="/v1/models/{name}:predict"} 2.0' in found
    assert 'sentiment_batch_texts_sum{model="reviews"} 4.0' in found
    assert 'sentiment_model_version{model="reviews"} 1.0' in found
    assert "unknown-0001" not in found  # or clients could fill the memory with names


def test_every_answer_says_not_to_guess_its_kind() -> None:
    for path in ("/", "/page.js", "/healthz", "/nothing"):
        assert get(path).headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in get("/").headers["content-security-policy"]


def test_the_description_names_what_the_bodies_hold() -> None:
    description = get("/openapi.json").json()
    body = description["paths"][PREDICT.replace("reviews", "{name}")]["post"]["requestBody"]["content"]
    name = body["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert set(description["components"]["schemas"][name]["properties"]) == {"signature_name", "instances", "inputs"}
