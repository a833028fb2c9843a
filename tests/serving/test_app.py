"""The addresses, asked as clients do."""

import asyncio
import json
import threading
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
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
from sentiment.serving.middleware import ANYBODY, Access
from sentiment.serving.models import Models, ServedModel
from sentiment.serving.protocol import Limits

LIMITS = Limits(texts=3, characters=50, body=400)
TOKEN = "s3cret"  # noqa: S105 - of a test
PREDICT = "/v1/models/reviews:predict"
Story = Callable[[httpx.AsyncClient], Awaitable[Any]]


@pytest.fixture(autouse=True)
def _unsettled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the collection of garbage after each start, which walks through what all earlier tests have left."""
    monkeypatch.setattr("sentiment.serving.models._settle", lambda: None)


def ask(story: Story, predictor: FakePredictor | None = None, batching: Batching | None = None,
        limits: Limits = LIMITS, access: Access = ANYBODY, examples: Sequence[str] = ()) -> Any:
    """Return what a story with a client gives, of a server with the models `reviews` and `other`."""
    predictor = predictor or FakePredictor()

    async def whole() -> Any:
        metrics = Metrics()
        served = [ServedModel("reviews", Path("reviews")), ServedModel("other", Path("other"))]
        models = Models(served, lambda path: predictor if path.name == "reviews" else FakePredictor(sign=-1),
                        batching or Batching(seconds=0.001), watch=metrics.batch)
        await models.start()
        app = create_app(models, limits, metrics, access, examples)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            result = await asyncio.wait_for(story(client), 20)
        await models.close()
        return result

    return asyncio.run(whole())


def post(body: Any, path: str = PREDICT, headers: Any = None, **options: Any) -> httpx.Response:
    """Send one body, which is JSON unless it is bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response: httpx.Response = ask(lambda client: client.post(path, content=content, headers=headers),
                                   **options)
    return response


def get(path: str, headers: Any = None, access: Access = ANYBODY) -> httpx.Response:
    response: httpx.Response = ask(lambda client: client.get(path, headers=headers), access=access)
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
    assert response.json() == {"predictions": [
        {"scores": good, "classes": ["neg", "pos"], "label": "pos", "known": 1.0},
        {"scores": bad, "classes": ["neg", "pos"], "label": "neg", "known": 1.0}]}


@pytest.mark.parametrize("inputs", [["good", "bad film"], {"texts": ["good", "bad film"]}])
def test_columns(inputs: Any) -> None:
    response = post({"inputs": inputs})
    assert response.json() == {"outputs": {"scores": scores(2.0, -2.5), "classes": [["neg", "pos"]] * 2,
                                           "label": ["pos", "neg"], "known": [1.0, 1.0]}}


def test_scores_below_the_threshold_of_the_request_have_no_label() -> None:
    """In one batch with requests of other thresholds."""
    async def story(client: httpx.AsyncClient) -> list[Any]:
        bodies = [{"instances": ["film", "good"], "abstain_below": 0.7}, {"instances": ["film"]},
                  {"inputs": ["film", "good"], "abstain_below": 1}]
        answers = await asyncio.gather(*(client.post(PREDICT, json=body) for body in bodies))
        return [answer.json() for answer in answers]

    first, second, third = ask(story, batching=Batching(texts=5, seconds=10))
    assert [one["label"] for one in first["predictions"]] == [None, "pos"]
    assert [one["scores"] for one in first["predictions"]] == scores(0.5, 2.0)
    assert second["predictions"][0]["label"] == "pos"
    assert third["outputs"]["label"] == [None, None]


def test_known_words() -> None:
    response = post({"instances": ["good new film old", "", "😀"]})
    assert [one["known"] for one in response.json()["predictions"]] == [0.5, 0.0, 0.0]


def test_the_content_type_does_not_matter() -> None:
    """As `curl -d` sends it."""
    response = post({"instances": ["good"]}, headers={"content-type": "application/x-www-form-urlencoded"})
    assert response.status_code == 200


def test_text_is_no_json() -> None:
    """A page of another site may send it without being asked; one that sends JSON is asked first."""
    for kind in ("text/plain", "Text/Plain;charset=UTF-8"):
        response = post({"instances": ["good"]}, headers={"content-type": kind})
        assert response.status_code == 415
        assert "application/json" in response.json()["error"]


@pytest.mark.parametrize(("host", "code"), [
    ("localhost:8501", 200), ("LOCALHOST.", 200), ("127.0.0.1", 200), ("[::1]:8501", 200), ("evil.example", 403),
    ("localhost.evil.example:8501", 403), ("[::2]", 403)])
def test_only_known_names_of_the_server_are_answered(host: str, code: int) -> None:
    access = Access(hosts=frozenset({"localhost", "127.0.0.1", "::1"}))
    for path in ("/", "/v1/models", "/healthz"):
        response = get(path, {"host": host}, access)
        assert response.status_code == code
    if code == 403:
        assert "--allow-host" in response.json()["error"]


def test_a_page_of_another_site_cannot_ask() -> None:
    codes = [post({"instances": ["good"]}, headers={"sec-fetch-site": site}).status_code
             for site in ("cross-site", "same-origin", "none")]
    assert codes == [403, 200, 200]


