"""Sums over segments of Huber's loss and its derivatives, where the prediction is a line on every segment."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(cache=True, nogil=True)
def huber_sums(x: Floats, y: Floats, weight: Floats, delta: float, starts: Ints, lines: Floats, sums: Floats) -> None:
    """Sums over every segment for the prediction ``y[0] + middle + rise t``, with t in [-1/2, 1/2] along the segment.

    Parameters
    ----------
    lines : (n_segments, 2) array
        Prediction in the middle of each segment, measured from y[0], and how much it rises along it.
    sums : (n_segments, 11) array
        Filled with the sums of: the loss; th, t th and |th| (th minus the derivative of the loss); h, t h and t^2 h (h
        the second derivative); m, t m and t^2 m, where h + m is the curvature of the parabola that touches the loss at
        r and -r and lies above it elsewhere; th^2 / w.
    """
    y0 = y[0]
    weighted = weight.size > 0
    for q in range(starts.size - 1):
        begin, end = starts[q], starts[q + 1]
        start = x[begin]
        length = x[min(end, x.size - 1)] - start
        middle, rise = lines[q, 0], lines[q, 1]
        loss = th0 = th1 = absolute = square = h0 = h1 = h2 = m0 = m1 = m2 = 0.0
        for i in range(begin, end):
            w = weight[i] if weighted else 1.0
            t = (x[i] - start) / length - 0.5
            r = (y[i] - y0) - middle - rise * t
            size = abs(r)
            if size <= delta:
                th = w * r
                loss += 0.5 * th * r
                square += th * r
                h0 += w
                h1 += w * t
                h2 += w * t * t
            else:
                th = w * delta if r > 0.0 else -w * delta
                loss += w * delta * (size - 0.5 * delta)
                square += w * delta * delta
                m = w * delta / size
                m0 += m
                m1 += m * t
                m2 += m * t * t
            th0 += th
            th1 += th * t
            absolute += abs(th)
        sums[q] = (loss, th0, th1, absolute, h0, h1, h2, m0, m1, m2, square)
