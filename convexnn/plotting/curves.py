"""The functions in a picture, as polylines with their kinks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from convexnn.dictionaries.feature import Feature
from convexnn.lasso.solution import Solution
from convexnn.plotting.style import MARKS
from convexnn.validation import FloatArray

_ROWS_SHOWN = 8


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


def feature_curve(feature: Feature, coef: float, label: str, over: tuple[float, float]) -> Curve:
    """A feature times a coefficient, over a range of x."""

    def scaled(x: FloatArray) -> FloatArray:
        return coef * feature(x)

    return _curve(label, scaled, feature.knots, feature.origins, feature.is_step, over)


def window(solution: Solution) -> tuple[float, float]:
    """The range of x that shows all data and all knots, with a margin."""
    inputs = solution.problem.dictionary.inputs
    shown = [inputs[0], inputs[-1], *(knot for feature in solution.features for knot in feature.knots)]
    low, high = float(min(shown)), float(max(shown))
    margin = 0.04 * (high - low) or 1.0
    return low - margin, high + margin


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
