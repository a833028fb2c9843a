"""Plot of the time of a step of each recurrent layer against its units.

    python -m sentiment benchmark speed --rows units --output benchmarks/results/speed_units.json
    python benchmarks/time_per_step.py

The second command reads the times of the first and draws docs/time_per_step.png: microseconds of a step, forward and
backward, of 64 texts with as many features as units. The dotted line is the time of the matrix products of an LSTM.
"""

import json
from pathlib import Path

from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from sentiment.benchmark.speed import LAYER, SUBJECT, UNITS
from sentiment.evaluation.plots import drawn, line_style

ROOT = Path(__file__).parents[1]
NAMES = {SUBJECT: "LSTM", "keras": "LSTM of Keras", "torch": "LSTM of PyTorch", "product": "products of an LSTM"}


def main() -> None:
    """Read the times and draw the plot."""
    rows = json.loads((ROOT / "benchmarks" / "results" / "speed_units.json").read_text())["rows"]
    with drawn(ROOT / "docs" / "time_per_step.png", 7, 5) as axes:
        for place, side in enumerate(rows[0]["sides"]):
            times = [1e6 * row["sides"][side]["median_seconds"] / LAYER["steps"] for row in rows]
            style = {"color": "black", "linestyle": ":"} if side == "product" else line_style(place)
            axes.plot(UNITS, times, label=NAMES.get(side, side), marker="o", markersize=3, **style)
        axes.set(xscale="log", yscale="log", xlabel="units", ylabel="microseconds a step")
        axes.xaxis.set_major_locator(LogLocator(base=2, numticks=len(UNITS)))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(ScalarFormatter())
            axis.set_minor_formatter(NullFormatter())
        axes.legend(fontsize="small", ncols=2)


if __name__ == "__main__":
    main()
