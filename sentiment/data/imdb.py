"""The Large Movie Review Dataset (Maas et al., 2011, "Learning Word Vectors for Sentiment Analysis")."""

import dataclasses
import os
from pathlib import Path

import numpy as np

from sentiment.config import DataConfig
from sentiment.data.corpus import Corpus, Examples, HeldOut
from sentiment.data.download import DownloadError, download, unpack
from sentiment.data.splits import hold_out
from sentiment.errors import UserError
from sentiment.files import user_path

URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
MD5 = "7c2ac02c03563afcf9b574c7e56c153a"
FOLDER = "aclImdb"
ARCHIVE = URL.rsplit("/", 1)[1]
ARCHIVE_SUFFIXES = (".tar.gz", ".tgz", ".tar.xz")
CLASS_NAMES = ("negative", "positive")
CLASS_FOLDERS = ("neg", "pos")
REVIEWS_PER_CLASS = 12_500
UNLABELLED_REVIEWS = 50_000
DEFAULT_DATA_DIR = Path("data")


def is_imdb(path: Path) -> bool:
    """Whether a path is the corpus: its folder in the official layout, or an archive with its name."""
    if path.is_file():
        return path.name.startswith(FOLDER) and path.name.endswith(ARCHIVE_SUFFIXES)
    return (path / "train" / "urls_pos.txt").is_file() and (path / "test" / "pos").is_dir()


def find(data_dir: str | None) -> Path | None:
    """Search for the corpus in `--data-dir`, `$SENTIMENT_DATA_DIR` and `data/`, in this order.

    Each may be the folder of the corpus, its archive, or a folder that contains one of them.

    Raises:
        UserError: if `--data-dir` does not exist.
    """
    places = [data_dir, os.environ.get("SENTIMENT_DATA_DIR"), DEFAULT_DATA_DIR]
    if data_dir is not None and not user_path(data_dir).exists():
        raise UserError(f"--data-dir: no such file or folder: {data_dir}")
    paths = [user_path(place) for place in places if place]
    candidates = (candidate for path in paths for candidate in (path, *sorted(path.glob(f"{FOLDER}*"))))
    return next(filter(is_imdb, candidates), None)


def obtain(data_dir: str | None) -> Path:
    """Return the folder of the corpus: found, unpacked from a found archive, or downloaded.

    An archive with the official name must have the official MD5; a repacked one must have another name.

    Raises:
        UserError: if it is not found and cannot be downloaded, or `unpack` refuses the archive.
    """
    found = find(data_dir)
    if found is None:
        target = user_path(data_dir) if data_dir else DEFAULT_DATA_DIR
        try:
            found = download(URL, target / ARCHIVE, MD5)
        except DownloadError as error:
            raise DownloadError(f"{error}; put the archive or the folder {FOLDER}/ into data/, set its path with "
                                "--data-dir or SENTIMENT_DATA_DIR, or use --dataset sample") from None
    if found.is_dir():
        return found
    writable = os.access(found.parent, os.W_OK)
    folder = found.parent if writable else DEFAULT_DATA_DIR
    folder.mkdir(parents=True, exist_ok=True)
    if is_imdb(folder / FOLDER):
        return folder / FOLDER
    return unpack(found, folder, FOLDER, md5=MD5 if found.name == ARCHIVE else None)


def _numbered_files(folder: Path, expected: int) -> list[Path]:
    """Return the files `ID_RATING.txt` of a folder by ID.

    Raises:
        UserError: if their number is not the official one.
    """
    files = list(folder.glob("*.txt")) if folder.is_dir() else []
    if len(files) != expected:
        raise UserError(f"{folder} contains {len(files):,} reviews, expected {expected:,}: the corpus is incomplete; "
                        "remove its folder and unpack or download it again")
    return sorted(files, key=lambda path: int(path.name.split("_")[0]))


def read_labelled(corpus: Path, part: str) -> Examples:
    """Read the reviews of `train` or `test`, negative first; the group is the film, the rating 1 to 10 stars."""
    texts: list[str] = []
    groups: list[str] = []
    ratings: list[int] = []
    for name in CLASS_FOLDERS:
        files = _numbered_files(corpus / part / name, REVIEWS_PER_CLASS)
        movies = (corpus / part / f"urls_{name}.txt").read_text(encoding="utf-8").splitlines()
        texts += [path.read_text(encoding="utf-8") for path in files]
        groups += [movies[int(path.name.split("_")[0])] for path in files]
        ratings += [int(path.stem.split("_")[1]) for path in files]
    labels = np.repeat(np.arange(len(CLASS_FOLDERS), dtype=np.int32), REVIEWS_PER_CLASS)
    return Examples(texts, labels, groups, {"rating": np.array(ratings, np.int32)})


def read_unlabelled(corpus: Path) -> list[str]:
    """Read the 50,000 reviews of `train/unsup`."""
    files = _numbered_files(corpus / "train" / "unsup", UNLABELLED_REVIEWS)
    return [path.read_text(encoding="utf-8") for path in files]


def load(config: DataConfig, seed: int) -> Corpus:
    """Return the corpus with a validation split that shares no film with training."""
    path = user_path(config.dataset)
    corpus = obtain(str(path) if is_imdb(path) else config.data_dir)
    labelled = read_labelled(corpus, "train")
    if config.random_split:
        labelled = dataclasses.replace(labelled, groups=None)
    train, validation = hold_out(labelled, config.validation_fraction, seed, CLASS_NAMES)
    test = HeldOut(lambda: read_labelled(corpus, "test"))
    return Corpus("imdb", CLASS_NAMES, train, validation, test, unlabelled=lambda: read_unlabelled(corpus))
