"""Pictures of a solution: the fit with its kinks, the selected features, the dual certificate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convexnn.errors import InputError
from convexnn.lasso.dual_curve import DualCurve, dual_curve
from convexnn.lasso.solution import Solution
from convexnn.plotting.curves import Curve, feature_curves, fit_curve, window
from convexnn.plotting.style import (
    BLACK,
    BLUE,
    GREY,
    MARKS,
    STYLE,
    VERMILION,
    figure_of,
    in_house_style,
    legend_above,
    typeset,
)
from convexnn.validation import FloatArray


def plot_fit(solution: Solution, *, ax: Axes | None = None) -> Axes:
    """The data and the fitted function, its kinks marked by where they come from.

    Parameters
    ----------
    solution : Solution
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
    """
    with in_house_style(ax, 2.6) as styled:
        draw_fit(solution.problem.x, solution.problem.y, fit_curve(solution), styled)
        styled.set(xlabel="x", ylabel="y")
        legend_above(styled)
    return styled


def plot_features(solution: Solution, *, ax: Axes | None = None) -> Axes:
    """The selected features times their coefficients, one above the other on one scale.

    Parameters
    ----------
    solution : Solution
        Of more than 8 features, the 8 that vary most are drawn.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
    """
    curves = feature_curves(solution)
    with in_house_style(ax, 0.5 + _height(curves)) as styled:
        draw_features(curves, styled)
        styled.set(xlabel="x", ylabel="coefficient\n$\\times$ feature")
        if len(curves) < len(solution.features):
            styled.set_title(f"the {len(curves)} largest of {len(solution.features)} features")
    return styled


def plot_dual(solution: Solution, *, ax: Axes | None = None) -> Axes:
    """The dual certificate as curves between their bounds, which they touch at the selected features.

    Parameters
    ----------
    solution : Solution
        Its architecture decides what is drawn; the axis label says it, `convexnn.lasso.dual_curve` in full.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
    """
    with in_house_style(ax, 2.2) as styled:
        draw_dual(dual_curve(solution, window(solution)), styled)
        legend_above(styled)
    return styled


def plot_solution(solution: Solution, *, axes: Sequence[Axes] | None = None) -> Figure:
    """Fit, features and dual certificate, one above the other.

    Parameters
    ----------
    solution : Solution
    axes : sequence of three Axes, optional
        Where to draw; by default a new figure with a headline and one x axis.

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        If `axes` are not three.
    """
    if axes is not None and len(axes) != 3:
        raise InputError(f"axes must be three, for fit, features and dual, got {len(axes)}")
    panels = _three_axes(solution) if axes is None else axes
    for plot, ax in zip((plot_fit, plot_features, plot_dual), panels, strict=True):
        plot(solution, ax=ax)
    if axes is None:
        panels[0].set_xlabel("")
        panels[1].set_xlabel("")
    return figure_of(panels[0])


def draw_fit(x: FloatArray, y: FloatArray, curve: Curve, ax: Axes) -> None:
    """Data, fit and marked kinks."""
    size = 6.0 if len(x) <= 30 else 3.0 if len(x) <= 300 else 1.5
    ax.plot(x, y, "o", color=GREY, markersize=size, markeredgewidth=0, label="data")
    ax.plot(curve.x, curve.y, color=BLUE, label=curve.label)
    mark_knots(curve, ax)


def draw_features(curves: Sequence[Curve], ax: Axes) -> None:
    """Curves one above the other on one scale, each with its label above it and its zero at a tick."""
    if not curves:
        ax.text(0.5, 0.5, "no features: the fit is constant", transform=ax.transAxes, ha="center", va="center")
        ax.set_yticks([])
        return
    # Rows of height 1: the curve with the largest range takes half of its row, and the labels stand above.
    spans = [(min(0.0, *curve.y), max(0.0, *curve.y)) for curve in curves]
    scale = 0.5 / (max(high - low for low, high in spans) or 1.0)
    ticks: dict[float, str] = {}
    for row, (curve, (low, high)) in enumerate(zip(reversed(curves), reversed(spans), strict=True)):
        zero = row + 0.25 - scale * (low + high) / 2
        ax.axhline(zero, color=GREY, linewidth=0.4, zorder=0)
        ax.plot(curve.x, zero + scale * np.asarray(curve.y), color=BLUE)
        mark_knots(curve, ax, size=3.5, zero=zero, scale=scale)
        text = ax.text(0.01, row + 0.63, typeset(curve.label), transform=ax.get_yaxis_transform(), fontsize=7)
        text.set_in_layout(False)
        ticks[zero] = "0"
        extreme = max(low, high, key=abs)
        if scale * abs(extreme) > 0.25:  # far enough from the tick at zero
            ticks[zero + scale * extreme] = typeset(f"{extreme:.4g}")
    ax.set_yticks(list(ticks), list(ticks.values()))
    ax.set_ylim(-0.1, len(curves))


def draw_dual(dual: DualCurve, ax: Axes) -> None:
    """Curves between their bounds, with the selected features on them."""
    for name, bound in dual.bounds.items():
        ax.axhline(bound, color=VERMILION, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
        ax.annotate(name, (1.01, bound), xycoords=ax.get_yaxis_transform(), va="center", color=VERMILION)
    for k, (t, value) in enumerate(dual.curves):
        look: dict[str, Any] = {"label": dual.names[k], "linestyle": "-:"[k]} if dual.names else {"linewidth": 0.9}
        ax.plot(t, value, color=BLUE, **look)
    if len(dual.selected_t):
        ax.plot(dual.selected_t, dual.selected_value, "o", color=BLACK, label="selected feature")
    ax.set(xlabel="position $t$ along $x$", ylabel=dual.quantity)


def mark_knots(curve: Curve, ax: Axes, *, size: float = 4.5, zero: float = 0.0, scale: float = 1.0) -> None:
    """One mark a knot, its shape and colour by origin, at the height zero + scale * curve."""
    for origin, look in MARKS.items():
        places = [
            (t, zero + scale * y)
            for t, y, o in zip(curve.knots, curve.heights, curve.origins, strict=True)
            if o == origin
        ]
        if places:
            ax.plot(*zip(*places, strict=True), linestyle="none", markersize=size, zorder=3, **look)


def _three_axes(solution: Solution) -> Sequence[Axes]:
    heights = (2.4, _height(feature_curves(solution)), 1.8)
    figure = plt.figure(figsize=(5.5, sum(heights) + 1.0), layout="constrained")
    with plt.rc_context(STYLE):
        panels = figure.subplots(3, sharex=True, height_ratios=heights)
    problem, proof = solution.problem, solution.certificate
    headline = (
        f"{problem.architecture.label}; {problem.loss.name} loss, β = {problem.beta:g}\n"
        f"objective {solution.objective:.6g}, {solution.status}: relative gap {proof.relative_gap:.1g}"
    )
    figure.suptitle(headline, x=0.01, ha="left", fontsize=8)
    return list(panels)


def _height(curves: Sequence[Curve]) -> float:
    """Inches that rows with readable labels need."""
    return 0.3 + 0.4 * max(len(curves), 1)
