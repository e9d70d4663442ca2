"""Squared loss in function space: piecewise-linear fits of a million points, exact and certified.

For two-layer ReLU, leaky ReLU and absolute-value networks and narrow ReLU networks of depth >= 3 the penalty is a
norm of the slopes. The data are read once into exact statistics of a few thousand segments; all optimisation happens
on these. A bound says which segments might hide a violation of the dual constraints; only those are read again, and
divided where they do. The certificate is valid for all points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convexnn.architecture import Architecture
from convexnn.dictionaries.feature import Feature
from convexnn.kernels.segments import is_ascending, scan, segment_starts, segment_statistics
from convexnn.kernels.splines import fit_spline, suspicious
from convexnn.lasso.certificate import Certificate, bounded_by, repair
from convexnn.lasso.function_space import has_closed_form, recover
from convexnn.lasso.problem import Problem
from convexnn.lasso.solution import Terms
from convexnn.losses import Squared
from convexnn.validation import FloatArray

_SEGMENTS = 2048
_LARGEST_SEGMENT = 2048
_MOST_SCANS = 30
_MOST_ROUNDS = 1000


def applies(problem: Problem) -> bool:
    """Whether this solver takes the problem: squared loss, a norm of the slopes, and more than one input."""
    architecture = problem.architecture
    if architecture.activation.is_step or not isinstance(problem.loss, Squared):
        return False
    x = problem.x if problem.given_weight is None else problem.x[problem.given_weight > 0]
    return has_closed_form(architecture, problem.n_samples) and bool((x != x[0]).any())


def solve_slopes(problem: Problem, tol: float) -> tuple[Certificate, Callable[[], Terms], int]:
    """The certificate of the optimal spline, how to expand it into features, and the number of scans."""
    x, y, weight = problem.x, problem.y, problem.given_weight
    if weight is not None and (weight == 0).any():
        x, y, weight = (part[problem.weight > 0] for part in (x, y, weight))
    if not is_ascending(x):
        order = np.argsort(x, kind="stable")
        x, y, weight = x[order], y[order], None if weight is None else weight[order]
    spline = fit_slopes(x, y, np.zeros(0) if weight is None else weight, problem.beta, problem.architecture, tol)
    mismatch = abs(spline.penalty - spline.alignment) / spline.penalty if spline.penalty > 0 else 0.0

    def residual() -> FloatArray:
        """Weighted residuals in solver order."""
        rows = problem.rows
        f = np.interp(problem.x[rows.order], spline.knots, spline.values)
        return rows.weight * (rows.y + rows.origin - f)

    def most_violated() -> Feature | None:
        if spline.violation <= 1 + 1e-12:
            return None
        return problem.dictionary.max_input_correlation(problem.rows.totals(residual()))[1]

    def expand() -> Terms:
        features, coef = recover(spline.knots, spline.values, problem.architecture)
        start = sum(z * float(feature(spline.knots[:1])[0]) for feature, z in zip(features, coef, strict=True))
        return features, coef, float(spline.values[0] - start)

    proof = bounded_by(
        spline.primal,
        spline.dual,
        rounding=0.0,
        negligible=spline.negligible,
        kkt_residual=max(0.0, spline.violation - 1, mismatch),
        dual_point=lambda: problem.rows.to_caller(repair(problem, residual())),
        most_violated=most_violated,
    )
    return proof, expand, spline.n_scans


@dataclass(frozen=True)
class Spline:
    """An optimal piecewise-linear fit, with its dual bound.

    Attributes
    ----------
    knots, values : (K,) arrays
        First and last input and the kinks between them, and the fit there.
    primal, dual : float
    penalty, alignment : float
        beta times the norm of the slopes, included in `primal`, and what it equals at the optimum: sum th f.
    violation : float
        A bound, 1 or more, of the correlation of every feature with the residual, divided by beta.
    negligible : float
        An objective that is zero up to the rounding of the targets.
    n_scans : int
        How often segments were read again.
    """

    knots: FloatArray
    values: FloatArray
    primal: float
    dual: float
    penalty: float
    alignment: float
    violation: float
    negligible: float
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
        slopes = np.divide(
            self.table[:, 5] ** 2, self.table[:, 4], out=np.zeros(len(spread)), where=self.table[:, 4] > 0
        )
        self.unit_x = float(x[-1] - x[0])
        self.unit_w = float(total)
        self.unit_y = float(np.sqrt((spread + slopes).sum() / total)) or 1.0
        self.sum_squares = float((spread + slopes).sum() + total * mean**2)  # sum w (y - y[0])^2
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
        rows = np.setdiff1d(rows[x[rows] < x[-1]], data.starts)  # the last input is an edge already
        if primal - dual <= tol * primal or rows.size == 0:
            break
        active = data.starts[knots[:-1]]
        data.divide(rows)
        knots = np.append(np.searchsorted(data.starts, active), data.table.shape[0])
    if knots.size == 2 and abs(u[1] - u[0]) <= 1e-12:
        u[:] = u.mean()  # a constant: what is left of the slope is rounding
    unit = data.unit_w * data.unit_y**2
    return Spline(
        knots=np.append(x[data.starts[knots[:-1]]], x[-1]),
        values=u * data.unit_y + y[0],
        primal=float(primal * unit),
        dual=float(dual * unit),
        penalty=float((primal - 0.5 * squares) * unit),
        alignment=float((products - squares) * unit),
        violation=float(violation),
        negligible=float(8 * np.finfo(float).eps ** 2 * data.sum_squares),
        n_scans=n_scans,
    )


def _curve_unit(data: _Segments) -> float:
    return data.unit_w * data.unit_x * data.unit_y
