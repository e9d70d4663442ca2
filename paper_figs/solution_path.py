"""All optimal networks of one data set: the exact path in beta, with its breakpoints.

Data: `convexnn.datasets.nile`, 100 annual volumes in 1e8 m^3. Two-layer absolute-value networks, half the sum of
squares, free intercept. From beta_max, where the best network is constant, down to a hundredth of it. Above: the
coefficients of the features against beta, coloured by the year of their kink. The fit is linear in beta between two
breakpoints (dotted), where a feature comes or goes. Below: the penalty, which rises, and the loss, which falls, as beta
falls. Every network on the path is globally optimal; the certified relative gap at the breakpoints is at most that of
the title.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

import convexnn as cnn
from convexnn import datasets
from convexnn.plotting import paths, style

RANGE = 100.0
_POINTS = 500


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """Breakpoints, and what the solutions there cost; nothing is drawn at random."""
    year, volume = datasets.nile()
    problem = cnn.Problem(year, volume, 1.0, cnn.Architecture("absolute"))
    path = cnn.path(problem, beta_min=problem.beta_max / RANGE)
    betas, lines = paths.path_lines(path)
    norms = np.array([np.abs(solution.coef).sum() for solution in path.solutions])
    objectives = np.array([solution.objective for solution in path.solutions])
    return {
        "data": {"year": year, "volume": volume},
        "betas": betas,
        "kinks": [feature.knots[0] for feature in lines],
        "coefficients": list(lines.values()),
        "norm": norms,
        "loss": objectives - betas * norms,
        "certified": max(solution.certificate.relative_gap for solution in path.solutions) <= 1e-9,
    }


def draw(table: dict[str, Any]) -> Figure:
    """Coefficients above, penalty and loss below."""
    betas = np.asarray(table["betas"])
    with plt.rc_context(style.STYLE):
        figure = Figure(figsize=(5.6, 4.6), layout="constrained")
        upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 2))
        for ax in (upper, lower):
            ax.vlines(betas[1:-1], 0, 1, transform=ax.get_xaxis_transform(), color=style.GREY, lw=0.3, ls=":")
        year = table["data"]["year"]
        colours = ScalarMappable(Normalize(year[0], year[-1]), "viridis")
        lines = paths.draw_path(betas, table["coefficients"], upper)
        for line, kink in zip(lines, table["kinks"], strict=True):
            line.set(color=colours.to_rgba(kink), linewidth=1.0)
        scale = upper.inset_axes((0.05, 0.2, 0.35, 0.04))
        figure.colorbar(colours, scale, orientation="horizontal", label="year of the kink")
        upper.set_ylabel("coefficient")
        gap = "certified within $10^{-9}$" if table["certified"] else "not certified"
        upper.set_title(f"{len(betas) - 1} breakpoints, {gap}")
        # Between breakpoints the penalty is linear in beta, and the loss in beta squared.
        fine = np.geomspace(betas[-1], betas[0], _POINTS)
        lower.plot(fine, np.interp(fine, betas[::-1], table["norm"][::-1]), color=style.BLUE)
        lower.set_xlabel(r"$\beta$")
        lower.set_ylabel(r"penalty $\|z\|_1$", color=style.BLUE)
        other = lower.twinx()
        other.plot(fine, np.interp(fine**2, betas[::-1] ** 2, table["loss"][::-1]), color=style.VERMILION)
        other.set_ylabel("loss", color=style.VERMILION)
    return figure
