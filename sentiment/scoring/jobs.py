"""Jobs: which files are labelled into which, and the labelling."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sentiment.data.formats import JSON_KINDS, SEPARATORS, check_applies, is_written, kind_of
from sentiment.data.reading import read_chunks
from sentiment.data.separated import output_format
from sentiment.data.tables import matching_files
from sentiment.errors import UserError
from sentiment.predictions import Predictor
from sentiment.scoring.frames import CHUNK_ROWS, LABEL_COLUMN, SCORE_COLUMN, scored_frames
from sentiment.scoring.parts import PartedTable, check_target, parts_folder
from sentiment.table_format import DEFAULT_FORMAT, TableFormat
from sentiment.version import __version__


@dataclass(frozen=True)
class Job:
    """One file to be written.

    Attributes:
        sources: the files whose rows it gets, one after another.
        target: the file.
        model: the folder of the model.
        text_column: the column with the text, None to find it by its name.
        resume: whether to go on with what an earlier run left.
        mixed_precision: see `sentiment.load`.
        form: how text files are encoded, separated and quoted.
        output_form: how CSV and TSV are written.
    """

    sources: tuple[Path, ...]
    target: Path
    model: Path
    text_column: str | None
    resume: bool
    mixed_precision: bool = False
    form: TableFormat = DEFAULT_FORMAT
    output_form: TableFormat = DEFAULT_FORMAT

    @property
    def size(self) -> int:
        """Bytes of its sources."""
        return sum(source.stat().st_size for source in self.sources)

    @property
    def plan(self) -> dict[str, Any]:
        """Everything that must be equal in a run and the one that resumes it."""
        model = sorted(path for path in self.model.glob("*") if path.is_file())
        return {"version": __version__, "text_column": self.text_column, "model": _states(model),
                "mixed_precision": self.mixed_precision, "format": asdict(self.form), "sources": _states(self.sources)}

    def _columns(self) -> list[str] | None:
        """Return the columns of CSV that is made of JSON, whose objects may have any keys; None for other files."""
        json_sources = [source for source in self.sources if kind_of(source) in JSON_KINDS]
        if kind_of(self.target) not in SEPARATORS or not json_sources:
            return None
        names = (name for source in self.sources for frame in read_chunks(source, CHUNK_ROWS, form=self.form)
                 for name in frame.columns)
        return list(dict.fromkeys([*names, LABEL_COLUMN, SCORE_COLUMN]))

    def run(self, classifier: Predictor, seen: Callable[[int], None] = lambda size: None) -> int:
        """Write the file and return its rows; `seen` is called with bytes that were read.

        Raises:
            UserError: if a source cannot be read, or a value cannot be written.
        """
        table = PartedTable(self.target, self.plan, self.output_form, self._columns())
        done = table.begin(resume=self.resume)
        try:
            for frame in scored_frames(classifier, self.sources, self.text_column, self.form, skip=done,
                                       seen=seen):
                table.write(frame)
            return table.finish()
        except UserError:
            table.discard()  # when the input is mended it is another one
            raise


def plan_jobs(pattern: str, output: Path, model: Path, text_column: str | None, *, resume: bool, overwrite: bool,
              mixed_precision: bool = False, form: TableFormat = DEFAULT_FORMAT) -> list[Job]:
    """Return the jobs that are left to do: one for a file, or one for each source if `output` is a folder.

    `output` is a file if it ends like one; a folder is made. To `resume`, a finished file is taken as it is, unless an
    interrupted run was about to replace it.

    Raises:
        UserError: if a source or the folder of the output is missing, or what would be written is there already.
    """
    sources = matching_files(pattern)
    check_applies(form, sources, pattern)
    if is_written(output) and not output.is_dir():
        check_target(output)
        pairs = [(tuple(sources), output)]
    else:
        if output.suffix and not output.is_dir():
            check_target(output)  # a file of a kind that cannot be written
        for source in sources:
            if not is_written(source):
                raise UserError(f"{source} can be read, but Excel files cannot be written: give a file as --output, "
                                "such as predictions.csv")
        pairs = [((source,), output / source.name) for source in sources]
        _check_folder(sources, output)
    for given, target in pairs:
        if target.resolve() in {source.resolve() for source in given}:
            raise UserError(f"{target} is the file to be labelled: choose another --output")
    there = [target for _, target in pairs if target.exists() or parts_folder(target).exists()]
    if there and not resume and not overwrite:
        raise UserError(f"{there[0]} is there already, whole or in part: --resume goes on with what is missing, "
                        "--overwrite starts anew")
    return [Job(given, target, model, text_column, resume, mixed_precision, form,
                output_format(given[0], target, form)) for given, target in pairs
            if not (resume and target.exists() and not parts_folder(target).exists())]


def run_jobs(jobs: Sequence[Job], classifier: Predictor, seen: Callable[[int], None] = lambda size: None) -> int:
    """Do one job after another and return the number of rows; `seen` is called with bytes that were read."""
    return sum(job.run(classifier, seen) for job in jobs)


def _check_folder(sources: Sequence[Path], output: Path) -> None:
    names = [source.name for source in sources]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"several files are called {twice[0]}: label them in turn, each into a folder of its own")
    if any(source.parent.resolve() == output.resolve() for source in sources):
        raise UserError(f"{output} holds the files to be labelled: choose another --output")
    try:
        output.mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make {output}: {error.strerror}") from None


def _states(paths: Sequence[Path]) -> list[list[Any]]:
    """Return name, bytes and time of the last change of files."""
    return [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in paths]
