"""The sign pattern with few switches that correlates most with a vector."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True)
def best_patterns(r: NDArray[np.float64], max_switches: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Dynamic program over (position, switches, last sign): O(n K) time, n K bytes.

    Over all h in {-1, 1}^n with exactly k switches, ``best[s, k] = max h'r`` where the last sign is -1 for s = 0 and
    +1 for s = 1; -inf where n points do not admit k switches. ``switched[i, s, k]`` says whether the best pattern of
    that state switches between i - 1 and i.

    Parameters
    ----------
    r : (n,) float64 array
    max_switches : int
        K >= 1.

    Returns
    -------
    best : (2, K + 1) float64 array
    switched : (n, 2, K + 1) bool array
    """
    n = r.size
    best = np.full((2, max_switches + 1), -np.inf)
    switched = np.zeros((n, 2, max_switches + 1), dtype=np.bool_)
    best[0, 0] = -r[0]
    best[1, 0] = r[0]
    for i in range(1, n):
        for k in range(max_switches, -1, -1):
            from_low = best[0, k - 1] if k > 0 else -np.inf
            from_high = best[1, k - 1] if k > 0 else -np.inf
            if from_high > best[0, k]:
                best[0, k] = from_high
                switched[i, 0, k] = True
            if from_low > best[1, k]:
                best[1, k] = from_low
                switched[i, 1, k] = True
            best[0, k] -= r[i]
            best[1, k] += r[i]
    return best, switched


@njit(cache=True)
def trace_switches(switched: NDArray[np.bool_], last: int, k: int) -> NDArray[np.int64]:
    """Ascending positions i where the best pattern of state (last sign index, k) switches between i - 1 and i."""
    positions = np.empty(k, dtype=np.int64)
    state = last
    left = k
    for i in range(switched.shape[0] - 1, 0, -1):
        if left > 0 and switched[i, state, left]:
            left -= 1
            positions[left] = i
            state = 1 - state
    return positions
