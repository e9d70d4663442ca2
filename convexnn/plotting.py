"""Pictures: the fit with its kinks, the selected features, and the dual certificate.

Each picture is made in two steps: a record of numbers (`FitCurve`, `FeatureCurve`, `DualCurve`), and a function that
draws it. The house style is in `STYLE`; the caller's rcParams stay as they are.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convexnn.dictionaries.feature import BETWEEN, COMBINATION, DATA, MIDPOINT, REFLECTION, Feature
from convexnn.dictionaries.kinks import kink_feature
from convexnn.dictionaries.moments import DistanceMoment, one_sided_moments
from convexnn.dictionaries.steps import step_feature
from convexnn.errors import InputError, MissingDependencyError
from convexnn.files import write_bytes
from convexnn.lasso.solution import Solution
from convexnn.validation import FloatArray

try:
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
except ModuleNotFoundError as error:
    raise MissingDependencyError("pictures need matplotlib; install it with `pip install convexnn[plot]`") from error

__all__ = ["plot_dual", "plot_features", "plot_fit", "plot_solution", "save"]

# Okabe and Ito's palette: told apart by colour-blind readers, and in grey by the shapes of the marks.
BLACK, BLUE, ORANGE, GREEN, VERMILION, PURPLE, GREY = (
    "#000000",
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#8C8C8C",
)

STYLE = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.5,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "legend.columnspacing": 1.4,
    "legend.handletextpad": 0.5,
    "savefig.dpi": 200,
}

# How a kink is drawn, by the origin of its knot; from the simplest origin to the least simple.
MARKS = {
    DATA: {"label": "kink at datum", "marker": "o", "color": BLACK},
    BETWEEN: {"label": "switch between data", "marker": "o", "color": BLACK, "markerfacecolor": "white"},
    MIDPOINT: {"label": "at midpoint", "marker": "^", "color": GREEN},
    REFLECTION: {"label": "at mirror image", "marker": "D", "color": VERMILION},
    COMBINATION: {"label": "at signed sum", "marker": "s", "color": PURPLE},
}

_ROWS_SHOWN = 8


@dataclass(frozen=True)
class FitCurve:
    """A fitted function as a polyline, with its data and kinks; all in the caller's units.

    Attributes
    ----------
    x_data, y_data : (n,) arrays
    x, y : arrays
        Vertices of the fit; a jump is two vertices at one x.
    knots, heights : arrays
        The kinks: where, and the fit there (halfway up a jump).
    origins : sequence of str
        As in `Feature`.
    """

    x_data: FloatArray
    y_data: FloatArray
    x: FloatArray
    y: FloatArray
    knots: FloatArray
    heights: FloatArray
    origins: Sequence[str]


@dataclass(frozen=True)
class FeatureCurve:
    """A feature times its coefficient, as `FitCurve` describes a fit."""

    label: str
    x: FloatArray
    y: FloatArray
    knots: FloatArray
    heights: FloatArray
    origins: Sequence[str]


@dataclass(frozen=True)
class DualCurve:
    """The dual certificate as functions of a position t along x.

    Attributes
    ----------
    curves : sequence of (t, value)
        Polylines, as pairs of arrays.
    names : sequence of str
        What each curve belongs to; empty if `quantity` says it.
    quantity : str
        What is drawn.
    bound : float
        What no curve may exceed in modulus.
    bound_name : str
    selected_t, selected_value : arrays
        Where the selected features lie on the curves.
    """

    curves: Sequence[tuple[FloatArray, FloatArray]]
    names: Sequence[str]
    quantity: str
    bound: float
    bound_name: str
    selected_t: FloatArray
    selected_value: FloatArray


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
    with plt.rc_context(STYLE):
        ax = _own_axes(ax, 2.6)
        draw_fit(fit_curve(solution), ax)
        ax.set(xlabel="x", ylabel="y")
        legend_above(ax)
    return ax


def plot_features(solution: Solution, *, ax: Axes | None = None) -> Axes:
    """The selected features times their coefficients, one above the other on one scale.

    Parameters
    ----------
    solution : Solution
        Of more than 8 features, the 8 that vary most over the picture are drawn.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
    """
    with plt.rc_context(STYLE):
        ax = _own_axes(ax, 0.8 + 0.4 * min(len(solution.features), _ROWS_SHOWN))
        curves = feature_curves(solution)
        draw_features(curves, ax)
        ax.set(xlabel="x", ylabel="coefficient × feature")
        if len(curves) < len(solution.features):
            ax.set_title(f"the {len(curves)} largest of {len(solution.features)} features")
    return ax


def plot_dual(solution: Solution, *, ax: Axes | None = None) -> Axes:
    """The dual certificate: curves that no unit can lift above beta, and that touch it at the selected features.

    With the dual point th of the certificate, and biases being free, drawn is

    - two layers, and one switch: the correlation of th with the unit that bends, or steps, at t;
    - narrow ReLU of depth >= 3: the height P(t) of which a ramp from a to b has the correlation P(b) - P(a). Its range is at
      most beta, and it is centred: within [-beta / 2, beta / 2];
    - other units: the correlation of each selected feature, moved along x so that its centre (of a switching pattern: its
      first switch) is at t. It touches the bound where the feature was selected.

    Parameters
    ----------
    solution : Solution
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
    """
    with plt.rc_context(STYLE):
        ax = _own_axes(ax, 2.2)
        draw_dual(dual_curve(solution), ax)
        legend_above(ax)
    return ax


def plot_solution(solution: Solution, *, axes: Sequence[Axes] | None = None) -> Figure:
    """Fit, features and dual certificate over one x axis.

    Parameters
    ----------
    solution : Solution
    axes : sequence of three Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        If `axes` are not three.
    """
    with plt.rc_context(STYLE):
        if axes is None:
            rows = 0.5 + 0.38 * min(max(len(solution.features), 1), _ROWS_SHOWN)
            heights = (2.4, rows, 1.8)
            figure, grid = plt.subplots(
                3, figsize=(5.5, sum(heights) + 1.2), sharex=True, height_ratios=heights, layout="constrained"
            )
            axes = list(grid)
            figure.suptitle(_headline(solution), x=0.01, ha="left", fontsize=8)
        if len(axes) != 3:
            raise InputError(f"axes must be three, for fit, features and dual, got {len(axes)}")
        plot_fit(solution, ax=axes[0])
        plot_features(solution, ax=axes[1])
        plot_dual(solution, ax=axes[2])
    root = axes[0].figure.get_figure(root=True)
    assert root is not None  # of axes that have been drawn on
    return root


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure as PDF, PNG or SVG: the same figure gives the same bytes, and the file appears complete or not
    at all.

    Parameters
    ----------
    figure : Figure
    path : path
        Its ending names the format.

    Raises
    ------
    InputError
        For another ending, or if the file cannot be written.
    """
    ending = Path(path).suffix.lower()
    stamps = {".pdf": "CreationDate", ".png": "Software", ".svg": "Date"}
    if ending not in stamps:
        raise InputError(f"a picture's name must end with {', '.join(stamps)}; got {os.fspath(path)}")
    buffer = io.BytesIO()
    with plt.rc_context({**STYLE, "svg.hashsalt": "convexnn"}):
        figure.savefig(buffer, format=ending[1:], metadata={stamps[ending]: None})
    write_bytes(path, buffer.getvalue())


