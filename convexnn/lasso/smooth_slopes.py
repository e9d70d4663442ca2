"""Logistic and Huber loss in function space: Newton's method on segments of the data, certified on every row.

With the loss's derivatives summed over segments, a Newton step is a penalised least-squares fit on segment statistics,
which an active set of knots solves exactly. The dual curve of the fit's own multipliers then bounds the gap; segments
that might hide a violation are read row by row, and divided where they do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from convexnn.architecture import Architecture
from convexnn.kernels.hat_functions import second_difference
from convexnn.kernels.order import is_increasing
from convexnn.kernels.segments import scan_multipliers
from convexnn.kernels.splines import fit_spline, penalty
from convexnn.lasso.certificate import Certificate
from convexnn.lasso.problem import Problem
from convexnn.lasso.smooth_segments import Ints, SmoothSegments, smooth_segments
from convexnn.lasso.solution import Terms
from convexnn.lasso.spline import Spline, ascending, is_norm_of_slopes, prove, rows_with_weight
from convexnn.losses import Huber, Logistic
from convexnn.validation import FloatArray

_EPS = float(np.finfo(float).eps)
# Huber's loss starts from a fit of about so many rows, to this relative gap.
_COARSE_ROWS = 16384
_COARSE_TOL = 1e-4
_MOST_STEPS = 500
_MOST_ROUNDS = 1000
# Steps in a row that change the objective by no more than rounding and do not halve the gap.
_PATIENCE = 6


def applies(problem: Problem) -> bool:
    """Whether this solver takes the problem: logistic or Huber loss, a norm of the slopes, more than one input."""
    return isinstance(problem.loss, Logistic | Huber) and is_norm_of_slopes(problem)


def solve_smooth_slopes(problem: Problem, tol: float) -> tuple[Certificate, Callable[[], Terms], int]:
    """The certificate of the optimal spline, how to expand it into features, and the number of scans."""
    x, y, weight = ascending(*rows_with_weight(problem))
    assert isinstance(problem.loss, Logistic | Huber)
    return prove(problem, fit_smooth_slopes(x, y, weight, problem.loss, problem.beta, problem.architecture, tol))


@dataclass(frozen=True)
class _Penalty:
    """beta times the norm of the slopes, for A = `spread` = |a - b| and M = `steepest` = max(|a|, |b|)."""

    beta: float
    spread: float
    steepest: float
    bounded: bool

    @classmethod
    def of(cls, architecture: Architecture, beta: float) -> _Penalty:
        a, b = architecture.activation.right, architecture.activation.left
        return cls(beta, abs(a - b), max(abs(a), abs(b)), architecture.depth > 2)

    def __call__(self, kinks: FloatArray) -> float:
        return float(self.beta * penalty(kinks, self.spread, self.steepest, self.bounded))

    def centre(self, curve: FloatArray) -> tuple[FloatArray, float]:
        """The dual curve measured so that its bounds are symmetric, and the bound."""
        if self.bounded:
            return curve - 0.5 * (curve.min() + curve.max()), 0.5 * self.beta
        end = 0.5 * float(curve[-1])
        return curve - end, (self.beta - (2 * self.steepest - self.spread) * abs(end)) / self.spread

    def violation(self, low: float, high: float, end: float) -> float:
        """The largest correlation of a feature, divided by beta, from the range of the centred curve and its end."""
        if self.bounded:
            return (high - low) / self.beta
        return (self.spread * max(high, -low) + (2 * self.steepest - self.spread) * abs(end)) / self.beta


@dataclass(frozen=True)
class _Fit:
    """A spline on the edges: active edges, signs of their kinks (0 at ends), values; and its sums on the segments."""

    knots: Ints
    signs: FloatArray
    u: FloatArray
    lines: FloatArray
    sums: FloatArray
    loss: float
    penalty: float

    @property
    def primal(self) -> float:
        return self.loss + self.penalty

    @property
    def imbalance(self) -> float:
        """The sum of the multipliers, zero where the intercept is optimal."""
        return float(self.sums[:, 1].sum())

    @property
    def alignment(self) -> float:
        """sum th f, for f measured from its first value."""
        return float((self.lines[:, 0] - self.u[0]) @ self.sums[:, 1] + self.lines[:, 1] @ self.sums[:, 2])


@dataclass(frozen=True)
class _Bound:
    """What a fit's multipliers prove, and the rows inside segments where the dual curve leaves its bounds most."""

    dual: float
    violation: float
    rows: Ints


