"""Numbering of pairs (i, j): where in a listing a pair stands, without forming the list."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


def n_pairs(n: int) -> int:
    """How many pairs i < j below n there are."""
    return n * (n - 1) // 2


def unordered_pairs(index: IntArray, n: int) -> tuple[IntArray, IntArray]:
    """The pairs i < j < n at places `index` of the list (0, 1), (0, 2), ..., (n - 2, n - 1)."""
    i = np.floor((2 * n - 1 - np.sqrt((2.0 * n - 1) ** 2 - 8.0 * index)) / 2).astype(np.int64)
    # The square root rounds: step back or forward where the row's first place says so.
    i -= i * (2 * n - 1 - i) // 2 > index
    i += (i + 1) * (2 * n - 2 - i) // 2 <= index
    return i, index - i * (2 * n - 1 - i) // 2 + i + 1


def ordered_pairs(index: IntArray, n: int) -> tuple[IntArray, IntArray]:
    """The pairs i != j, both below n, at places `index` of the list (0, 1), ..., (0, n - 1), (1, 0), (1, 2), ..."""
    i, j = np.divmod(index, n - 1)
    return i, j + (j >= i)
