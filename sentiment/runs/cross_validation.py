"""Cross-validation: one training per fold, and a final one on all texts."""

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import keras

from sentiment.artifacts import RunFolder
from sentiment.config import RunConfig
from sentiment.console import log
from sentiment.data import load_corpus
from sentiment.errors import UserError
from sentiment.files import locked, sibling
from sentiment.runs.run import Mode
from sentiment.runs.tested import pooled
from sentiment.runs.training import CorpusSource, train_run
from sentiment.training.strategy import Workers, make_strategy


def cross_validated_run(config: RunConfig, target: Path, *, overwrite: bool = False, resume: bool = False,
                        source: CorpusSource = load_corpus, callbacks: Sequence[keras.callbacks.Callback] = ()
                        ) -> RunFolder | None:
    """Train one model per fold on the other folds, predict the fold with it, then train the final model on all texts.

    The final run has the results on all folds. The runs of the folds are kept in `target.fold-1` and so on until the
    final one is finished.

    Args:
        config: of the run, with a number of folds.
        target: the folder.
        overwrite: whether to replace a finished run.
        resume: whether to resume unfinished runs, and to keep finished ones.
        source: of the corpus.
        callbacks: Keras callbacks for all trainings.

    Raises:
        UserError: as `train_run`, and if there are several workers.
        Interrupted: as `train_run`.
    """
    folds = config.data.folds or 0
    how: Mode = {"overwrite": overwrite, "resume": resume}
    if resume and RunFolder(target).metrics.is_file():
        return train_run(config, target, source=source, callbacks=callbacks, **how)
    paths = [sibling(target, f".fold-{fold + 1}") for fold in range(folds)]
    if not resume:
        RunFolder.check_free(target, overwrite=overwrite)
        begun = [path for path in paths if RunFolder.has_begun(path, overwrite=overwrite)]
        if begun:
            raise UserError(f"{begun[0]} is part of an unfinished cross-validation: pass --resume to continue it, or "
                            "remove that folder to start again")
    if Workers(make_strategy(config.runtime.strategy)).count > 1:
        raise UserError("--folds trains one model after another, on one machine: start it without TF_CONFIG")
    without_export = config.updated({"runtime": {"export": False}})
    parts = []
    with locked(sibling(target, ".folds"), RunFolder.option):  # else another process could replace finished folds
        for fold, path in enumerate(paths):
            log(f"fold {fold + 1} of {folds}")
            train_run(without_export, path, source=partial(source, fold=fold), callbacks=callbacks, fold=fold, **how)
            parts.append(RunFolder.open(path))
        log("final model, on all texts")
        folder = train_run(config, target, source=source, callbacks=callbacks, tested=pooled(parts), **how)
        for part in parts:
            shutil.rmtree(part.path)
    return folder
