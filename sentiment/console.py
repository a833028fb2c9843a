"""Console output: logs, warnings and progress to stderr, results to stdout.

All output except JSON passes through `visible`, because texts, names and notes may contain terminal control sequences.
"""

import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from time import monotonic
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from sentiment.config.keywords import with_keywords
from sentiment.errors import UserError

SECONDS_A_LINE = 60.0
# Control characters except tab and line feed, separators of lines, and what changes the direction of a line: its marks,
# which Arabic and Hebrew texts hold rightly, move a word at most and stay.
NOT_SHOWN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    r"""Return text with control characters and bidirectional overrides escaped as Python writes them.

    Example:
        >>> print(visible(f"A {chr(27)}[31mred film."))
        A \x1b[31mred film.
    """
    return NOT_SHOWN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def on_a_line(text: str) -> str:
    """Return `visible` text with tabs and line ends replaced by spaces."""
    return visible(re.sub(r"\r?\n|\t", " ", text))


class Log(logging.Handler):
    """Logger `sentiment` with a handler that prints to stderr.

    The logger does not propagate to the root logger, which would print them twice; another handler is added with
    `logging.getLogger("sentiment").addHandler`. `NO_COLOR` and redirection are honoured by rich.
    """

    def __init__(self) -> None:
        super().__init__()
        self._silent = ContextVar("silent", default=False)  # one value per thread
        self._said: ContextVar[set[str] | None] = ContextVar("said", default=None)
        self._console: Console | None = None
        self._stream: Any = None
        self.logger = logging.getLogger("sentiment")
        self.logger.setLevel(logging.INFO)
        self.logger.propagate = False
        self.logger.addHandler(self)

    @property
    def console(self) -> Console:
        """Console on the current `sys.stderr`; within `silence`, one that prints nothing."""
        if self._silent.get():
            return Console(stderr=True, quiet=True)
        stream = getattr(sys.stderr, "rich_proxied_file", sys.stderr)  # rich's proxy while a bar is shown
        if self._console is None or self._stream is not stream:
            self._console, self._stream = Console(stderr=True, soft_wrap=True, highlight=False), stream
        return self._console

    @property
    def shows_progress(self) -> bool:
        """Whether a progress bar can be drawn: on a terminal, or in a notebook with ipywidgets."""
        notebook = self.console.is_jupyter and find_spec("ipywidgets") is not None
        return not self._silent.get() and (self.console.is_terminal or notebook)

    @contextmanager
    def silence(self, silent: bool = True) -> Iterator[None]:
        """Print nothing within the block if `silent`; other handlers of the logger still get the messages."""
        before = self._silent.set(silent or self._silent.get())
        try:
            yield
        finally:
            self._silent.reset(before)

    @contextmanager
    def each_once(self) -> Iterator[None]:
        """Log each warning only the first time within the block, such as those on data that several steps read."""
        before = self._said.set(set() if self._said.get() is None else self._said.get())
        try:
            yield
        finally:
            self._said.reset(before)

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line, prefixed with the level for warnings and errors."""
        levels = {logging.WARNING: "[yellow]warning:[/yellow] ", logging.ERROR: "[red]error:[/red] "}
        if record.levelno in levels:
            self.console.print(levels[record.levelno], end="")
        self.console.print(on_a_line(record.getMessage()), markup=False)

    def __call__(self, message: str) -> None:
        """Log a message; options are named as flags or keywords, as the caller uses them."""
        self.logger.info("%s", with_keywords(message))

    def warning(self, message: str) -> None:
        """Log a warning; within `each_once` not again."""
        said = self._said.get()
        if said is not None and message in said:
            return
        if said is not None:
            said.add(message)
        self.logger.warning("%s", with_keywords(message))

    def error(self, message: str) -> None:
        """Log an error."""
        self.logger.error("%s", message)


log = Log()


@contextmanager
def dispensable(what: str, advice: str = "") -> Iterator[None]:
    """Turn an error within the block into a warning that `what` is missing, with advice on how to create it.

    For plots, cards and exports, which are written after the result and must not endanger it.

    Example:
        >>> with dispensable("plots/roc.png"):
        ...     raise MemoryError  # warning: plots/roc.png could not be created (MemoryError); the rest is complete
    """
    try:
        yield
    except Exception as error:
        lines = str(error).strip().splitlines()
        why = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
        why = str(error) if isinstance(error, UserError) else why
        log.warning(f"{what} could not be created ({why}); the rest is complete{advice and f': {advice}'}")


def print_text(text: str) -> None:
    """Print lines of text to stdout."""
    print(visible(text))


def print_json(value: Any) -> None:
    """Print a value as a line of JSON to stdout."""
    print(json.dumps(value, ensure_ascii=False))


def print_rich(*parts: tuple[str, str]) -> None:
    """Print a line of (text, style) to stdout; styles are used only on a terminal without `NO_COLOR`."""
    Console(highlight=False, soft_wrap=True).print(Text.assemble(*((visible(text), style) for text, style in parts)))


class Description(ProgressColumn):
    """Column of a progress bar with its description."""

    def render(self, task: Task) -> Text:
        """Return the description on one line, without markup."""
        return Text(on_a_line(task.description))


def new_progress() -> Progress:
    """Return a progress bar of steps with the time left, on stderr if that is a terminal."""
    columns = (Description(), BarColumn(), MofNCompleteColumn(), TextColumn("steps"), TimeRemainingColumn())
    return Progress(*columns, console=log.console, transient=True, disable=not log.shows_progress)


@contextmanager
def progress_bar(description: str, steps: int) -> Iterator[Callable[[str], None]]:
    """Show a progress bar within the block; call the yielded function with a description after each step."""
    with new_progress() as progress:
        task = progress.add_task(description, total=steps)
        yield lambda text: progress.update(task, advance=1, description=text)


@contextmanager
def byte_progress(description: str, size: int) -> Iterator[Callable[[int], None]]:
    """Show progress over `size` bytes and the time left; call the yielded function with numbers of bytes.

    On a terminal it is a bar, elsewhere one line per minute.
    """
    columns = (Description(), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    start = last_logged = monotonic()
    done = 0
    with Progress(*columns, console=log.console, transient=True, disable=not log.shows_progress) as progress:
        task = progress.add_task(description, total=size)

        def advance(part: int) -> None:
            nonlocal done, last_logged
            done += part
            progress.update(task, advance=part)
            now = monotonic()
            if progress.disable and now - last_logged >= SECONDS_A_LINE and done:
                last_logged = now
                log(f"{description}: {done / size:.0%}, about {(now - start) * (size - done) / done:,.0f} s left")

        yield advance


def print_table(headers: list[str], rows: list[list[str]], *, numeric: tuple[int, ...] = (), heading: bool = True
                ) -> None:
    """Print a table to stdout: aligned for a terminal, tab-separated for a pipe; with headers if `heading`."""
    rows = [list(map(on_a_line, row)) for row in rows]
    if not sys.stdout.isatty():
        for row in ([headers] if heading else []) + rows:
            print("\t".join(row))
        return
    table = Table(box=None, pad_edge=False, show_header=heading)
    for index, header in enumerate(headers):
        table.add_column(Text(visible(header)), justify="right" if index in numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console(highlight=False, markup=False).print(table)
