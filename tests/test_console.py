"""What is printed for people obeys nothing that a text says."""

import ast
from pathlib import Path

import pytest
from helpers.commands import Cli
from rich.progress import ProgressColumn

import sentiment
from sentiment.console import log, new_progress, print_rich, print_table, print_text, visible

ATTACK = "\x1b]0;owned\x07\x1b[2J\x9b31m \u202egnp.exe\u202c \x7f\r."
SHOWN = r"\x1b]0;owned\x07\x1b[2J\x9b31m \u202egnp.exe\u202c \x7f\r."


def test_only_what_a_terminal_obeys_is_escaped() -> None:
    assert visible(ATTACK) == SHOWN
    plain = "tab\t, line\n, \\x1b, no\u200d joiner 👩\u200d🚀, שלום\u200f, caf\u00e9, \U0001f600"
    assert visible(plain) == plain


@pytest.mark.parametrize("terminal", [True, False])
def test_everything_for_people_is_escaped(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
                                          terminal: bool) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    monkeypatch.setenv("COLUMNS", "200")
    ways = [lambda: print_table(["name"], [[ATTACK + "[red]"]]), lambda: print_text(ATTACK + "[red]"),
            lambda: print_rich((ATTACK + "[red]", "")), lambda: log(ATTACK + "[red]"),
            lambda: log.warning(f"{ATTACK}[red]"), lambda: log.error(f"{ATTACK}[red]\nerror: forged")]
    for way in ways:
        way()  # type: ignore[no-untyped-call]
        printed = "".join(capsys.readouterr())
        assert SHOWN + "[red]" in printed
        assert "\nerror: forged" not in printed
        own = printed.replace("\x1b[1mname", "name").replace("\x1b[0m", "")  # the style of the table's header
        assert visible(own) == own


def test_a_progress_bar_shows_its_description_as_it_is() -> None:
    progress = new_progress()
    progress.add_task(ATTACK + "\n[red]", total=3)
    column = progress.columns[0]
    assert isinstance(column, ProgressColumn)
    assert str(column.render(progress.tasks[0])) == SHOWN + " [red]"


def test_errors_of_usage_are_escaped(run_cli: Cli) -> None:
    code, _, error = run_cli("info", "model", ATTACK)
    assert code == 2
    assert SHOWN in error
    assert visible(error) == error


def test_a_warning_is_logged_once_in_a_block(capsys: pytest.CaptureFixture[str]) -> None:
    with log.each_once():
        for message in ("one", "two", "one"):
            log.warning(message)
        with log.each_once():
            log.warning("two")
    log.warning("one")
    assert capsys.readouterr().err == "warning: one\nwarning: two\nwarning: one\n"


@pytest.mark.parametrize(("words", "usage"), [
    (["predict", "--foo", "a text"], "usage: sentiment predict "), (["train", "a", "b"], "usage: sentiment train "),
    (["evaluate", "--json", "a", "b"], "usage: sentiment evaluate "), (["nothing"], "usage: sentiment [-h]")])
def test_errors_of_usage_show_that_of_the_command(words: list[str], usage: str, run_cli: Cli) -> None:
    code, _, error = run_cli(*words)
    assert (code, error[:len(usage)]) == (2, usage)


def test_nothing_is_printed_past_the_console() -> None:
    """`print` to a stream of its own is between processes."""
    package = Path(sentiment.__file__).parent
    found = [f"{path.relative_to(package)}:{node.lineno}" for path in package.rglob("*.py")
             if path.name != "console.py" for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
             if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
             and not any(keyword.arg == "file" for keyword in node.keywords)]
    assert found == []
