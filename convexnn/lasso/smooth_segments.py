"""Logistic and Huber loss of piecewise-linear fits, from sums over segments of the data.

A piecewise-linear fit is a line on every segment, so the loss and its first two derivatives enter through a few sums
over the segment's rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from convexnn.kernels.huber_segments import huber_sums
from convexnn.kernels.logistic_segments import N_MOMENTS, label_moments, logistic_sums
from convexnn.kernels.segments import segment_starts
from convexnn.losses import Huber, Logistic
from convexnn.validation import FloatArray

_SEGMENTS = 2048
_LARGEST_SEGMENT = 2048
# The start of Huber's loss is the median of about so many rows.
_SOME_ROWS = 16384

Ints = NDArray[np.int64]


def smooth_segments(x: FloatArray, y: FloatArray, weight: FloatArray, loss: Logistic | Huber) -> SmoothSegments:
    """Segments of ascending data under one of the losses; size 0 of `weight` means 1."""
    kind = _LogisticSegments if isinstance(loss, Logistic) else _HuberSegments
    return kind(x, y, weight, loss)


class SmoothSegments(ABC):
    """Segments of the data, and the loss on them. Inputs are divided by a power of two, so that differences are exact.

    Attributes
    ----------
    starts : (m + 1,) array of int
        First rows of the segments, and the number of rows.
    edges, lengths : (m + 1,), (m,) arrays
        First inputs of the segments and the last input, and their differences.
    most_rows : int
        Of a segment.
    scale : float
        A change of the fit that counts.
    """

    def __init__(self, x: FloatArray, y: FloatArray, weight: FloatArray, loss: Logistic | Huber) -> None:
        self.x, self.y, self.weight, self.loss = x, y, weight, loss
        self.origin = float(y[0]) if loss.degree else 0.0
        self.scale = loss.delta if isinstance(loss, Huber) else 1.0
        self.unit_x = 2.0 ** np.frexp(x[-1] - x[0])[1]
        size = int(np.clip(2 ** int(np.log2(x.size / _SEGMENTS) if x.size > _SEGMENTS else 0), 1, _LARGEST_SEGMENT))
        self._place(segment_starts(x, size))

    def _place(self, starts: Ints) -> None:
        self.starts = starts
        self.edges = np.append(self.x[starts[:-1]], self.x[-1]) / self.unit_x
        self.lengths = np.diff(self.edges)
        self.most_rows = int(np.diff(starts).max())

    def negligible(self, primal: float) -> float:
        """The loss's objective that is zero up to rounding; 0 where `primal` is far above it."""
        total = self.weight.sum() if self.weight.size else float(self.x.size)
        largest = max(self.y.max() - self.origin, self.origin - self.y.min())
        if primal > self.loss.negligible(np.array([largest]), np.array([total])):
            return 0.0
        weight = self.weight if self.weight.size else np.ones_like(self.y)
        return self.loss.negligible(self.y - self.origin, weight)

    def divide(self, rows: Ints) -> None:
        """Start new segments at these rows, each the first of its tie group."""
        self._place(np.union1d(self.starts, rows))

    @abstractmethod
    def sums(self, lines: FloatArray) -> FloatArray:
        """Sums over every segment for predictions, measured from `origin`, in its middle and their rise along it.

        Returns
        -------
        (m, 11) array
            Of the loss; th, t th, |th|; curvature h, t h, t^2 h; m, t m, t^2 m for the excess m of the curvature of a
            parabola that touches the loss and lies above it; th^2 / w (Huber). With t from -1/2 to 1/2.
        """

    @abstractmethod
    def best_constant(self) -> float:
        """A constant to start from, measured from `origin`."""

    def multipliers(self, segments: Ints, lines: FloatArray) -> FloatArray:
        """The multipliers of the rows of these segments, one segment after the other."""
        sizes = np.diff(self.starts)[segments]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        rows = np.repeat(self.starts[segments], sizes) + within
        first = self.x[self.starts[segments]]
        last = self.x[np.minimum(self.starts[segments + 1], self.x.size - 1)]
        t = (self.x[rows] - np.repeat(first, sizes)) / np.repeat(last - first, sizes) - 0.5
        f = np.repeat(lines[segments, 0], sizes) + t * np.repeat(lines[segments, 1], sizes)
        weight = self.weight[rows] if self.weight.size else np.ones(rows.size)
        return self.loss.multiplier(self.y[rows] - self.origin, f, weight)


class _LogisticSegments(SmoothSegments):
    """Moments of the labels, which are all of the data that a gentle slope sees."""

    def __init__(self, x: FloatArray, y: FloatArray, weight: FloatArray, loss: Logistic | Huber) -> None:
        super().__init__(x, y, weight, loss)
        self.moments = self._read(np.ones(self.lengths.size, dtype=np.bool_))

    def divide(self, rows: Ints) -> None:
        old_starts, old_moments = self.starts, self.moments
        super().divide(rows)
        # Only segments that were divided are read.
        kept = np.isin(self.starts[:-1], old_starts) & ~np.isin(self.starts[1:], np.setdiff1d(rows, old_starts))
        self.moments = self._read(~kept)
        self.moments[kept] = old_moments[np.searchsorted(old_starts, self.starts[:-1][kept])]

    def _read(self, which: NDArray[np.bool_]) -> FloatArray:
        """The moments of chosen segments; others are left empty."""
        moments = np.empty((which.size, 2, N_MOMENTS))
        label_moments(self.x, self.y, self.weight, self.starts, np.flatnonzero(which), moments)
        return moments

    def sums(self, lines: FloatArray) -> FloatArray:
        sums = np.zeros((self.starts.size - 1, 11))
        logistic_sums(self.x, self.y, self.weight, self.starts, self.moments, lines, sums)
        return sums

    def best_constant(self) -> float:
        negative, positive = self.moments[:, :, 0].sum(axis=0)
        return float(np.log(positive) - np.log(negative))


class _HuberSegments(SmoothSegments):
    """The rows themselves: which of them are outliers changes with the fit."""

    def sums(self, lines: FloatArray) -> FloatArray:
        sums = np.empty((self.starts.size - 1, 11))
        huber_sums(self.x, self.y, self.weight, self.scale, self.starts, lines, sums)
        return sums

    def best_constant(self) -> float:
        return float(np.median(self.y[:: max(self.y.size // _SOME_ROWS, 1)] - self.origin))
