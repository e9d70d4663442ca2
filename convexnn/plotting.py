"""Pictures: the fit with its kinks, the selected features, the dual certificate, paths, and curves of capacity.

Each picture is made in two steps: a record of numbers, and a function that draws it. The house style is `STYLE`; the
caller's rcParams stay as they are.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convexnn.dictionaries.feature import BETWEEN, COMBINATION, DATA, MIDPOINT, REFLECTION, Feature
from convexnn.errors import InputError, MissingDependencyError
from convexnn.files import write_bytes
from convexnn.lasso import path as paths
from convexnn.lasso.dual_curve import DualCurve, dual_curve
from convexnn.lasso.solution import Solution
from convexnn.validation import FloatArray, as_vector, one_of

if TYPE_CHECKING:
    from convexnn.associative.replica import Capacity

try:
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
except ModuleNotFoundError as error:
    raise MissingDependencyError("pictures need matplotlib; install it with `pip install convexnn[plot]`") from error

__all__ = ["plot_capacity", "plot_dual", "plot_features", "plot_fit", "plot_path", "plot_solution", "save"]

# From the palette of Okabe and Ito: colour-blind readers can tell them apart. Marks differ in shape as well.
BLACK, BLUE, GREEN, VERMILION, PURPLE, GREY = "#000000", "#0072B2", "#009E73", "#D55E00", "#CC79A7", "#8C8C8C"

STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-4, 7),
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "legend.columnspacing": 1.2,
    "legend.handletextpad": 0.4,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,  # outlines, which journals ask for
    "svg.hashsalt": "convexnn",
}

# How a kink is drawn, by the origin of its knot; the simplest origin first.
MARKS: dict[str, dict[str, Any]] = {
    DATA: {"label": "kink: datum", "marker": "o", "color": BLACK, "markeredgewidth": 0},
    BETWEEN: {
        "label": "switch between data",
        "marker": "o",
        "color": BLACK,
        "markerfacecolor": "white",
        "markeredgewidth": 0.8,
    },
    MIDPOINT: {"label": "midpoint", "marker": "^", "color": GREEN, "markeredgewidth": 0.8},
    REFLECTION: {"label": "mirror image", "marker": "D", "color": VERMILION, "markeredgewidth": 0},
    COMBINATION: {"label": "signed sum", "marker": "s", "color": PURPLE, "markeredgewidth": 0},
}

_ROWS_SHOWN = 8
_BETAS_SHOWN = 300
_POINTS_DRAWN = 500
_STAMPS = {".pdf": "CreationDate", ".png": "Software", ".svg": "Date"}


@dataclass(frozen=True)
class Curve:
    """A piecewise-linear or step function as a polyline, with its kinks.

    Attributes
    ----------
    label : str
    x, y : arrays
        Vertices; a jump is two vertices at one x.
    knots, heights : arrays
        The kinks: where, and the function there (halfway up a jump).
    origins : sequence of str
        As in `Feature`.
    """

    label: str
    x: FloatArray
    y: FloatArray
    knots: FloatArray
    heights: FloatArray
    origins: Sequence[str]


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
    with _styled(ax, 2.6) as styled:
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
    with _styled(ax, 0.5 + _height(curves)) as styled:
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
    with _styled(ax, 2.2) as styled:
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
    return _figure_of(panels[0])


def plot_path(path: paths.Path, *, ax: Axes | None = None) -> Axes:
    """The coefficients along beta, one line a feature, from the largest beta on the left.

    Parameters
    ----------
    path : Path
        Of more than 300 betas, 300 are read.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
    """
    betas, lines = path_lines(path)
    with _styled(ax, 2.6) as styled:
        draw_path(betas, list(lines.values()), styled)
        styled.set(xlabel="$\\beta$", ylabel="coefficient")
        if path.is_exact:
            styled.set_title(f"{path.betas.size - 1} breakpoints")
    return styled


def plot_gaps(gaps: FloatArray, against: Mapping[str, FloatArray], *, tol: float) -> Figure:
    """How far trained networks are from the global optimum: all in ascending order, and against what they are like.

    Parameters
    ----------
    gaps : (r,) array
        Certified relative gaps.
    against : mapping of str to (r,) array
        Numbers of every network, by name.
    tol : float
        Where a line is drawn.

    Returns
    -------
    Figure
    """
    # A gap below rounding has no place on a logarithmic axis.
    heights = np.maximum(gaps, np.finfo(float).eps)
    share = (np.argsort(np.argsort(heights, kind="stable")) + 1) / max(heights.size, 1)
    panels = {"share of the networks": share, **against}
    with plt.rc_context(STYLE):
        figure = Figure(figsize=(0.4 + 2 * len(panels), 2.2), layout="constrained")
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for ax, (label, values) in zip(axes, panels.items(), strict=True):
            ax.semilogy(values, heights, "o", color=BLUE, markersize=3)
            ax.axhline(tol, color=GREY, linewidth=0.8, linestyle="--")
            ax.set_xlabel(label)
        axes[0].set_ylabel("certified relative gap")
    return figure


def plot_capacity(
    curve: Capacity, over: str, values: ArrayLike, *, goal: str = "load", axes: Sequence[Axes] | None = None
) -> Figure:
    """Load, or robustness, and sparsity at capacity over one parameter, one above the other.

    The lines are dashed where the theory is not exact, and the load or the robustness is an upper bound.

    Parameters
    ----------
    curve : Capacity
        On a grid of one dimension.
    over : str
        The name of the parameter, such as "gap".
    values : (k,) array
        The parameter's values.
    goal : {"load", "robustness"}
        What is as large as possible: the load in a result of `capacity`, the robustness in a result of `robustness`.
    axes : sequence of two Axes, optional
        Where to draw; by default a new figure with one x axis.

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        For another `goal`, if the grid of `curve` does not have the shape of `values`, or if `axes` are not two.
    """
    one_of("goal", goal, ("load", "robustness"))
    places = as_vector("values", values)
    if curve.points.shape != places.shape:
        raise InputError(f"curve and values must have one shape, got {curve.points.shape} and {places.shape}")
    if axes is not None and len(axes) != 2:
        raise InputError(f"axes must be two, for {goal} and sparsity, got {len(axes)}")
    panels = _two_axes() if axes is None else axes
    with plt.rc_context(STYLE):
        for quantity, ax in zip((goal, "sparsity"), panels, strict=True):
            draw_capacity(places, getattr(curve, quantity), curve.is_upper_bound, f"the {goal} is an upper bound", ax)
            ax.set(xlabel=over.replace("_", " "), ylabel=quantity)
            ax.set_ylim(bottom=0.0)
        if axes is None:
            panels[0].set_xlabel("")
        legend_above(panels[0])
    return _figure_of(panels[0])


def save(picture: Figure | Axes, path: str | os.PathLike[str]) -> None:
    """Write a picture as PDF, PNG or SVG. The same one gives the same bytes; the file appears complete or not at all.

    Parameters
    ----------
    picture : Figure or Axes
        Axes stand for their figure.
    path : path
        Its ending names the format.

    Raises
    ------
    InputError
        For another ending, or if the file cannot be written.
    """
    ending = Path(path).suffix.lower()
    if ending not in _STAMPS:
        raise InputError(f"the name of a picture must end with {', '.join(_STAMPS)}; got {os.fspath(path)}")
    figure = picture if isinstance(picture, Figure) else _figure_of(picture)
    buffer = io.BytesIO()
    # Before it writes anything, savefig draws once without output to lay the axes out.
    laid_out = figure.canvas.mpl_connect("draw_event", lambda _: _round_positions(figure))
    with plt.rc_context(STYLE):
        figure.savefig(buffer, format=ending[1:], metadata={_STAMPS[ending]: None})
    figure.canvas.mpl_disconnect(laid_out)
    write_bytes(path, buffer.getvalue())


def fit_curve(solution: Solution) -> Curve:
    """The fitted function; a knot that features share has the simplest of their origins."""
    simplest = list(MARKS).index
    pairs = [pair for feature in solution.features for pair in zip(feature.knots, feature.origins, strict=True)]
    origins = dict(sorted(pairs, key=lambda pair: simplest(pair[1]), reverse=True))
    knots = sorted(origins)
    is_step = solution.problem.architecture.activation.is_step
    return _curve("fit", solution.predict, knots, [origins[knot] for knot in knots], is_step, window(solution))


def feature_curves(solution: Solution) -> list[Curve]:
    """The features that vary most, times their coefficients, in the order of their knots."""
    curves = [
        feature_curve(feature, z, f"{z:.4g} * {feature.label}", window(solution))
        for feature, z in zip(solution.features, solution.coef, strict=True)
    ]
    largest = sorted(curves, key=lambda curve: -np.ptp(curve.y))[:_ROWS_SHOWN]
    return sorted(largest, key=lambda curve: tuple(curve.knots))


def path_lines(path: paths.Path) -> tuple[FloatArray, dict[Feature, FloatArray]]:
    """Betas, and of every feature in use its coefficients there; 0 where it is not."""
    places = np.unique(np.linspace(0, path.betas.size - 1, _BETAS_SHOWN).astype(int))
    lines: dict[Feature, FloatArray] = {}
    for column, place in enumerate(places):
        solution = path.solutions[int(place)]
        for feature, z in zip(solution.features, solution.coef, strict=True):
            lines.setdefault(feature, np.zeros(places.size))[column] = z
    return path.betas[places], lines


def feature_curve(feature: Feature, coef: float, label: str, over: tuple[float, float]) -> Curve:
    """A feature times a coefficient, over a range of x."""

    def scaled(x: FloatArray) -> FloatArray:
        return coef * feature(x)

    return _curve(label, scaled, feature.knots, feature.origins, feature.is_step, over)


def _curve(
    label: str,
    function: Callable[[FloatArray], FloatArray],
    knots: Sequence[float],
    origins: Sequence[str],
    is_step: bool,
    over: tuple[float, float],
) -> Curve:
    """A function that is linear, or constant, between its knots."""
    vertices = np.array([over[0], *knots, over[1]])
    if is_step:
        levels = function((vertices[:-1] + vertices[1:]) / 2)
        x, y = np.repeat(vertices, 2)[1:-1], np.repeat(levels, 2)
        return Curve(label, x, y, vertices[1:-1], (levels[:-1] + levels[1:]) / 2, origins)
    y = function(vertices)
    return Curve(label, vertices, y, vertices[1:-1], y[1:-1], origins)


def window(solution: Solution) -> tuple[float, float]:
    """The range of x that shows all data and all knots, with a margin."""
    inputs = solution.problem.dictionary.inputs
    shown = [inputs[0], inputs[-1], *(knot for feature in solution.features for knot in feature.knots)]
    low, high = float(min(shown)), float(max(shown))
    margin = 0.04 * (high - low) or 1.0
    return low - margin, high + margin


def draw_fit(x: FloatArray, y: FloatArray, curve: Curve, ax: Axes) -> None:
    """Data, fit and marked kinks."""
    size = 6.0 if len(x) <= 30 else 3.0 if len(x) <= 300 else 1.5
    ax.plot(x, y, "o", color=GREY, markersize=size, markeredgewidth=0, label="data")
    ax.plot(curve.x, curve.y, color=BLUE, label=curve.label)
    mark_knots(curve, ax)


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


def draw_path(betas: FloatArray, lines: Sequence[FloatArray], ax: Axes) -> list[Line2D]:
    """Lines over a logarithmic axis of descending betas, each without what lies at zero and stays there."""
    ax.axhline(0.0, color=GREY, linewidth=0.4, zorder=0)
    # Exact paths are linear in beta, which is a curve on this axis.
    fine = np.union1d(np.geomspace(betas[-1], betas[0], _POINTS_DRAWN), betas)[::-1]
    drawn = []
    for line in lines:
        values = np.interp(fine, betas[::-1], line[::-1])
        used = np.concatenate(([False], values != 0, [False]))
        values[~(used[:-2] | used[1:-1] | used[2:])] = np.nan
        drawn += ax.plot(fine, values, color=BLUE, linewidth=0.8)
    ax.set_xscale("log")
    if betas.size > 1:
        ax.set_xlim(betas[0], betas[-1])
    return drawn


def draw_capacity(x: FloatArray, y: FloatArray, inexact: NDArray[np.bool_], caveat: str, ax: Axes) -> None:
    """A line, dashed where there is a caveat."""
    if not inexact.all():
        ax.plot(x, np.where(inexact, np.nan, y), color=BLUE, label="exact")
    if inexact.any():
        # The dashed line goes on to where the solid one begins.
        reached = inexact | np.append(inexact[1:], False) | np.append(False, inexact[:-1])
        ax.plot(x, np.where(reached, y, np.nan), color=BLUE, linestyle=(0, (4, 2)), label=caveat)


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


def legend_above(ax: Axes) -> None:
    """A legend in one row over the axes, where it covers nothing."""
    handles, labels = ax.get_legend_handles_labels()
    if handles:
        ax.legend(handles, labels, loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.2, ncols=len(handles))


def typeset(label: str) -> str:
    """A feature's label with the signs of printed mathematics."""
    for plain, printed in (
        ("-", "\N{MINUS SIGN}"),
        (" * ", " \N{MULTIPLICATION SIGN} "),
        (")+", ")\N{SUBSCRIPT PLUS SIGN}"),
    ):
        label = label.replace(plain, printed)
    return label


