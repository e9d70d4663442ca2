"""The sign pattern with few switches that correlates most with a vector."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True, error_model="numpy")
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


@njit(cache=True, nogil=True, error_model="numpy")
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


@njit(cache=True, nogil=True, error_model="numpy")
def best_prefixes(r: NDArray[np.float64], max_switches: int) -> NDArray[np.float64]:
    """The largest h'r over the patterns of the first entries: up to every entry, by the sign there.

    Returns
    -------
    (n, 2, K + 1) float64 array
        For signs -1 and +1, and at most 0, 1, ..., K switches.
    """
    best = np.empty((r.size, 2, max_switches + 1))
    best[0, 0], best[0, 1] = -r[0], r[0]
    for i in range(1, r.size):
        for last in range(2):
            gain = r[i] if last == 1 else -r[i]
            best[i, last, 0] = best[i - 1, last, 0] + gain
            for k in range(1, max_switches + 1):
                best[i, last, k] = max(best[i - 1, last, k], best[i - 1, 1 - last, k - 1]) + gain
    return best


@njit(cache=True, nogil=True, error_model="numpy")
def trace_prefix(best: NDArray[np.float64], i: int, last: int, k: int, found: int, switches: NDArray[np.int64]) -> int:
    """Write where the best pattern of `best_prefixes` in state (i, last, k) switches, the last switch first.

    Parameters
    ----------
    found : int
        Where in `switches` to begin.

    Returns
    -------
    int
        Where the next one would be written.
    """
    while i > 0 and k > 0:
        if best[i - 1, 1 - last, k - 1] > best[i - 1, last, k]:
            switches[found] = i
            found += 1
            last, k = 1 - last, k - 1
        i -= 1
    return found
