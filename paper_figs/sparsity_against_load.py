"""The sparsity that a load permits, if few weights are nonzero (l0) and if weak weights are removed (gap).

Lines: replica theory of arXiv:2409.04946 at capacity for robustness 0, 0.1 and 0.5; density or gap vary along a line.
It is replica symmetric, an upper bound: beyond the line of l0 no weights are so sparse and so robust as N -> infinity.
Marks: the largest fraction of zero weights with which random instances are stored with robustness 0.1, from proved
optima for falling numbers of nonzero weights; means of 12 instances a load, with standard errors. A single weight of
N = 12 is a fraction of 0.08. Inputs and outputs are active with probability 1/2, threshold 0.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from convexnn.associative import capacity
from convexnn.associative.experiments import Exact, Point, sweep
from convexnn.plotting import style
from paper_figs.associative_models import BOUND, draw_seeds, points

ROBUSTNESS = (0.0, 0.1, 0.5)
DENSITY = np.geomspace(0.02, 1, 40)
GAP = np.append(0.0, np.geomspace(0.1, 40, 40))
N_INPUTS, LOADS, N_SEEDS, ASKED = (12, 24), (0.25, 0.5, 0.75, 1.0), 12, 0.1


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """Curves of the theory, and the sparsest solutions of random instances."""
    seeds = draw_seeds(rng, N_SEEDS)
    return {
        "data": {str(n): largest_sparsity(n, seeds) for n in N_INPUTS},
        "robustness": ROBUSTNESS,
        "theory": {
            name: [
                {"load": found.load, "sparsity": found.sparsity}
                for found in (capacity(robustness=margin, **axis) for margin in ROBUSTNESS)
            ]
            for name, axis in (("l0", {"density": DENSITY}), ("gap", {"gap": GAP}))
        },
    }


def largest_sparsity(n: int, seeds: list[int]) -> dict[str, Any]:
    """Means of the largest fractions of zero weights at every load, with standard errors."""
    sparsity = np.array([[1 - fewest_weights(n, load, seed) / n for seed in seeds] for load in LOADS])
    error = sparsity.std(axis=1, ddof=1) / np.sqrt(len(seeds))
    return {"load": LOADS, "sparsity": sparsity.mean(axis=1), "error": error}


def fewest_weights(n: int, load: float, seed: int) -> float:
    """The least number of nonzero weights that stores an instance as robustly as asked; NaN if no number does."""
    fewest, allowed = float("nan"), n
    while allowed > 0:
        ((_, found),) = sweep(Exact(), [Point(n_inputs=n, load=load, seed=seed, density=allowed / n)])
        if found["robustness"] < ASKED:
            break
        fewest = round((1 - found["sparsity"]) * n)
        allowed = int(fewest) - 1
    return fewest


def draw(table: dict[str, Any]) -> Figure:
    """One pair of lines a robustness, which is written at their ends."""
    with plt.rc_context(style.STYLE):
        figure = Figure(figsize=(4.6, 3.3), layout="constrained")
        ax = figure.subplots()
        colours = (style.BLACK, style.BLUE, style.VERMILION)
        for name, line in (("l0", "-"), ("gap", ":")):
            for margin, curve, colour in zip(table["robustness"], table["theory"][name], colours, strict=True):
                label = f"{name}, theory" if margin == table["robustness"][0] else None
                ax.plot(curve["load"], curve["sparsity"], linestyle=line, color=colour, label=label)
        for margin, curve, colour in zip(table["robustness"], table["theory"]["gap"], colours, strict=True):
            end = curve["load"][0], curve["sparsity"][0]
            ax.annotate(
                rf"$\kappa$ = {margin:g}",
                end,
                (-4, 3),
                textcoords="offset points",
                ha="right",
                color=colour,
                fontsize=7,
            )
        for (n, data), face in zip(table["data"].items(), ("none", style.BLUE), strict=True):
            look = {
                "color": style.BLUE,
                "marker": "o",
                "markerfacecolor": face,
                "label": rf"l0, $\kappa \geq$ {ASKED:g}, N = {n}",
            }
            points(ax, data["load"], data["sparsity"], y_error=data["error"], **look)
        ax.set(xlabel=r"load $\alpha$", ylabel="fraction of zero weights", xlim=(0, 2.05), ylim=(0, 1))
        ax.legend(loc="lower left")
        ax.set_title(f"theory: {BOUND}")
    return figure
