"""How far trained networks are from the global optimum: certified gaps against width and dead units, and what is left.

Noisy sine, 50 points; ReLU networks of two layers, squared loss, beta = 0.01; 20 seeds a width, 20000 full-batch steps
of Adam whose rate falls from 0.01 to 0. Left: certified relative gaps against the width, with medians. Filled: stuck,
at least half of the gap is that of the optimum over the columns next to the network's kinks, the local optimum in which
training ended, and more training would not close it. Open: not finished, most of the gap is what the network could
still gain there. Right: the same networks' gaps against the share of dead units.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from convexnn import certify
from convexnn.plotting import style
from convexnn.training import train
from convexnn.training.bridge import local_optimum

BETA, STEPS, SEEDS, N = 0.01, 20_000, 20, 50
WIDTHS = (8, 16, 32, 64, 128)
SMALLEST = 1e-9
COLOURS = plt.colormaps["viridis_r"]


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """Train and certify; numbers a width, one entry a seed."""
    x = rng.uniform(-1, 1, N)
    y = (np.sin(4 * x) + 0.1 * rng.normal(size=N)).round(6)  # the same on every machine
    rows = []
    for width in WIDTHS:
        runs = train(
            x, y, width=width, beta=BETA, learning_rate=lambda t: 0.01 * (1 - t / STEPS), n_steps=STEPS, seeds=SEEDS
        )
        local = [local_optimum(runs.network(i), x, y, BETA).network for i in range(SEEDS)]
        rows.append(
            {
                "width": width,
                "log10_gap": _logarithm(runs.relative_gap),
                "log10_local_gap": _logarithm(np.array([certify(best, x, y, BETA).relative_gap for best in local])),
                "dead_fraction": runs.dead_fraction,
            }
        )
    return {"data": {"x": x, "y": y}, "widths": rows}


def _logarithm(gap: np.ndarray) -> np.ndarray:
    return np.log10(np.maximum(gap, SMALLEST))


def draw(table: dict[str, Any]) -> Figure:
    """Against width, and against dead units."""
    with plt.rc_context(style.STYLE):
        figure = Figure(figsize=(6.4, 2.8), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        for k, row in enumerate(table["widths"]):
            gap, local = 10 ** np.array(row["log10_gap"]), 10 ** np.array(row["log10_local_gap"])
            place = k + np.linspace(-0.3, 0.3, gap.size)
            colour = COLOURS((k + 0.5) / len(table["widths"]))
            stuck = (local > SMALLEST) & (local >= 0.5 * gap)
            for ax, where in ((left, place), (right, np.array(row["dead_fraction"]))):
                look = {"marker": "o", "linestyle": "none", "markersize": 3.5, "color": colour}
                ax.plot(where[~stuck], gap[~stuck], fillstyle="none", **look)
                ax.plot(where[stuck], gap[stuck], markeredgewidth=0, **look)
            left.plot([k - 0.38, k + 0.38], [np.median(gap)] * 2, color=style.BLACK, linewidth=0.8)
            right.plot([], [], "o", color=colour, markersize=3.5, label=f"width {row['width']}")
        left.set_yscale("log")
        left.set_xticks(range(len(table["widths"])), [f"{row['width']}" for row in table["widths"]])
        left.set(xlabel="width", ylabel="certified relative gap")
        left.plot([], [], "o", color=style.GREY, markersize=3.5, markeredgewidth=0, label="stuck")
        left.plot([], [], "o", color=style.GREY, markersize=3.5, fillstyle="none", label="not finished")
        left.legend(loc="lower left")
        right.set(xlabel="share of dead units")
        figure.legend(*right.get_legend_handles_labels(), loc="outside upper center", ncols=5)
    return figure
