"""The online sparse learning rule at work.

The rule of arXiv:2409.04946 with its published constants stores 100 associations of N = 200 inputs (load 0.5) with
robustness 0.1 and a gap of 2; activity 1/2, threshold 0. Five runs on one set of associations, each until all holds.
The fraction of associations that are less robust than asked; the fraction of weights that the gap step finds in the gap
(after it there are none); mean |J| (grey: the tolerance around 1); the weights at the end of all five runs, those at
zero left out, and the gap between dotted lines.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from convexnn.associative.associations import random_associations
from convexnn.associative.online import NORM_TOLERANCE, learn_online_many
from convexnn.plotting import style

N_INPUTS, N_ASSOCIATIONS, ROBUSTNESS, GAP, N_RUNS, EVERY = 200, 100, 0.1, 2.0, 5, 20
EDGES = np.linspace(-13.4, 13.4, 68)  # the ends of the gap are in the middle of bins
COLOURS = (style.BLACK, style.BLUE, style.GREEN, style.VERMILION, style.PURPLE)
CURVES = {
    "error_rate": "fraction of associations violated",
    "gap_violations": "fraction of weights in the gap",
    "mean_size": "mean absolute weight",
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
    with plt.rc_context(style.STYLE):
        figure = Figure(figsize=(6.2, 4.2), layout="constrained")
        *panels, last = figure.subplots(2, 2).flat
        for ax, (name, label) in zip(panels, CURVES.items(), strict=True):
            if name == "mean_size":
                ax.axhspan(1 - NORM_TOLERANCE, 1 + NORM_TOLERANCE, color="#D0D0D0")
            for history, colour in zip(table["data"]["histories"], COLOURS, strict=True):
                ax.plot(history["step"], history[name], color=colour, linewidth=0.7)
                ax.plot(history["step"][-1], history[name][-1], "o", color=colour, markersize=3)
            ax.set(xlabel="step")
            ax.set_title(label)
        last.stairs(table["counts"], table["edges"], fill=True, color="#D0D0D0")
        for end in (-GAP, GAP):
            last.axvline(end, color=style.GREY, linewidth=0.6, linestyle=":")
        zero = np.mean(table["data"]["sparsity"])
        last.set(xlabel="weight $J$", ylabel="number of weights", xlim=(EDGES[0], EDGES[-1]))
        last.yaxis.get_major_locator().set_params(integer=True)
        last.set_title(f"{100 * zero:.1f}% of the weights are 0")
    return figure
