"""Versions that come and go."""

import asyncio
import weakref
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from helpers.fake_predictor import FakePredictor

from sentiment.errors import UserError
from sentiment.serving.batcher import Batching
from sentiment.serving.models import Models, ServedModel, load_version, named_models


class Shelf:
    """A folder of versions, and the predictors that were loaded from it.

    A version with a file `broken` or `foreign` cannot be loaded, for a reason that is foreseen or not.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.loaded: dict[str, FakePredictor] = {}

    def add(self, *numbers: int) -> None:
        for number in numbers:
            (self.path / str(number)).mkdir(parents=True)

    def load(self, path: Path) -> FakePredictor:
        if (path / "broken").exists():
            raise UserError(f"{path} is damaged")
        if (path / "foreign").exists():
            raise KeyError("of a library")
        self.loaded[path.name] = FakePredictor()
        return self.loaded[path.name]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "reviews")


def play(story: Callable[[Models, ServedModel], Coroutine[Any, Any, None]], shelf: Shelf, **options: Any) -> None:
    """Run a story with models that are started, and closed at the end."""
    async def whole() -> None:
        models = Models([ServedModel("reviews", shelf.path)], shelf.load, Batching(seconds=0.001), **options)
        await models.start()
        await asyncio.wait_for(story(models, models.by_name["reviews"]), 20)
        await models.close()

    asyncio.run(whole())


def test_a_folder_of_a_model_is_version_1(shelf: Shelf) -> None:
    shelf.path.mkdir()
    (shelf.path / "export").mkdir()

    async def story(models: Models, model: ServedModel) -> None:
        assert model.newest.number == 1

    play(story, shelf)
    assert list(shelf.loaded) == ["reviews"]


def test_the_newest_by_number_and_not_by_name(shelf: Shelf) -> None:
    shelf.add(2, 9, 10)

    async def story(models: Models, model: ServedModel) -> None:
        assert list(model.versions) == [10]

    play(story, shelf)
    assert list(shelf.loaded) == ["10"]


def test_a_new_version_replaces_the_old_one_and_drops_no_request(shelf: Shelf) -> None:
    shelf.add(1)

    async def story(models: Models, model: ServedModel) -> None:
        old = model.newest
        shelf.loaded["1"].gate.clear()
        waiting = [asyncio.create_task(old.batcher.answer([text])) for text in ("good", "bad")]
        await shelf.loaded["1"].called(2)  # the first call warmed it up
        shelf.add(2)
        refreshing = asyncio.create_task(models.refresh(model))
        while model.newest.number == 1:
            await asyncio.sleep(0.01)
        assert (await model.newest.batcher.answer(["film"])).shape == (1, 2)  # while the old one is still busy
        assert not refreshing.done()
        shelf.loaded["1"].gate.set()
        await refreshing
        assert all(task.done() for task in waiting)
        assert list(model.versions) == [2]

    play(story, shelf)


def test_a_version_that_is_let_go_leaves_the_memory(shelf: Shelf) -> None:
    shelf.add(1)

    async def story(models: Models, model: ServedModel) -> None:
        old = shelf.loaded.pop("1")
        old.itself = old  # as Keras's models hold themselves
        gone = weakref.ref(old)
        del old
        shelf.add(2)
        await models.refresh(model)
        assert gone() is None

    play(story, shelf)


def test_several_versions_are_kept_if_asked_for(shelf: Shelf) -> None:
    shelf.add(1, 2, 3)

    async def story(models: Models, model: ServedModel) -> None:
        assert sorted(model.versions) == [2, 3]
        shelf.add(4)
        await models.refresh(model)
        assert sorted(model.versions) == [3, 4]

    play(story, shelf, kept=2)


def test_a_version_that_is_still_copied_waits_and_the_old_one_stays(shelf: Shelf, capsys: pytest.CaptureFixture[str]
                                                                    ) -> None:
    shelf.add(1)

    async def story(models: Models, model: ServedModel) -> None:
        shelf.add(2)
        (shelf.path / "2" / "broken").touch()
        await models.refresh(model)
        await models.refresh(model)
        assert list(model.versions) == [1]
        (shelf.path / "2" / "broken").unlink()
        await models.refresh(model)
        assert list(model.versions) == [2]

    play(story, shelf)
    assert capsys.readouterr().err.count("version 2 cannot be loaded") == 1


@pytest.mark.parametrize("kind", ["broken", "foreign"])
def test_a_bad_version_does_not_keep_later_ones_from_being_served(kind: str, shelf: Shelf,
                                                                  capsys: pytest.CaptureFixture[str]) -> None:
    shelf.add(1)

    async def story(models: Models, model: ServedModel) -> None:
        watching = asyncio.create_task(models.watch(0.001))
        shelf.add(2)
        (shelf.path / "2" / kind).touch()
        while not model.failed:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)  # is tried again
        shelf.add(3)
        while list(model.versions) != [3]:
            await asyncio.sleep(0.001)
        watching.cancel()

    play(story, shelf)
    assert capsys.readouterr().err.count("version 2 cannot be loaded, and will be tried again") == 1


def test_a_bad_version_is_tried_again_after_longer_and_longer_pauses(shelf: Shelf, monkeypatch: pytest.MonkeyPatch
                                                                     ) -> None:
    shelf.add(1)
    tried: list[float] = []
    clock = 0.0

    def load(path: Path) -> FakePredictor:
        tried.append(clock)
        return shelf.load(path)

    async def story(models: Models, model: ServedModel) -> None:
        nonlocal clock
        monkeypatch.setattr(models, "_load", load)
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock, raising=False)
        shelf.add(2)
        (shelf.path / "2" / "broken").touch()
        for _ in range(300):
            await models.refresh(model, 5.0)
            clock += 5.0
        assert tried == [0, 5, 15, 35, 75, 155, 315, 615, 915, 1215]
        (shelf.path / "2" / "broken").write_text("other")
        for _ in range(3):
            await models.refresh(model, 5.0)
            clock += 5.0
        assert tried[10:] == [1500, 1505]
        (shelf.path / "2" / "broken").unlink()
        await models.refresh(model, 5.0)
        assert list(model.versions) == [2]

    play(story, shelf)


def test_the_watch_goes_on_when_the_versions_cannot_be_looked_for(shelf: Shelf, monkeypatch: pytest.MonkeyPatch,
                                                                  capsys: pytest.CaptureFixture[str]) -> None:
    shelf.add(1)
    looked = 0

    def on_disk(model: ServedModel) -> dict[int, Path]:
        nonlocal looked
        looked += 1
        raise OverflowError("a clock")

    async def story(models: Models, model: ServedModel) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(ServedModel, "on_disk", on_disk)
            watching = asyncio.create_task(models.watch(0.001))
            while looked < 3:
                await asyncio.sleep(0.001)
        shelf.add(2)
        while list(model.versions) != [2]:
            await asyncio.sleep(0.001)
        watching.cancel()

    play(story, shelf)
    message = "the folder of versions cannot be read, and will be tried again: OverflowError: a clock"
    assert capsys.readouterr().err.count(message) == 1


def test_a_start_falls_back_on_the_newest_version_that_can_be_loaded(shelf: Shelf, capsys: pytest.CaptureFixture[str]
                                                                     ) -> None:
    shelf.add(1, 2, 3)
    (shelf.path / "3" / "foreign").touch()

    async def story(models: Models, model: ServedModel) -> None:
        assert list(model.versions) == [2]

    play(story, shelf)
    assert "version 3 cannot be loaded, and will be tried again: KeyError: 'of a library'" in capsys.readouterr().err
    assert list(shelf.loaded) == ["2"]


@pytest.mark.parametrize("files", [None, [], ["labels.json", "vocabulary.txt"], ["model.onnx"], ["tokens.json"],
                                   ["model.tflite", "labels.json"]])
def test_a_folder_that_is_no_run_needs_no_tensorflow(files: list[str] | None, tmp_path: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    """Gone, empty, or half-copied."""
    monkeypatch.setattr("sentiment.serving.models.import_tensorflow", lambda **_: pytest.fail("it is imported"))
    monkeypatch.setattr("sentiment.import_tensorflow", lambda **_: pytest.fail("it is imported"))
    if files is not None:
        (tmp_path / "1").mkdir()
        for name in files:
            (tmp_path / "1" / name).touch()
    with pytest.raises(UserError, match=r"no such model folder|contains neither a run|is incomplete"):
        load_version(tmp_path / "1")


def test_a_folder_of_versions_that_is_empty_or_gone_is_no_version(shelf: Shelf) -> None:
    shelf.add(2)

    async def story(models: Models, model: ServedModel) -> None:
        (shelf.path / "2").rmdir()
        for _ in range(2):
            await models.refresh(model)
            assert list(model.versions) == [2]
            if shelf.path.exists():
                shelf.path.rmdir()
        assert not model.failed

    play(story, shelf)
    assert list(shelf.loaded) == ["2"]


def test_a_version_that_is_taken_away_gives_place_to_the_one_before(shelf: Shelf) -> None:
    shelf.add(1, 2)

    async def story(models: Models, model: ServedModel) -> None:
        (shelf.path / "2").rmdir()
        await models.refresh(model)
        assert list(model.versions) == [1]

    play(story, shelf)


def test_a_model_that_cannot_be_loaded_stops_the_start(shelf: Shelf) -> None:
    shelf.add(1)
    (shelf.path / "1" / "broken").touch()

    async def story(models: Models, model: ServedModel) -> None:
        raise AssertionError

    with pytest.raises(UserError, match="is damaged"):
        play(story, shelf)


@pytest.mark.parametrize(("words", "names"), [
    (["models/bilstm"], ["bilstm"]), (["models/bilstm/"], ["bilstm"]), (["models/bilstm/onnx"], ["bilstm"]),
    (["a=models/bilstm", "models/bilstm"], ["a", "bilstm"]), (["models/gru/litert-int8"], ["gru"])])
def test_names(words: list[str], names: list[str]) -> None:
    assert [model.name for model in named_models(words)] == names


@pytest.mark.parametrize(("words", "message"), [
    (["models/a", "other/a"], "two models are called 'a'"), (["=models/a"], "cannot be a model's name"),
    (["a b=models/a"], "cannot be a model's name"), (["a:b=models/a"], "cannot be a model's name")])
def test_bad_names(words: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        named_models(words)
