"""Squared loss in function space: piecewise-linear fits of a million points, exact and certified.

For two-layer ReLU, leaky ReLU and absolute-value networks and narrow ReLU networks of depth >= 3 the penalty is a
norm of the slopes. The data are read once into exact statistics of a few thousand segments; all optimisation happens
on these. A bound says which segments might hide a violation of the dual constraints; only those are read again, and
divided where they do. The certificate is valid for all points.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convexnn.architecture import Architecture
from convexnn.kernels.binning import bin_numbers, gather, sort_rows
from convexnn.kernels.order import is_ascending
from convexnn.kernels.segments import scan, segment_starts, segment_statistics
from convexnn.kernels.splines import fit_spline, suspicious
from convexnn.lasso.certificate import Certificate
from convexnn.lasso.problem import Problem
from convexnn.lasso.solution import Terms
from convexnn.lasso.spline import Spline, ascending, is_norm_of_slopes, prove, rows_with_weight
from convexnn.lasso.threads import each, threads_for
from convexnn.losses import Squared
from convexnn.validation import FloatArray

_SEGMENTS = 2048
_LARGEST_SEGMENT = 2048
# Up to here rows are sorted. Beyond, they are gathered into so many bins, whose edges come from a sample of the rows.
_SORTED_UP_TO = 2_000_000
_BINS = 4096
_SAMPLE = 65_536
_CHUNKS = 32  # of the rows, where several threads share them
_MOST_SCANS = 30
_MOST_ROUNDS = 1000


def applies(problem: Problem) -> bool:
    """Whether this solver takes the problem: squared loss, a norm of the slopes, and more than one input."""
    return isinstance(problem.loss, Squared) and is_norm_of_slopes(problem)


def solve_slopes(problem: Problem, tol: float) -> tuple[Certificate, Callable[[], Terms], int]:
    """The certificate of the optimal spline, how to expand it into features, and the number of scans."""
    return prove(problem, fit_slopes(Segments.of(problem), problem.beta, problem.architecture, tol)[0])


class ActiveKnots(NamedTuple):
    """Where a fit may start: rows with a kink, the first row included but not the end; signs and values of all knots.

    A sign is 0 where there is no kink, at an end.
    """

    rows: NDArray[np.int64]
    signs: FloatArray
    values: FloatArray


class Segments:
    """Segments of the data with their statistics in units of order one.

    They do not depend on beta: fits at several betas share them, and what one fit divides stays divided for the next.

    Parameters
    ----------
    x, y : (n,) arrays
        Inputs, not all equal, and targets.
    weight : (n,) array, or of size 0
        Positive; size 0 means 1.
    starts : (m + 1,) array of int, optional
        First rows of segments, and n. If given, only segments ascend, not the rows in them, of which the smallest is
        the first; the last row is the largest. They are sorted where they are read again. By default all rows ascend.
    """

    def __init__(
        self, x: FloatArray, y: FloatArray, weight: FloatArray, starts: NDArray[np.int64] | None = None
    ) -> None:
        self.x, self.y, self.weight = x, y, weight
        size = int(np.clip(2 ** int(np.log2(x.size / _SEGMENTS) if x.size > _SEGMENTS else 0), 1, _LARGEST_SEGMENT))
        self.starts = segment_starts(x, size) if starts is None else starts
        self._is_sorted = np.full(self.starts.size - 1, starts is None)
        self.table = self._statistics(self.starts)
        total = self.table[:, 1].sum()
        mean = self.table[:, 1] @ self.table[:, 3] / total
        spread = self.table[:, 6] + self.table[:, 1] * (self.table[:, 3] - mean) ** 2
        slopes = np.divide(self.table[:, 5], self.table[:, 4], out=np.zeros(len(spread)), where=self.table[:, 4] > 0)
        spread += slopes * self.table[:, 5]
        self.unit_x = float(x[-1] - x[0])
        self.unit_w = float(total)
        self.unit_y = float(np.sqrt(spread.sum() / total)) or 1.0
        self.sum_squares = float(spread.sum() + total * mean**2)  # sum w (y - y[0])^2
        self.table *= self._factors()

    @classmethod
    def of(cls, problem: Problem) -> Segments:
        """The rows of a problem that have weight; millions of unsorted ones are gathered into bins, not sorted."""
        x, y, weight = rows_with_weight(problem)
        if x.size <= _SORTED_UP_TO or is_ascending(x):
            return cls(*ascending(x, y, weight))
        edges = np.unique(np.sort(x[:: x.size // _SAMPLE])[:: _SAMPLE // _BINS])
        starts, x, y, weight = gather(x, y, weight, bin_numbers(x, edges), edges.size + 1)
        return cls(x, y, weight, starts)

    def sort(self, segments: NDArray[np.int64]) -> None:
        """Sort the rows of these segments."""
        for q in segments[~self._is_sorted[segments]]:
            sort_rows(self.x, self.y, self.weight, self.starts[q], self.starts[q + 1])
        self._is_sorted[segments] = True

    def _statistics(self, starts: NDArray[np.int64]) -> FloatArray:
        table = np.empty((starts.size - 1, 7))
        n_threads = threads_for(int(starts[-1] - starts[0]))
        last = starts.size - 1
        ends = [0, last] if n_threads == 1 else np.linspace(0, last, 1 + _CHUNKS).astype(np.int64)
        each(
            lambda first, last: segment_statistics(self.x, self.y, self.weight, starts, first, last, table),
            pairwise(ends),
            n_threads,
        )
        table[:, 0] -= self.x[0]
        return table

    def _factors(self) -> FloatArray:
        x, y, w = self.unit_x, self.unit_y, self.unit_w
        return np.array([1 / x, 1 / w, 1 / x, 1 / y, 1 / (w * x * x), 1 / (w * x * y), 1 / (w * y * y)])

    def knots(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The edges at these rows, each the first of a segment, and the last edge."""
        return np.append(np.searchsorted(self.starts, rows), self.starts.size - 1)

    @property
    def edges(self) -> FloatArray:
        """First inputs of all segments and the last input, from 0 to 1."""
        return np.append(self.table[:, 0], 1.0)

    def divide(self, rows: NDArray[np.int64]) -> None:
        """Start new segments at these rows of sorted segments, ascending, each the first of its tie group."""
        last = self.starts.size - 1
        touched = np.unique(np.searchsorted(self.starts, rows, side="right") - 1)
        starts = np.sort(np.concatenate((self.starts, rows)))
        kept = np.delete(np.arange(last), touched)
        places = np.searchsorted(starts, self.starts)
        table, is_new = np.empty((starts.size - 1, 7)), np.ones(starts.size - 1, dtype=bool)
        is_new[places[kept]] = False
        table[places[kept]] = self.table[kept]
        is_sorted = is_new.copy()
        is_sorted[places[kept]] = self._is_sorted[kept]
        for q in touched:
            segment_statistics(self.x, self.y, self.weight, starts, places[q], places[q + 1], table)
        table[is_new, 0] -= self.x[0]
        table[is_new] *= self._factors()
        self.starts, self.table, self._is_sorted = starts, table, is_sorted