def fit_smooth_slopes(
    x: FloatArray,
    y: FloatArray,
    weight: FloatArray,
    loss: Logistic | Huber,
    beta: float,
    architecture: Architecture,
    tol: float,
) -> Spline:
    """The optimal spline of a function-space architecture under logistic or Huber loss.

    Parameters
    ----------
    x, y : (n,) arrays
        Ascending inputs, not all equal, and targets.
    weight : (n,) array, or of size 0
        Positive; size 0 means 1.
    loss : Logistic or Huber
    beta : float
    architecture : Architecture
        Piecewise-linear activation with two layers, or narrow ReLU of any depth.
    tol : float
        Certified relative gap at which to stop.
    """
    segments = smooth_segments(x, y, weight, loss)
    newton = _Newton(segments, _Penalty.of(architecture, beta / segments.unit_x), tol)
    every = x.size // _COARSE_ROWS
    if isinstance(loss, Huber) and every > 3 and x[every] < x[-every]:
        weights = weight if weight.size else np.ones_like(x)
        # Which of the tied rows are chosen must not depend on their order.
        rows = (np.arange(x.size) if is_increasing(x) else np.lexsort((weights, y, x)))[::every]
        some = weights[rows] * (weights.sum() / weights[rows].sum())
        coarse = fit_smooth_slopes(x[rows], y[rows], some, loss, beta, architecture, _COARSE_TOL)
        newton.start_from(coarse.knots / segments.unit_x, coarse.values + (coarse.origin - segments.origin))
    fit, bound, knots, n_scans = newton.solve()
    u = fit.u
    if fit.knots.size == 2 and abs(u[1] - u[0]) <= 1e-12 * segments.scale:
        u = np.full(2, u.mean())  # a constant: what is left of the slope is rounding
    return Spline(
        knots=knots,
        values=u,
        origin=segments.origin,
        primal=fit.primal,
        dual=bound.dual,
        penalty=fit.penalty,
        alignment=fit.alignment,
        violation=bound.violation,
        rounding=newton.rounding(newton.fit),
        negligible=segments.negligible(fit.primal),
        n_scans=n_scans,
    )


