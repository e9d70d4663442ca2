"""How much a neuron stores, and with how many connections, at a given robustness: theory and finite N.

The four models of arXiv:2409.04946 with inputs and outputs active with probability 1/2 and threshold 0: l1 norm only;
with signs, 20% of the inputs inhibitory; at most 30% of the weights nonzero; a gap of 2. Lines: replica theory, N ->
infinity, at capacity. Where the constraint is not convex it is replica symmetric, an upper bound (dashed). Marks: means
of the most robust weights of 20 random instances a load, with standard errors; linear programs at N = 100 (l1, signs),
proved optima of mixed-integer programs at N = 40 (l0, gap). Left: load against robustness. Right: the fraction of zero
weights.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from convexnn import plotting
from convexnn.associative import capacity
from paper_figs.associative_models import COLOURS, MARKERS, MODELS, columns, draw_seeds, exact_optima, points

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
            name: {"load": found.load, "sparsity": found.sparsity, "is_upper_bound": bool(found.is_upper_bound.any())}
            for name, found in ((name, capacity(robustness=ROBUSTNESS, **model)) for name, model in MODELS.items())
        },
    }


def draw(table: dict[str, Any]) -> Figure:
    """Load and sparsity, side by side."""
    with plt.rc_context(plotting.STYLE):
        figure = Figure(figsize=(6.2, 2.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        for name, theory in table["theory"].items():
            line = {"color": COLOURS[name], "linestyle": "--" if theory["is_upper_bound"] else "-", "label": name}
            left.plot(table["robustness"], theory["load"], **line)
            right.plot(table["robustness"], theory["sparsity"], **line)
            found = table["data"][name]
            look = {"color": COLOURS[name], "marker": MARKERS[name]}
            points(left, found["robustness"], found["load"], found["robustness_error"], **look)
            errors = found["robustness_error"], found["sparsity_error"]
            points(right, found["robustness"], found["sparsity"], *errors, **look)
        left.set(xlabel=r"robustness $\kappa$", ylabel=r"load $\alpha$", ylim=(0, 2.05), xlim=(-0.05, 2.05))
        right.set(xlabel=r"robustness $\kappa$", ylabel="fraction of zero weights", ylim=(0, 1), xlim=(-0.05, 2.05))
        plotting.legend_above(left)
    return figure
