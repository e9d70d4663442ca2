"""Sums over segments of the logistic loss and its derivatives, where the prediction is a line on every segment.

With t in [-1/2, 1/2] along a segment, the rows of one label enter only through ``sum w sigma(a + b t)`` and the like.
Where |b| / 2 <= 1/64 the Taylor series of sigma about the middle of the segment, cut after the sixth power, is exact to
rounding: the remainder is below 2 / pi (1 / (64 pi))^7 < 1e-16, because the nearest singularity is at distance pi. Then
the moments ``sum w t^k`` of each label say all; elsewhere the rows are read.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

N_MOMENTS = 8
_LARGEST_HALF_RISE = 1.0 / 64.0
# The product of this many factors 1 + exp(-|m|) <= 2 does not overflow.
_FACTORS = 512


@njit(cache=True, nogil=True)
def label_moments(x: Floats, y: Floats, weight: Floats, starts: Ints, segments: Ints, moments: Floats) -> None:
    """Fill ``moments[segments]``, of shape (2, N_MOMENTS), with sum w t^k over the labels -1 and +1.

    `weight` may be empty, which means 1. `starts` are the first rows of all segments, and the number of rows.
    """
    n = x.size
    weighted = weight.size > 0
    for q in segments:
        begin, end = starts[q], starts[q + 1]
        start = x[begin]
        inverse = 1.0 / (x[min(end, n - 1)] - start)
        # Of both labels, and of +1: the difference is exactly zero where a label is absent.
        a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = 0.0
        b0 = b1 = b2 = b3 = b4 = b5 = b6 = b7 = 0.0
        for i in range(begin, end):
            w = weight[i] if weighted else 1.0
            v = w if y[i] > 0.0 else 0.0
            t = (x[i] - start) * inverse - 0.5
            a0 += w
            b0 += v
            p = t
            a1 += w * p
            b1 += v * p
            p *= t
            a2 += w * p
            b2 += v * p
            p *= t
            a3 += w * p
            b3 += v * p
            p *= t
            a4 += w * p
            b4 += v * p
            p *= t
            a5 += w * p
            b5 += v * p
            p *= t
            a6 += w * p
            b6 += v * p
            p *= t
            a7 += w * p
            b7 += v * p
        both = (a0, a1, a2, a3, a4, a5, a6, a7)
        positive = (b0, b1, b2, b3, b4, b5, b6, b7)
        for k in range(N_MOMENTS):
            moments[q, 0, k] = both[k] - positive[k]
            moments[q, 1, k] = positive[k]


@njit(cache=True, nogil=True)
def _sigma(g: float) -> float:
    return 1.0 / (1.0 + np.exp(-g)) if g >= 0.0 else np.exp(g) / (1.0 + np.exp(g))


@njit(cache=True, nogil=True)
def _above(f: float) -> float:
    """By how much the curvature of the parabola that touches the loss at f and -f exceeds the loss's.

    The loss is log 2 cosh(f / 2) plus a line; the parabola lies above it and has the curvature tanh(f / 2) / (2 f).
    """
    size = abs(f)
    p = _sigma(-size)
    return max((0.5 - p) / size - p * (1.0 - p), 0.0) if size > 1e-4 else 0.0


@njit(cache=True, nogil=True)
def _add_series(moments: Floats, label: float, middle: float, rise: float, sums: Floats) -> None:
    """Add the rows of one label from their moments."""
    g = -label * middle
    p = _sigma(g)
    q, r = p * _sigma(-g), 1.0 - 2.0 * p
    derivatives = (
        p,
        q,
        q * r,
        q * (1.0 - 6.0 * q),
        q * r * (1.0 - 12.0 * q),
        q * (1.0 - 30.0 * q + 120.0 * q * q),
        q * r * (1.0 - 60.0 * q + 360.0 * q * q),
    )
    coefficient = 1.0
    sums[0] += moments[0] * (max(g, 0.0) + np.log1p(np.exp(-abs(g))))
    for k in range(7):
        value = coefficient * derivatives[k]
        coefficient *= -label * rise / (k + 1)
        sums[0] += coefficient * derivatives[k] * moments[k + 1]
        sums[1] += label * value * moments[k]
        sums[2] += label * value * moments[k + 1]
        sums[3] += value * moments[k]
    coefficient = 1.0
    for k in range(6):
        value = coefficient * derivatives[k + 1]
        coefficient *= -label * rise / (k + 1)
        sums[4] += value * moments[k]
        sums[5] += value * moments[k + 1]
        sums[6] += value * moments[k + 2]


@njit(cache=True, nogil=True)
def _add_rows(
    x: Floats, y: Floats, weight: Floats, length: float, middle: float, rise: float, start: float, sums: Floats
) -> None:
    """Add rows one by one."""
    weighted = weight.size > 0
    product = 0.0  # of the factors 1 + e, minus 1
    count = 0
    loss = th0 = th1 = absolute = h0 = h1 = h2 = m0 = m1 = m2 = 0.0
    for i in range(x.size):
        w = weight[i] if weighted else 1.0
        t = (x[i] - start) / length - 0.5
        g = -y[i] * (middle + rise * t)
        e = np.exp(-abs(g))
        p = (1.0 if g >= 0.0 else e) / (1.0 + e)
        if g > 0.0:
            loss += w * g
        if weighted:
            loss += w * np.log1p(e)
        else:
            product += e * (1.0 + product)
            count += 1
            if count == _FACTORS:
                loss += np.log1p(product)
                product = 0.0
                count = 0
        size = w * p
        th = y[i] * size
        h = size * (1.0 - p) if g < 0.0 else w * e / ((1.0 + e) * (1.0 + e))
        th0 += th
        th1 += t * th
        absolute += size
        h0 += h
        h1 += t * h
        h2 += t * t * h
        m = max(w * (0.5 - e / (1.0 + e)) / abs(g) - h, 0.0) if g != 0.0 else 0.0
        m0 += m
        m1 += t * m
        m2 += t * t * m
    sums[0] += loss + np.log1p(product)
    sums[1] += th0
    sums[2] += th1
    sums[3] += absolute
    sums[4] += h0
    sums[5] += h1
    sums[6] += h2
    sums[7] += m0
    sums[8] += m1
    sums[9] += m2


@njit(cache=True, nogil=True)
def logistic_sums(
    x: Floats, y: Floats, weight: Floats, starts: Ints, moments: Floats, lines: Floats, sums: Floats
) -> None:
    """Sums over every segment for the prediction ``middle + rise t``.

    Parameters
    ----------
    lines : (n_segments, 2) array
        Prediction in the middle of each segment, and how much it rises along it.
    sums : (n_segments, 10) array
        Filled with the sums of: the loss; th, t th and |th| (th minus the derivative of the loss); h, t h and t^2 h (h
        the second derivative); m, t m and t^2 m, where h + m is the curvature of the parabola through the middle's
        loss and slope that lies above the loss everywhere.
    """
    for q in range(starts.size - 1):
        middle, rise = lines[q, 0], lines[q, 1]
        row = sums[q]
        row[:] = 0.0
        if abs(rise) <= 2.0 * _LARGEST_HALF_RISE:
            _add_series(moments[q, 0], -1.0, middle, rise, row)
            _add_series(moments[q, 1], 1.0, middle, rise, row)
            extra = _above(middle)
            for k in range(3):
                row[7 + k] = extra * (moments[q, 0, k] + moments[q, 1, k])
        else:
            begin, end = starts[q], starts[q + 1]
            part = weight[begin:end] if weight.size > 0 else weight
            length = x[min(end, x.size - 1)] - x[begin]
            _add_rows(x[begin:end], y[begin:end], part, length, middle, rise, x[begin], row)