class _Newton:
    """Damped Newton steps until the gap is certified."""

    def __init__(self, segments: SmoothSegments, norm: _Penalty, tol: float) -> None:
        self.segments, self.norm, self.tol = segments, norm, tol
        ends = np.array([0, segments.lengths.size])
        self.fit = self._evaluate(ends, np.zeros(2), np.full(2, segments.best_constant()))
        # Huber's loss has rows without curvature, which make a step from afar too long.
        self.damping = 0.3 if isinstance(segments.loss, Huber) else 1e-4
        self.least_damping = 1e-9 if isinstance(segments.loss, Huber) else 1e-40
        self.precision = 1e-2 * tol

    def start_from(self, knots: FloatArray, values: FloatArray) -> None:
        """Start from a spline with about these knots."""
        edges = self.segments.edges
        near = np.clip(np.searchsorted(edges, knots), 0, edges.size - 1)
        near = np.union1d(near, [0, edges.size - 1])
        u = np.interp(edges[near], knots, values)
        signs = np.sign(self._kinks(near, u))
        if not self.norm.bounded:
            signs[[0, -1]] = 0.0
        self.fit = self._evaluate(near, signs, u)
        self.damping = 1e-4

    def solve(self) -> tuple[_Fit, _Bound, FloatArray, int]:
        """The fit with the smallest gap, what proves it, the inputs at its knots, and the number of scans."""
        best: tuple[_Fit, _Bound, FloatArray] | None = None
        least, idle, n_scans = np.inf, 0, 0
        for n_steps in range(1, _MOST_STEPS + 1):
            fell = self._step()
            idle = idle + 1 if abs(fell) <= self.rounding(self.fit) else 0
            promising = fell > 0 and self._gap(self._bound(self.fit)) <= 0.5 * self.tol * self.fit.primal
            if idle or promising or n_steps == _MOST_STEPS:
                self._balance()
                bound, n_scans = self._bound(self.fit, scanned=True), n_scans + 1
                gap = self._gap(bound)
                if gap <= 0.5 * least:
                    idle = 0
                if best is None or gap < least:
                    best, least = (self.fit, bound, self._inputs()), gap
                if gap <= self.tol * self.fit.primal or idle > _PATIENCE:
                    break
                self.precision = max(1e-2 * self.precision, 0.1 * _EPS)
                self._divide(bound.rows)
        assert best is not None  # the last step is always followed by a scan
        return *best, n_scans

    def _inputs(self) -> FloatArray:
        x = self.segments.x
        return np.append(x[self.segments.starts[self.fit.knots[:-1]]], x[-1])

    def _gap(self, bound: _Bound) -> float:
        return self.fit.primal - bound.dual

    def _kinks(self, knots: Ints, u: FloatArray) -> FloatArray:
        return second_difference(u, np.diff(self.segments.edges[knots]))

    def _evaluate(self, knots: Ints, signs: FloatArray, u: FloatArray) -> _Fit:
        edges = self.segments.edges
        f = np.interp(edges, edges[knots], u)
        lines = np.stack((0.5 * (f[1:] + f[:-1]), np.diff(f)), axis=1)
        sums = self.segments.sums(lines)
        return _Fit(knots, signs, u, lines, sums, float(sums[:, 0].sum()), self.norm(self._kinks(knots, u)))

    def _step(self) -> float:
        """Try a Newton step; by how much the objective fell: 0 if it cannot, minus infinity if the step was refused."""
        fit, segments, norm = self.fit, self.segments, self.norm
        table, offset = self._model()
        knots, signs, u, _, _, numbers = fit_spline(
            table,
            segments.edges,
            fit.knots,
            fit.signs.copy(),
            fit.u.copy(),
            norm.beta,
            norm.spread,
            norm.steepest,
            norm.bounded,
            self.precision * (fit.primal / (fit.primal + offset) if offset > 0 else 1.0),
            _MOST_ROUNDS,
        )
        trial = self._evaluate(knots, signs, u)
        promised, fell = fit.primal + offset - numbers[0], fit.primal - trial.primal
        rounding = self.rounding(fit)
        falls_surely = self.damping == 1.0
        if fell < 0.1 * promised - rounding:
            self.damping = min(8 * self.damping**0.5, 1.0)
        elif fell > 0.5 * promised - rounding:
            self.damping = max(self.damping * min(self.damping**0.5, 0.1), self.least_damping)
        else:
            self.damping = max(0.5 * self.damping, self.least_damping)
        if fell < -rounding:
            return 0.0 if falls_surely else -np.inf
        self.fit = trial
        return fell

    def rounding(self, fit: _Fit) -> float:
        """The rounding of the objective: of sums over a segment, of the values, and of slopes between close knots."""
        size = np.abs(fit.u)
        in_sums = (16 + self.segments.most_rows) * fit.primal
        in_values = float(fit.sums[:, 3].sum() * size.max())
        in_slopes = self.norm.beta * float(((size[1:] + size[:-1]) / np.diff(self.segments.edges[fit.knots])).sum())
        return _EPS * (in_sums + in_values + in_slopes)

    def _model(self) -> tuple[FloatArray, float]:
        """Segment statistics of the weighted least-squares problem of a Newton step, and a constant of its objective.

        Its targets are f + th / h with weights h, the damped curvature: between Newton's method and, at damping 1, a
        parabola that lies above the loss, so that the objective must fall.
        """
        fit, lengths = self.fit, self.segments.lengths
        th, lever = fit.sums[:, 1], fit.sums[:, 2]
        weight, first, second = (fit.sums[:, 4:7] + self.damping * fit.sums[:, 7:10]).T
        mean = first / weight
        # No smaller than its rounding: the gradient with respect to the slope is its product with a slope.
        variance = np.maximum(second - first * mean, 4 * _EPS * second)
        lever = lever - mean * th
        table = np.zeros((lengths.size, 7))
        table[:, 0] = self.segments.edges[:-1]
        table[:, 1] = weight
        table[:, 2] = (mean + 0.5) * lengths
        table[:, 3] = fit.lines[:, 0] + fit.lines[:, 1] * mean + th / weight
        table[:, 4] = variance * lengths**2
        table[:, 5] = (fit.lines[:, 1] * variance + lever) * lengths
        # The constant that makes the model's loss that of the fit, where it can: residuals have no negative squares.
        explained = th**2 / weight + np.divide(lever**2, variance, out=np.zeros_like(mean), where=variance > 0)
        rest = 2 * fit.loss - float(explained.sum())
        table[0, 6] = max(rest, 0.0)
        return table, max(-rest, 0.0) / 2

    def _balance(self) -> None:
        """Re-optimise the intercept, so that the multipliers sum to zero: Newton's method in one variable."""
        for _ in range(_MOST_STEPS):
            fit = self.fit
            curvature = fit.sums[:, 4].sum()
            in_dual, in_violation = self._slack(fit)
            if (in_dual <= 1e-3 * self.tol * fit.primal and in_violation <= 1e-3 * self.tol) or curvature == 0:
                return
            moved = self._evaluate(fit.knots, fit.signs, fit.u + fit.imbalance / curvature)
            if not abs(moved.imbalance) < abs(fit.imbalance):
                return
            self.fit = moved

    def _slack(self, fit: _Fit) -> tuple[float, float]:
        """What dual value and violation may lose when the multipliers are made to sum to zero."""
        size, edges = abs(fit.imbalance), self.segments.edges
        range_f = float(np.ptp(fit.u)) + self.segments.scale
        return size * range_f, size * self.norm.steepest * float(edges[-1] - edges[0]) / self.norm.beta

    def _divide(self, rows: Ints) -> None:
        """Start segments at these rows."""
        fit, segments = self.fit, self.segments
        rows = rows[segments.x[rows] < segments.x[-1]]  # the last input is an edge already
        if np.isin(rows, segments.starts).all():
            return
        active = segments.starts[fit.knots[:-1]]
        segments.divide(rows)
        knots = np.append(np.searchsorted(segments.starts, active), segments.lengths.size)
        self.fit = self._evaluate(knots, fit.signs, fit.u)

    def _bound(self, fit: _Fit, *, scanned: bool = False) -> _Bound:
        """The dual value of the fit's multipliers; from the edges alone unless `scanned`."""
        segments, norm = self.segments, self.norm
        th, lever, size = fit.sums[:, 1:4].T
        total = np.concatenate(([0.0], np.cumsum(th)))
        rises = segments.lengths * (total[:-1] + 0.5 * th - lever)
        curve, bound = norm.centre(np.concatenate(([0.0], np.cumsum(rises))))
        low, high, rows = float(curve.min()), float(curve.max()), np.zeros(0, dtype=np.int64)
        if scanned:
            # Inside a segment the curve departs from its chord by at most length / 4 sum |th|. Segments that are not
            # read stay within the bounds, or within what the edges reach.
            slack = 0.25 * segments.lengths * size
            above = np.maximum(curve[1:], curve[:-1]) + slack > max(bound, high)
            below = np.minimum(curve[1:], curve[:-1]) - slack < min(-bound, low)
            suspects = np.flatnonzero((above | below) & (np.diff(segments.starts) > 1))
            low, high = min(low, -bound), max(high, bound)
            if suspects.size:
                states = np.stack((total[suspects], curve[suspects] * segments.unit_x), axis=1)
                multipliers = segments.multipliers(suspects, fit.lines)
                extremes, at = scan_multipliers(segments.x, multipliers, segments.starts, suspects, states)
                extremes /= segments.unit_x
                low, high = min(low, float(extremes[:, 1].min())), max(high, float(extremes[:, 0].max()))
                rows = np.unique(at[np.stack((extremes[:, 0] > bound, extremes[:, 1] < -bound), axis=1)])
        in_dual, in_violation = self._slack(fit)
        violation = norm.violation(low, high, float(curve[0])) + in_violation
        return _Bound(self._dual(fit, violation) - in_dual, violation, rows)

    def _dual(self, fit: _Fit, violation: float) -> float:
        """D(s th) for the fit's multipliers th and the best s; for logistic loss D(s th) >= s D(th), as D(0) = 0."""
        scale = 1 / max(violation, 1.0)
        dual = fit.loss + fit.alignment
        squares = float(fit.sums[:, 10].sum())
        if squares == 0:
            return scale * dual
        products = dual + 0.5 * squares
        scale = min(max(products / squares, 0.0), scale)
        return scale * products - 0.5 * scale**2 * squares
