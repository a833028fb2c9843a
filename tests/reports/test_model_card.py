"""A model card obeys nothing that names and notes say, and tells nothing of the machine that it was made on."""

import json
from pathlib import Path

from sentiment.artifacts import RunFolder
from sentiment.runs.model_card import model_card

NASTY = "<img src=x onerror=alert(1)> | *b* [link](x) `code` $x$ &amp; \n# line \x1b[2J\u202e"
PLAIN = (r"\<img src=x onerror=alert(1)\> \| \*b\* \[link\](x) \`code\` \$x\$ \&amp; \# line "
         r"\\x1b\[2J\\u202e")


def test_names_and_notes_are_shown_as_they_are(tiny_run: Path) -> None:
    folder = RunFolder(tiny_run)
    measured = folder.load_metrics()
    rows = measured["test"]["classes"]
    measured["test"]["classes"] = {NASTY: rows["neg"], "pos": rows["pos"]}
    measured["dataset"] |= {"name": NASTY, "classes": [NASTY, "pos"], "notes": [NASTY]}
    config = folder.load_config().updated({"training": {"teacher": f"/home/me/{NASTY.replace('/', '')}"}})
    card = model_card("run_1", config, measured)
    head, text = card.split("\n---\n", 1)
    data = json.loads(head.removeprefix("---\n"))["model-index"][0]["results"][0]["dataset"]["name"]
    assert data.startswith("<img")
    assert "\x1b" not in data
    assert f"> **Note:** {PLAIN}.\n" in text
    assert f"with the classes {PLAIN}, pos, trained" in text
    assert f"| data | {PLAIN}: " in text
    assert f"| {PLAIN} | {rows['neg']['precision']:.4f} |" in text
    assert f"| distilled from | {PLAIN} |" in text
    assert text.startswith("\n# run\\_1\n")


def test_only_the_configuration_names_the_folder_of_the_data(tiny_run: Path, tiny_csv: Path) -> None:
    folder = RunFolder(tiny_run)
    assert folder.load_metrics()["dataset"]["name"] == tiny_csv.name
    assert folder.load_config().data.dataset == str(tiny_csv)
    for file in ("README.md", "metrics.json"):
        assert str(tiny_csv.parent) not in (tiny_run / file).read_text(encoding="utf-8")
