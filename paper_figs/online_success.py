"""How often the online rule succeeds, and how sparse its weights are.

The rule of arXiv:2409.04946 with its published constants, at most 10,000 steps, robustness 0.1, gap 2, activity 1/2,
threshold 0. One run on each random instance: 24 a load for N = 200, 12 for N = 500, 6 for N = 1000. Above: the
fraction of runs after which all holds, with Wilson's interval at level 68.3%. Below: the fraction of zero weights where
all holds, with its standard error, which is smaller than most marks. Marks of 200 and 1000 inputs are shifted to the
sides by 0.004. The rule does not look for the most robust weights at a load; the dashed line is the replica theory of
those, with the same gap. Loads are in units of the replica-symmetric capacity 1.4368, which is an upper bound.
"""

from __future__ import annotations

import math
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy.stats import binomtest

from convexnn.associative import capacity, robustness
from convexnn.associative.associations import random_associations
from convexnn.associative.online import learn_online_many
from convexnn.plotting import style
from convexnn.validation import FloatArray
from paper_figs.associative_models import points

ROBUSTNESS, GAP, N_STEPS = 0.1, 2.0, 10_000
RUNS = {200: 24, 500: 12, 1000: 6}
FRACTIONS = np.array([0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5])


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """Successes and sparsities, one row a load."""
    limit = capacity(robustness=ROBUSTNESS, gap=GAP).load
    return {
        "data": {str(n): try_loads(n, n_runs, limit * FRACTIONS, rng) for n, n_runs in RUNS.items()},
        "capacity": limit,
        "theory": {"fraction": FRACTIONS, "sparsity": robustness(limit * FRACTIONS, gap=GAP).sparsity},
    }


def try_loads(n: int, n_runs: int, loads: FloatArray, rng: np.random.Generator) -> dict[str, list[float | None]]:
    """The loads, the fractions of successes, and the means of the sparsity of those, with standard errors."""
    table: dict[str, list[float | None]] = {
        name: [] for name in ("load", "success", "low", "high", "sparsity", "sparsity_error")
    }
    for m in np.rint(loads * n).astype(int):
        instances = [random_associations(n, int(m), rng=rng) for _ in range(n_runs)]
        runs = learn_online_many(instances, robustness=ROBUSTNESS, gap=GAP, n_steps=N_STEPS, rng=rng)
        sparsity = np.array([run.sparsity for run in runs if run.check()])
        stored = sparsity.size
        interval = binomtest(stored, n_runs).proportion_ci(0.683, method="wilson")
        table["load"].append(m / n)
        table["success"].append(stored / n_runs)
        table["low"].append(float(interval.low))
        table["high"].append(float(interval.high))
        table["sparsity"].append(float(sparsity.mean()) if stored else None)
        table["sparsity_error"].append(float(sparsity.std(ddof=1) / math.sqrt(stored)) if stored > 1 else None)
    return table


def draw(table: dict[str, Any]) -> Figure:
    """Success above, sparsity below."""
    with plt.rc_context(style.STYLE):
        figure = Figure(figsize=(4.6, 4.4), layout="constrained")
        upper, lower = figure.subplots(2, sharex=True)
        for (n, found), colour, marker, shift in zip(
            table["data"].items(),
            (style.BLACK, style.BLUE, style.VERMILION),
            "os^",
            (-0.004, 0.0, 0.004),  # lest intervals lie on each other
            strict=True,
        ):
            column = {name: np.array(values, dtype=float) for name, values in found.items()}  # None becomes NaN
            load, success = column["load"] / table["capacity"] + shift, column["success"]
            look = {"color": colour, "marker": marker, "label": f"N = {n}"}
            points(upper, load, success, y_error=[success - column["low"], column["high"] - success], **look)
            upper.plot(load, success, color=colour, linewidth=0.6)
            points(lower, load, column["sparsity"], y_error=column["sparsity_error"], **look)
        fraction, sparsity = table["theory"]["fraction"], table["theory"]["sparsity"]
        lower.plot(fraction, sparsity, color=style.GREY, linestyle="--", label="most robust weights, theory")
        upper.set(ylabel="fraction of runs that succeed", ylim=(-0.05, 1.05))
        lower.set(xlabel="load over replica-symmetric capacity", ylabel="fraction of zero weights", ylim=(0.6, 0.9))
        style.legend_above(upper)
        lower.legend(handles=lower.lines[-1:], loc="upper right")
    return figure
