"""The flow of the Nile at Aswan, 1871-1970, fitted by a two-layer sign network, with the proof that no network does better.

Data: `convexnn.datasets.nile`, 100 annual volumes in 1e8 m^3. Squared loss (half the sum of squares), beta = 2000 in 1e8 m^3,
free intercept; certified to a relative gap of 1e-9. Above: data and the optimal network, one unit that switches between
1898 and 1899, the accepted change point. Below: the correlation of the dual point, which is here the residual, with a unit that
steps at t. It stays within [-beta, beta] for every t, which proves optimality, and reaches -beta at the selected switch.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import convexnn as cnn
from convexnn import datasets, plotting
from convexnn.lasso.dual_curve import DualCurve, dual_curve

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
        "fit": plotting.fit_curve(solution),
        "dual": dual_curve(solution, plotting.window(solution)),
    }


def draw(table: dict[str, Any]) -> Figure:
    """Fit above, dual certificate below."""
    with plt.rc_context(plotting.STYLE):
        figure = Figure(figsize=(5.2, 4.4), layout="constrained")
        upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 2))
        fit = plotting.Curve(**table["fit"])
        plotting.draw_fit(table["data"]["year"], table["data"]["volume"], fit, upper)
        upper.set_ylabel("annual flow ($10^8$ m$^3$)")
        before, after = fit.y[0], fit.y[-1]
        upper.annotate(
            f"{before:.0f}", (fit.x[0], before), xytext=(0, 3), textcoords="offset points", color=plotting.BLUE
        )
        upper.annotate(
            f"{after:.0f}",
            (fit.x[-1], after),
            xytext=(0, 3),
            textcoords="offset points",
            color=plotting.BLUE,
            ha="right",
        )
        plotting.draw_dual(DualCurve(**table["dual"]), lower)
        lower.set(xlabel="year ($t$: year of the step)", ylabel=f"{table['dual']['quantity']}\n($10^8$ m$^3$)")
        plotting.legend_above(upper)
        plotting.legend_above(lower)
    return figure
