"""Sources of labelled texts (IMDB, tables, folders, the built-in sample) and their splits."""

import dataclasses
from collections.abc import Callable

from sentiment.config import IN_MEMORY, UNLABELLED_OF_CORPUS, DataConfig, Role, changed_flag
from sentiment.console import log
from sentiment.data import imdb, labelled, sample
from sentiment.data.corpus import Corpus, Examples, HeldOut, Texts, digests, occurring
from sentiment.data.download import DownloadError
from sentiment.data.formats import check_applies
from sentiment.data.splits import with_share
from sentiment.errors import UserError
from sentiment.files import user_path

__all__ = ["Corpus", "Examples", "HeldOut", "Texts", "digests", "load_corpus", "load_for_evaluation",
           "load_unlabelled", "occurring"]

NO_IMDB = "IMDB could not be downloaded; the built-in sample was used instead"


def load_corpus(config: DataConfig, seed: int, fold: int | None = None) -> Corpus:
    """Load and split the corpus of a configuration.

    With `--folds` and a number in `fold`, from 0, that fold is the test split; without `fold` there is none.

    `auto` is IMDB if it is found or can be downloaded, else the sample with a note.

    Raises:
        UserError: if the data cannot be found, read or split; the message says what to do.
    """
    return with_share(_load(config, seed, fold), config.train_share, seed)


def _load(config: DataConfig, seed: int, fold: int | None) -> Corpus:
    if config.dataset == IN_MEMORY:
        raise UserError("the run was trained on texts in memory, which a run does not store: pass labelled texts with "
                        "--dataset")
    path = user_path(config.dataset)
    if config.folds and (config.is_named or imdb.is_imdb(path)):
        raise UserError(f"{config.dataset} has its own test split: --folds is for data without one")
    if config.is_named:
        others = config.named_unlabelled not in (None, UNLABELLED_OF_CORPUS)  # these are tables
        for declared in config.changed(Role.FILE):
            if not (others and Role.UNLABELLED in declared.metadata["roles"]):
                raise UserError(f"{changed_flag(declared)} needs --dataset PATH, not '{config.dataset}'")
        return NAMED[config.dataset](config, seed)
    if imdb.is_imdb(path):
        return imdb.load(config, seed)
    if path.is_dir():
        if config.stream:
            raise UserError(f"--stream reads tables; {path} is a folder")
        return labelled.load_folder(config, seed, fold)
    return labelled.load_table(config, seed, fold)


def load_unlabelled(config: DataConfig, corpus: Corpus) -> Texts:
    """Return the unlabelled texts of a configuration, an empty list if there are none.

    Raises:
        UserError: if they cannot be read, or the corpus has none.
    """
    named = config.named_unlabelled
    if named is None:
        return []
    if named not in corpus.read:
        if named == UNLABELLED_OF_CORPUS:
            texts = corpus.unlabelled()
        else:
            table = labelled.from_table(named, config, labelled=False)
            texts = table.texts
            for note in table.notes:
                log.warning(note)
        if not texts:
            raise UserError(f"{corpus.name} has no unlabelled texts: name a file with --unlabelled FILE")
        corpus.read[named] = texts
    return corpus.read[named]


def load_for_evaluation(config: DataConfig, seed: int, class_names: tuple[str, ...]
                        ) -> tuple[Examples, tuple[str, ...]]:
    """Return the labelled texts for an evaluation, and notes on dropped rows.

    A table or a plain folder of classes is used as a whole; of `imdb`, `sample` and a folder with `test/`, the test
    split.

    Raises:
        UserError: for a label that is not one of `class_names`, or a named corpus with other classes.
    """
    path = user_path(config.dataset)
    if config.is_named or imdb.is_imdb(path):
        corpus = load_corpus(config, seed)
        if corpus.class_names != class_names:
            raise UserError(f"{corpus.name} has the classes {', '.join(corpus.class_names)}, the model "
                            f"{', '.join(class_names)}")
        return corpus.test.read(), corpus.notes
    if path.is_dir():
        parts = labelled.parts_of(path)
        if parts and "test" not in parts:
            raise UserError(f"{path} contains {' and '.join(part.name for part in parts.values())}, but no test: name "
                            "one of them")
        named = labelled.from_folder(parts.get("test", path), config.encoding)
    else:
        check_applies(config.table_format, labelled.tables_of(config, config.dataset), config.dataset)
        named = labelled.from_table(config.dataset, config)
    return labelled.indexed(named, class_names, merge=config.merge_labels)


def _imdb_or_sample(config: DataConfig, seed: int) -> Corpus:
    try:
        return imdb.load(config, seed)
    except DownloadError as error:
        log.warning(str(error))  # only here, because model card and metrics store the note
        corpus = sample.load(config, seed)
        return dataclasses.replace(corpus, notes=(NO_IMDB, *corpus.notes))


NAMED: dict[str, Callable[[DataConfig, int], Corpus]] = {
    "auto": _imdb_or_sample, "imdb": imdb.load, "sample": sample.load}
