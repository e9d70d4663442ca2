"""The flow of the Nile at Aswan, 1871-1970, and the proof that no sign network of two layers fits it better.

Data: `convexnn.datasets.nile`, 100 annual volumes in 1e8 m^3. Squared loss (half the sum of squares), beta = 2000 in
1e8 m^3, free intercept; certified to a relative gap of 1e-9. Above: the data and the optimal network, a single unit
that switches between 1898 and 1899, the accepted change point; the numbers are its two levels. Below: the correlation
of the dual point, here the residual, with a unit that steps at t. It stays within [-beta, beta] for every t, which
proves optimality, and reaches -beta at the selected switch.
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

BETA = 2000.0


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """The fit and its dual certificate; nothing is drawn at random."""
    year, volume = datasets.nile()
    problem = cnn.Problem(year, volume, BETA, cnn.Architecture("sign"))
    solution = cnn.solve(problem, tol=1e-9, on_failure="raise")
    return {
        "data": {"year": year, "volume": volume},
        "coef": solution.coef,
        "intercept": solution.intercept,
        "objective": solution.objective,
        "fit": curves.fit_curve(solution),
        "dual": dual_curve(solution, curves.window(solution)),
    }


def draw(table: dict[str, Any]) -> Figure:
    """Fit above, dual certificate below."""
    fit = curves.Curve(**table["fit"])
    with plt.rc_context(style.STYLE):
        figure = Figure(figsize=(5.2, 4.4), layout="constrained")
        upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 2))
        solutions.draw_fit(table["data"]["year"], table["data"]["volume"], fit, upper)
        for end, align in ((0, "left"), (-1, "right")):
            upper.annotate(
                f"{fit.y[end]:.0f}",
                (fit.x[end], fit.y[end]),
                xytext=(0, -3),
                textcoords="offset points",
                ha=align,
                va="top",
                color=style.BLUE,
            )
        upper.set_ylabel("annual flow ($10^8$ m$^3$)")
        solutions.draw_dual(DualCurve(**table["dual"]), lower)
        lower.set(xlabel="year $x$; year $t$ of the step", ylabel=f"{table['dual']['quantity']}\n($10^8$ m$^3$)")
        style.legend_above(upper)
        style.legend_above(lower)
    return figure
