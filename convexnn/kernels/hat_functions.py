"""Linear splines by their values at knots: their bends, and the system of their hat functions.

The hat function of a knot is 1 there, 0 at all other knots, and linear between them.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(cache=True, nogil=True, error_model="numpy")
def second_difference(values: Floats, lengths: Floats) -> Floats:
    """First slope, changes of slope, minus the last slope; they sum to zero.

    Parameters
    ----------
    values : (k,) array
        At the knots.
    lengths : (k - 1,) array
        Distances of the knots.

    Returns
    -------
    (k,) array
    """
    out = np.zeros(values.size)
    for j in range(lengths.size):
        slope = (values[j + 1] - values[j]) / lengths[j]
        out[j] += slope
        out[j + 1] -= slope
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def hat_system(x: Floats, weight: Floats, y: Floats, knots: Ints) -> tuple[Floats, Floats, Floats]:
    """Diagonal and off-diagonal of the weighted Gram matrix of the hats at rows `knots`, and their products with y."""
    k = knots.size
    diagonal, off, products = np.zeros(k), np.zeros(k - 1), np.zeros(k)
    for j in range(k - 1):
        start, length = x[knots[j]], x[knots[j + 1]] - x[knots[j]]
        for i in range(knots[j], knots[j + 1]):
            t = (x[i] - start) / length
            s = 1.0 - t
            diagonal[j] += weight[i] * s * s
            off[j] += weight[i] * s * t
            diagonal[j + 1] += weight[i] * t * t
            products[j] += weight[i] * s * y[i]
            products[j + 1] += weight[i] * t * y[i]
    diagonal[k - 1] += weight[knots[k - 1]]
    products[k - 1] += weight[knots[k - 1]] * y[knots[k - 1]]
    return diagonal, off, products


@njit(cache=True, nogil=True, error_model="numpy")
def solve_hats(diagonal: Floats, off: Floats, right: Floats, flat_left: bool, flat_right: bool) -> Floats:
    """Solve a Gram system of hats for one right side (k,) or several (k, m); a flat end has the value of its neighbour.

    A flat end's equation is added to its neighbour's. For two knots, both ends flat is the same as one.
    """
    pivots, values = diagonal.copy(), right.copy()
    k = pivots.size
    first, last = 0, k - 1
    if flat_left:
        pivots[1] += pivots[0] + 2.0 * off[0]
        values[1] += values[0]
        first = 1
    if flat_right and last > first:
        pivots[last - 1] += pivots[last] + 2.0 * off[last - 1]
        values[last - 1] += values[last]
        last -= 1
    for j in range(first + 1, last + 1):
        factor = off[j - 1] / pivots[j - 1]
        pivots[j] -= factor * off[j - 1]
        values[j] -= factor * values[j - 1]
    values[last] /= pivots[last]
    for j in range(last - 1, first - 1, -1):
        values[j] = (values[j] - off[j] * values[j + 1]) / pivots[j]
    if flat_left:
        values[0] = values[1]
    if flat_right:
        values[k - 1] = values[k - 2]
    return values
