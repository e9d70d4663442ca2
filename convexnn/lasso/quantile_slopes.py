"""Absolute and quantile loss in function space: piecewise-linear fits of a million points, certified.

For two-layer ReLU, leaky ReLU and absolute-value networks and narrow ReLU networks of depth >= 3 the optimum is a
quantile smoothing spline (Koenker, Ng and Portnoy, Biometrika 81, 1994). An interior point method solves the linear
program on few knots; its multipliers of all rows say where the dual constraints are violated, and there knots are
added. A sample of the rows gives the first fit. Rows far from it are expected to stay on their side and are merged
between knots; those that end on the other side become single. Merging restricts the dual problem, so that the
certificate is valid for all points whatever was merged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from convexnn.architecture import Architecture
from convexnn.kernels.condensed_rows import condense, price
from convexnn.kernels.hat_functions import second_difference
from convexnn.kernels.quantile_splines import fit_quantile_spline
from convexnn.lasso.certificate import Certificate, bounded_by
from convexnn.lasso.function_space import recover
from convexnn.lasso.problem import Problem
from convexnn.lasso.solution import Terms
from convexnn.lasso.spline import is_norm_of_slopes
from convexnn.losses import Quantile, shift_to_zero_sum
from convexnn.validation import FloatArray

_EPS = float(np.finfo(float).eps)
_GOLDEN = 0.5 * (np.sqrt(5) - 1)
_UP_TO_ALL = 8192  # rows that need no sample
_SAMPLE = 8  # times n^(2/3) rows; the power balances their cost with that of the rows near the fit
_FIRST_KNOTS = 64
_MOST_ROUNDS = 60
_ROUNDS_WITH_DROPS = 25  # dropping for ever could cycle
_NEAR_BOUND = 0.9
_NOISE = (1000.0, 100.0, 10.0, 1.0, 0.0)  # of the tolerance: kinks and slopes to be taken for what the interior leaves


def applies(problem: Problem) -> bool:
    """Whether this solver takes the problem: absolute or quantile loss, a norm of the slopes, more than one input."""
    return isinstance(problem.loss, Quantile) and is_norm_of_slopes(problem)


def solve_quantile_slopes(problem: Problem, tol: float) -> tuple[Certificate, Callable[[], Terms], int]:
    """The certificate of the optimal spline, how to expand it into features, and the interior point iterations."""
    assert isinstance(problem.loss, Quantile)
    order = _sorted_rows(problem)
    x, y, weight = problem.x[order], problem.y[order], problem.weight[order]
    unit_x, unit_w, origin = float(x[-1] - x[0]), float(weight.sum()), float(y[0])
    y -= origin
    size = float((weight * np.abs(y)).sum())  # no product of long vectors: the threads of BLAS would differ
    unit_y = size / unit_w or 1.0
    rows = _Rows((x - x[0]) / unit_x, y / unit_y, weight / unit_w, *problem.loss.slopes)
    bounds = _Bounds.of(problem.architecture, problem.beta / (unit_w * unit_x))
    spline = _tidy(rows, bounds, _fit(rows, bounds, tol), tol)
    knots, values = x[np.searchsorted(rows.x, spline.knots)], spline.values * unit_y + origin

    def dual_point() -> FloatArray:
        th = np.zeros(problem.n_samples)
        th[order] = weight * spline.share[spline.member]
        return th

    def expand() -> Terms:
        features, coef = recover(knots, values, problem.architecture)
        start = sum(z * float(feature(knots[:1])[0]) for feature, z in zip(features, coef, strict=True))
        return features, coef, float(values[0] - start)

    proof = bounded_by(
        spline.primal * unit_w * unit_y,
        spline.dual * unit_w * unit_y,
        rounding=64 * _EPS * size,
        negligible=8 * _EPS * size,
        kkt_residual=spline.mismatch,
        dual_point=dual_point,
        most_violated=lambda: None,  # the multipliers are feasible
    )
    return proof, expand, spline.n_iter


def _sorted_rows(problem: Problem) -> NDArray[np.int64]:
    """Rows with a weight, ascending in x; ties in an order that does not depend on the caller's."""
    x, y, weight = problem.x, problem.y, problem.given_weight
    rows = np.arange(x.size) if weight is None else np.flatnonzero(weight > 0)
    ascending = rows[np.argsort(x[rows], kind="stable")]
    if (np.diff(x[ascending]) > 0).all():
        return ascending
    keys = (y[rows], x[rows]) if weight is None else (weight[rows], y[rows], x[rows])
    return rows[np.lexsort(keys)]


