"""How much a neuron stores, and with how many connections, at a given robustness: theory and finite N.

The four models of arXiv:2409.04946 with inputs and outputs active with probability 1/2 and threshold 0: l1 norm only;
with signs, 20% of the inputs inhibitory; at most 30% of the weights nonzero (l0); a gap of 2. Lines: replica theory,
N -> infinity, at capacity. Dashed: a constraint that is not convex binds; the theory is replica symmetric, and its load
and robustness are upper bounds. Beyond a robustness of 1.1 the line of l0 is that of l1. Marks: means of the most
robust weights of 20 random instances a load, with standard errors; linear programs at N = 100, proved optima of
mixed-integer programs at N = 40. Left: load against robustness. Right: the fraction of zero weights there.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from convexnn.associative import capacity
from convexnn.plotting import style
from paper_figs.associative_models import BOUND, COLOURS, MARKERS, MODELS, columns, draw_seeds, exact_optima, points

N_SEEDS = 20
ROBUSTNESS = np.linspace(0, 2, 41)
FINITE: dict[str, tuple[int, list[float]]] = {
    "l1": (100, [0.3, 0.6, 0.9, 1.2, 1.5]),
    "l1 + signs": (100, [0.2, 0.3, 0.4, 0.5, 0.6]),
    "l1 + l0": (40, [0.3, 0.5, 0.7]),
    "l1 + gap": (40, [0.2, 0.4, 0.6, 0.8]),
}


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """Curves of the theory, and the optima of random instances."""
    return {
        "data": {
            name: columns(exact_optima(draw_seeds(rng, N_SEEDS), n_inputs=n_inputs, load=loads, **MODELS[name]))
            for name, (n_inputs, loads) in FINITE.items()
        },
        "robustness": ROBUSTNESS,
        "theory": {
            name: {"load": found.load, "sparsity": found.sparsity, "is_upper_bound": found.is_upper_bound}
            for name, found in ((name, capacity(robustness=ROBUSTNESS, **model)) for name, model in MODELS.items())
        },
    }


def draw(table: dict[str, Any]) -> Figure:
    """Load and sparsity, side by side."""
    with plt.rc_context(style.STYLE):
        figure = Figure(figsize=(6.4, 3.1), layout="constrained")
        left, right = figure.subplots(1, 2)
        for name, theory in table["theory"].items():
            found = table["data"][name]
            look = {"color": COLOURS[name], "marker": MARKERS[name]}
            for ax, quantity, error in ((left, "load", None), (right, "sparsity", found["sparsity_error"])):
                _draw_theory(ax, table["robustness"], theory[quantity], theory["is_upper_bound"], COLOURS[name])
                points(ax, found["robustness"], found[quantity], found["robustness_error"], error, **look)
        left.set(xlabel=r"robustness $\kappa$", ylabel=r"load $\alpha$", ylim=(0, 2.05), xlim=(-0.05, 2.05))
        right.set(xlabel=r"robustness $\kappa$", ylabel="fraction of zero weights", ylim=(0, 1), xlim=(-0.05, 2.05))
        handles = [
            Line2D([], [], color=COLOURS[name], marker=MARKERS[name], markersize=3, label=f"{name}, N = {n_inputs}")
            for name, (n_inputs, _) in FINITE.items()
        ]
        handles.append(Line2D([], [], color=style.GREY, linestyle="--", label=BOUND))
        figure.legend(handles=handles, loc="outside upper left", ncols=3)
    return figure


def _draw_theory(ax: Axes, x: list[float], y: list[float], is_upper_bound: list[bool], colour: str) -> None:
    """A solid line, or a dashed one as far as it is an upper bound."""
    bound = np.array(is_upper_bound)
    if bound.any():
        ax.plot(np.array(x)[bound], np.array(y)[bound], color=colour, linestyle="--")
    else:
        ax.plot(x, y, color=colour)
