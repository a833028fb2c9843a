"""The notebooks run, and hold the outputs of a run."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


def code_cells(notebook: Path) -> list[dict[str, Any]]:
    """Return the cells of code."""
    return [cell for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


def source_of(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


@pytest.fixture
def _as_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(NOTEBOOKS[0].parent)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the processes that the cells start
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_stored_are_the_outputs_of_one_run(notebook: Path) -> None:
    cells = code_cells(notebook)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert outputs
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]


@pytest.mark.extended
@pytest.mark.usefixtures("_as_in_a_notebook")
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_all_cells_run_in_order_and_print_as_much_as_is_stored(notebook: Path, capsys: pytest.CaptureFixture[str]
                                                               ) -> None:
    """In this process and without a kernel, as TensorFlow is here already; numbers may differ between machines."""
    cells = code_cells(notebook)
    names: dict[str, Any] = {}
    for number, cell in enumerate(cells, 1):
        exec(compile(source_of(cell), f"{notebook.name}, cell {number}", "exec"), names)  # noqa: S102
    stored = [line for cell in cells for output in cell["outputs"] if output["output_type"] == "stream"
              for line in "".join(output["text"]).splitlines()]
    assert len(capsys.readouterr().out.splitlines()) == len(stored)
