"""A feature: one labelled column of a dictionary, as a function on the whole line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from convexnn.activations import Activation
from convexnn.validation import FloatArray

DATA = "data"
REFLECTION = "reflection"
MIDPOINT = "midpoint"
COMBINATION = "combination"
BETWEEN = "between"


@dataclass(frozen=True)
class Feature:
    """A piecewise-linear or step function of one variable, the output of one normalised unit.

    On the j-th of the len(knots) + 1 pieces, counted from the left, the value is ``levels[j] + slopes[j] * (x -
    anchor)``, where the anchor is the knot on the piece's left (of the first piece: the first knot). Pieces contain
    their left end. Two features are equal when they are the same function, whatever they are called.

    Attributes
    ----------
    knots : tuple of float
        Where the function bends or jumps, ascending, in units of x.
    slopes, levels : tuple of float
        One a piece.
    origins : tuple of str
        Where each knot comes from: "data"; "reflection" (the mirror image 2 b - a of one datum about another);
        "midpoint" of two data; "combination" (a longer signed sum of data); "between" two neighbouring data.
    label : str
        For people.
    signs, offsets : tuple
        Weights and kinks of the normalised unit, layer by layer:
        phi_0(x) = x, phi_l = sigma(signs[l] * (phi_{l-1} - offsets[l])). Empty for switching patterns, whose unit is
        built from the knots.
    """

    knots: tuple[float, ...]
    slopes: tuple[float, ...]
    levels: tuple[float, ...]
    origins: tuple[str, ...] = field(compare=False)
    label: str = field(compare=False)
    signs: tuple[int, ...] = field(compare=False, default=())
    offsets: tuple[float, ...] = field(compare=False, default=())

    def __call__(self, x: ArrayLike) -> FloatArray:
        """The feature at `x`, an array of any shape."""
        x = np.asarray(x, dtype=np.float64)
        if not self.knots:
            return self.levels[0] + self.slopes[0] * x
        knots = np.asarray(self.knots)
        piece = np.searchsorted(knots, x, side="right")
        return np.asarray(self.levels)[piece] + np.asarray(self.slopes)[piece] * (x - knots[np.maximum(piece - 1, 0)])

    @property
    def is_step(self) -> bool:
        """Whether the function jumps instead of bending."""
        return len(set(self.levels)) > 1 and not any(self.slopes)

    def __str__(self) -> str:
        return self.label


def weighted_sum(features: Sequence[Feature], coef: FloatArray) -> Feature:
    """The function ``sum_j coef_j feature_j``, one piece between any two knots: O(k log k) for k knots in all.

    Parameters
    ----------
    features : sequence of Feature
        At least one, each with a knot at least.
    coef : (k,) array
    """
    at, bends, jumps = [], [], []
    for feature, z in zip(features, coef, strict=True):
        pieces = zip(feature.slopes, feature.levels, (feature.knots[0], *feature.knots), strict=True)
        for (slope, level, anchor), knot, after in zip(pieces, feature.knots, feature.slopes[1:], strict=False):
            at.append(knot)
            bends.append(z * (after - slope))
            jumps.append(-z * (level + slope * (knot - anchor)))
        for j, level in enumerate(feature.levels[1:], start=-len(feature.knots)):
            jumps[j] += z * level
    knots, place = np.unique(at, return_inverse=True)
    outer = np.array([feature.slopes[0] for feature in features])
    from_first = np.array(
        [feature.levels[0] + feature.slopes[0] * (knots[0] - feature.knots[0]) for feature in features]
    )
    slopes = coef @ outer + np.append(0.0, np.cumsum(np.bincount(place, weights=bends)))
    rises = np.bincount(place, weights=jumps) + np.append(0.0, slopes[1:-1] * np.diff(knots))
    levels = coef @ from_first + np.append(0.0, np.cumsum(rises))
    label = f"sum of {len(features)} features"
    return Feature(tuple(knots.tolist()), tuple(slopes.tolist()), tuple(levels.tolist()), (), label)


def moved(feature: Feature, origin: float) -> Feature:
    """A feature of the distance from an origin, as one of x: the same function wherever x is a float.

    A knot between two floats becomes the upper one, at the level that the function has there: no float lies between
    them, so that none is on the wrong piece, however close the data. Of knots that become one the last is kept.

    Parameters
    ----------
    feature : Feature
        A bent one, with its knots and its first offset measured from the origin.
    origin : float
        As `scaled` chooses it: 0, or farther from 0 than the data are from it. Distances from it are then exact.
    """
    if origin == 0:
        return feature
    kept: dict[float, int] = {}
    levels = list(feature.levels)
    for j, knot in enumerate(feature.knots):
        at = origin + knot
        if at - origin < knot:
            at = math.nextafter(at, math.inf)
        shift = (at - origin) - knot
        if j == 0:
            levels[0] += feature.slopes[0] * shift
        levels[j + 1] += feature.slopes[j + 1] * shift
        kept[at] = j
    pieces = [0, *(j + 1 for j in kept.values())]
    return replace(
        feature,
        knots=tuple(kept),
        slopes=tuple(feature.slopes[j] for j in pieces),
        levels=tuple(levels[j] for j in pieces),
        origins=tuple(feature.origins[j] for j in kept.values()),
        offsets=(origin + feature.offsets[0], *feature.offsets[1:]),
    )


def number(value: float) -> str:
    """A number as labels show it."""
    return f"{value + 0.0:.6g}"


def shifted(point: float) -> str:
    """``x - point`` as labels show it."""
    if point == 0:
        return "x"
    return f"x - {number(point)}" if point > 0 else f"x + {number(-point)}"


def compose_unit(
    activations: tuple[Activation, ...], signs: tuple[int, ...], offsets: tuple[float, ...], near: FloatArray
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """Knots, slopes and levels of a narrow unit of continuous activations, layer by layer.

    Parameters
    ----------
    activations, signs, offsets
        One a layer, as in `Feature`.
    near : (N,) array
        Sorted points, usually the data; a knot within rounding of one of them is set to it.
    """
    knots: list[float] = []
    slopes, levels = [1.0], [0.0]
    for activation, sign, offset in zip(activations, signs, offsets, strict=True):
        knots, slopes, levels = _bend(knots, slopes, levels, activation, sign, offset, near)
    return tuple(knots), tuple(slopes), tuple(levels)


def _bend(
    knots: list[float],
    slopes: list[float],
    levels: list[float],
    activation: Activation,
    sign: int,
    offset: float,
    near: FloatArray,
) -> tuple[list[float], list[float], list[float]]:
    """One more layer: bend every piece where it crosses the offset, and forget knots that stopped being one."""
    anchors = [knots[0] if knots else 0.0, *knots]
    bounds = [-np.inf, *knots, np.inf]
    starts, gains = [], []  # of the new pieces: where they begin, and their new slope with the value there
    for slope, level, anchor, (start, end) in zip(slopes, levels, anchors, pairwise(bounds), strict=True):
        crossing = _snap(anchor + (offset - level) / slope, near) if slope else np.nan
        cuts = [start, crossing, end] if start < crossing < end else [start, end]
        for low, high in pairwise(cuts):
            height = sign * (level + slope * (_point_between(low, high) - anchor) - offset)
            gain = sign * (activation.right if height >= 0 else activation.left)
            at = low if np.isfinite(low) else 0.0
            starts.append(low)
            gains.append((gain * slope, gain * (level + slope * (at - anchor) - offset)))
    kept = [j for j in range(len(starts)) if j == 0 or gains[j][0] != gains[j - 1][0]]
    new_slopes = [gains[j][0] + 0.0 for j in kept]
    new_levels = [gains[j][1] + 0.0 for j in kept]
    if len(kept) > 1:
        new_levels[0] = new_levels[1]  # continuous, and anchored at the first knot
    return [float(starts[j]) for j in kept[1:]], new_slopes, new_levels


def _point_between(low: float, high: float) -> float:
    if np.isfinite(low) and np.isfinite(high):
        return low + (high - low) / 2
    if np.isfinite(low):
        return low + max(1.0, abs(low))
    return high - max(1.0, abs(high)) if np.isfinite(high) else 0.0


def _snap(point: float, near: FloatArray) -> float:
    """The nearest of `near` if it is within rounding of `point`."""
    if not np.isfinite(point) or near.size == 0:
        return point
    closest = float(near[np.argmin(np.abs(near - point))])
    rounding = 16 * np.finfo(float).eps * max(abs(near[0]), abs(near[-1]), abs(point))
    return closest if abs(closest - point) <= rounding else point
