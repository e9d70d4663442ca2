"""Whether data are sorted."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def is_increasing(x: NDArray[np.float64]) -> bool:
    """Whether every entry is larger than its predecessor: O(1) for most data that are not."""
    for i in range(1, x.size):  # noqa: SIM110 (numba compiles loops, not generators)
        if not x[i] > x[i - 1]:
            return False
    return True


@njit(cache=True, nogil=True)
def is_ascending(x: NDArray[np.float64]) -> bool:
    """Whether no entry is smaller than its predecessor: several at a time, to the end, for data that mostly are."""
    falls = 0
    for i in range(1, x.size):
        falls += x[i] < x[i - 1]
    return falls == 0
