import gzip
import io
import lzma
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from sentiment.benchmark.runs import REPEATED
from sentiment.config import DataConfig
from sentiment.data import download, imdb, load_corpus, occurring
from sentiment.errors import UserError

PER_CLASS, UNLABELLED = 8, 5


@pytest.fixture
def small_imdb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the official layout with a few made-up reviews, two of each movie."""
    monkeypatch.setattr(imdb, "REVIEWS_PER_CLASS", PER_CLASS)
    monkeypatch.setattr(imdb, "UNLABELLED_REVIEWS", UNLABELLED)
    monkeypatch.delenv("SENTIMENT_DATA_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "store" / "aclImdb"
    for part in ("train", "test"):
        for name, rating in (("pos", 9), ("neg", 2)):
            folder = root / part / name
            folder.mkdir(parents=True)
            for number in range(PER_CLASS):
                (folder / f"{number}_{rating}.txt").write_text(f"{part} {name} {number}", encoding="utf-8")
            movies = [f"movie-{part}-{name}-{number // 2}" for number in range(PER_CLASS)]
            (root / part / f"urls_{name}.txt").write_text("\n".join(movies) + "\n", encoding="utf-8")
    (root / "train" / "unsup").mkdir()
    for number in range(UNLABELLED):
        (root / "train" / "unsup" / f"{number}_0.txt").write_text(f"unlabelled {number}", encoding="utf-8")
    return root


def test_reads_all_parts_with_labels_and_movies(small_imdb: Path) -> None:
    corpus = load_corpus(DataConfig(dataset="imdb", data_dir=str(small_imdb.parent), validation_fraction=0.25), 1)
    assert corpus.class_names == ("negative", "positive")
    for part in (corpus.train, corpus.validation):
        for text, label, movie in zip(part.texts, part.labels, part.groups or [], strict=True):
            _, name, number = text.split()
            assert label == (name == "pos")
            assert movie == f"movie-train-{name}-{int(number) // 2}"
        assert part.facts["rating"].tolist() == [9 if label else 2 for label in part.labels]
    assert not set(corpus.train.groups or []) & set(corpus.validation.groups or [])
    assert len(corpus.train) + len(corpus.validation) == 2 * PER_CLASS
    assert {text.split()[0] for text in corpus.test.read().texts} == {"test"}
    assert corpus.unlabelled() == [f"unlabelled {number}" for number in range(UNLABELLED)]


def test_found_in_every_place(small_imdb: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert imdb.find(str(small_imdb)) == small_imdb
    assert imdb.find(str(small_imdb.parent)) == small_imdb
    assert imdb.find(None) is None
    monkeypatch.setenv("SENTIMENT_DATA_DIR", str(small_imdb.parent))
    assert imdb.find(None) == small_imdb
    monkeypatch.delenv("SENTIMENT_DATA_DIR")
    (tmp_path / "data").mkdir()
    small_imdb.rename(tmp_path / "data" / "aclImdb")
    assert imdb.find(None) == Path("data/aclImdb")
    with pytest.raises(UserError, match=r"--data-dir: no such file or folder: nowhere"):
        imdb.find("nowhere")


def test_a_path_to_the_corpus_is_imdb_and_not_three_classes(small_imdb: Path) -> None:
    corpus = load_corpus(DataConfig(dataset=str(small_imdb), validation_fraction=0.25), 1)
    assert (corpus.name, corpus.class_names) == ("imdb", ("negative", "positive"))


def test_an_incomplete_corpus_is_refused(small_imdb: Path) -> None:
    next((small_imdb / "train" / "pos").iterdir()).unlink()
    with pytest.raises(UserError, match=r"train/pos holds 7 reviews, expected 8: the corpus is incomplete"):
        load_corpus(DataConfig(dataset="imdb", data_dir=str(small_imdb)), 1)


@pytest.mark.parametrize(("suffix", "mode"), [("tar.gz", "w:gz"), ("tar.xz", "w:xz")])
def test_an_archive_is_unpacked_beside_itself_once(small_imdb: Path, tmp_path: Path, suffix: str,
                                                   mode: Literal["w:gz", "w:xz"]) -> None:
    place = tmp_path / "archives"
    place.mkdir()
    archive = place / f"aclImdb.{suffix}"
    with tarfile.open(archive, mode) as tar:
        tar.add(small_imdb, "aclImdb")
    assert imdb.obtain(str(archive)) == place / "aclImdb"
    assert sorted(entry.name for entry in place.iterdir()) == ["aclImdb", archive.name]
    archive.write_bytes(b"broken since")
    assert imdb.obtain(str(archive)) == place / "aclImdb"


def test_an_archive_with_the_official_name_has_the_official_md5(small_imdb: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archives" / "aclImdb_v1.tar.gz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(small_imdb, "aclImdb")
    with pytest.raises(UserError, match=rf"has the MD5 \w+, expected {imdb.MD5}: .* an archive of your own another"):
        imdb.obtain(str(archive))
    assert list(archive.parent.iterdir()) == [archive]


@pytest.mark.parametrize("compressed", [gzip.compress, lzma.compress])
def test_the_checksum_at_the_end_of_an_archive_is_compared(small_imdb: Path, tmp_path: Path,
                                                           compressed: Callable[[bytes], bytes]) -> None:
    """A tar ends before that, so a wrong byte would be unpacked as a wrong letter."""
    plain, archive, target = io.BytesIO(), tmp_path / "aclImdb.tar.gz", tmp_path / "target"
    target.mkdir()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        tar.add(small_imdb, "aclImdb")
    content = bytearray(compressed(plain.getvalue()))
    place = -8 if compressed is gzip.compress else -40  # gzip's CRC-32, xz's index
    content[place] ^= 1
    archive.write_bytes(content)
    with pytest.raises(UserError, match=r"is damaged: (CRC check failed|Corrupt input data)"):
        download.unpack(archive, target, "aclImdb")
    assert list(target.iterdir()) == []


@pytest.mark.parametrize("at", ["in a file", "behind the end", "in a sparse file"])
def test_an_archive_that_holds_too_much_is_refused(tmp_path: Path, at: str) -> None:
    archive, target = tmp_path / "aclImdb.tar.gz", tmp_path / "target"
    target.mkdir()
    with gzip.open(archive, "wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            member = tarfile.TarInfo("aclImdb/bomb")
            member.size = 1 << 20 if at == "in a file" else 1024
            if at == "in a sparse file":  # its first block says where its data lies
                member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0",
                                      "GNU.sparse.realsize": str(1 << 40)}
            tar.addfile(member, io.BytesIO(f"1\n{1 << 39}\n512\n".encode().ljust(member.size, b"\0")))
        file.write(bytes(1 << 20 if at == "behind the end" else 0))
    with pytest.raises(UserError, match=r"aclImdb\.tar\.gz is not safe to unpack"):
        download.unpack(archive, target, "aclImdb", limit=1 << 19)
    assert list(target.iterdir()) == []


@pytest.mark.parametrize("names", [("aclImdb/a", "aclImdb/a"), ("aclImdb/a", "aclImdb/a/b"), ("aclImdb/a\0b",)])
def test_names_that_no_folder_can_hold_are_damage(tmp_path: Path, names: tuple[str, ...]) -> None:
    archive, target = tmp_path / "aclImdb.tar.gz", tmp_path / "target"
    target.mkdir()
    with tarfile.open(archive, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        for name in names:
            member = tarfile.TarInfo("x")
            member.pax_headers = {"path": name}
            tar.addfile(member)
    with pytest.raises(UserError, match=r"aclImdb\.tar\.gz is damaged"):
        download.unpack(archive, target, "aclImdb")
    assert list(target.iterdir()) == []


@pytest.mark.parametrize("name", ["../escaped.txt", "/escaped.txt", "aclImdb/../../escaped.txt",
                                  "aclImdb/../aclImdb/a"])
def test_an_archive_that_leaves_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    archive, target = tmp_path / "aclImdb.tar.gz", tmp_path / "target"
    target.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size = 3
        tar.addfile(member, io.BytesIO(b"bad"))
    with pytest.raises(UserError, match=r"aclImdb\.tar\.gz is not safe to unpack"):
        download.unpack(archive, target, "aclImdb")
    assert list(target.iterdir()) == []
    assert not (tmp_path / "escaped.txt").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_an_archive_with_links_or_devices_is_refused(tmp_path: Path, kind: bytes) -> None:
    archive = tmp_path / "aclImdb.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        member = tarfile.TarInfo("aclImdb/train")
        member.type, member.linkname = kind, "/etc"
        tar.addfile(member)
    with pytest.raises(UserError, match=r"aclImdb\.tar\.gz is not safe to unpack: aclImdb/train is"):
        download.unpack(archive, tmp_path, "aclImdb")
    assert [path.name for path in tmp_path.iterdir()] == [archive.name]


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\x00broken", b"\xfd7zXZ\x00broken"])
def test_a_damaged_archive_leaves_nothing(tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "aclImdb.tar.gz"
    archive.write_bytes(content)
    with pytest.raises(UserError, match=r"is damaged|contains no folder"):
        download.unpack(archive, tmp_path, "aclImdb")
    assert [entry.name for entry in tmp_path.iterdir()] == [archive.name]


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.delenv("SENTIMENT_DATA_DIR", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("no_network")
def test_auto_falls_back_to_the_sample_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """The system's reason is of that moment, and no part of what a model card keeps."""
    corpus = load_corpus(DataConfig(dataset="auto"), 1)
    assert corpus.name == "sample"
    assert corpus.notes[0] == "IMDB could not be downloaded; the built-in sample was used instead"
    assert capsys.readouterr().err.count("no route to host") == 1
    assert not any("no route" in note for note in corpus.notes)
    assert "never quote them as IMDB results" in corpus.notes[1]