@dataclass(frozen=True)
class _Rows:
    """The data in units of order one, x from 0 to 1 and weights that sum to 1; and the slopes of the loss."""

    x: FloatArray
    y: FloatArray
    weight: FloatArray
    below: float
    above: float

    def sample(self, size: int) -> _Rows:
        """About `size` rows, spread evenly without a period, the ends among them."""
        i = np.arange(size)
        inner = ((i + (i * _GOLDEN) % 1.0) * (self.x.size / size)).astype(np.int64)
        rows = np.unique(np.concatenate(([0], inner[inner < self.x.size], [self.x.size - 1])))
        weight = self.weight[rows]
        return replace(self, x=self.x[rows], y=self.y[rows], weight=weight / weight.sum())

    def sides(self, knots: FloatArray, values: FloatArray, near: float) -> NDArray[np.int8]:
        """The side of a fit on which every row lies, but 0 for the share `near` of them that are nearest."""
        residual = self.y - np.interp(self.x, knots, values)
        distance = np.abs(residual)
        side = np.sign(residual).astype(np.int8)
        side[distance <= np.quantile(distance[:: max(1, distance.size // 10_000)], min(near, 1.0))] = 0
        return side


@dataclass(frozen=True)
class _Bounds:
    """Of the dual curve w: |w| <= inner - kappa |v| for w = v, -v at the ends, or |w| <= inner with `free` ends."""

    inner: float
    kappa: float
    free: bool

    @classmethod
    def of(cls, architecture: Architecture, beta: float) -> _Bounds:
        if architecture.depth > 2:
            return cls(beta / 2, 0.0, True)
        sigma = architecture.activation
        spread, steepest = abs(sigma.right - sigma.left), max(abs(sigma.left), abs(sigma.right))
        return cls(beta / spread, 2 * steepest / spread - 1, False)

    def at(self, end: float) -> float:
        """The bound of a curve with that value at the left end."""
        return self.inner if self.free else self.inner - self.kappa * abs(end)

    def penalty(self, knots: FloatArray, values: FloatArray) -> float:
        """The norm of a spline that these bounds are dual to."""
        bends = second_difference(values, np.diff(knots))
        if self.free:
            return self.inner * float(np.abs(bends).sum())
        variation, ends = np.abs(bends[1:-1]).sum(), abs(bends[0] - bends[-1])
        return self.inner * float(max(variation, (variation + ends) / (1 + self.kappa)))

    def violation(self, low: float, high: float, last: float) -> float:
        """By what factor the curve g, from 0 to `last` between these extremes, exceeds its bounds; w is g shifted."""
        if self.free:
            return (high - low) / (2 * self.inner)
        return (max(high - last / 2, last / 2 - low) + self.kappa * abs(last / 2)) / self.inner


@dataclass(frozen=True)
class _Spline:
    """A piecewise-linear fit with a dual point; row i has the multiplier weight[i] * share[member[i]].

    Attributes
    ----------
    knots, values : (K,) arrays
    member, share : (n,), (m,) arrays
    primal, dual : float
    mismatch : float
        Violation of the optimality conditions that link the two.
    n_iter : int
    """

    knots: FloatArray
    values: FloatArray
    member: NDArray[np.int64]
    share: FloatArray
    primal: float
    dual: float
    mismatch: float = 0.0
    n_iter: int = 0

    @property
    def relative_gap(self) -> float:
        return (self.primal - self.dual) / self.primal


def _fit(rows: _Rows, bounds: _Bounds, tol: float) -> _Spline:
    """The optimal spline, by rounds of the linear program on some knots and the pricing of all rows."""
    x, best = rows.x, _constant(rows)
    if best.primal == 0:
        return best
    knots, u, side, asked, n_iter = _start(rows, bounds, tol)
    least, separated = 0.1 * tol, False
    for n_rounds in range(_MOST_ROUNDS):
        first = np.searchsorted(x, knots)
        starts, place, target, total, member = condense(x, rows.y, rows.weight, first, side)
        low, high = -rows.below * total, rows.above * total
        u, th, w, iterations = fit_quantile_spline(
            np.diff(knots),
            starts,
            place,
            target,
            low,
            high,
            bounds.inner,
            bounds.kappa,
            bounds.free,
            u,
            max(asked, least),
        )
        n_iter += iterations
        found = _Spline(knots, u, member, _balanced(th, total, low, high) / total, 0.0, 0.0, n_iter=n_iter)
        found, extremes, where, flipped = _priced(rows, bounds, first, found, side)
        best = _better(best, found)
        if best.relative_gap <= tol:
            break
        bound = bounds.at(w[0])
        beyond = np.stack((extremes[:, 0] + w[0], -w[0] - extremes[:, 1]), axis=1) > bound * (1 + 0.1 * tol)
        new = np.setdiff1d(x[where[beyond]], knots)
        kept = np.abs(w) >= _NEAR_BOUND * bound
        if n_rounds >= _ROUNDS_WITH_DROPS:
            kept[:] = True
        asked = 0.1 * min(asked, best.relative_gap)
        if new.size == 0 and not flipped:
            if least > 1e-4 * tol:
                least *= 0.1
            elif not separated:
                separated, least = True, 0.1 * tol
                kept &= np.diff(knots, prepend=-1) > _resolution(bounds, knots, u, tol * best.primal)
            else:
                break
        kept[[0, -1]] = True
        more = np.union1d(knots[kept], new)
        knots, u = more, np.interp(more, knots, u)
    return best


def _start(rows: _Rows, bounds: _Bounds, tol: float) -> tuple[FloatArray, FloatArray, NDArray[np.int8], float, int]:
    """Knots and values, the sides of the rows, the accuracy to begin with, and the iterations so far."""
    x, n = rows.x, rows.x.size
    if n <= _UP_TO_ALL:
        at = np.linspace(0, 1, _FIRST_KNOTS)
        knots = np.unique(np.append(x[(at * (n - 1)).astype(np.int64)], x[np.searchsorted(x, at)]))
        middle = (rows.weight * rows.y).sum()
        return knots, np.full(knots.size, middle), np.zeros(n, dtype=np.int8), 1e-2, 0
    size = int(_SAMPLE * n ** (2 / 3))
    found = _fit(rows.sample(size), bounds, max(tol, 4 / size))
    side = rows.sides(found.knots, found.values, np.sqrt(found.knots.size / size))
    return found.knots, found.values, side, 1 / size, found.n_iter


def _constant(rows: _Rows) -> _Spline:
    """A constant near the middle of the data, with the dual point 0."""
    middle = float(rows.y[0] if np.ptp(rows.y) == 0 else (rows.weight * rows.y).sum())
    residual = rows.y - middle
    loss = float((rows.weight * np.maximum(rows.above * residual, -rows.below * residual)).sum())
    member, share = np.zeros(rows.x.size, dtype=np.int64), np.zeros(1)
    return _Spline(np.array([0.0, 1.0]), np.full(2, middle), member, share, loss, 0.0)


def _priced(
    rows: _Rows, bounds: _Bounds, first: NDArray[np.int64], spline: _Spline, side: NDArray[np.int8]
) -> tuple[_Spline, FloatArray, NDArray[np.int64], int]:
    """The spline with its primal and dual value, and where its curve is extreme; `first` are the rows of the knots."""
    numbers, extremes, where, flipped = price(
        rows.x, rows.y, rows.weight, first, spline.values, spline.member, spline.share, rows.below, rows.above, side
    )
    loss, products, fitted, last = map(float, numbers)
    penalty = bounds.penalty(spline.knots, spline.values)
    violation = bounds.violation(float(extremes[:, 1].min()), float(extremes[:, 0].max()), last)
    scale = min(1.0, 1 / violation) if products > 0 else 0.0
    primal = loss + penalty
    # Fenchel's equality, for the penalty and for the loss.
    terms = [(loss + scale * (fitted - products)) / primal]
    if penalty > 0:
        terms.append(abs(penalty - scale * fitted) / penalty)
    valued = replace(
        spline, share=scale * spline.share, primal=primal, dual=scale * products, mismatch=max(0.0, *terms)
    )
    return valued, extremes, where, flipped


def _better(one: _Spline, other: _Spline) -> _Spline:
    """The better fit with the better dual point."""
    fit, point = min(one, other, key=lambda s: s.primal), max(one, other, key=lambda s: s.dual)
    return replace(other, knots=fit.knots, values=fit.values, primal=fit.primal,
                   member=point.member, share=point.share, dual=point.dual)  # fmt: skip


def _balanced(th: FloatArray, weight: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """The multipliers with sum zero; what is missing, rounding as a rule, goes where there is room in the boxes."""
    room, excess = np.minimum(high - th, th - low), th.sum()
    if abs(excess) > 0.5 * room.sum():
        return shift_to_zero_sum(th, weight, low, high)
    return th - excess / room.sum() * room if excess else th


def _resolution(bounds: _Bounds, knots: FloatArray, u: FloatArray, allowed: float) -> float:
    """The distance below which rounding of the values of two knots may change the penalty by what is allowed."""
    return float(10 * knots.size * _EPS * np.abs(u).max() * bounds.inner / allowed)


def _tidy(rows: _Rows, bounds: _Bounds, spline: _Spline, tol: float) -> _Spline:
    """The spline without the kinks and slopes that are left of the interior, where that costs nothing of note."""
    if spline.primal == 0:
        return spline
    side = np.zeros(rows.x.size, dtype=np.int8)
    for share in _NOISE:
        allowed = share * tol * spline.primal / max(rows.below, rows.above)
        knots, u = _without_noise(spline.knots, spline.values, bounds, allowed)
        candidate = replace(spline, knots=knots, values=u)
        tidied = _priced(rows, bounds, np.searchsorted(rows.x, knots), candidate, side)[0]
        if tidied.relative_gap <= max(tol, spline.relative_gap):
            break
    return tidied


def _without_noise(
    knots: FloatArray, values: FloatArray, bounds: _Bounds, allowed: float
) -> tuple[FloatArray, FloatArray]:
    """The spline without kinks and end slopes that change it by no more than is allowed."""
    lengths = np.diff(knots)
    effects = np.full(knots.size, np.inf)
    effects[1:-1] = np.abs(second_difference(values, lengths)[1:-1]) / (1 / lengths[:-1] + 1 / lengths[1:])
    ascending = np.argsort(effects, kind="stable")
    kept = np.ones(knots.size, dtype=bool)
    kept[ascending[np.cumsum(effects[ascending]) <= allowed]] = False
    knots, u = knots[kept], values[kept]
    if bounds.free or knots.size == 2:
        for end, inner in ((0, 1), (-1, -2)):
            if abs(u[end] - u[inner]) <= allowed:
                u[end] = u[inner]
    if not bounds.free:
        # Where the slopes at the ends are tied to the total variation, tilt until they are.
        bends = second_difference(u, np.diff(knots))
        ends = bends[0] - bends[-1]
        tilt = 0.5 * (np.sign(ends) * bounds.kappa * np.abs(bends[1:-1]).sum() - ends)
        if abs(tilt) <= allowed:
            u += tilt * (knots - 0.5)
    return knots, u
