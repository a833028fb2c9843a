"""What people see: logs, warnings and progress go to stderr, results to stdout."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

SECONDS_A_LINE = 60.0


class Log:
    """Lines on stderr; `NO_COLOR` and redirection are honoured by rich."""

    def __init__(self) -> None:
        self._silent = False

    @property
    def console(self) -> Console:
        """A console on the current `sys.stderr`, which prints nothing within `silence`."""
        return Console(stderr=True, soft_wrap=True, highlight=False, quiet=self._silent)

    @contextmanager
    def silence(self, silent: bool = True) -> Iterator[None]:
        """Print nothing within the block, if `silent`."""
        before, self._silent = self._silent, silent or self._silent
        try:
            yield
        finally:
            self._silent = before

    def __call__(self, message: str) -> None:
        """Print a line."""
        self.console.print(message, markup=False)

    def warning(self, message: str) -> None:
        """Print a line that starts with a yellow `warning:`."""
        self.console.print("[yellow]warning:[/yellow] ", end="")
        self.console.print(message, markup=False)

    def error(self, message: str) -> None:
        """Print a line that starts with a red `error:`."""
        self.console.print("[red]error:[/red] ", end="")
        self.console.print(message.replace("\n", " "), markup=False)


log = Log()


def print_rich(*parts: tuple[str, str]) -> None:
    """Print a line of (text, style) to stdout; styles show on a terminal without `NO_COLOR` only."""
    Console(highlight=False, soft_wrap=True).print(Text.assemble(*parts))


def new_progress() -> Progress:
    """Return a progress bar of steps with the time left, on stderr where that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("steps"),
               TimeRemainingColumn())
    return Progress(*columns, console=log.console, transient=True, disable=not log.console.is_terminal)


@contextmanager
def progress_bar(description: str, steps: int) -> Iterator[Callable[[str], None]]:
    """Show a bar within the block; call what it yields with a description after each step."""
    with new_progress() as progress:
        task = progress.add_task(description, total=steps)
        yield lambda text: progress.update(task, advance=1, description=text)


@contextmanager
def byte_progress(description: str, size: int) -> Iterator[Callable[[int], None]]:
    """Show how much of `size` bytes is done and the time left; call what it yields with bytes.

    On a terminal it is a bar, elsewhere a line a minute.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    start = said = monotonic()
    done = 0
    with Progress(*columns, console=log.console, transient=True, disable=not log.console.is_terminal) as progress:
        task = progress.add_task(description, total=size)

        def advance(part: int) -> None:
            nonlocal done, said
            done += part
            progress.update(task, advance=part)
            now = monotonic()
            if progress.disable and now - said >= SECONDS_A_LINE and done:
                said = now
                log(f"{description}: {done / size:.0%}, about {(now - start) * (size - done) / done:,.0f} s left")

        yield advance


def print_table(headers: list[str], rows: list[list[str]], *, numeric: tuple[int, ...] = ()) -> None:
    """Print a table to stdout: aligned for a terminal, tab-separated without headers for a pipe."""
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in row))
        return
    table = Table(box=None, pad_edge=False)
    for index, header in enumerate(headers):
        table.add_column(header, justify="right" if index in numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False, markup=False).print(table)