@contextmanager
def _styled(ax: Axes | None, height: float) -> Iterator[Axes]:
    """The given axes, or those of a new figure, in the house style."""
    # The figure comes first: with it pyplot loads its backend, whose settings must outlive the style's context.
    figure = plt.figure(figsize=(5.5, height), layout="constrained") if ax is None else None
    with plt.rc_context(STYLE):
        yield figure.add_subplot() if figure else ax  # type: ignore[misc]  # one of the two is there


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


def _two_axes() -> Sequence[Axes]:
    figure = plt.figure(figsize=(5.5, 4.0), layout="constrained")
    with plt.rc_context(STYLE):
        panels: Sequence[Axes] = figure.subplots(2, sharex=True)
    return panels


def _round_positions(figure: Figure) -> None:
    """Forget the last digits of where axes are: constrained layout adds in the order of memory addresses."""
    for ax in figure.axes:
        is_in_layout = ax.get_in_layout()
        ax.set_position(tuple(np.round(ax.get_position(original=True).bounds, 9)))
        ax.set_in_layout(is_in_layout)  # set_position takes it out


def _figure_of(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert figure is not None  # of axes that have been drawn on
    return figure


def _height(curves: Sequence[Curve]) -> float:
    """Inches that rows with readable labels need."""
    return 0.3 + 0.4 * max(len(curves), 1)
