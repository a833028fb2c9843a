"""Batch prediction of files: frames of a few thousand rows with predictions as columns, written by jobs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from sentiment.console import log
from sentiment.data.formats import JSON_KINDS, SEPARATORS, check_applies, is_written, kind_of
from sentiment.data.reading import read_chunks, replaced_in
from sentiment.data.separated import output_format
from sentiment.data.tables import (
    TEXT_NAMES,
    as_texts,
    column_named,
    column_of,
    first_columns,
    header_hint,
    matching_files,
)
from sentiment.errors import UserError
from sentiment.files import locked
from sentiment.inference import Predictor
from sentiment.scoring.parts import PartedTable, check_target, parts_folder
from sentiment.surrogates import notes_on
from sentiment.table_format import DEFAULT_FORMAT, TableFormat
from sentiment.version import __version__

CHUNK_ROWS = 4096
LABEL_COLUMN, SCORE_COLUMN, KNOWN_COLUMN = "predicted_label", "predicted_score", "predicted_known"


def text_chunks(source: str, text_column: str | None, form: TableFormat = DEFAULT_FORMAT) -> Iterator[list[str]]:
    """Yield the texts of a file, or of all files of a glob.

    Raises:
        UserError: if a file cannot be read, or has no text column.
    """
    paths = matching_files(source)
    check_applies(form, paths, source)
    for path, frame, name in _named_frames(paths, text_column, form):
        yield as_texts(column_of(frame, name), str(path))


def _named_frames(paths: Sequence[Path], text_column: str | None, form: TableFormat,
                  seen: Callable[[int], None] = lambda size: None) -> Iterator[tuple[Path, pd.DataFrame, str]]:
    """Yield frames of files with their path and the name of the text column."""
    for path in paths:
        name, replaced = None, 0
        for frame in read_chunks(path, CHUNK_ROWS, form=form, seen=seen):
            name, replaced = name or _text_name(frame, text_column, path, form), replaced + replaced_in(frame)
            yield path, frame, name
        for note in notes_on(replaced, str(path)):
            log.warning(note)


def _text_name(frame: pd.DataFrame, asked: str | None, path: Path, form: TableFormat) -> str:
    """Return the text column: the requested one, one with a common name, or the only column if it is called 1.

    Raises:
        UserError: if there is none.
    """
    names = first_columns(frame)
    if asked is None and not form.header and names == ["1"]:
        return "1"
    return column_named(names, asked, TEXT_NAMES, "--text-column", str(path), header_hint(names, form, path))


class Scored(NamedTuple):
    """Row counts of finished jobs.

    Attributes:
        rows: in the written files.
        labelled: the rows that these jobs predicted; the others are from an interrupted run.
        abstained: the labelled rows without a label, because their score is below the threshold.
    """

    rows: int
    labelled: int
    abstained: int


@dataclass(frozen=True)
class Job:
    """Job that writes one file.

    Attributes:
        sources: the input files, whose rows are concatenated.
        target: the file.
        model: the folder of the model.
        text_column: the text column, None to find it by its name.
        resume: whether to continue an interrupted run.
        mixed_precision: see `sentiment.load`.
        form: format of input text files.
        output_form: format of written CSV and TSV files.
        abstain_below: the score below which a text gets no label.
        known: whether to add the share of known words.
        defuse: see `PartedTable`.
    """

    sources: tuple[Path, ...]
    target: Path
    model: Path
    text_column: str | None
    resume: bool
    mixed_precision: bool = False
    form: TableFormat = DEFAULT_FORMAT
    output_form: TableFormat = DEFAULT_FORMAT
    abstain_below: float = 0.0
    known: bool = False
    defuse: bool = False

    @property
    def size(self) -> int:
        """Total size of its sources in bytes."""
        return sum(source.stat().st_size for source in self.sources)

    @property
    def plan(self) -> dict[str, Any]:
        """Everything that must be equal in an interrupted run and the one that resumes it."""
        model = sorted(path for path in self.model.glob("*") if path.is_file())
        return {"version": __version__, "text_column": self.text_column, "model": _states(model),
                "mixed_precision": self.mixed_precision, "format": asdict(self.form), "sources": _states(self.sources),
                "abstain_below": self.abstain_below, "known": self.known, "defuse": self.defuse}

    @property
    def _added(self) -> list[str]:
        """Added columns."""
        return [LABEL_COLUMN, SCORE_COLUMN, *([KNOWN_COLUMN] if self.known else [])]

    def _columns(self) -> list[str] | None:
        """Return the columns of a CSV file written from JSON, whose objects may have any keys; None for other files."""
        json_sources = [source for source in self.sources if kind_of(source) in JSON_KINDS]
        if kind_of(self.target) not in SEPARATORS or not json_sources:
            return None
        names = (name for source in self.sources for frame in read_chunks(source, CHUNK_ROWS, form=self.form)
                 for name in frame.columns)
        return list(dict.fromkeys([*names, *self._added]))

    def check(self) -> None:
        """Check the columns of all sources by their first rows, before a model is loaded.

        Raises:
            UserError: as `run`, if one cannot be read, lacks the text column, or has other columns than the first.
        """
        expected: list[str] | None = None
        for source in self.sources:
            for path, frame, _ in islice(_named_frames([source], self.text_column, self.form), 1):
                expected = self._checked(list(frame.columns), path, expected)

    def _checked(self, names: list[str], path: Path, expected: list[str] | None) -> list[str] | None:
        """Return the columns that the next source must have, those of the first; None if any, as after JSON alone.

        Raises:
            UserError: for other columns, or one with the name of an added column.
        """
        for added in self._added:
            if added in names:
                raise UserError(f"{path} already has a column '{added}': rename it")
        if kind_of(path) in JSON_KINDS:
            return expected
        expected = names if expected is None else expected
        if sorted(names) != sorted(expected) or (len(set(names)) < len(names) and names != expected):
            raise UserError(f"{path} has the columns {', '.join(names)}, the first file has {', '.join(expected)}: "
                            "with a folder as --output each has its own file")
        return expected

    def _scored(self, classifier: Predictor, skip: int, seen: Callable[[int], None]) -> Iterator[pd.DataFrame]:
        """Yield frames of all sources, with all columns unchanged and the predictions added.

        `skip` rows are omitted at the start; the boundaries of frames do not depend on it.
        """
        rows = 0
        expected: list[str] | None = None
        path = None
        for path, frame, name in _named_frames(self.sources, self.text_column, self.form, seen):
            expected = self._checked(list(frame.columns), path, expected)
            if kind_of(path) not in JSON_KINDS and list(frame.columns) != expected:
                frame = pd.DataFrame(frame[expected])
            rows += len(frame)
            if rows <= skip and len(frame):
                continue
            predictions = classifier.predict(as_texts(column_of(frame, name), str(path)),
                                             abstain_below=self.abstain_below)
            columns = {LABEL_COLUMN: pd.Series([answer.label for answer in predictions], frame.index, object),
                       SCORE_COLUMN: pd.Series([answer.score for answer in predictions], frame.index, float),
                       KNOWN_COLUMN: pd.Series([answer.known for answer in predictions], frame.index, float)}
            yield pd.concat([frame, pd.DataFrame({added: columns[added] for added in self._added})], axis=1)
        if path is None:
            raise UserError(f"{self.sources[0]} has no rows")

    def run(self, classifier: Predictor, seen: Callable[[int], None] = lambda size: None) -> Scored:
        """Write the file; `seen` is called with the number of bytes read.

        Raises:
            UserError: if a source cannot be read, there are no rows, no text column, or already a column with an added
                name, the columns of two files differ, a value cannot be written, or another process writes the file.
        """
        with locked(self.target, "--output"):
            table = PartedTable(self.target, self.plan, self.output_form, self._columns(), defuse=self.defuse)
            done = table.begin(resume=self.resume)
            abstained = 0
            try:
                for frame in self._scored(classifier, done, seen):
                    abstained += int((frame[SCORE_COLUMN] < self.abstain_below).sum())
                    table.write(frame)
                rows = table.finish()
                return Scored(rows, rows - done, abstained)
            except UserError:
                table.discard()  # a corrected input is another input
                raise


def plan_jobs(pattern: str, output: Path, model: Path, text_column: str | None, *, resume: bool, overwrite: bool,
              mixed_precision: bool = False, form: TableFormat = DEFAULT_FORMAT, abstain_below: float = 0.0,
              known: bool = False, defuse: bool = False) -> list[Job]:
    """Return the remaining jobs: one for an output file, or one per source if `output` is a folder.

    `output` is a file if it has the suffix of one; a folder is created. With `resume`, a finished file is kept, unless
    an interrupted run was about to replace it.

    Raises:
        UserError: if a source or the folder of the output is missing, the output exists already, or as `Job.check`.
    """
    sources = matching_files(pattern)
    check_applies(form, sources, pattern)
    if is_written(output) and not output.is_dir():
        check_target(output)
        pairs = [(tuple(sources), output)]
    else:
        if output.suffix and not output.is_dir():
            check_target(output)  # a file type that cannot be written
        for source in sources:
            if not is_written(source):
                raise UserError(f"{source} can be read, but Excel files cannot be written: pass a file as --output, "
                                "such as predictions.csv")
        pairs = [((source,), output / source.name) for source in sources]
        _check_folder(sources, output)
    for given, target in pairs:
        if target.resolve() in {source.resolve() for source in given}:
            raise UserError(f"{target} is the input file: choose another --output")
    other = next((target for _, target in pairs if kind_of(target) not in SEPARATORS), None)
    if defuse and other is not None:
        raise UserError(f"--defuse-formulas is for CSV and TSV, which spreadsheets open; {other} keeps text as it is")
    there = [target for _, target in pairs if target.exists() or parts_folder(target).exists()]
    if there and not resume and not overwrite:
        raise UserError(f"{there[0]} exists already, complete or in part: --resume writes the missing parts, "
                        "--overwrite starts anew")
    jobs = [Job(given, target, model, text_column, resume, mixed_precision, form,
                output_format(given[0], target, form), abstain_below, known, defuse) for given, target in pairs
            if not (resume and target.exists() and not parts_folder(target).exists())]
    for job in jobs:
        job.check()
    return jobs


def run_jobs(jobs: Sequence[Job], classifier: Predictor, seen: Callable[[int], None] = lambda size: None) -> Scored:
    """Run jobs one after another; `seen` is called with the number of bytes read."""
    return total(job.run(classifier, seen) for job in jobs)


def total(done: Iterable[Scored]) -> Scored:
    """Return the sums of the counts of jobs."""
    return Scored(*map(sum, zip(Scored(0, 0, 0), *done, strict=True)))


def _check_folder(sources: Sequence[Path], output: Path) -> None:
    names = [source.name for source in sources]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"several files are called {twice[0]}: label them one after another, each into its own folder")
    if any(source.parent.resolve() == output.resolve() for source in sources):
        raise UserError(f"{output} contains the input files: choose another --output")
    try:
        output.mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot create {output}: {error.strerror}") from None


def _states(paths: Sequence[Path]) -> list[list[Any]]:
    """Return name, size and modification time of files."""
    return [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in paths]
