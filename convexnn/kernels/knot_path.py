"""What an exact path of linear splines asks of the data: where the dual curve crosses its bounds.

Along a segment of the path the values at the knots are linear in beta, and so are the multipliers th and the curve
w(t) = w(0) + sum (t - x_i)_+ th_i. Every quantity is a pair: its value at the segment's beta, and its rate.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(cache=True, nogil=True)
def _multiplier(
    x: Floats, weight: Floats, y: Floats, i: int, start: int, u: Floats, slopes: Floats
) -> tuple[float, float]:
    """th of row i, where the spline has the values `u` at row `start` and these slopes from there."""
    t = x[i] - x[start]
    return weight[i] * (y[i] - u[0] - slopes[0] * t), -weight[i] * (u[1] + slopes[1] * t)


@njit(cache=True, nogil=True)
def _leaves(room: Floats, rise: float, rise_rate: float, least_rate: float) -> tuple[float, float]:
    """When, and at which sign, a point leaves the bounds that is `rise` above a knot with this room (2, 2) to them."""
    best, which = -np.inf, 0.0
    for k in range(2):
        sign = 1.0 - 2.0 * k
        distance, rate = room[k, 0] - sign * rise, room[k, 1] - sign * rise_rate
        if rate > least_rate and min(-distance / rate, 0.0) > best:
            best, which = min(-distance / rate, 0.0), sign
    return best, which


@njit(cache=True, nogil=True)
def first_crossing(
    x: Floats,
    weight: Floats,
    y: Floats,
    knots: Ints,
    u: Floats,
    curve: Floats,
    bound: Floats,
    flat_left: bool,
    flat_right: bool,
    least_rate: float,
) -> tuple[float, int, float]:
    """The first change of beta, zero or negative, at which the curve leaves its bounds at a row that is no active knot.

    The curve is known at the knots and integrated from the nearer one of two, as a difference from its value there:
    close to a knot that is on its bound, only that difference says when the curve crosses.

    Parameters
    ----------
    knots : (k,) array
        First and last row included.
    u, curve : (k, 2) arrays
        Values of the spline and of the curve at the knots; the curve's at flat ends is ignored.
    bound : (2,) array
        The curve's largest absolute value.
    flat_left, flat_right : bool
        Whether the curve is free at an end, with the spline constant up to the next knot.
    least_rate : float
        The curve leaves its bounds only if its distance from them has a rate above this.

    Returns
    -------
    change : float
        -inf if the curve stays within its bounds for all smaller beta.
    row : int
    sign : float
        Of the curve.
    """
    best, where, which = -np.inf, -1, 0.0
    room = np.empty((2, 2))
    for j in range(knots.size - 1):
        a, b = knots[j], knots[j + 1]
        length = x[b] - x[a]
        slopes = (u[j + 1] - u[j]) / length
        # The sum of th inside, and how far the curve departs at x[b] from its tangent at x[a].
        sum_0 = sum_1 = depart_0 = depart_1 = 0.0
        for i in range(a + 1, b):
            th_0, th_1 = _multiplier(x, weight, y, i, a, u[j], slopes)
            depart_0 += (x[b] - x[i]) * th_0
            depart_1 += (x[b] - x[i]) * th_1
            sum_0 += th_0
            sum_1 += th_1
        # The curve's slope right of x[a], and how many rows are nearer to x[a].
        middle = a
        if flat_left and j == 0:
            slope_0, slope_1 = _multiplier(x, weight, y, a, a, u[j], slopes)
        elif flat_right and j == knots.size - 2:
            end_0, end_1 = _multiplier(x, weight, y, b, a, u[j], slopes)
            slope_0, slope_1 = -sum_0 - end_0, -sum_1 - end_1
            middle = b
        else:
            slope_0 = (curve[j + 1, 0] - curve[j, 0] - depart_0) / length
            slope_1 = (curve[j + 1, 1] - curve[j, 1] - depart_1) / length
            while middle + 1 < b and x[middle + 1] - x[a] <= 0.5 * length:
                middle += 1
        last_0, last_1 = slope_0 + sum_0, slope_1 + sum_1

        room[0], room[1] = bound - curve[j], bound + curve[j]
        rise_0 = rise_1 = 0.0
        for i in range(a + 1, middle + 1):
            rise_0 += slope_0 * (x[i] - x[i - 1])
            rise_1 += slope_1 * (x[i] - x[i - 1])
            when, sign = _leaves(room, rise_0, rise_1, least_rate)
            if when > best:
                best, where, which = when, i, sign
            th_0, th_1 = _multiplier(x, weight, y, i, a, u[j], slopes)
            slope_0 += th_0
            slope_1 += th_1

        room[0], room[1] = bound - curve[j + 1], bound + curve[j + 1]
        rise_0 = rise_1 = 0.0
        first = a if flat_left and j == 0 else middle + 1
        for i in range(b - 1, first - 1, -1):
            rise_0 -= last_0 * (x[i + 1] - x[i])
            rise_1 -= last_1 * (x[i + 1] - x[i])
            when, sign = _leaves(room, rise_0, rise_1, least_rate)
            if when > best:
                best, where, which = when, i, sign
            th_0, th_1 = _multiplier(x, weight, y, i, a, u[j], slopes)
            last_0 -= th_0
            last_1 -= th_1
    return best, where, which
