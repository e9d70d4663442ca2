"""Exact statistics of consecutive segments of sorted data, and exact scans of single segments.

A segment starts at the first row whose x differs from its predecessor's, so equal inputs are never divided. Within a
segment x is measured from the segment's first x, and y from the first y of all, which keeps every sum free of
cancellation.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(cache=True, nogil=True)
def segment_starts(x: Floats, size: int) -> Ints:
    """First rows of the segments of about `size` rows, and the number of rows at the end."""
    n = x.size
    starts = np.empty(n // size + 2, dtype=np.int64)
    starts[0] = 0
    count = 1
    i = size
    for target in range(size, n, size):
        i = max(i, target)
        while i < n and x[i] == x[i - 1]:
            i += 1
        # The last input joins the segment before it: it is an edge of its own.
        if i < n and i > starts[count - 1] and x[i] < x[n - 1]:
            starts[count] = i
            count += 1
    starts[count] = n
    return starts[: count + 1]


@njit(cache=True, nogil=True)
def segment_statistics(
    x: Floats, y: Floats, weight: Floats, starts: Ints, first: int, last: int, table: Floats
) -> None:
    """Fill rows first..last - 1 of `table`: first x, sum w, means of x and y, Sxx, Sxy, residual sum of squares.

    `weight` may be empty, which means 1. Means of x are relative to the segment's first x, those of y to y[0].
    """
    y0 = y[0]
    weighted = weight.size > 0
    for q in range(first, last):
        begin, end = starts[q], starts[q + 1]
        x0 = x[begin]
        total = 0.0
        sum_x = 0.0
        sum_y = 0.0
        if weighted:
            for i in range(begin, end):
                total += weight[i]
                sum_x += weight[i] * (x[i] - x0)
                sum_y += weight[i] * (y[i] - y0)
        else:
            total = float(end - begin)
            for i in range(begin, end):
                sum_x += x[i] - x0
                sum_y += y[i] - y0
        mean_x = sum_x / total if total > 0 else 0.0
        mean_y = sum_y / total if total > 0 else 0.0
        sxx = 0.0
        sxy = 0.0
        syy = 0.0
        for i in range(begin, end):
            dx = x[i] - x0 - mean_x
            dy = y[i] - y0 - mean_y
            w = weight[i] if weighted else 1.0
            sxx += w * dx * dx
            sxy += w * dx * dy
            syy += w * dy * dy
        slope = sxy / sxx if sxx > 0 else 0.0
        rss = syy - slope * sxy
        if rss < 1e-5 * syy:
            # Nearly linear data: the difference has cancelled, so sum the residuals themselves.
            rss = 0.0
            for i in range(begin, end):
                w = weight[i] if weighted else 1.0
                r = y[i] - y0 - mean_y - slope * (x[i] - x0 - mean_x)
                rss += w * r * r
        table[q, 0] = x0
        table[q, 1] = total
        table[q, 2] = mean_x
        table[q, 3] = mean_y
        table[q, 4] = sxx
        table[q, 5] = sxy
        table[q, 6] = rss


@njit(cache=True, nogil=True)
def _extremes(x: Floats, th: Floats, total: float, curve: float) -> tuple[float, float, int, int]:
    """Largest and smallest value of the curve at the inputs of one segment, and the rows where they are."""
    high = low = curve
    row_high = row_low = 0
    for i in range(x.size):
        if i > 0 and x[i] != x[i - 1]:
            curve += total * (x[i] - x[i - 1])
            if curve > high:
                high, row_high = curve, i
            if curve < low:
                low, row_low = curve, i
        total += th[i]
    return high, low, row_high, row_low


@njit(cache=True, nogil=True)
def scan(
    x: Floats, y: Floats, weight: Floats, starts: Ints, segments: Ints, lines: Floats, states: Floats
) -> tuple[Floats, Ints]:
    """Largest and smallest value of the dual curve at the inputs of chosen segments, with the rows where they are.

    The multipliers are th = w (y - y[0] - line), S is their running sum and the curve the running integral of S.

    Parameters
    ----------
    lines : (k, 2) array
        Prediction, relative to y[0], at each segment's first input, and its slope.
    states : (k, 2) array
        S and the curve at each segment's first input, before its rows are added.

    Returns
    -------
    extremes : (k, 2) array
        Largest and smallest value.
    rows : (k, 2) array
        The first rows of the tie groups that attain them.
    """
    extremes, rows = np.empty((segments.size, 2)), np.empty((segments.size, 2), dtype=np.int64)
    for k in range(segments.size):
        begin, end = starts[segments[k]], starts[segments[k] + 1]
        th = np.empty(end - begin)
        for i in range(begin, end):
            w = weight[i] if weight.size > 0 else 1.0
            th[i - begin] = w * (y[i] - y[0] - lines[k, 0] - lines[k, 1] * (x[i] - x[begin]))
        high, low, row_high, row_low = _extremes(x[begin:end], th, states[k, 0], states[k, 1])
        extremes[k, 0], extremes[k, 1] = high, low
        rows[k, 0], rows[k, 1] = begin + row_high, begin + row_low
    return extremes, rows


@njit(cache=True, nogil=True)
def scan_multipliers(x: Floats, th: Floats, starts: Ints, segments: Ints, states: Floats) -> tuple[Floats, Ints]:
    """The same as `scan` for given multipliers, those of the chosen segments one after the other."""
    extremes, rows = np.empty((segments.size, 2)), np.empty((segments.size, 2), dtype=np.int64)
    offset = 0
    for k in range(segments.size):
        begin, end = starts[segments[k]], starts[segments[k] + 1]
        part = th[offset : offset + end - begin]
        high, low, row_high, row_low = _extremes(x[begin:end], part, states[k, 0], states[k, 1])
        extremes[k, 0], extremes[k, 1] = high, low
        rows[k, 0], rows[k, 1] = begin + row_high, begin + row_low
        offset += end - begin
    return extremes, rows
