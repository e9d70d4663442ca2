"""How far trained networks are from the global optimum: certified gaps against width and dead units, and what is left.

Noisy sine, 50 points; ReLU networks of two layers, squared loss, beta = 0.01; 20 seeds a width, 20000 full-batch steps
of Adam whose rate falls from 0.01 to 0. Left: certified relative gaps against the width, with medians; crosses are
the optimum over the columns next to the kinks of each network, the local optimum in which training ended. Where a
cross covers its circle, the gap is the local optimum's and more training would not close it; where it is absent, that
optimum is global. Right: the same networks' gaps against the share of dead units.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from convexnn import certify, plotting
from convexnn.training import train
from convexnn.training.bridge import local_optimum

BETA, STEPS, SEEDS, N = 0.01, 20_000, 20, 50
WIDTHS = (8, 16, 32, 64, 128)
SMALLEST = 1e-9
COLOURS = (plotting.BLACK, plotting.PURPLE, plotting.VERMILION, plotting.GREEN, plotting.BLUE)


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
    with plt.rc_context(plotting.STYLE):
        figure = Figure(figsize=(6.4, 2.8), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        for k, (row, colour) in enumerate(zip(table["widths"], COLOURS, strict=True)):
            gap, local = 10 ** np.array(row["log10_gap"]), 10 ** np.array(row["log10_local_gap"])
            place = k + np.linspace(-0.3, 0.3, gap.size)
            left.plot(place, gap, "o", color=colour, markersize=3, fillstyle="none")
            seen = local > SMALLEST
            left.plot(place[seen], local[seen], "x", color=colour, markersize=3)
            left.plot([k - 0.35, k + 0.35], [np.median(gap)] * 2, color=colour)
            right.plot(row["dead_fraction"], gap, "o", color=colour, markersize=3, label=f"width {row['width']}")
        left.set_yscale("log")
        left.set_xticks(range(len(table["widths"])), [f"{row['width']}" for row in table["widths"]])
        left.set(xlabel="width", ylabel="certified relative gap")
        right.set(xlabel="share of dead units")
        figure.legend(*right.get_legend_handles_labels(), loc="outside upper center", ncols=5)
    return figure
