"""Squared loss in function space: piecewise-linear fits of a million points, exact and certified.

For two-layer ReLU, leaky ReLU and absolute-value networks and narrow ReLU networks of depth >= 3 the penalty is a norm of the
slopes. The data are read once into exact statistics of a few thousand segments; all optimisation happens on these. A
bound says which segments might hide a violation of the dual constraints; only those are read again, and divided where
they do. The certificate is valid for all points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convexnn.architecture import Architecture
from convexnn.kernels.segments import scan, segment_starts, segment_statistics
from convexnn.kernels.splines import fit_spline, suspicious
from convexnn.validation import FloatArray

_SEGMENTS = 2048
_LARGEST_SEGMENT = 2048
_MOST_SCANS = 30
_MOST_ROUNDS = 1000


@dataclass(frozen=True)
class Spline:
    """An optimal piecewise-linear fit, with its dual bound.

    Attributes
    ----------
    knots, values : (K,) arrays
        First and last input and the kinks between them, and the fit there.
    primal, dual : float
    penalty : float
        beta times the norm of the slopes, included in `primal`.
    violation : float
        Largest correlation of a feature with the residual, divided by beta, over all data.
    scale : float
        The dual point is this times weight times residual.
    n_scans : int
        How often segments were read again.
    """

    knots: FloatArray
    values: FloatArray
    primal: float
    dual: float
    penalty: float
    violation: float
    scale: float
    n_scans: int


class _Segments:
    """Segments of the data with their statistics in units of order one."""

    def __init__(self, x: FloatArray, y: FloatArray, weight: FloatArray) -> None:
        self.x, self.y, self.weight = x, y, weight
        size = int(np.clip(2 ** int(np.log2(x.size / _SEGMENTS) if x.size > _SEGMENTS else 0), 1, _LARGEST_SEGMENT))
        self.starts = segment_starts(x, size)
        self.table = self._statistics(self.starts)
        total = self.table[:, 1].sum()
        mean = self.table[:, 1] @ self.table[:, 3] / total
        spread = self.table[:, 6] + self.table[:, 1] * (self.table[:, 3] - mean) ** 2
        slopes = np.divide(self.table[:, 5] ** 2, self.table[:, 4], out=np.zeros(len(spread)), where=self.table[:, 4] > 0)
        self.unit_x = float(x[-1] - x[0])
        self.unit_w = float(total)
        self.unit_y = float(np.sqrt((spread + slopes).sum() / total)) or 1.0
        self.table *= self._factors()

    def _statistics(self, starts: NDArray[np.int64]) -> FloatArray:
        table = np.empty((starts.size - 1, 7))
        segment_statistics(self.x, self.y, self.weight, starts, 0, starts.size - 1, table)
        table[:, 0] -= self.x[0]
        return table

    def _factors(self) -> FloatArray:
        x, y, w = self.unit_x, self.unit_y, self.unit_w
        return np.array([1 / x, 1 / w, 1 / x, 1 / y, 1 / (w * x * x), 1 / (w * x * y), 1 / (w * y * y)])

    @property
    def edges(self) -> FloatArray:
        """First inputs of all segments and the last input, from 0 to 1."""
        return np.append(self.table[:, 0], 1.0)

    def divide(self, rows: NDArray[np.int64]) -> None:
        """Start new segments at these rows, each the first of its tie group."""
        last = self.starts.size - 1
        rows = np.setdiff1d(rows, self.starts)
        touched = np.unique(np.searchsorted(self.starts, rows, side="right") - 1)
        starts = np.sort(np.concatenate((self.starts, rows)))
        kept = np.delete(np.arange(last), touched)
        table = np.empty((starts.size - 1, 7))
        table[np.searchsorted(starts, self.starts[kept])] = self.table[kept]
        for q in touched:
            first, end = np.searchsorted(starts, [self.starts[q], self.starts[q + 1]])
            table[first:end] = self._statistics(starts[first : end + 1]) * self._factors()
        self.starts, self.table = starts, table


def fit_slopes(
    x: FloatArray, y: FloatArray, weight: FloatArray, beta: float, architecture: Architecture, tol: float
) -> Spline:
    """The optimal spline of a function-space architecture under squared loss.

    Parameters
    ----------
    x, y : (n,) arrays
        Ascending inputs, not all equal, and targets.
    weight : (n,) array, or of size 0
        Positive; size 0 means 1.
    beta : float
    architecture : Architecture
        Piecewise-linear activation with two layers, or narrow ReLU of any depth.
    tol : float
        Certified relative gap at which to stop.
    """
    data = _Segments(x, y, weight)
    sigma = architecture.activation
    bounded = architecture.depth > 2
    spread, steepest = abs(sigma.right - sigma.left), max(abs(sigma.left), abs(sigma.right))
    strength = beta / (data.unit_w * data.unit_x * data.unit_y)
    knots, signs, u = np.array([0, data.table.shape[0]]), np.zeros(2), np.zeros(2)
    best: tuple[float, ...] = (np.inf,) * 5
    for scans in range(_MOST_SCANS):
        edges = data.edges
        knots, signs, u, curve, sums, numbers = fit_spline(
            data.table, edges, knots, signs, u, strength, spread, steepest, bounded, 0.5 * tol, _MOST_ROUNDS
        )
        primal, _, bound, violation, _, squares, products = numbers
        segments, lines = suspicious(data.table, edges, knots, u, curve, bound)
        rows = np.zeros((0, 2), dtype=np.int64)
        if segments.size:
            states = np.stack((sums[segments] * data.unit_w * data.unit_y, curve[segments] * _curve_unit(data)), axis=1)
            raw = lines * [data.unit_y, data.unit_y / data.unit_x]
            extremes, rows = scan(x, y, weight, data.starts, segments, raw, states)
            extremes /= _curve_unit(data)
            low, high = min(curve.min(), extremes[:, 1].min()), max(curve.max(), extremes[:, 0].max())
            end = 0.0 if bounded else abs(curve[0])
            top = 0.5 * (high - low) if bounded else max(high, -low)
            violation = (2 * top if bounded else spread * top + (2 * steepest - spread) * end) / strength
            outside = np.stack((extremes[:, 0] > bound, extremes[:, 1] < -bound), axis=1)
            rows = rows[outside]
        scale = max(products / squares, 0.0) if squares > 0 else 0.0
        scale = min(scale, 1 / violation) if violation > 0 else scale
        dual = scale * products - 0.5 * scale**2 * squares
        if primal - dual < best[0]:
            best = (primal - dual, scans, violation, scale, dual)
        rows = np.setdiff1d(rows[x[rows] < x[-1]], data.starts)  # the last input is an edge already
        if primal - dual <= tol * primal or rows.size == 0:
            break
        active = data.starts[knots[:-1]]
        data.divide(rows)
        knots = np.append(np.searchsorted(data.starts, active), data.table.shape[0])
    unit = data.unit_w * data.unit_y**2
    return Spline(
        knots=np.append(x[data.starts[knots[:-1]]], x[-1]),
        values=u * data.unit_y + y[0],
        primal=float(primal * unit),
        dual=float(dual * unit),
        penalty=float((primal - 0.5 * squares) * unit),
        violation=float(violation),
        scale=float(scale),
        n_scans=scans,
    )


def _curve_unit(data: _Segments) -> float:
    return data.unit_w * data.unit_x * data.unit_y
