"""Texts of many requests in one batch."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from helpers.fake_predictor import FakePredictor

from sentiment.serving.batcher import Batcher, Batching, Busy

Story = Callable[[FakePredictor, Batcher], Coroutine[Any, Any, None]]
LONG = 30.0  # seconds that no test waits


def play(story: Story, batching: Batching) -> FakePredictor:
    """Run a story with a batcher; it is closed at the end."""
    predictor = FakePredictor()

    async def whole() -> None:
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher(predictor.predict_proba, executor, batching)
            await asyncio.wait_for(story(predictor, batcher), 20)
            await batcher.close()

    asyncio.run(whole())
    return predictor


def test_requests_share_a_batch_and_each_gets_its_own_scores() -> None:
    texts = ["good", "bad film", "film", "unknown", "bad bad"]

    async def story(predictor: FakePredictor, batcher: Batcher) -> None:
        found = await asyncio.gather(*(batcher.answer(part) for part in (texts[:2], texts[2:4], texts[4:])))
        np.testing.assert_array_equal(np.concatenate(found), predictor.predict_proba(texts))

    predictor = play(story, Batching(texts=5, seconds=LONG))  # waits for the fifth, no longer
    assert predictor.batches[0] == texts


def test_the_first_does_not_wait_for_ever() -> None:
    async def story(predictor: FakePredictor, batcher: Batcher) -> None:
        assert (await batcher.answer(["good"])).shape == (1, 2)

    assert play(story, Batching(texts=64, seconds=0.01)).batches == [["good"]]


def test_what_comes_while_a_batch_is_answered_is_answered_together() -> None:
    async def story(predictor: FakePredictor, batcher: Batcher) -> None:
        predictor.gate.clear()
        first = asyncio.create_task(batcher.answer(["good"]))
        await predictor.called(1)
        rest = [asyncio.create_task(batcher.answer([text])) for text in ("bad", "film", "good film")]
        await asyncio.sleep(0)
        predictor.gate.set()
        await asyncio.gather(first, *rest)

    assert play(story, Batching(seconds=0.001)).batches == [["good"], ["bad", "film", "good film"]]


def test_a_large_request_is_spread_and_put_together_in_order() -> None:
    texts = ["good " * number for number in range(10)]

    async def story(predictor: FakePredictor, batcher: Batcher) -> None:
        found = await batcher.answer(texts)
        np.testing.assert_array_equal(found, predictor.predict_proba(texts))

    predictor = play(story, Batching(texts=4, seconds=0))
    assert [len(batch) for batch in predictor.batches] == [4, 4, 2, 10]


def test_a_full_queue_takes_nothing_of_a_request() -> None:
    async def story(predictor: FakePredictor, batcher: Batcher) -> None:
        predictor.gate.clear()
        running = asyncio.create_task(batcher.answer(["good"]))
        await predictor.called(1)
        waiting = asyncio.create_task(batcher.answer(["bad", "bad"]))
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await batcher.answer(["film", "film"])
        assert batcher.waiting == 2
        last = asyncio.create_task(batcher.answer(["film"]))
        predictor.gate.set()
        await asyncio.gather(running, waiting, last)
        assert batcher.waiting == 0

    play(story, Batching(seconds=0, queue=3))


def test_a_client_that_went_away_is_not_answered() -> None:
    async def story(predictor: FakePredictor, batcher: Batcher) -> None:
        predictor.gate.clear()
        running = asyncio.create_task(batcher.answer(["good"]))
        await predictor.called(1)
        gone, stays = asyncio.create_task(batcher.answer(["bad"])), asyncio.create_task(batcher.answer(["film"]))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        predictor.gate.set()
        await asyncio.gather(running, stays)

    assert play(story, Batching(seconds=0.001)).batches == [["good"], ["film"]]


def test_a_mistake_of_the_model_reaches_its_requests_and_no_later_one() -> None:
    async def story(predictor: FakePredictor, batcher: Batcher) -> None:
        predictor.broken = True
        for error in await asyncio.gather(batcher.answer(["good"]), batcher.answer(["bad"]), return_exceptions=True):
            assert isinstance(error, RuntimeError)
        predictor.broken = False
        assert (await batcher.answer(["good"])).shape == (1, 2)

    play(story, Batching(texts=2, seconds=0.001))


def test_a_closed_batcher_takes_nothing_that_nobody_would_answer() -> None:
    async def story(predictor: FakePredictor, batcher: Batcher) -> None:
        await batcher.close()
        with pytest.raises(RuntimeError, match="closed"):
            await batcher.answer(["good"])

    assert play(story, Batching()).batches == []


def test_closing_answers_what_waits() -> None:
    async def story(predictor: FakePredictor, batcher: Batcher) -> None:
        waiting = [asyncio.create_task(batcher.answer([text])) for text in ("good", "bad", "film")]
        await asyncio.sleep(0)
        await batcher.close()
        assert all(len(scores) == 1 for scores in await asyncio.gather(*waiting))

    assert play(story, Batching(texts=2, seconds=LONG)).batches == [["good", "bad"], ["film"]]
