"""The weights of the most robust solutions: theory, and histograms over random instances.

Load 0.6, activity 1/2, threshold 0. From left to right: l1 norm only; at most 30% of the weights nonzero; a gap of 2.
Lines: replica theory of arXiv:2409.04946, truncated Gaussians, for the last two replica symmetric. Bars: the nonzero
weights of proved optima; 20 instances of N = 200 (l1), 60 of N = 40 (l0, gap). Densities are per unit of weight, of
all weights, and those at zero and at the ends of the gap are left out: the titles say which fraction they are. Dotted:
the ends of the theory's hole, into which weights reach at finite N for l0.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from convexnn.associative import robustness
from convexnn.associative.experiments import grid
from convexnn.associative.learn import learn
from convexnn.plotting import style
from paper_figs.associative_models import COLOURS, MODELS, draw_seeds

LOAD = 0.6
SHOWN = {"l1": (200, 20), "l1 + l0": (40, 60), "l1 + gap": (40, 60)}
EDGES = np.linspace(-7, 7, 57)
W = np.linspace(-7, 7, 281)


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """Histograms of weights, and the laws of the theory."""
    return {
        "data": {name: histogram(draw_seeds(rng, n_seeds), n, **MODELS[name]) for name, (n, n_seeds) in SHOWN.items()},
        "edges": EDGES,
        "w": W,
        "theory": {
            name: {"density": found.weight_density(W), "atoms": found.atoms, "hole": found.hole}
            for name, found in ((name, robustness(LOAD, **MODELS[name])) for name in SHOWN)
        },
    }


def histogram(seeds: list[int], n_inputs: int, **constraint: float) -> dict[str, Any]:
    """The density of the weights that are neither zero nor at an end of the gap, and the fractions of the others."""
    found = []
    for point in grid(n_inputs=n_inputs, load=LOAD, seed=seeds, **constraint):
        learned = learn(point.associations(), density=point.density, gap=point.gap)
        assert learned.status == "optimal"
        found.append(learned.weights)
    weights = np.concatenate(found)
    gap = constraint.get("gap", 0.0)
    parked = np.abs(np.abs(weights) - gap) <= 1e-6  # 10 times what the linear programs' tolerance leaves of equality
    free = weights[~parked & (weights != 0)]
    ends = [-gap, 0.0, gap] if gap > 0 else [0.0]
    fractions = [
        float(np.mean(weights == 0 if end == 0 else parked & (np.sign(weights) == np.sign(end)))) for end in ends
    ]
    counts, _ = np.histogram(free, EDGES)
    return {"density": counts / (weights.size * np.diff(EDGES)), "atoms": list(zip(ends, fractions, strict=True))}


def draw(table: dict[str, Any]) -> Figure:
    """One panel a model; the fractions of the atoms are in its title."""
    with plt.rc_context(style.STYLE):
        figure = Figure(figsize=(6.8, 2.7), layout="constrained")
        panels = figure.subplots(1, 3, sharey=True)
        for ax, (name, theory) in zip(panels, table["theory"].items(), strict=True):
            found, (n_inputs, _) = table["data"][name], SHOWN[name]
            ax.stairs(found["density"], table["edges"], fill=True, color="#D0D0D0", label="found")
            ax.plot(table["w"], theory["density"], color=COLOURS[name], label="theory")
            if theory["hole"] > 0:
                for end in (-theory["hole"], theory["hole"]):
                    ax.axvline(end, color=style.GREY, linewidth=0.6, linestyle=":")
            ax.set(xlabel="weight $J$", xlim=(EDGES[0], EDGES[-1]), ylim=(0, None))
            ax.set_title("\n".join((f"{name}, N = {n_inputs}", *_fractions(found["atoms"], theory["atoms"]))))
        panels[0].set_ylabel("density per unit of weight")
        panels[0].legend(loc="upper left")
    return figure


def _fractions(found: list[list[float]], theory: list[list[float]]) -> list[str]:
    """The fraction at zero, and that at both ends of the gap, in words."""
    middle = len(theory) // 2
    lines = [f"$J$ = 0: {found[middle][1]:.3f} (theory {theory[middle][1]:.3f})"]
    if middle:
        ends = [sum(share for end, share in atoms if end != 0) for atoms in (found, theory)]
        lines.append(rf"$J = \pm{theory[-1][0]:g}$: {ends[0]:.3f} (theory {ends[1]:.3f})")
    return lines
