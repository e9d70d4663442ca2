"""The sparsity that a load permits, if few weights are nonzero (l0) and if weak weights are removed (gap).

Lines: replica theory of arXiv:2409.04946 at capacity, replica symmetric, an upper bound, for robustness 0, 0.1 and 0.5;
density or gap vary along a line. Marks: the largest fraction of zero weights with which random instances of N = 24 are
stored with robustness 0.1, from proved optima at every number of nonzero weights; means of 12 instances a load, with
standard errors. Inputs and outputs are active with probability 1/2, threshold 0.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from convexnn import plotting
from convexnn.associative import capacity
from convexnn.associative.experiments import Exact, Point, sweep
from paper_figs.associative_models import BOUND, draw_seeds, points

ROBUSTNESS = (0.0, 0.1, 0.5)
DENSITY = np.geomspace(0.02, 1, 40)
GAP = np.append(0.0, np.geomspace(0.1, 40, 40))
N_INPUTS, LOADS, N_SEEDS, ASKED = 24, (0.25, 0.5, 0.75, 1.0), 12, 0.1


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """Curves of the theory, and the sparsest solutions of random instances."""
    seeds = draw_seeds(rng, N_SEEDS)
    sparsity = np.array([[1 - fewest_weights(load, seed) / N_INPUTS for seed in seeds] for load in LOADS])
    return {
        "data": {
            "load": LOADS,
            "sparsity": sparsity.mean(axis=1),
            "error": sparsity.std(axis=1, ddof=1) / np.sqrt(N_SEEDS),
        },
        "robustness": ROBUSTNESS,
        "theory": {
            name: [
                {"load": found.load, "sparsity": found.sparsity}
                for found in (capacity(robustness=margin, **axis) for margin in ROBUSTNESS)
            ]
            for name, axis in (("l0", {"density": DENSITY}), ("gap", {"gap": GAP}))
        },
    }


def fewest_weights(load: float, seed: int) -> float:
    """The least number of nonzero weights that stores an instance as robustly as asked; NaN if no number does."""
    fewest = float("nan")
    for count in range(N_INPUTS, 0, -1):
        point = Point(n_inputs=N_INPUTS, load=load, seed=seed, density=count / N_INPUTS)
        ((_, found),) = sweep(Exact(), [point])
        if found["robustness"] < ASKED:
            return fewest
        fewest = round((1 - found["sparsity"]) * N_INPUTS)
    return fewest


def draw(table: dict[str, Any]) -> Figure:
    """One pair of lines a robustness."""
    with plt.rc_context(plotting.STYLE):
        figure = Figure(figsize=(4.4, 3.0), layout="constrained")
        ax = figure.subplots()
        colours = (plotting.BLACK, plotting.BLUE, plotting.VERMILION)
        for name, style in (("l0", "-"), ("gap", ":")):
            for margin, curve, colour in zip(table["robustness"], table["theory"][name], colours, strict=True):
                label = rf"{name}, $\kappa$ = {margin:g}"
                ax.plot(curve["load"], curve["sparsity"], linestyle=style, color=colour, label=label)
        data = table["data"]
        label = rf"l0, $\kappa \geq$ {ASKED:g}, N = {N_INPUTS}"
        points(ax, data["load"], data["sparsity"], y_error=data["error"], color=plotting.BLUE, marker="o", label=label)
        ax.set(xlabel=r"load $\alpha$", ylabel="fraction of zero weights", xlim=(0, 2.05), ylim=(0, 1))
        ax.set_title(f"lines: {BOUND}")
        ax.legend(loc="lower left")
    return figure
