"""Rows of a piecewise-linear loss, condensed between knots, and the exact dual curve of all of them.

Where a spline is linear, rows that stay on one side of it may share one multiplier a unit of weight: together they
equal one row at their mean input and mean target (the globs of Portnoy and Koenker, Statistical Science 12, 1997).
Condensing is a restriction of the dual problem, so a bound stays a bound; it is exact if no such row changes sides.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(cache=True, nogil=True)
def condense(
    x: Floats, y: Floats, weight: Floats, knots: Ints, side: NDArray[np.int8]
) -> tuple[Ints, Floats, Floats, Floats, Ints]:
    """Rows of which those on one side of the fit, in one interval, are merged.

    Parameters
    ----------
    x, y, weight : (n,) arrays
        Ascending inputs.
    knots : (K,) array
        First rows of the tie groups at the knots, the first and last input among them.
    side : (n,) array
        1 above the fit, -1 below, 0 for rows that stay single.

    Returns
    -------
    starts : (K,) array
        Condensed rows starts[j]..starts[j + 1] - 1 lie between knots j and j + 1.
    place, target, total : (m,) arrays
        Place in the interval from 0 to 1, target and weight.
    member : (n,) array
        The condensed row that each row belongs to.
    """
    n, k = x.size, knots.size
    size = 2 * (k - 1)
    for i in range(n):
        size += side[i] == 0
    place, target, total = np.empty(size), np.empty(size), np.empty(size)
    starts, member = np.empty(k, dtype=np.int64), np.empty(n, dtype=np.int64)
    count = 0
    for j in range(k - 1):
        starts[j] = count
        left, length = x[knots[j]], x[knots[j + 1]] - x[knots[j]]
        above = below = -1
        for i in range(knots[j], knots[j + 1] if j < k - 2 else n):
            t, w = (x[i] - left) / length, weight[i]
            merged = above if side[i] > 0 else below
            if side[i] == 0 or merged < 0:
                if side[i] > 0:
                    above = count
                elif side[i] < 0:
                    below = count
                place[count], target[count], total[count] = t, y[i], w
                member[i] = count
                count += 1
                continue
            total[merged] += w
            part = w / total[merged]
            place[merged] += part * (t - place[merged])
            target[merged] += part * (y[i] - target[merged])
            member[i] = merged
    starts[k - 1] = count
    return starts, place[:count].copy(), target[:count].copy(), total[:count].copy(), member


@njit(cache=True, nogil=True)
def price(
    x: Floats,
    y: Floats,
    weight: Floats,
    knots: Ints,
    u: Floats,
    member: Ints,
    share: Floats,
    below: float,
    above: float,
    side: NDArray[np.int8],
) -> tuple[Floats, Floats, Ints, int]:
    """Loss and dual curve of all rows, with the extremes of the curve in every interval.

    The curve is g(t) = sum (t - x_i)_+ th_i, with th_i = share[member[i]] weight[i]. Rows that were found on the other
    side of the fit become single: their `side` is set to 0.

    Parameters
    ----------
    share : (m,) array
        Multiplier of the condensed rows a unit of weight.
    below, above : float
        Loss of a unit residual below and above the target's fit.

    Returns
    -------
    numbers : (4,) array
        Loss, sum y th, sum f th, and the curve at the last input.
    extremes : (K - 1, 2) array
        Largest and smallest value of the curve at inputs between two knots, the left one included.
    rows : (K - 1, 2) array
        The first rows of the tie groups that attain them.
    flipped : int
        How many rows became single.
    """
    n, k = x.size, knots.size
    extremes, rows = np.empty((k - 1, 2)), np.empty((k - 1, 2), dtype=np.int64)
    loss = products = fitted = sums = curve = 0.0
    flipped = 0
    previous = x[0]
    for j in range(k - 1):
        first = knots[j]
        left, slope = x[first], (u[j + 1] - u[j]) / (x[knots[j + 1]] - x[first])
        curve += sums * (left - previous)
        previous = left
        high = low = curve
        at_high = at_low = first
        for i in range(first, knots[j + 1] if j < k - 2 else n):
            if x[i] != previous:
                curve += sums * (x[i] - previous)
                previous = x[i]
                if curve > high:
                    high, at_high = curve, i
                elif curve < low:
                    low, at_low = curve, i
            f = u[j] + slope * (x[i] - left)
            th = weight[i] * share[member[i]]
            r = y[i] - f
            loss += weight[i] * (above * r if r > 0.0 else -below * r)
            products += th * y[i]
            fitted += th * f
            sums += th
            if side[i] * r < 0.0:
                side[i] = 0
                flipped += 1
        extremes[j, 0], extremes[j, 1], rows[j, 0], rows[j, 1] = high, low, at_high, at_low
    return np.array([loss, products, fitted, curve]), extremes, rows, flipped
