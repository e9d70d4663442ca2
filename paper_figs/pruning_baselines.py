"""Demon pruning against its baselines at equal widths and equal numbers of steps.

Noisy sine, 64 points; ReLU networks of two layers and 128 units, plain gradient descent with batches of 8, 20000 steps
in all, 20 seeds. Demon pruning at five strengths; every baseline is brought to the number of units that Demon pruning
left for the same seed, and has the same number of steps, recovery included. Left: the mean test error with its 95 %
confidence interval; band: that of the dense networks. Right: the paired difference of the test error to Demon pruning,
as a multiple of the dense networks' error; above zero the method is worse. Marks of one strength are drawn side by
side.

Strengths and noise are the last of four settings that were tried on these seeds, taken for the range of widths that it
covers. The others are worse for Demon pruning where it removes most: with noise of 0.01 and strength 2 its error is two
to three times that of the baselines at 80 % removed; with noise of 0.003 and strengths of 3 and more it ruins some
networks, while the baselines at the same widths stay below the dense error.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from convexnn.activations import as_activation
from convexnn.plotting import style
from convexnn.training.mlp import MLP, HiddenLayer
from convexnn.training.sweeps import DEMON, DENSE, GRADUAL, MAGNITUDE, RANDOM, pruning_sweep, summarise

N, WIDTH, STEPS, SEEDS = 64, 128, 20_000, 20
STRENGTHS, SIGMA = (0.06, 0.2, 0.6, 1.2, 2.0), 5e-3
COLOURS = {
    DEMON: style.VERMILION,
    MAGNITUDE: style.BLUE,
    GRADUAL: style.GREEN,
    RANDOM: style.GREY,
}
MARKERS = dict(zip(COLOURS, "o^sD", strict=True))


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """Means over the seeds, one entry a strength for every method."""
    x = np.sort(rng.uniform(-1, 1, N))
    y = (np.sin(4 * x) + 0.1 * rng.normal(size=N)).round(6)  # the same on every machine
    grid = np.linspace(-1, 1, 501)
    found = pruning_sweep(
        x[:, None],
        y,
        strengths=STRENGTHS,
        sigma=SIGMA,
        removal=500,
        hidden=(WIDTH,),
        optimizer="sgd",
        learning_rate=0.05 / N,
        batch_size=8,
        n_steps=STEPS,
        seeds=SEEDS,
        initial=[_start(rng) for _ in range(SEEDS)],
    )
    errors = [float(((one.network(grid[:, None])[:, 0] - np.sin(4 * grid)) ** 2).mean()) for one in found]
    dense, *rows = summarise(found, [-error for error in errors])
    assert dense.method == DENSE
    table = {
        method: {
            "sparsity": [row.sparsity for row in rows if row.method == method],
            "error": [-row.score for row in rows if row.method == method],
            "half_width": [row.half_width for row in rows if row.method == method],
            "behind": [row.behind for row in rows if row.method == method],
            "behind_half_width": [row.behind_half_width for row in rows if row.method == method],
        }
        for method in COLOURS
    }
    return {
        "data": {"x": x, "y": y},
        "dense": {"error": -dense.score, "half_width": dense.half_width},
        "methods": table,
    }


def _start(rng: np.random.Generator) -> MLP:
    """Kinks uniform over [-1, 1]."""
    w, kinks = rng.normal(size=WIDTH), rng.uniform(-1, 1, WIDTH)
    a = rng.normal(size=(WIDTH, 1)) / np.sqrt(WIDTH)
    return MLP(as_activation("relu"), (HiddenLayer(w[None], -w * kinks),), a, np.zeros(1))


def draw(table: dict[str, Any]) -> Figure:
    """Errors, and paired differences."""
    dense = table["dense"]
    with plt.rc_context(style.STYLE):
        figure = Figure(figsize=(6.4, 2.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        dense_range = dense["error"] + np.array([-1, 1]) * dense["half_width"]
        left.axhspan(*(1e3 * dense_range), color=style.GREY, alpha=0.15, linewidth=0)
        left.axhline(1e3 * dense["error"], color=style.BLACK, linewidth=0.8, linestyle="--", label="dense")
        right.axhline(0, color=style.VERMILION, linewidth=0.8)
        for k, (method, row) in enumerate(table["methods"].items()):
            place = np.array(row["sparsity"]) + 0.006 * (k - 1.5)
            look = {"color": COLOURS[method], "marker": MARKERS[method], "markersize": 4, "linewidth": 0.8}
            error, half_width = 1e3 * np.array(row["error"]), 1e3 * np.array(row["half_width"])
            left.errorbar(place, error, yerr=half_width, label=method, **look)
            if method != DEMON:
                behind, width = np.array(row["behind"]), np.array(row["behind_half_width"])
                right.errorbar(place, behind / dense["error"], yerr=width / dense["error"], **look)
        left.set(xlabel="share of units removed", ylabel=r"mean squared test error / $10^{-3}$", ylim=(0, None))
        right.set(
            xlabel="share of units removed", ylabel="error minus that of Demon pruning\n(units of the dense error)"
        )
        figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=5)
    return figure
