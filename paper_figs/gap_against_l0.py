"""Removing weak weights costs little more than having as few weights as possible.

Left: the load that a gap permits, over that of the least number of nonzero weights (l0) with the same fraction of zero
weights and the same robustness. Replica theory of arXiv:2409.04946, replica symmetric: a ratio of two upper bounds.
Right: the same for the robustness at a load of 0.6, and finite N: for every random instance of N = 40, the most robust
weights with a gap of 1, 1.5, 2, 3 and 4 against those with as many nonzero weights, both proved optimal; means of 20
instances a gap, with standard errors. No ratio of an instance exceeds 1. Activity 1/2, threshold 0.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from convexnn.associative import capacity, robustness
from convexnn.associative.experiments import Exact, grid, sweep
from convexnn.plotting import style
from convexnn.validation import FloatArray
from paper_figs.associative_models import draw_seeds, points

ROBUSTNESS = (0.0, 0.1, 0.5)
GAP = np.geomspace(0.3, 30, 40)
N_INPUTS, LOAD, GAPS, N_SEEDS = 40, 0.6, (1.0, 1.5, 2.0, 3.0, 4.0), 20


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """Ratios of the theory, and of the optima of random instances."""
    seeds = draw_seeds(rng, N_SEEDS)
    loads = []
    for margin in ROBUSTNESS:
        gap = capacity(robustness=margin, gap=GAP)
        loads.append(
            {"sparsity": gap.sparsity, "ratio": gap.load / capacity(robustness=margin, density=1 - gap.sparsity).load}
        )
    gap = robustness(LOAD, gap=GAP[GAP <= 6])
    margins = gap.robustness / robustness(LOAD, density=1 - gap.sparsity).robustness
    return {
        "data": {"gap": GAPS, **finite(seeds)},
        "robustness": ROBUSTNESS,
        "loads": loads,
        "margins": {"sparsity": gap.sparsity, "ratio": margins},
    }


def finite(seeds: list[int]) -> dict[str, FloatArray]:
    """Means and standard errors of the ratio and of the sparsity over random instances, one for each gap."""
    with_gap = sweep(Exact(), grid(n_inputs=N_INPUTS, load=LOAD, gap=GAPS, seed=seeds))
    few = sweep(Exact(), [replace(point, gap=None, density=1 - found["sparsity"]) for point, found in with_gap])
    ratio = [a["robustness"] / b["robustness"] for (_, a), (_, b) in zip(with_gap, few, strict=True)]
    samples = {"ratio": ratio, "sparsity": [found["sparsity"] for _, found in with_gap]}
    table = {}
    for name, values in samples.items():
        rows = np.reshape(values, (len(GAPS), len(seeds)))
        table[name] = rows.mean(axis=1)
        table[f"{name}_error"] = rows.std(axis=1, ddof=1) / np.sqrt(len(seeds))
    return table


def draw(table: dict[str, Any]) -> Figure:
    """Loads and robustnesses, side by side."""
    with plt.rc_context(style.STYLE):
        figure = Figure(figsize=(6.2, 2.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        colours = (style.BLACK, style.BLUE, style.VERMILION)
        for margin, curve, colour in zip(table["robustness"], table["loads"], colours, strict=True):
            left.plot(curve["sparsity"], curve["ratio"], color=colour, label=rf"$\kappa$ = {margin:g}")
        left.set(xlabel="fraction of zero weights", ylabel="load, gap over l0", xlim=(0, 1), ylim=(0.97, 1.001))
        right.plot(
            table["margins"]["sparsity"],
            table["margins"]["ratio"],
            color=style.BLACK,
            label="theory, replica symmetric",
        )
        found = table["data"]
        points(
            right,
            found["sparsity"],
            found["ratio"],
            found["sparsity_error"],
            found["ratio_error"],
            color=style.GREEN,
            marker="^",
            label=f"N = {N_INPUTS}",
        )
        right.set(xlabel="fraction of zero weights", ylabel="robustness, gap over l0", ylim=(0.88, 1.005))
        style.legend_above(left)
        style.legend_above(right)
    return figure
