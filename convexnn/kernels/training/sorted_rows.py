"""The gradient of one hidden layer over one input, in O(n + m) instead of O(n m).

With sorted inputs every unit is on for the rows before or after its kink, so that all units' lines are summed by a
running sum over the rows, and the gradients are differences of running sums of the residuals r and r x. Kinks move
little in a step: every unit keeps a pointer to its kink's place among the rows.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from convexnn.kernels.training.arrays import Flags, Floats, Words
from convexnn.kernels.training.losses import SQUARED, loss_and_slope

_ZERO, _ONE = np.uint64(0), np.uint64(1)


@njit(cache=True, nogil=True, error_model="numpy")
def find_kinks(x: Floats, m: int, theta: Floats, kinks: Words) -> None:
    """How many rows lie before the kink of each of m units.

    A unit is on in the rows where ``w x + b > 0`` in floating point. Rounding is monotone, so that these are the rows
    from the kink on if w >= 0, and those before it if w < 0.

    Parameters
    ----------
    x : (n + 2,) array
        Inputs ascending, between minus and plus infinity.
    theta : (3 m + 1,) array
        Input weights, biases and more.
    kinks : (m,) array
        The result.
    """
    for j in range(m):
        w, b = theta[j], theta[m + j]
        first, last = 0, x.size - 2
        while first < last:
            middle = (first + last) // 2
            if (w * x[middle + 1] + b > 0) == (w >= 0):
                last = middle
            else:
                first = middle + 1
        kinks[j] = first


@njit(cache=True, nogil=True, error_model="numpy")
def move_kink(x: Floats, n: np.uint64, w: float, b: float, k: np.uint64, up: np.uint64) -> np.uint64:
    """How many of n rows lie before the kink of a unit, if there were k a step ago, and more now (up = 1) or less (0).

    Parameters
    ----------
    x : (n + 2,) array
        Inputs ascending, between minus and plus infinity.
    """
    rising = w >= 0
    row = k + up  # the next to be passed; the first is row 1
    while row - _ONE < n and ((w * x[row] + b > 0) == rising) != (up == _ONE):
        row += up + up - _ONE
    return row - up


@njit(cache=True, nogil=True, error_model="numpy")
def sorted_gradient(
    x: Floats,
    y: Floats,
    weight: Floats,
    loss: int,
    left: float,
    right: float,
    beta: float,
    m: int,
    theta: Floats,
    kinks: Words,
    slope: Floats,
    level: Floats,
    gradient: Floats,
) -> float:
    """The weighted loss of one network, and the gradient of loss plus penalty.

    Parameters
    ----------
    x : (n + 2,) array
        Inputs ascending, between minus and plus infinity.
    y, weight : (n,) arrays
    left, right : float
        Slopes of the activation.
    beta : float
        Of the penalty ``beta / 2`` times the sum of all squared weights, biases left out.
    m : int
        How many units there are; longer arrays of parameters and kinks are left alone beyond them.
    theta, gradient : (3 m + 1,) arrays
        Input weights, biases, output weights and the intercept.
    kinks : (m,) array
        Rows before the kink of each unit; any numbers from 0 to n on entry.
    slope, level : (2 n + 2,) arrays
        The first halves zero, and left so.

    Notes
    -----
    The running sums round relative to the largest of the lines ``a (w x + b)``, also in rows where that unit is off.
    """
    # Unsigned, so that indexing need not look for negative numbers.
    n, units = np.uint64(y.size), np.uint64(m)
    outer, last = units + units, units + units + units
    s, t, jump = 0.0, theta[last], right - left
    for j in range(units):
        w, b, k = theta[j], theta[units + j], kinks[j]
        rising = w >= 0
        up = (w * x[k + _ONE] + b > 0) != rising
        if up or (w * x[k] + b > 0) == rising:
            k = kinks[j] = move_kink(x, n, w, b, k, np.uint64(up))
        p, q = theta[outer + j] * w, theta[outer + j] * b
        before, change = (left, jump) if rising else (right, -jump)
        s += before * p
        t += before * q
        slope[k] += change * p
        level[k] += change * q

    total = residuals = products = 0.0
    for i in range(n):
        s += slope[i]
        t += level[i]
        slope[i], level[i] = residuals, products
        f = s * x[i + _ONE] + t
        if loss == SQUARED:
            r = f - y[i]
            total += weight[i] * (0.5 * r * r)
        else:
            value, r = loss_and_slope(loss, y[i], f)
            total += weight[i] * value
        residuals += weight[i] * r
        products += weight[i] * r * x[i + _ONE]
    slope[n], level[n] = residuals, products

    for i in range(n + _ONE):
        # Of a unit that bends before row i: what it collects if it rises, and, in the second half, if it falls.
        before, beyond = slope[i], residuals - slope[i]
        slope[i], slope[n + _ONE + i] = left * before + right * beyond, right * before + left * beyond
        before, beyond = level[i], products - level[i]
        level[i], level[n + _ONE + i] = left * before + right * beyond, right * before + left * beyond

    for j in range(units):
        w, b, a = theta[j], theta[units + j], theta[outer + j]
        place = kinks[j] if w >= 0 else kinks[j] + n + _ONE
        r, rx = slope[place], level[place]
        gradient[j] = a * rx + beta * w
        gradient[units + j] = a * r
        gradient[outer + j] = w * rx + b * r + beta * a
    gradient[last] = residuals
    for i in range(n + _ONE):
        slope[i] = level[i] = 0.0
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def mark_alive(left: float, right: float, low: float, high: float, m: int, theta: Floats, alive: Flags) -> None:
    """Which units are not zero on all rows from `low` to `high`: their arguments are monotone, also if rounded."""
    for j in range(m):
        first, last = theta[j] * low + theta[m + j], theta[j] * high + theta[m + j]
        alive[0, j] = (right != 0 and max(first, last) > 0) or (left != 0 and min(first, last) < 0)