def fit_curve(solution: Solution) -> FitCurve:
    """The numbers of `plot_fit`."""
    problem = solution.problem
    origins = _knot_origins(solution.features)
    knots = np.array(sorted(origins))
    is_step = problem.architecture.activation.is_step
    x, y = _polyline(solution.predict, knots, _window(solution), is_step)
    heights = _heights(solution.predict, knots, is_step)
    return FitCurve(problem.x, problem.y, x, y, knots, heights, [origins[knot] for knot in knots])


def feature_curves(solution: Solution) -> list[FeatureCurve]:
    """The numbers of `plot_features`, in the order of the features' knots."""
    window = _window(solution)
    curves = [
        feature_curve(feature, z, window, f"{z:.4g} × {feature.label}")
        for feature, z in zip(solution.features, solution.coef, strict=True)
    ]
    largest = sorted(curves, key=lambda curve: -np.ptp(curve.y))[:_ROWS_SHOWN]
    return sorted(largest, key=lambda curve: tuple(curve.knots))


def feature_curve(feature: Feature, coef: float, window: tuple[float, float], label: str) -> FeatureCurve:
    """A feature times a coefficient, over a window of x."""

    def scaled(x: FloatArray) -> FloatArray:
        return coef * feature(x)

    knots = np.array(feature.knots)
    x, y = _polyline(scaled, knots, window, feature.is_step)
    return FeatureCurve(label, x, y, knots, _heights(scaled, knots, feature.is_step), feature.origins)


def dual_curve(solution: Solution) -> DualCurve:
    """The numbers of `plot_dual`."""
    problem, architecture = solution.problem, solution.problem.architecture
    inputs = problem.dictionary.inputs
    totals = problem.rows.totals(solution.certificate.dual_point[problem.rows.order])
    if architecture.activation.name == "relu" and architecture.form == "narrow" and architecture.depth > 2:
        return _height_curve(solution, inputs, totals)
    shapes, names, quantity = _movable_shapes(solution, totals)
    curves = [_moved_correlation(feature, inputs, totals, _window(solution)) for feature in shapes]
    at = np.array([_centre(feature) for feature in solution.features])
    values = np.array([feature(inputs) @ totals for feature in solution.features])
    return DualCurve(curves, names, quantity, problem.beta, "β", at, values)


