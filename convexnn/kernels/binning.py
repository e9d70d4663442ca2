"""Rows gathered into bins of ascending inputs, in two passes over the data: what is left of sorting where order within
a bin is not needed."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_CELLS = 4  # of the look-up table, for every bin


@njit(cache=True, nogil=True)
def _cell(v: float, low: float, scale: float) -> int:
    """A monotone map of [low, high] to the cells of a look-up table."""
    return int((v - low) * scale)


@njit(cache=True, nogil=True)
def bin_numbers(x: Floats, edges: Floats) -> NDArray[np.uint16]:
    """How many edges are at most x, for every row.

    Parameters
    ----------
    x : (n,) array
    edges : (k,) array
        Ascending and distinct, k from 1 to 65535.
    """
    k = edges.size
    low, high = edges[0], edges[-1]
    n_cells = _CELLS * k
    scale = n_cells / (high - low) if high > low else 0.0
    if not np.isfinite(scale):
        scale = 0.0
    # Edges before first[c] lie in cells before c, edges from first[c + 1] on in cells after it.
    first = np.zeros(n_cells + 3, dtype=np.int64)
    for edge in edges:
        first[_cell(edge, low, scale) + 1] += 1
    first = np.cumsum(first)
    out = np.empty(x.size, dtype=np.uint16)
    for i in range(x.size):
        if x[i] < low:
            out[i] = 0
        elif x[i] >= high:
            out[i] = k
        else:
            cell = _cell(x[i], low, scale)
            below, above = first[cell], first[cell + 1]
            while below < above:
                middle = (below + above) // 2
                if edges[middle] <= x[i]:
                    below = middle + 1
                else:
                    above = middle
            out[i] = below
    return out


@njit(cache=True, nogil=True)
def gather(
    x: Floats, y: Floats, weight: Floats, bins: NDArray[np.uint16], n_bins: int
) -> tuple[Ints, Floats, Floats, Floats]:
    """The rows bin by bin, each bin's smallest input first and the largest input of all last.

    Parameters
    ----------
    x, y : (n,) arrays
    weight : (n,) array, or of size 0
    bins : (n,) array
        Of ascending inputs.
    n_bins : int

    Returns
    -------
    starts : (m + 1,) array
        First row of every bin that is not empty, and n. A last bin of equal inputs joins the bin before it.
    x, y, weight : arrays
    """
    n = x.size
    starts = np.zeros(n_bins + 1, dtype=np.int64)
    for b in bins:
        starts[b + 1] += 1
    starts = np.cumsum(starts)
    place = starts.copy()
    x_out, y_out, weight_out = np.empty(n), np.empty(n), np.empty(weight.size)
    for i in range(n):
        at = place[bins[i]]
        place[bins[i]] += 1
        x_out[at], y_out[at] = x[i], y[i]
        if weight.size > 0:
            weight_out[at] = weight[i]
    starts = starts[np.append(np.diff(starts) > 0, True)]
    _swap(x_out, y_out, weight_out, n - 1, starts[-2] + np.argmax(x_out[starts[-2] :]))
    for q in range(starts.size - 1):
        _swap(x_out, y_out, weight_out, starts[q], starts[q] + np.argmin(x_out[starts[q] : starts[q + 1]]))
    if starts.size > 2 and x_out[starts[-2]] == x_out[n - 1]:
        starts = np.delete(starts, starts.size - 2)
    return starts, x_out, y_out, weight_out


@njit(cache=True, nogil=True)
def _swap(x: Floats, y: Floats, weight: Floats, i: int, j: int) -> None:
    x[i], x[j] = x[j], x[i]
    y[i], y[j] = y[j], y[i]
    if weight.size > 0:
        weight[i], weight[j] = weight[j], weight[i]


@njit(cache=True, nogil=True)
def sort_rows(x: Floats, y: Floats, weight: Floats, first: int, last: int) -> None:
    """Sort the rows first..last - 1 by input, in place; equal inputs keep their order."""
    order = np.argsort(x[first:last], kind="mergesort")
    x[first:last] = x[first:last][order]
    y[first:last] = y[first:last][order]
    if weight.size > 0:
        weight[first:last] = weight[first:last][order]