@pytest.mark.parametrize(("header", "code"), [
    ("Bearer s3cret", 200), ("bearer s3cret", 200), ("Bearer s3cret2", 401), ("Bearer ", 401), ("s3cret", 401),
    ("Basic s3cret", 401), ("Bearer sécret", 401), (None, 401)])
def test_a_token(header: str | None, code: int) -> None:
    headers = {} if header is None else {"authorization": header.encode("latin-1")}
    for path in ("/v1/models", "/metrics", "/openapi.json"):
        response = get(path, headers, Access(token=TOKEN))
        assert response.status_code == code
    if code == 401:
        assert response.headers["www-authenticate"] == "Bearer"
        assert TOKEN not in response.text
    for path in ("/healthz", "/readyz", "/", "/page.js"):
        assert get(path, access=Access(token=TOKEN)).status_code == 200
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
    assert (answer["known"], answer["remark"]) == (pytest.approx(2 / 3), "67% of words known")
    assert answer["scores"] == scores(-2.5)[0]
    assert answer["words"] == [{"word": "bad", "start": 0, "end": 3, "weight": 3.0, "known": True},
                               {"word": "new", "start": 4, "end": 7, "weight": 0.0, "known": False},
                               {"word": "film", "start": 8, "end": 12, "weight": -0.5, "known": True}]


@pytest.mark.parametrize(("body", "message"), [
    (b"", "Invalid JSON"), (b"{", "Invalid JSON"), (b"\xff", "Invalid JSON"), (b"[" * 30, "Invalid JSON"),
    (b'{"instances": ["\xff"]}', "Invalid JSON"), ([], "expected an object"),
    ({}, "pass either instances or inputs"),
    ({"instances": ["a"], "inputs": ["a"]}, "pass either instances or inputs"),
    ({"instances": []}, "instances: List should have at least 1 item"),
    ({"instances": "a"}, "instances: Input should be a valid"),
    ({"instances": ["a", 1]}, "instances[1]: Input should be a valid string"),
    ({"instances": [{"texts": ["a"]}]}, "instances[0]: Input should be a valid string"),
    ({"instances": [{"b64": "%"}]}, "instances[0]: Input should be a valid string"),
    ({"inputs": {"texts": []}}, "inputs: Input should be a valid"),
    ({"instances": ["a"], "extra": 1}, "extra: Extra inputs are not permitted"),
    ({"instances": ["a"], "abstain_below": 1.5}, "abstain_below: Input should be less than or equal to 1"),
    ({"instances": ["a"], "abstain_below": -1}, "abstain_below: Input should be greater than or equal to 0"),
    ({"instances": ["a"], "abstain_below": "0.5"}, "abstain_below: Input should be a valid number"),
    (b'{"instances": ["a"], "abstain_below": NaN}', "abstain_below: Input should be a finite number"),
    ({"instances": ["a"], "signature_name": "tokens"}, "signature_name: Input should be 'serving_default' or 'serve'"),
])
def test_wrong_bodies_are_said_in_a_line(body: Any, message: str) -> None:
    response = post(body)
    assert response.status_code == 400
    assert list(response.json()) == ["error"]
    said = response.json()["error"]
    assert said.startswith(message)
    assert said.endswith('; a valid body: {"instances": ["A wonderful film."]}')
    assert not any(name in said for name in ("Request", "Encoded", "Row", "Column", "\n"))


