"""The online sparse learning rule at work.

The rule of arXiv:2409.04946 with its published constants stores 100 associations of N = 200 inputs (load 0.5) with
robustness 0.1 and a gap of 2; activity 1/2, threshold 0. Five runs on one set of associations, each until all holds.
From left to right: the fraction of associations that are less robust than asked; the fraction of weights that the gap
step finds in the gap (after it there are none); mean |J| (grey: the tolerance around 1); the weights at the end of all
five runs, those at zero left out.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from convexnn import plotting
from convexnn.associative.associations import random_associations
from convexnn.associative.online import NORM_TOLERANCE, learn_online_many

N_INPUTS, N_ASSOCIATIONS, ROBUSTNESS, GAP, N_RUNS, EVERY = 200, 100, 0.1, 2.0, 5, 20
EDGES = np.linspace(-10.2, 10.2, 52)  # the ends of the gap are in the middle of bins
COLOURS = (plotting.BLACK, plotting.BLUE, plotting.GREEN, plotting.VERMILION, plotting.PURPLE)
CURVES = {
    "error_rate": "associations violated",
    "gap_violations": "weights in the gap",
    "mean_size": "mean $|J|$",
}


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """What the runs recorded, and where they ended."""
    associations = random_associations(N_INPUTS, N_ASSOCIATIONS, rng=rng)
    runs = learn_online_many(
        [associations] * N_RUNS, robustness=ROBUSTNESS, gap=GAP, n_steps=100_000, rng=rng, record_every=EVERY
    )
    weights = np.concatenate([run.weights for run in runs])
    return {
        "data": {
            "sparsity": [run.sparsity for run in runs],
            "n_steps": [run.n_steps for run in runs],
            "stored": [run.check() for run in runs],
            "histories": [{name: getattr(run.history, name) for name in ("step", *CURVES)} for run in runs],
        },
        "edges": EDGES,
        "counts": np.histogram(weights[weights != 0], EDGES)[0],
    }


def draw(table: dict[str, Any]) -> Figure:
    """Three panels over the steps, and a histogram."""
    with plt.rc_context(plotting.STYLE):
        figure = Figure(figsize=(7.2, 2.1), layout="constrained")
        *panels, last = figure.subplots(1, 4)
        for ax, (name, label) in zip(panels, CURVES.items(), strict=True):
            if name == "mean_size":
                ax.axhspan(1 - NORM_TOLERANCE, 1 + NORM_TOLERANCE, color=plotting.GREY)
            for history, colour in zip(table["data"]["histories"], COLOURS, strict=True):
                ax.plot(history["step"], history[name], color=colour, linewidth=0.6)
            ax.set(xlabel="step", ylabel=label)
        last.stairs(table["counts"], table["edges"], fill=True, color=plotting.GREY)
        last.set(xlabel="weight $J$", ylabel="number of weights", xlim=(-10.2, 10.2))
    return figure
