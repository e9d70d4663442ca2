"""At which penalties neighbouring levels of a total variation fit fuse.

With weights w and jump penalty t the fit minimises ``sum w (y - u)^2 / 2 + t sum |u_{i+1} - u_i|``. As t grows from 0
levels only fuse, they never split again (Friedman, Hastie, Hoefling and Tibshirani 2007), so one sweep with a heap of
the jumps by the penalty at which they vanish finds every breakpoint: O(n log n).
"""

from __future__ import annotations

import heapq

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(cache=True, nogil=True)
def _vanishes(
    g: int, before: Ints, after: Ints, first: Ints, signs: Floats, means: Floats, weights: Floats, now: float
) -> float:
    """The penalty at which the jump of gap g is zero, if nothing fuses earlier.

    A level is ``mean - t (sign of the jump on its left - sign of the jump on its right) / weight``.
    """
    left, right = first[g], g + 1
    outer_left = signs[before[g]] if before[g] >= 0 else 0.0
    outer_right = signs[after[g]] if after[g] < signs.size else 0.0
    rate = (signs[g] - outer_right) / weights[right] - (outer_left - signs[g]) / weights[left]
    if rate * signs[g] <= 0.0:
        return np.inf
    return max((means[right] - means[left]) / rate, now)


@njit(cache=True, nogil=True)
def fusion_penalties(y: Floats, weight: Floats) -> Floats:
    """The jump penalty from which on neighbours have one level: (n - 1,), 0 for equal targets.

    Parameters
    ----------
    y, weight : (n,) arrays
        Targets in the order of the inputs, and positive weights.
    """
    n = y.size
    fused = np.zeros(max(n - 1, 0))
    # A level is known by its first row; a gap g lies between rows g and g + 1.
    means, weights = y.copy(), weight.copy()
    signs = np.zeros(n - 1)
    before, after = np.arange(-1, n - 2), np.arange(1, n)
    first = np.arange(n - 1)
    stamps = np.zeros(n - 1, dtype=np.int64)
    start, last = 0, -1
    for g in range(n - 1):
        signs[g] = np.sign(y[g + 1] - y[g])
        if signs[g] == 0.0:
            weights[start] += weight[g + 1]
            continue
        first[g], before[g] = start, last
        if last >= 0:
            after[last] = g
        start, last = g + 1, g
    if last < 0:
        return fused
    after[last] = n - 1
    heap = [(np.inf, 0, 0)]
    for g in range(n - 1):
        if signs[g] != 0.0:
            heap.append((_vanishes(g, before, after, first, signs, means, weights, 0.0), g, 0))
    heapq.heapify(heap)
    while True:
        penalty, g, stamp = heapq.heappop(heap)
        if penalty == np.inf:
            return fused
        if stamp != stamps[g]:
            continue
        fused[g] = penalty
        left, right = first[g], g + 1
        total = weights[left] + weights[right]
        means[left] += (means[right] - means[left]) * (weights[right] / total)
        weights[left] = total
        stamps[g] += 1
        if before[g] >= 0:
            after[before[g]] = after[g]
        if after[g] < n - 1:
            before[after[g]], first[after[g]] = before[g], left
        for neighbour in (before[g], after[g]):
            if 0 <= neighbour < n - 1:
                stamps[neighbour] += 1
                hit = _vanishes(neighbour, before, after, first, signs, means, weights, penalty)
                heapq.heappush(heap, (hit, neighbour, stamps[neighbour]))