@pytest.mark.parametrize(("body", "message"), [
    ({"instances": ["a"] * 4}, "4 texts in a request: at most 3 are accepted"),
    ({"instances": ["a" * 51]}, "a text of 51 characters: at most 50 are accepted"),
    ({"inputs": [{"b64": b64encode(b"a" * 51).decode()}]}, "a text of 51 characters: at most 50 are accepted"),
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
    assert (response.status_code, response.json()) == (413, {"error": "3 texts in a request: at most 2 are accepted"})


def test_a_body_that_does_not_say_its_length_is_measured_as_it_comes() -> None:
    async def endless(client: httpx.AsyncClient) -> httpx.Response:
        async def parts() -> Any:
            for _ in range(5):
                yield b" " * 100

        return await client.post(PREDICT, content=parts())

    response = ask(endless)
    assert (response.status_code, response.json()) == (413, {"error": "the request is larger than 400 bytes"})


def held(part: bytes, until: asyncio.Event, begun: asyncio.Event | None = None) -> Any:
    """A body whose last part comes when `until` is set; `begun` is set when the first has been read."""
    async def parts() -> Any:
        yield part
        if begun is not None:
            begun.set()
        await until.wait()
        yield b" "

    return parts()


def test_the_bodies_of_all_requests_are_bounded_together() -> None:
    body = b'{"instances": ["good"]}'.ljust(200)

    async def story(client: httpx.AsyncClient) -> list[httpx.Response]:
        released, begun = asyncio.Event(), asyncio.Event()
        first = asyncio.create_task(client.post(PREDICT, content=held(body, released, begun)))
        await begun.wait()
        second = await client.post(PREDICT, content=held(body, released))
        released.set()
        return [await first, second, await client.post(PREDICT, content=held(body, released))]

    first, second, third = ask(story, limits=Limits(body=400, in_flight=300))
    assert [first.status_code, second.status_code, third.status_code] == [200, 503, 200]
    assert (second.headers["retry-after"], second.headers["connection"]) == ("1", "close")
    assert "too much memory" in second.json()["error"]


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    response = ask(lambda client: client.post(PREDICT, content=held(b"{", asyncio.Event())),
                   limits=Limits(seconds=0.01))
    assert (response.status_code, response.json()) == (408, {"error": "the request did not arrive within 0.01 s"})


class Slow(FakePredictor):
    """Holds every batch of ids up; `asked` counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.go_on = threading.Event()

    def _batch_logits(self, ids: np.ndarray) -> np.ndarray:
        self.asked += 1
        self.go_on.wait(10)
        return super()._batch_logits(ids)


@pytest.mark.parametrize("sent", [b'{"instances": ["good film", "bad film", "film"]}', b'{"instances'])
def test_nothing_is_computed_for_a_client_that_has_gone(sent: bytes) -> None:
    """`httpx` cancels the application with its client, a server does not: so it is called as a server does."""
    predictor, metrics, answers = Slow(), Metrics(), []
    whole = sent.endswith(b"}")
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": sent, "more_body": not whole}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        while whole and predictor.asked < 2:  # the first warmed it up
            await asyncio.sleep(0.001)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        answers.append(message)

    async def story() -> None:
        predictor.go_on.set()
        models = Models([ServedModel("reviews", Path("reviews"))], lambda path: predictor, Batching())
        await models.start()
        predictor.go_on.clear()
        path = "/v1/models/reviews:explain"
        await asyncio.wait_for(create_app(models, LIMITS, metrics)(
            {"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b""}, receive, send), 20)
        predictor.go_on.set()
        await models.close()

    asyncio.run(story())
    assert predictor.asked == (2 if whole else 1)  # neither the words of the first text nor the others
    assert answers[0]["status"] == 499
    assert 'code="499"' in metrics.text({}).decode()


@pytest.mark.parametrize(("path", "message"), [
    ("/v1/models/none:predict", "no model 'none' (there are reviews, other)"),
    ("/v1/models/reviews/versions/7:predict", "no version 7 of 'reviews' (there are 1)"),
    (f"/v1/models/reviews/versions/{'7' * 5000}:predict", "no such path: see /openapi.json"),
    ("/v1/models/reviews/versions/x:predict", "no such path: see /openapi.json"),
    ("/docs", "no such path: see /openapi.json")])
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
    assert third.json() == {"error": "the queue is full: try again later"}
    assert 'sentiment_refused_requests_total{model="reviews"} 1.0' in metrics


def test_a_mistake_of_ours_tells_nothing_of_the_inside() -> None:
    predictor = FakePredictor()

    async def story(client: httpx.AsyncClient) -> httpx.Response:
        predictor.broken = True
        return await client.post(PREDICT, json={"instances": ["good"]})

    response = ask(story, predictor)
    assert (response.status_code, response.json()) == (500, {"error": "internal server error"})


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
    assert (answer["metadata"]["classes"], answer["metadata"]["trained_on"]) == (["neg", "pos"], {})


def test_the_metadata_say_what_the_model_was_trained_on() -> None:
    predictor = FakePredictor()
    predictor.trained_on = {"data": "films.csv", "texts": 3, "test_texts": 2, "test_accuracy": 0.5, "date": None}
    found = ask(lambda client: client.get("/v1/models/reviews/metadata"), predictor).json()
    assert found["metadata"]["trained_on"] == predictor.trained_on


def test_words_have_their_place_in_the_text_in_characters() -> None:
    text = "😀  good, FILM"
    (found,) = post({"instances": [text]}, "/v1/models/reviews:explain").json()["predictions"]
    assert [text[word["start"]:word["end"]] for word in found["words"]] == ["😀", "good,", "FILM"]


def test_the_page_has_examples_to_click() -> None:
    page = ask(lambda client: client.get("/"), examples=["A <b>film</b>.", "فيلم"]).text
    assert '<button type="button" dir="auto">A &lt;b&gt;film&lt;/b&gt;.</button>' in page
    assert page.count("<button") == 2
    assert "<button" not in get("/").text


def test_notes_on_a_model_are_in_its_metadata_and_explanations() -> None:
    async def story(client: httpx.AsyncClient) -> list[Any]:
        answers = [await client.get(f"/v1/models/{name}/metadata") for name in ("reviews", "other")]
        explained = await client.post("/v1/models/reviews:explain", json={"instances": ["good"]})
        return [answer.json()["metadata"]["notes"] for answer in answers] + [explained.json()["notes"]]

    predictor = FakePredictor()
    predictor.notes = ("a note",)
    assert ask(story, predictor) == [["a note"], [], ["a note"]]


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
    assert set(description["components"]["schemas"][name]["properties"]) == {"signature_name", "instances", "inputs",
                                                                              "abstain_below"}
