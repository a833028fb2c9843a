"""Texts on disk: the same batches where they fit into the buffer, a bounded buffer where they do not."""

from pathlib import Path

import numpy as np
import pytest

from sentiment.batching import Batches, TokenizedTexts, batches, bucket_lengths, map_batches, tokens

LENGTHS = np.random.default_rng(5).integers(1, 60, size=333)
VALUES = np.concatenate([np.full(length, row + 2) for row, length in enumerate(LENGTHS)]).astype(np.int32)
IN_MEMORY = TokenizedTexts(VALUES, np.concatenate([[0], np.cumsum(LENGTHS)]))
BOUNDARIES = bucket_lengths(LENGTHS, 6, 64)


@pytest.fixture
def on_disk(tmp_path: Path) -> TokenizedTexts:
    parts = [(VALUES[IN_MEMORY.offsets[start]:IN_MEMORY.offsets[min(start + 100, 333)]].astype(np.int64),
              LENGTHS[start:start + 100]) for start in range(0, 333, 100)]
    return TokenizedTexts.from_parts(parts, tmp_path)


@pytest.fixture
def small_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of one text have windows and buffers of 50, of six or seven blocks."""
    monkeypatch.setattr(batches, "BUFFER_TEXTS", 64)
    monkeypatch.setattr(batches, "BLOCK_TEXTS", 8)


def test_shares_of_known_words(tmp_path: Path) -> None:
    texts = [[1], [2, 1, 7, 1], [5], [1, 1, 3], [2, 3]]
    found = TokenizedTexts.from_ids(texts)
    np.testing.assert_allclose(found.known, [0, 0.5, 1, 1 / 3, 1])
    np.testing.assert_allclose(found.part(1, 4).known, [0.5, 1, 1 / 3])
    parts = [(np.concatenate(texts), np.array([len(text) for text in texts]))]
    np.testing.assert_allclose(TokenizedTexts.from_parts(parts, tmp_path).known, found.known)
    assert TokenizedTexts.from_ids([]).known.shape == (0,)


def test_the_same_texts(on_disk: TokenizedTexts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "TOKENS_AT_ONCE", 1000)
    assert on_disk.on_disk
    assert not IN_MEMORY.on_disk
    assert list(tmp_path.iterdir()) == []
    assert len(on_disk) == 333
    assert on_disk.row(7).tolist() == IN_MEMORY.row(7).tolist()
    np.testing.assert_array_equal(np.concatenate(list(on_disk.pieces())), VALUES)
    np.testing.assert_array_equal(on_disk.counts(400), np.bincount(VALUES, minlength=400))
    rows = np.array([5, 332, 0, 5])
    for chosen in (on_disk.take(rows), on_disk.part(100, 333).take(rows - [0, 100, 0, 0])):
        assert not chosen.on_disk
    assert [on_disk.take(rows).row(place).tolist() for place in range(4)] == [
        IN_MEMORY.row(row).tolist() for row in rows]
    assert on_disk.part(100, 200).on_disk
    assert [on_disk.part(100, 200).row(place).tolist() for place in (0, 99)] == [
        IN_MEMORY.row(row).tolist() for row in (100, 199)]
    assert len(TokenizedTexts.from_parts([], tmp_path)) == 0


@pytest.mark.skipif(not Path("/proc/self/smaps").is_file(), reason="the kernel does not say what is mapped")
def test_what_was_read_does_not_stay_in_memory(tmp_path: Path) -> None:
    texts = TokenizedTexts.from_parts([(np.arange(10**6), np.full(1000, 1000))], tmp_path)

    def mapped_kilobytes() -> int:
        lines = Path("/proc/self/smaps").read_text().splitlines()
        starts = [place for place, line in enumerate(lines) if f"{tmp_path}/" in line]
        found = [line for start in starts for line in lines[start:start + 6] if line.startswith("Rss:")]
        assert found
        return sum(int(line.split()[1]) for line in found)

    assert sum(int(texts.row(row).sum()) for row in range(1000)) == 10**6 * (10**6 - 1) // 2
    assert mapped_kilobytes() > 3000
    texts.take(np.arange(10))
    assert mapped_kilobytes() < 100
    assert sum(values.sum(dtype=np.int64) for values in texts.pieces()) == 10**6 * (10**6 - 1) // 2
    assert mapped_kilobytes() < 100


@pytest.mark.parametrize("first", [0, 3])
def test_batches_as_in_memory_where_all_fit(on_disk: TokenizedTexts, first: int) -> None:
    for mine, other in zip(Batches(on_disk, BOUNDARIES, 16).shuffled(1, 2, first),
                           Batches(IN_MEMORY, BOUNDARIES, 16).shuffled(1, 2, first), strict=True):
        np.testing.assert_array_equal(mine.ids, other.ids)
        np.testing.assert_array_equal(mine.rows, other.rows)


@pytest.mark.usefixtures("small_buffer")
@pytest.mark.parametrize("batch_size", [1, 4])
def test_every_text_once(on_disk: TokenizedTexts, batch_size: int) -> None:
    of = Batches(on_disk, BOUNDARIES, batch_size)
    found = list(of.shuffled(1, 0))
    assert len(found) == len(of)
    assert sorted(np.concatenate([batch.rows for batch in found]).tolist()) == list(range(333))
    for batch in found:
        assert batch.ids.shape[0] == batch_size
        for row, ids in zip(batch.rows, batch.ids, strict=False):
            assert ids[ids > 0].tolist() == [row + 2] * LENGTHS[row]
    for filled in (True, False):
        result = map_batches(of.by_length(filled=filled), 333, lambda ids: ids.max(axis=1, keepdims=True))
        assert result[:, 0].tolist() == list(range(2, 335))


@pytest.mark.usefixtures("small_buffer")
def test_a_bounded_buffer_of_blocks_from_everywhere(on_disk: TokenizedTexts) -> None:
    rows = [int(batch.rows[0]) for batch in Batches(on_disk, BOUNDARIES, 1).shuffled(1, 0)]
    for start in range(0, 300, 50):
        blocks = {row // 8 for row in rows[start:start + 50]}
        assert len(blocks) <= 8
        assert max(blocks) - min(blocks) > 12, "of 42"
        assert [row // 8 for row in rows[start:start + 8]] != [rows[start] // 8] * 8, "shuffled within the buffer"


@pytest.mark.usefixtures("small_buffer")
def test_blocks_are_mixed_within_the_buffer(on_disk: TokenizedTexts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "WINDOW_BATCHES", 4)
    monkeypatch.setattr(batches, "BUFFER_TEXTS", 160)
    found = list(Batches(on_disk, BOUNDARIES, 4).shuffled(1, 0))[:40]
    met = {(one, other) for batch in found for one in batch.rows // 8 for other in batch.rows // 8 if one != other}
    blocks = {one for one, _ in met}
    assert 20 <= len(blocks) <= 22
    assert len(met) > 8 * len(blocks), "the texts of a block meet those of many others"


@pytest.mark.usefixtures("small_buffer")
def test_validation_by_length_within_the_buffer(on_disk: TokenizedTexts) -> None:
    rows = np.concatenate([batch.rows for batch in Batches(on_disk, BOUNDARIES, 1).by_length()])
    for start in range(0, 333, 50):
        part = rows[start:start + 50]
        assert sorted(part.tolist()) == list(range(start, min(start + 50, 333)))
        assert LENGTHS[part].tolist() == sorted(LENGTHS[part])


@pytest.mark.usefixtures("small_buffer")
def test_order_depends_on_seed_and_epoch_alone_and_goes_on_anywhere(on_disk: TokenizedTexts) -> None:
    of = Batches(on_disk, BOUNDARIES, 2)

    def order(seed: int, epoch: int, first: int = 0) -> list[list[int]]:
        return [batch.rows.tolist() for batch in of.shuffled(seed, epoch, first)]

    whole = order(1, 0)
    assert order(1, 0) == whole
    assert whole not in (order(1, 1), order(2, 0))
    for first in (1, 49, 50, 51, 100, 166, 167):
        assert order(1, 0, first) == whole[first:]
