"""Features ``| ... ||x - c_1| - c_2| ... - c_l|`` from their offsets, and of three offsets the one to choose."""

from __future__ import annotations

import math

import numpy as np

from convexnn.activations import absolute
from convexnn.dictionaries.feature import (
    COMBINATION,
    DATA,
    MIDPOINT,
    REFLECTION,
    Feature,
    compose_unit,
    moved,
    number,
    shifted,
)
from convexnn.dictionaries.scaled import scaled
from convexnn.kernels.distance_moment import distance_moment, range_tree
from convexnn.kernels.reflection_pricing import price_folds
from convexnn.kernels.triple_pricing import price_triples
from convexnn.validation import FloatArray

SAME = 1e-9
"""Lengths that are equal, in units of the range of the data: offsets solve equations of condition of order one."""


def nested_feature(inputs: FloatArray, offsets: tuple[float, ...], origin: float = 0.0) -> Feature:
    """The feature of some offsets, the first measured from an origin, on ascending inputs.

    The inputs say where its knots come from.
    """
    layers, inputs = len(offsets), inputs - origin
    signs = (1,) * layers
    knots, slopes, levels = compose_unit((absolute,) * layers, signs, offsets, inputs)
    rounding = SAME * float(inputs[-1] - inputs[0])
    inner = f"|{shifted(origin + offsets[0])}|"
    for c in offsets[1:]:
        inner = f"|{inner} - {number(c)}|" if c else inner
    zeros = [origin + knot for knot, level in zip(knots, levels[1:], strict=True) if abs(level) <= rounding]
    origins = tuple(_origin(inputs, knot, rounding) for knot in knots)
    label = f"{inner}: zeros at {', '.join(map(number, zeros))}"
    return moved(Feature(knots, slopes, levels, origins, label, signs, offsets), origin)


def _origin(inputs: FloatArray, knot: float, rounding: float) -> str:
    """The simplest way to get the knot from the data."""
    for origin, partners in (
        (DATA, np.array([knot])),
        (REFLECTION, (inputs + knot) / 2),
        (MIDPOINT, 2 * knot - inputs),
    ):
        if _distance(inputs, partners) <= rounding:
            return origin
    return COMBINATION


def _distance(inputs: FloatArray, points: FloatArray) -> float:
    """How close any of the points comes to an input."""
    right = np.searchsorted(inputs, points).clip(1, inputs.size - 1)
    return float(np.minimum(np.abs(inputs[right] - points), np.abs(inputs[right - 1] - points)).min())


def largest_of_depth_four(inputs: FloatArray, totals: FloatArray) -> tuple[float, Feature]:
    """The largest absolute correlation of a feature of three offsets with a vector that sums to zero, and the feature.

    Parameters
    ----------
    inputs, totals : (N,) arrays
        Ascending and distinct inputs, at least two, and the vector.
    """
    x, origin, exponent = scaled(inputs)
    moment, slopes = distance_moment(x, totals)
    # With a share of 1 the last that is found is the largest.
    values, found = price_folds(x, totals, -1.0, 0.0, 1.0)
    best, offsets = float(values[-1]), found[-1]
    values, found = price_triples(x, moment, slopes, range_tree(moment, slopes), best, 0.0, 1.0)
    if values.size:
        best, offsets = float(values[-1]), found[-1]
    return math.ldexp(best, exponent), nested_feature(inputs, tuple(np.ldexp(offsets, exponent).tolist()), origin)
