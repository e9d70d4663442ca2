"""Three centuries of sunspots, and the proof of two optimal networks: a curve in a box, touched at the kinks.

Data: `convexnn.datasets.sunspots`, annual numbers; half the sum of squares, free intercept, certified to a relative gap
of 1e-10. Left: two layers of ReLU units, beta = 1e4 (years). Below the fit is the correlation of the dual point with a
unit that bends at t, one curve for units that rise to the right and one for units that rise to the left. Right: narrow
ReLU units of depth 3, which are ramps between two kinks, beta = 2e4; below is the height P(t) of which the ramp from a
to b has the correlation P(b) - P(a), so that its range is what beta bounds. No unit at any t correlates by more than
beta, which proves that no network of any width is better; the curves touch their bounds where the optimal networks
have their kinks.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import convexnn as cnn
from convexnn import datasets
from convexnn.lasso.dual_curve import DualCurve, dual_curve
from convexnn.plotting import curves, solutions, style

NETWORKS = ((2, 1e4), (3, 2e4))
"""Depth and beta."""


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """Fits and dual curves; nothing is drawn at random."""
    year, number = datasets.sunspots()
    panels = []
    for depth, beta in NETWORKS:
        problem = cnn.Problem(year, number, beta, cnn.Architecture("relu", depth))
        solution = cnn.solve(problem, tol=1e-10, on_failure="raise")
        panels.append(
            {
                "depth": depth,
                "beta": beta,
                "fit": curves.fit_curve(solution),
                "dual": dual_curve(solution, curves.window(solution)),
            }
        )
    return {"data": {"year": year, "number": number}, "panels": panels}


def draw(table: dict[str, Any]) -> Figure:
    """A column a network: the fit above, the dual curve in its box below."""
    with plt.rc_context(style.STYLE):
        figure = Figure(figsize=(7.0, 4.2), layout="constrained")
        rows = figure.subplots(2, len(table["panels"]), sharex=True, height_ratios=(3, 2))
        for (upper, lower), panel in zip(np.transpose(rows), table["panels"], strict=True):
            solutions.draw_fit(table["data"]["year"], table["data"]["number"], curves.Curve(**panel["fit"]), upper)
            upper.set_title(rf"depth {panel['depth']}, $\beta$ = {panel['beta']:.0f}", loc="right")
            solutions.draw_dual(DualCurve(**panel["dual"]), lower)
            lower.set_xlabel("year $x$; position $t$")
            style.legend_above(lower)
        rows[0][0].set_ylabel("sunspot number")
        rows[0][0].legend(loc="upper left")
        rows[1][1].set_ylabel("height $P(t)$")
    return figure