def _height_curve(solution: Solution, inputs: FloatArray, totals: FloatArray) -> DualCurve:
    """The height P with <ramp from a to b, th> = P(b) - P(a), its range centred at zero."""
    height = -one_sided_moments(inputs, totals)[1]
    height -= (height.min() + height.max()) / 2
    low, high = _window(solution)  # P is constant beyond the data
    curve = np.array([low, *inputs, high]), np.concatenate((height[:1], height, height[-1:]))
    at = np.array(sorted({knot for feature in solution.features for knot in feature.knots}))
    quantity = "height P(t): a ramp from a to b\ncorrelates by P(b) − P(a)"
    return DualCurve([curve], [], quantity, solution.problem.beta / 2, "β/2", at, np.interp(at, inputs, height))


def _movable_shapes(solution: Solution, totals: FloatArray) -> tuple[list[Feature], list[str], str]:
    """The features to move along x: every unit is one of them, moved, if there is one kink; else the selected ones."""
    problem, architecture = solution.problem, solution.problem.architecture
    sigma, start = architecture.activation, float(problem.dictionary.inputs[0])
    if architecture.switches == 1:
        step = "sign(x − t)" if sigma.name == "sign" else "1{x ≥ t}"
        return [step_feature(architecture, (start,))], [], f"correlation of {step}"
    if architecture.depth == 2 and sigma.is_even:
        return [kink_feature(architecture, start, 1)], [], "correlation of |x − t|"
    if architecture.depth == 2:
        names = ["(x − t)₊", "(t − x)₊"] if sigma.name == "relu" else ["σ(x − t)", "σ(t − x)"]
        return [kink_feature(architecture, start, sign) for sign in (1, -1)], names, "correlation of a kink at t"
    shown = sorted(solution.features, key=lambda feature: -abs(feature(problem.dictionary.inputs) @ totals))
    if not shown and problem.dictionary.n_features:
        shown = [problem.dictionary.max_input_correlation(totals)[1]]
    place = "first switch" if architecture.activation.is_step else "centre"
    return shown, [], f"correlation of each feature,\nmoved to {place} t"


def _centre(feature: Feature) -> float:
    """The first kink of the unit's innermost neuron: the centre of symmetry of an even unit."""
    return feature.offsets[0] if feature.offsets else feature.knots[0]


