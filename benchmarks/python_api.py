"""Time of `sentiment.train` on texts in memory against the command line on the same texts in a CSV file.

    python benchmarks/python_api.py --repeats 5

Both start a process, import the package, train the same model on the built-in sample without an export, and end; the
runs alternate. `run` is the part of the time that the run measures itself.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "data" / "sample" / "train.csv"
OPTIONS = {"arch": "bilstm", "units": 32, "embedding_size": 64, "epochs": 6}
IN_PYTHON = """
import json, sys
import pandas as pd
import sentiment
frame = pd.read_csv(sys.argv[1])
model = sentiment.train(list(frame["text"]), list(frame["label"]), groups=list(frame["group"]), verbose=False,
                        **json.loads(sys.argv[2]))
print(json.dumps(model.metrics))
"""


def command_of(side: str, folder: str) -> list[str]:
    """Return the command line of a side."""
    if side == "python":
        return [sys.executable, "-c", IN_PYTHON, str(TABLE), json.dumps(OPTIONS)]
    flags = [word for name, value in OPTIONS.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return [sys.executable, str(ROOT / "train.py"), "--dataset", str(TABLE), "--output-dir", f"{folder}/run",
            "--no-export", "--json", "--group-column", "group", *flags]


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, metavar="N")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "python_api.json")
    arguments = parser.parse_args()
    seconds: dict[str, list[float]] = {"python": [], "command": []}
    training: dict[str, list[float]] = {"python": [], "command": []}
    losses = set()
    for _ in range(arguments.repeats):
        for side in seconds:
            with TemporaryDirectory() as folder:
                start = time.perf_counter()
                done = subprocess.run(command_of(side, folder), capture_output=True, text=True,  # noqa: S603  fixed
                                      check=True)
                seconds[side].append(time.perf_counter() - start)
            metrics = json.loads(done.stdout)
            training[side].append(metrics["seconds"]["all"])
            losses.add(metrics["test"]["log_loss"])
    if len(losses) != 1:
        raise SystemExit(f"the sides trained different models: test losses {losses}")
    medians = {f"{what}, {side}": round(statistics.median(values), 2)
               for what, sides in (("process", seconds), ("run", training)) for side, values in sides.items()}
    result = {"medians_s": medians, "process_ratio": round(medians["process, python"] / medians["process, command"], 3),
              "run_ratio": round(medians["run, python"] / medians["run, command"], 3),
              "process_s": seconds, "run_s": training}
    arguments.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
