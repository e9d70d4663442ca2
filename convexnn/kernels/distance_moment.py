"""The moment of distances ``H(t) = sum_i |x_i - t| th_i``, of data x_i and a vector th that sums to zero.

H is linear between data and constant beyond them. How features made of distances correlate with th is a matter of its
values; searches over such features bound them by the ranges of H and H' over runs of data.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BLOCK = 8  # data of a leaf of the tree of ranges


@njit(cache=True, nogil=True, error_model="numpy")
def distance_moment(x: Floats, th: Floats) -> tuple[Floats, Floats]:
    """H at the data and its slopes, in one sweep.

    Parameters
    ----------
    x, th : (n,) arrays
        x ascending; th sums to zero.

    Returns
    -------
    moment : (n,) array
    slopes : (n + 1,) array
        ``slopes[k]`` is that between x[k - 1] and x[k]; zero beyond the data.
    """
    n = x.size
    moment, slopes = np.empty(n), np.zeros(n + 1)
    slope = height = moment[0] = 0.0
    for i in range(1, n):
        slope += 2.0 * th[i - 1]
        height += slope * (x[i] - x[i - 1])
        slopes[i] = slope
        moment[i] = height
    for i in range(n):
        moment[i] -= 0.5 * height
    return moment, slopes


@njit(cache=True, nogil=True, error_model="numpy")
def range_tree(moment: Floats, slopes: Floats) -> Floats:
    """Extremes of H and H' over runs of data, as a heap: node k holds what nodes 2 k and 2 k + 1 hold, node 1 all.

    The second half of the nodes are blocks of 8 data. A block is widened by the neighbours of its first and last datum,
    so that it bounds H between them.

    Returns
    -------
    (nodes, 4) array
        max H, min H, max H', min H'.
    """
    n = moment.size
    n_blocks = (n + BLOCK - 1) // BLOCK
    width = 1
    while width < n_blocks:
        width *= 2
    tree = np.empty((2 * width, 4))
    for q in range(width):
        high, low, steep, flat = -np.inf, np.inf, -np.inf, np.inf
        if q < n_blocks:
            first, last = BLOCK * q, min(BLOCK * q + BLOCK, n)
            for i in range(max(first - 1, 0), min(last + 1, n)):
                high, low = max(high, moment[i]), min(low, moment[i])
            for i in range(first, last + 1):
                steep, flat = max(steep, slopes[i]), min(flat, slopes[i])
        node = tree[width + q]
        node[0], node[1], node[2], node[3] = high, low, steep, flat
    for k in range(width - 1, 0, -1):
        one, two = tree[2 * k], tree[2 * k + 1]
        tree[k, 0], tree[k, 1] = max(one[0], two[0]), min(one[1], two[1])
        tree[k, 2], tree[k, 3] = max(one[2], two[2]), min(one[3], two[3])
    return tree


@njit(cache=True, nogil=True, error_model="numpy")
def first_at_least(x: Floats, t: float, low: int, high: int) -> int:
    """The first index k in [low, high) with x[k] >= t, or `high`."""
    while low < high:
        middle = (low + high) // 2
        if x[middle] < t:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True, error_model="numpy")
def moment_at(x: Floats, moment: Floats, slopes: Floats, t: float, k: int) -> float:
    """H(t), where k is the first index with x[k] >= t, or n."""
    if k < x.size:
        return moment[k] - slopes[k] * (x[k] - t)
    return moment[k - 1]


@njit(cache=True, nogil=True, error_model="numpy")
def rise_and_fall(steep: float, flat: float, ahead: float, behind: float) -> tuple[float, float]:
    """How far a function with slopes in [flat, steep] rises and falls at most, up to `ahead` and `behind`."""
    return max(steep * ahead, -flat * behind, 0.0), max(-flat * ahead, steep * behind, 0.0)
