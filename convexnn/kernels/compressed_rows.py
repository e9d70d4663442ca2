"""Least squares over piecewise-linear columns, compressed exactly to two rows for every piece between kinks.

On a piece of data with weight W, weighted means m of x and ybar of y, and centred sums Sxx, Sxy, a function f that is
linear there costs

    sum w (y - f)^2 = W (ybar - f(m))^2 + Sxx (Sxy / Sxx - f')^2 + what no line can change,

so a row ``sqrt(W) f(m) ~ sqrt(W) ybar`` and, if Sxx > 0, a row ``sqrt(Sxx) f' ~ Sxy / sqrt(Sxx)`` say all. Every length
is measured from a datum of the piece, or of the column: clusters of data keep their digits.

A column with h kinks has h + 1 sections, on each of which it is ``slope * (x - root)``. A kink or root is given as an
anchor, which should be a datum, and a shift from it.
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
def cuts_at(x: Floats, anchors: Floats, shifts: Floats) -> Ints:
    """The first datum at or after each kink, or n: (k, h) arrays to a (k, h) array, ascending along kinks."""
    cuts = np.empty(anchors.shape, dtype=np.int64)
    for f in range(anchors.shape[0]):
        least = 0
        for h in range(anchors.shape[1]):
            high = x.size
            while least < high:
                middle = (least + high) // 2
                if x[middle] - anchors[f, h] < shifts[f, h]:
                    least = middle + 1
                else:
                    high = middle
            cuts[f, h] = least
    return cuts


@njit(cache=True, nogil=True)
def compressed(
    x: Floats, starts: Ints, pieces: Floats, cuts: Ints, slopes: Floats, anchors: Floats, shifts: Floats
) -> tuple[Floats, Floats, Floats]:
    """The rows of columns and target, centred: the intercept is then optimal for any coefficients.

    Parameters
    ----------
    x : (n,) array
    starts, pieces : (p + 1,) and (p, 5) arrays
        Pieces without a kink inside, and their `piece_statistics`; the weighted mean of y is zero.
    cuts : (k, h) array of int
        Of the kinks.
    slopes, anchors, shifts : (k, h + 1) arrays
        Of the sections; anchors and shifts are those of roots.

    Returns
    -------
    columns : (k, rows) array
        Value rows of the pieces of positive weight, then slope rows of those with Sxx > 0, in order of pieces.
    target : (rows,) array
    means : (k,) array
        Weighted means of the columns over the data.
    """
    n_pieces = pieces.shape[0]
    weighted, spread = np.flatnonzero(pieces[:, 0] > 0.0), np.flatnonzero(pieces[:, 3] > 0.0)
    n_values = weighted.size
    roots, spreads = np.sqrt(pieces[weighted, 0]), np.sqrt(pieces[spread, 3])
    target = np.concatenate((roots * pieces[weighted, 2], pieces[spread, 4] / spreads))
    columns, means = np.empty((cuts.shape[0], target.size)), np.empty(cuts.shape[0])
    height, slope = np.empty(n_pieces), np.empty(n_pieces)
    for f in range(cuts.shape[0]):
        section, total, mean = 0, 0.0, 0.0
        for p in range(n_pieces):
            while section < cuts.shape[1] and cuts[f, section] <= starts[p]:
                section += 1
            slope[p] = slopes[f, section]
            from_root = ((x[starts[p]] - anchors[f, section]) - shifts[f, section]) + pieces[p, 1]
            height[p] = slope[p] * from_root
            total += pieces[p, 0]
            mean += pieces[p, 0] * height[p]
        means[f] = mean / total
        for row in range(n_values):
            columns[f, row] = roots[row] * (height[weighted[row]] - means[f])
        for row in range(spread.size):
            columns[f, n_values + row] = spreads[row] * slope[spread[row]]
    return columns, target, means


@njit(cache=True, nogil=True)
def expanded(
    x: Floats, y: Floats, weight: Floats, starts: Ints, pieces: Floats, residual: Floats
) -> tuple[Floats, float, float]:
    """The multipliers ``th = w (y - f)`` of all data, from the residual of the compressed rows.

    Returns
    -------
    th : (n,) array
        Sums to zero.
    gain, square : float
        ``y'th`` and ``sum th^2 / w``.
    """
    th = np.zeros(x.size)
    value_row, slope_row = 0, np.count_nonzero(pieces[:, 0])
    mass = total = 0.0
    for p in range(pieces.shape[0]):
        if pieces[p, 0] == 0.0:
            continue
        mass += pieces[p, 0]
        # The data's distance from their own line, and that line's from the fit: where a fit nearly interpolates, y - f
        # has no digits.
        height = residual[value_row] / np.sqrt(pieces[p, 0])
        value_row += 1
        own_slope = slope = 0.0
        if pieces[p, 3] > 0.0:
            own_slope = pieces[p, 4] / pieces[p, 3]
            slope = residual[slope_row] / np.sqrt(pieces[p, 3])
            slope_row += 1
        origin = x[starts[p]]
        for i in range(starts[p], starts[p + 1]):
            from_mean = (x[i] - origin) - pieces[p, 1]
            th[i] = weight[i] * ((y[i] - pieces[p, 2] - own_slope * from_mean) + (height + slope * from_mean))
            total += th[i]
    shift = total / mass
    gain = square = 0.0
    for i in range(x.size):
        if weight[i] > 0.0:
            th[i] -= shift * weight[i]
            gain += y[i] * th[i]
            square += th[i] * th[i] / weight[i]
    return th, gain, square
