"""Dynamic batching of the texts of many requests."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

Answer = Callable[[list[str]], np.ndarray]


class Busy(Exception):  # noqa: N818 - it is no error, but what the queue is
    """The queue is full."""


@dataclass(frozen=True)
class Batching:
    """Batching options: sizes and times.

    Attributes:
        texts: the maximum number of texts in a batch.
        seconds: how long the first text of a batch waits for others.
        queue: the maximum number of queued texts.
    """

    texts: int = 64
    seconds: float = 0.002
    queue: int = 1024


@dataclass(frozen=True)
class _Piece:
    """Part of a request that fits into a batch."""

    texts: list[str]
    arrived: float
    scores: "asyncio.Future[np.ndarray]"


class Batcher:
    """Dynamic batcher: collects texts for some milliseconds, or until a batch is full, and predicts them together.

    Args:
        answer: texts to scores [texts, classes]; called in the executor, one batch after another.
        executor: of the calls.
        batching: sizes and times of batches.
        watch: called with the number of texts of each batch.
    """

    def __init__(self, answer: Answer, executor: Executor, batching: Batching,
                 watch: Callable[[int], None] = lambda texts: None) -> None:
        self._answer = answer
        self._executor = executor
        self._batching = batching
        self._watch = watch
        self._pieces: deque[_Piece] = deque()
        self._arrival = asyncio.Event()
        self._closing = False
        self.waiting = 0
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def answer(self, texts: Sequence[str]) -> np.ndarray:
        """Return the scores [texts, classes] of one request, whose texts may be spread over several batches.

        Raises:
            Busy: if the queue has no space for all of them; then none is queued.
            RuntimeError: if the batcher is closed.
        """
        if self._closing:
            raise RuntimeError("the batcher is closed")
        if self.waiting + len(texts) > self._batching.queue:
            raise Busy
        loop, size = asyncio.get_running_loop(), self._batching.texts
        pieces = [_Piece(list(texts[start:start + size]), loop.time(), loop.create_future())
                  for start in range(0, len(texts), size)]
        self._pieces.extend(pieces)
        self.waiting += len(texts)
        self._arrival.set()
        return np.concatenate(await asyncio.gather(*(piece.scores for piece in pieces)))

    async def close(self) -> None:
        """Answer the queued texts, and end."""
        self._closing = True
        self._arrival.set()
        await self._task

    async def _run(self) -> None:
        while True:
            while not self._pieces and not self._closing:
                self._arrival.clear()
                await self._arrival.wait()
            if not self._pieces:
                return
            await self._fill()
            await self._work(self._taken())

    async def _fill(self) -> None:
        """Wait until a batch is full, or the first text has waited long enough."""
        until = self._pieces[0].arrived + self._batching.seconds
        while self.waiting < self._batching.texts and not self._closing:
            self._arrival.clear()
            try:
                await asyncio.wait_for(self._arrival.wait(), until - asyncio.get_running_loop().time())
            except TimeoutError:
                return

    def _taken(self) -> list[_Piece]:
        """Remove the pieces of the next batch from the queue, and skip those of cancelled requests."""
        taken, texts = [], 0
        while self._pieces and texts + len(self._pieces[0].texts) <= self._batching.texts:
            piece = self._pieces.popleft()
            self.waiting -= len(piece.texts)
            if not piece.scores.done():
                taken.append(piece)
                texts += len(piece.texts)
        return taken

    async def _work(self, pieces: list[_Piece]) -> None:
        if not pieces:
            return
        texts = [text for piece in pieces for text in piece.texts]
        self._watch(len(texts))
        try:
            scores = await asyncio.get_running_loop().run_in_executor(self._executor, self._answer, texts)
        except Exception as error:
            for piece in pieces:
                if not piece.scores.done():
                    piece.scores.set_exception(error)
            return
        start = 0
        for piece in pieces:
            if not piece.scores.done():
                piece.scores.set_result(scores[start:start + len(piece.texts)])
            start += len(piece.texts)
