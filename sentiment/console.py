"""What people see: logs, warnings and progress go to stderr, results to stdout."""

import sys

from rich.console import Console
from rich.table import Table


class Log:
    """Lines on stderr; `NO_COLOR` and redirection are honoured by rich."""

    @property
    def console(self) -> Console:
        """A console on the current `sys.stderr`."""
        return Console(stderr=True, soft_wrap=True, highlight=False)

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
