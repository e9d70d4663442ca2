"""All optimal networks of one data set: the exact path in beta, with its breakpoints.

Data: `convexnn.datasets.nile`, 100 annual volumes in 1e8 m^3. Two-layer absolute-value networks, half the sum of
squares, free intercept. From beta_max, where the best network is constant, down to a hundredth of it. Above: the
coefficients of the features against beta. The fit is linear in beta between two breakpoints (dotted), where a feature
comes or goes. Below: the penalty, which rises, and the loss, which falls, as beta falls. Every network on the path is
globally optimal; the certified relative gap at the breakpoints is at most that of the title.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import convexnn as cnn
from convexnn import datasets, plotting

RANGE = 100.0
_POINTS = 500


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """Breakpoints, and what the solutions there cost; nothing is drawn at random."""
    year, volume = datasets.nile()
    problem = cnn.Problem(year, volume, 1.0, cnn.Architecture("absolute"))
    path = cnn.path(problem, beta_min=problem.beta_max / RANGE)
    betas, lines = plotting.path_lines(path)
    norms = np.array([np.abs(solution.coef).sum() for solution in path.solutions])
    objectives = np.array([solution.objective for solution in path.solutions])
    return {
        "data": {"year": year, "volume": volume},
        "betas": betas,
        "coefficients": {feature.label: np.nan_to_num(line) for feature, line in lines.items()},
        "norm": norms,
        "loss": objectives - betas * norms,
        "certified": max(solution.certificate.relative_gap for solution in path.solutions) <= 1e-9,
    }


def draw(table: dict[str, Any]) -> Figure:
    """Coefficients above, penalty and loss below."""
    betas = np.asarray(table["betas"])
    with plt.rc_context(plotting.STYLE):
        figure = Figure(figsize=(5.6, 4.6), layout="constrained")
        upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 2))
        # What is linear in beta is drawn so on a logarithmic axis.
        fine = np.geomspace(betas[-1], betas[0], _POINTS)
        for line in table["coefficients"].values():
            upper.plot(fine, np.interp(fine, betas[::-1], line[::-1]), linewidth=0.9)
        for ax in (upper, lower):
            ax.vlines(betas[1:-1], 0, 1, transform=ax.get_xaxis_transform(), color=plotting.GREY, lw=0.3, ls=":")
        upper.set(xscale="log", xlim=(betas[0], betas[-1]), ylabel="coefficient")
        gap = "certified within $10^{-9}$" if table["certified"] else "not certified"
        upper.set_title(f"{len(betas) - 1} breakpoints, {gap}", loc="left")
        lower.plot(fine, np.interp(fine, betas[::-1], table["norm"][::-1]), color=plotting.BLUE)
        lower.set_xlabel(r"$\beta$")
        lower.set_ylabel(r"penalty $\|z\|_1$", color=plotting.BLUE)
        other = lower.twinx()
        other.plot(betas, table["loss"], color=plotting.VERMILION)
        other.set_ylabel("loss", color=plotting.VERMILION)
    return figure