@pytest.mark.usefixtures("no_network")
def test_imdb_never_falls_back() -> None:
    with pytest.raises(UserError, match=r"cannot download https://.*: no route to host; put the archive .* into data/"):
        load_corpus(DataConfig(dataset="imdb"), 1)


def test_a_random_split_parts_movies(small_imdb: Path) -> None:
    corpus = load_corpus(DataConfig(dataset="imdb", data_dir=str(small_imdb.parent), validation_fraction=0.25,
                                    random_split=True), 1)
    movies = [{(text.split()[1], int(text.split()[2]) // 2) for text in part.texts}
              for part in (corpus.train, corpus.validation)]
    assert movies[0] & movies[1]


@pytest.mark.extended
def test_real_corpus_has_its_known_facts(real_imdb: Path) -> None:
    train, test = imdb.read_labelled(real_imdb, "train"), imdb.read_labelled(real_imdb, "test")
    assert len(set(train.texts)) == 24_904
    assert occurring(test.texts, train.texts).sum() == REPEATED["labelled"] == 123
    unlabelled = imdb.read_unlabelled(real_imdb)
    assert occurring(test.texts, unlabelled).sum() == REPEATED["unlabelled"]
    assert occurring(test.texts, [*train.texts, *unlabelled]).sum() == REPEATED["pretraining"]
    assert np.unique(test.facts["rating"]).tolist() == [1, 2, 3, 4, 7, 8, 9, 10]
    assert ((test.facts["rating"] > 5) == test.labels).all()
    assert max(len(text.split()) for text in train.texts) == 2_470
    assert train.labels.tolist() == [0] * 12_500 + [1] * 12_500
    # One movie is in both, against the corpus's README: 2 training and 23 test reviews of "The Guardian".
    assert set(train.groups or []) & set(test.groups or []) == {"http://www.imdb.com/title/tt0406816/usercomments"}


@pytest.mark.extended
def test_real_validation_shares_no_movie_and_no_text(real_imdb: Path) -> None:
    corpus = load_corpus(DataConfig(dataset="imdb", data_dir=str(real_imdb)), seed=1)
    assert not set(corpus.train.groups or []) & set(corpus.validation.groups or [])
    assert not set(corpus.train.texts) & set(corpus.validation.texts)
    assert abs(len(corpus.validation) - 2_500) < 50
    assert abs(corpus.validation.labels.mean() - 0.5) < 0.01