def fit_slopes(
    data: Segments, beta: float, architecture: Architecture, tol: float, start: ActiveKnots | None = None
) -> tuple[Spline, ActiveKnots]:
    """The optimal spline of a function-space architecture under squared loss.

    Parameters
    ----------
    data : Segments
        Of ascending inputs, not all equal. Divided where the certificate needs it.
    beta : float
    architecture : Architecture
        Piecewise-linear activation with two layers, or narrow ReLU of any depth.
    tol : float
        Certified relative gap at which to stop.
    start : ActiveKnots, optional
        Of a fit of the same data at another beta.

    Returns
    -------
    Spline, ActiveKnots
    """
    x, y, weight = data.x, data.y, data.weight
    sigma = architecture.activation
    bounded = architecture.depth > 2
    spread, steepest = abs(sigma.right - sigma.left), max(abs(sigma.left), abs(sigma.right))
    strength = beta / (data.unit_w * data.unit_x * data.unit_y)
    rows, signs, u = start or ActiveKnots(np.zeros(1, dtype=np.int64), np.zeros(2), np.zeros(2))
    knots, signs = data.knots(rows), signs.copy()  # signs are changed in place
    for n_scans in range(_MOST_SCANS):  # noqa: B007
        edges = data.edges
        knots, signs, u, curve, sums, numbers = fit_spline(
            data.table, edges, knots, signs, u, strength, spread, steepest, bounded, 0.5 * tol, _MOST_ROUNDS
        )
        primal, _, bound, _, _, squares, products = numbers
        segments, lines = suspicious(data.table, edges, knots, u, curve, bound)
        # Segments that are not read again stay within the bounds, or within what the edges reach.
        low, high, rows = min(curve.min(), -bound), max(curve.max(), bound), np.zeros((0, 2), dtype=np.int64)
        if segments.size:
            data.sort(segments)
            states = np.stack((sums[segments] * data.unit_w * data.unit_y, curve[segments] * _curve_unit(data)), axis=1)
            raw = lines * [data.unit_y, data.unit_y / data.unit_x]
            extremes, rows = scan(x, y, weight, data.starts, segments, raw, states)
            extremes /= _curve_unit(data)
            low, high = min(low, extremes[:, 1].min()), max(high, extremes[:, 0].max())
            rows = rows[np.stack((extremes[:, 0] > bound, extremes[:, 1] < -bound), axis=1)]
        # The largest correlation of a feature: of a kink, or for ramps the range of the curve.
        largest = high - low if bounded else spread * max(high, -low) + (2 * steepest - spread) * abs(curve[0])
        violation = largest / strength
        scale = max(products / squares, 0.0) if squares > 0 else 0.0
        scale = min(scale, 1 / violation)
        dual = scale * products - 0.5 * scale**2 * squares
        rows = np.unique(rows[x[rows] < x[-1]])  # the last input is an edge already
        rows = rows[data.starts[np.searchsorted(data.starts, rows)] != rows]
        if primal - dual <= tol * primal or rows.size == 0:
            break
        active = data.starts[knots[:-1]]
        data.divide(rows)
        knots = data.knots(active)
    if knots.size == 2 and abs(u[1] - u[0]) <= 1e-12:
        u[:] = u.mean()  # a constant: what is left of the slope is rounding
    unit = data.unit_w * data.unit_y**2
    spline = Spline(
        knots=np.append(x[data.starts[knots[:-1]]], x[-1]),
        values=u * data.unit_y,
        origin=float(y[0]),
        primal=float(primal * unit),
        dual=float(dual * unit),
        penalty=float((primal - 0.5 * squares) * unit),
        alignment=float((products - squares) * unit),
        violation=float(violation),
        rounding=0.0,
        negligible=float(8 * np.finfo(float).eps ** 2 * data.sum_squares),
        n_scans=n_scans,
    )
    return spline, ActiveKnots(data.starts[knots[:-1]], signs, u)


def _curve_unit(data: Segments) -> float:
    return data.unit_w * data.unit_x * data.unit_y
