"""Which sign patterns with few switches correlate most with a vector: one for every place that one can switch at.

A pattern that switches inside a run of entries of one sign gains by switching at an end of the run, or not at all. So
patterns are made of runs. The best ones up to a place and from a place on, for every number of switches, are two
dynamic programs; together they say which pattern is the best of all that switch at the place.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from convexnn.kernels.switching import best_prefixes, trace_prefix

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(cache=True, nogil=True)
def price_patterns(th: Floats, most: int, floor: float, tiles: int, share: float) -> tuple[Floats, Ints]:
    """The largest |h'th| of every tile in which it exceeds `floor`, over h in {-1, 1}^n with 1 to `most` switches.

    Parameters
    ----------
    th : (n,) array
        Its sum is zero.
    most : int
    floor : float
    tiles : int
        A tile is a run of places at which a pattern switches; tiles hold about equally many of the places of interest.
    share : float
        In [0, 1]: a tile is of no interest either if its excess over `floor` is a smaller share of the largest.

    Returns
    -------
    values : (k,) array
        No |h'th| exceeds the largest, or `floor` if there is none.
    switches : (k, most) array of int
        Ascending; a pattern switches between i - 1 and i. Places that are not used are n.
    """
    starts, sums = _runs(th)
    m = sums.size
    before, after = best_prefixes(sums, most - 1), best_prefixes(sums[::-1].copy(), most - 1)[::-1]
    best = np.full(tiles, floor)
    states = np.empty((tiles, 3), dtype=np.int64)
    for i in range(1, m):
        tile = (i - 1) * tiles // (m - 1)
        for sign in range(2):
            for used in range(most):
                value = before[i - 1, 1 - sign, used] + after[i, sign, most - 1 - used]
                if value > best[tile]:
                    best[tile] = value
                    states[tile, 0], states[tile, 1], states[tile, 2] = i, sign, used
    largest = best.max()
    chosen = np.flatnonzero((best > floor) & (best - floor >= share * (largest - floor)))
    switches = np.full((chosen.size, most), th.size)
    for row in range(chosen.size):
        i, sign, used = states[chosen[row]]
        found = trace_prefix(before, i - 1, 1 - sign, used, 0, switches[row])
        switches[row, found] = i
        last = found + 1
        # Seen from the end, a switch before run j of the reversed runs is one before run m - j.
        last = trace_prefix(after[::-1], m - 1 - i, sign, most - 1 - used, last, switches[row])
        for place in range(found + 1, last):
            switches[row, place] = m - switches[row, place]
        for place in range(last):
            switches[row, place] = starts[switches[row, place]]
        switches[row].sort()
    return best[chosen], switches


@njit(cache=True, nogil=True)
def _runs(th: Floats) -> tuple[Ints, Floats]:
    """First entries of the runs of one sign, and their sums; zeros belong to the run before them."""
    starts, sums = np.empty(th.size, dtype=np.int64), np.empty(th.size)
    m, sign = 0, 0.0
    for i in range(th.size):
        if i == 0 or sign * th[i] < 0.0:
            starts[m], sums[m] = i, 0.0
            m += 1
        sums[m - 1] += th[i]
        if th[i] != 0.0:
            sign = 1.0 if th[i] > 0.0 else -1.0
    return starts[:m].copy(), sums[:m].copy()
