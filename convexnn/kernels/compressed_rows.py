"""Least squares over piecewise-linear columns, compressed exactly to two rows for every piece between kinks.

On a piece of data with weight W, weighted means m of x and ybar of y, and centred sums Sxx, Sxy, a function f that is
linear there costs

    sum w (y - f)^2 = W (ybar - f(m))^2 + Sxx (Sxy / Sxx - f')^2 + what no line can change,

so a row ``sqrt(W) f(m) ~ sqrt(W) ybar`` and, if Sxx > 0, a row ``sqrt(Sxx) f' ~ Sxy / sqrt(Sxx)`` say all. Every length
is measured from a datum of the piece, or of the kink: clusters of data keep their digits.

A column has a left foot, a centre and a right foot, its hinges. Each is given as an anchor, which is a datum, and a
shift from it. To the centre the slopes are ``-tail, 1``, after it ``-1, tail``; the column is zero at its feet.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BLOCK = 64


@njit(cache=True, nogil=True)
def _accumulate(x: Floats, y: Floats, weight: Floats, first: int, last: int, origin: float, into: Floats) -> None:
    """Add the rows first..last - 1 to statistics: W, mean of x - origin, mean of y, Sxx, Sxy."""
    for i in range(first, last):
        if weight[i] > 0.0:
            into[0] += weight[i]
            share = weight[i] / into[0]
            dx, dy = (x[i] - origin) - into[1], y[i] - into[2]
            into[1] += share * dx
            into[2] += share * dy
            rest = weight[i] * (1.0 - share)
            into[3] += rest * dx * dx
            into[4] += rest * dx * dy


@njit(cache=True, nogil=True)
def block_statistics(x: Floats, y: Floats, weight: Floats) -> Floats:
    """Statistics of consecutive blocks of 64 rows: W, mean of x from the block's first x, mean of y, Sxx, Sxy.

    Parameters
    ----------
    x, y, weight : (n,) arrays
        x ascending; weights may be zero.

    Returns
    -------
    (ceil(n / 64), 5) array
    """
    n = x.size
    blocks = np.zeros(((n + _BLOCK - 1) // _BLOCK, 5))
    for q in range(blocks.shape[0]):
        _accumulate(x, y, weight, q * _BLOCK, min(q * _BLOCK + _BLOCK, n), x[q * _BLOCK], blocks[q])
    return blocks


@njit(cache=True, nogil=True)
def piece_statistics(x: Floats, y: Floats, weight: Floats, blocks: Floats, starts: Ints) -> Floats:
    """The statistics of the pieces ``starts[p]..starts[p + 1] - 1``, from those of whole blocks and single rows.

    Means of x are measured from the first x of the piece.
    """
    pieces = np.zeros((starts.size - 1, 5))
    for p in range(starts.size - 1):
        first, last = starts[p], starts[p + 1]
        origin, into = x[first], pieces[p]
        head = min((first + _BLOCK - 1) // _BLOCK, last // _BLOCK)
        tail = max(last // _BLOCK, head)
        if head == tail:
            _accumulate(x, y, weight, first, last, origin, into)
            continue
        _accumulate(x, y, weight, first, head * _BLOCK, origin, into)
        for q in range(head, tail):
            if blocks[q, 0] > 0.0:
                total = into[0] + blocks[q, 0]
                share = blocks[q, 0] / total
                dx = (x[q * _BLOCK] - origin) + blocks[q, 1] - into[1]
                dy = blocks[q, 2] - into[2]
                rest = into[0] * share
                into[0] = total
                into[1] += share * dx
                into[2] += share * dy
                into[3] += blocks[q, 3] + rest * dx * dx
                into[4] += blocks[q, 4] + rest * dx * dy
        _accumulate(x, y, weight, tail * _BLOCK, last, origin, into)
    return pieces


@njit(cache=True, nogil=True)
def compressed(
    x: Floats, starts: Ints, pieces: Floats, places: Floats, cuts: Ints, tails: Floats
) -> tuple[Floats, Floats, Floats]:
    """The compressed columns and targets, centred so that the intercept is optimal for any coefficients.

    Returns
    -------
    columns : (k, rows) array
        Value rows of the pieces of positive weight, then slope rows of those with Sxx > 0, in order of pieces.
    target : (rows,) array
    means : (k,) array
        Weighted means of the columns over the data.
    """
    k, n_pieces = cuts.shape[0], pieces.shape[0]
    value_row, slope_row = np.empty(n_pieces, dtype=np.int64), np.empty(n_pieces, dtype=np.int64)
    n_values = n_rows = 0
    for p in range(n_pieces):
        value_row[p] = n_values
        n_values += pieces[p, 0] > 0.0
    n_rows = n_values
    for p in range(n_pieces):
        slope_row[p] = n_rows
        n_rows += pieces[p, 3] > 0.0
    roots = np.sqrt(pieces[:, 0])
    spreads = np.sqrt(pieces[:, 3])
    total = pieces[:, 0].sum()
    target, columns, means = np.empty(n_rows), np.empty((k, n_rows)), np.empty(k)
    for p in range(n_pieces):
        if pieces[p, 0] > 0.0:
            target[value_row[p]] = roots[p] * pieces[p, 2]
        if pieces[p, 3] > 0.0:
            target[slope_row[p]] = pieces[p, 4] / spreads[p]
    heights = np.empty(n_pieces)
    for f in range(k):
        mean = 0.0
        for p in range(n_pieces):
            first = starts[p]
            left = first < cuts[f, 1]
            side = 0 if left else 2
            outside = first < cuts[f, 0] or first >= cuts[f, 2]
            slope = (1.0 if left else -1.0) if not outside else (-tails[f] if left else tails[f])
            heights[p] = slope * (((x[first] - places[f, side, 0]) - places[f, side, 1]) + pieces[p, 1])
            mean += pieces[p, 0] * heights[p]
            if pieces[p, 3] > 0.0:
                columns[f, slope_row[p]] = slope * spreads[p]
        mean /= total
        means[f] = mean
        for p in range(n_pieces):
            if pieces[p, 0] > 0.0:
                columns[f, value_row[p]] = roots[p] * (heights[p] - mean)
    return columns, target, means


@njit(cache=True, nogil=True)
def expanded(
    x: Floats, y: Floats, weight: Floats, starts: Ints, pieces: Floats, residual: Floats
) -> tuple[Floats, float, float]:
    """The multipliers th = w (y - f) of all data from the residual of the compressed rows.

    Returns
    -------
    th : (n,) array
        Sums to zero.
    gain, square : float
        ``y'th`` and ``sum th^2 / w``.
    """
    th = np.empty(x.size)
    n_values = 0
    for p in range(pieces.shape[0]):
        n_values += pieces[p, 0] > 0.0
    value_row, slope_row = 0, n_values
    total = mass = 0.0
    for p in range(pieces.shape[0]):
        first, last = starts[p], starts[p + 1]
        if pieces[p, 0] == 0.0:
            th[first:last] = 0.0
            continue
        height = pieces[p, 2] - residual[value_row] / np.sqrt(pieces[p, 0])
        value_row += 1
        slope = 0.0
        if pieces[p, 3] > 0.0:
            slope = pieces[p, 4] / pieces[p, 3] - residual[slope_row] / np.sqrt(pieces[p, 3])
            slope_row += 1
        height -= slope * pieces[p, 1]
        for i in range(first, last):
            th[i] = weight[i] * (y[i] - (height + slope * (x[i] - x[first])))
            total += th[i]
            mass += weight[i]
    shift = total / mass
    gain = square = 0.0
    for i in range(x.size):
        if weight[i] > 0.0:
            th[i] -= shift * weight[i]
            gain += y[i] * th[i]
            square += th[i] * th[i] / weight[i]
    return th, gain, square