def _moved_correlation(
    feature: Feature, inputs: FloatArray, totals: FloatArray, window: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Vertices of ``t -> <feature moved so that its centre is at t, th>``, for th that sums to zero.

    A feature is, up to a constant, a sum of half its changes of slope (or jumps) times ``|x - knot|`` (or ``sign(x - knot)``)
    and a line. So its correlation is a sum of those of single kinks, or steps.
    """
    reach = np.asarray(feature.knots) - _centre(feature)
    t = np.unique((inputs[:, None] - reach).ravel())
    t = np.concatenate(([window[0]], t[(t > window[0]) & (t < window[1])], [window[1]]))
    if feature.is_step:
        middles = (t[:-1] + t[1:]) / 2
        before = np.concatenate(([0.0], np.cumsum(totals)))
        steps = before[np.searchsorted(inputs, middles[:, None] + reach)]
        return np.repeat(t, 2)[1:-1], np.repeat(-steps @ np.diff(feature.levels), 2)
    moment = DistanceMoment(inputs, totals)
    line = 0.5 * (feature.slopes[0] + feature.slopes[-1]) * (inputs @ totals)
    return t, line + 0.5 * moment(t[:, None] + reach) @ np.diff(feature.slopes)


def _window(solution: Solution) -> tuple[float, float]:
    """The x range of the pictures: all data and knots, with a margin."""
    inputs = solution.problem.dictionary.inputs
    shown = [inputs[0], inputs[-1], *(knot for feature in solution.features for knot in feature.knots)]
    low, high = float(min(shown)), float(max(shown))
    margin = 0.04 * (high - low) or 1.0
    return low - margin, high + margin


def _knot_origins(features: Sequence[Feature]) -> dict[float, str]:
    """Where each knot comes from; the simplest origin where features share a knot."""
    order = list(MARKS)
    pairs = [pair for feature in features for pair in zip(feature.knots, feature.origins, strict=True)]
    return dict(sorted(pairs, key=lambda pair: -order.index(pair[1])))


def _polyline(
    function: Callable[[FloatArray], FloatArray], knots: FloatArray, window: tuple[float, float], is_step: bool
) -> tuple[FloatArray, FloatArray]:
    """The vertices of a function that is linear, or constant, between the knots."""
    vertices = np.array([window[0], *knots, window[1]])
    if not is_step:
        return vertices, function(vertices)
    levels = function((vertices[:-1] + vertices[1:]) / 2)
    return np.repeat(vertices, 2)[1:-1], np.repeat(levels, 2)


def _heights(function: Callable[[FloatArray], FloatArray], knots: FloatArray, is_step: bool) -> FloatArray:
    """Where the marks of the knots are drawn."""
    if knots.size == 0:
        return knots
    if not is_step:
        return function(knots)
    return (function(knots) + function(np.nextafter(knots, -np.inf))) / 2


def draw_fit(curve: FitCurve, ax: Axes) -> None:
    """Data, fit and marked kinks."""
    size = 5.0 if len(curve.x_data) <= 30 else 3.0 if len(curve.x_data) <= 300 else 1.5
    ax.plot(curve.x_data, curve.y_data, "o", color=GREY, markersize=size, markeredgewidth=0, label="data")
    ax.plot(curve.x, curve.y, color=BLUE, label="fit")
    mark_knots(curve.knots, curve.heights, curve.origins, ax)


def mark_knots(knots: FloatArray, heights: FloatArray, origins: Sequence[str], ax: Axes, size: float = 4.5) -> None:
    """One mark a knot, its shape and colour by origin."""
    for origin, look in MARKS.items():
        chosen = [k for k, given in enumerate(origins) if given == origin]
        if chosen:
            at, height = np.asarray(knots)[chosen], np.asarray(heights)[chosen]
            ax.plot(at, height, linestyle="none", markersize=size, zorder=3, **look)  # type: ignore[arg-type]


def draw_features(curves: Sequence[FeatureCurve], ax: Axes) -> None:
    """Curves one above the other on one scale, each with its label above it and its zero at a tick."""
    if not curves:
        ax.text(0.5, 0.5, "no features: the fit is constant", transform=ax.transAxes, ha="center", va="center")
        ax.set_yticks([])
        return
    # Rows of height 1: 0.6 for the curve with the largest range, the rest for the label.
    scale = 0.6 / (max(float(np.ptp([0.0, *curve.y])) for curve in curves) or 1.0)
    ticks: dict[float, str] = {}
    for row, curve in enumerate(reversed(curves)):
        y, heights = scale * np.asarray(curve.y), scale * np.asarray(curve.heights)
        zero = row - min(y.min(), 0.0)
        ax.axhline(zero, color=GREY, linewidth=0.4, zorder=0)
        ax.plot(curve.x, zero + y, color=BLUE)
        mark_knots(curve.knots, zero + heights, curve.origins, ax, size=3.5)
        text = ax.annotate(
            _typeset(curve.label),
            (0.01, zero + max(y.max(), 0.0)),
            xycoords=ax.get_yaxis_transform(),
            xytext=(0, 3.5),
            textcoords="offset points",
            fontsize=7,
        )
        text.set_in_layout(False)
        extreme = y[np.argmax(np.abs(y))]
        ticks[zero] = "0"
        if abs(extreme) > 0.3:
            ticks[zero + extreme] = _typeset(f"{extreme / scale:.3g}")
    ax.set_yticks(list(ticks), list(ticks.values()))
    ax.set_ylim(-0.15, len(curves))


def draw_dual(curve: DualCurve, ax: Axes) -> None:
    """The curves between their bounds, with the selected features on them."""
    for sign, name in ((1, ""), (-1, "−")):
        ax.axhline(sign * curve.bound, color=VERMILION, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
        ax.annotate(
            name + curve.bound_name,
            (1.01, sign * curve.bound),
            xycoords=ax.get_yaxis_transform(),
            va="center",
            color=VERMILION,
        )
    for k, (t, value) in enumerate(curve.curves):
        look = {"label": curve.names[k], "linestyle": ("-", ":")[k]} if curve.names else {"linewidth": 0.9}
        ax.plot(t, value, color=BLUE, **look)
    ax.plot(curve.selected_t, curve.selected_value, "o", color=BLACK, label="selected")
    ax.set(xlabel="position t along x", ylabel=curve.quantity)


def legend_above(ax: Axes) -> None:
    """A legend in one row over the axes, where it covers nothing."""
    handles, labels = ax.get_legend_handles_labels()
    if handles:
        ax.legend(handles, labels, loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.2, ncols=len(handles))


def _typeset(label: str) -> str:
    """A label with the signs of printed mathematics."""
    return label.replace("-", "−").replace(")+", ")₊")


def _own_axes(ax: Axes | None, height: float) -> Axes:
    return plt.subplots(figsize=(5.5, height), layout="constrained")[1] if ax is None else ax


def _headline(solution: Solution) -> str:
    problem, proof = solution.problem, solution.certificate
    return (
        f"{problem.architecture.label}; {problem.loss.name} loss, β = {problem.beta:g}\n"
        f"objective {solution.objective:.6g}, {solution.status} within {proof.relative_gap:.1g} of the global optimum"
    )
