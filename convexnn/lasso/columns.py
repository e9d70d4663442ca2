"""Column generation: optimise on few features, add the one the oracle names, repeat until it names none.

With smooth losses the features in use are kept linearly independent and optimised by Newton's method, a feature
leaving where its coefficient reaches zero; with piecewise-linear losses a simplex method optimises on all features
found so far. No matrix of the whole dictionary is needed, and the support is exact: an interior-point solution has no
zeros, so `generate` is also what turns one into a support that satisfies the optimality conditions.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from scipy.linalg import qr, solve_triangular
from threadpoolctl import ThreadpoolController

from convexnn.dictionaries.feature import Feature
from convexnn.lasso.candidate import Candidate
from convexnn.lasso.problem import Problem
from convexnn.validation import FloatArray

_DEPENDENT = 1e-10
_TINY = 1e-14
_ROUNDING = 16 * float(np.finfo(float).eps)
_PATIENCE = 4
_MOST_NEWTON_STEPS = 200


def generate(problem: Problem, start: Candidate) -> Candidate:
    """An exact solution, from any features to start with: at most N - 1 features, whose coefficients are not zero."""
    # These matrices are small: more than one BLAS thread only waits, for long where another process has the core.
    with blas_threads().limit(limits=1, user_api="blas"):
        if problem.loss.is_smooth:
            return _ActiveSet(problem, start).solve()
        return _price_out(problem, start)


@cache
def blas_threads() -> ThreadpoolController:
    return ThreadpoolController()


def from_constant(problem: Problem) -> Candidate:
    """`generate` from the best constant: for dictionaries of any size."""
    return generate(problem, Candidate([], np.zeros(0), problem.constant_fit[0], None, 0))


def _price_out(problem: Problem, candidate: Candidate) -> Candidate:
    """Column generation: a linear program on the features so far, priced by the oracle over all of them."""
    from convexnn.lasso.conic import solve_features

    features = list(candidate.features)
    n_iter = candidate.n_iter
    while True:
        found = solve_features(problem, features)
        n_iter += found.n_iter
        assert found.dual is not None  # linear programs have multipliers
        totals = problem.rows.totals(found.dual)
        value, feature = problem.dictionary.max_input_correlation(totals)
        # HiGHS holds reduced costs to 1e-10; what it calls optimal is not priced again.
        if value <= problem.beta * (1 + 1e-9) or feature in features:
            break
        features.append(feature)
    return _at_vertex(problem, replace(found, n_iter=n_iter))


def _at_vertex(problem: Problem, candidate: Candidate) -> Candidate:
    """Solve the equations of the vertex: its features interpolate the rows whose residual is zero."""
    rows, inputs = problem.rows, problem.dictionary.inputs
    kept = np.flatnonzero(np.abs(candidate.coef) > 1e-9 * np.abs(candidate.coef).max(initial=0.0))
    features = [candidate.features[j] for j in kept]
    columns = np.stack([*(feature(inputs)[rows.group] for feature in features), np.ones_like(rows.y)], axis=1)
    solution = np.append(candidate.coef[kept], candidate.intercept)
    residual = rows.y - columns @ solution
    met = np.abs(residual) <= 1e-9 * np.abs(rows.y).max()
    sizes = np.append(np.full(kept.size, problem.column_range), 1.0)
    exact = np.linalg.lstsq(columns[met] / sizes, rows.y[met], rcond=None)[0] / sizes if met.any() else solution
    if _objective(problem, columns, exact) <= _objective(problem, columns, solution):
        solution = exact
    return replace(candidate, features=features, coef=solution[:-1], intercept=float(solution[-1]))


def _objective(problem: Problem, columns: FloatArray, solution: FloatArray) -> float:
    return problem.row_loss(columns @ solution) + problem.beta * float(np.abs(solution[:-1]).sum())


class _ActiveSet:
    """State of the active-set method: features with signs and magnitudes p >= 0, and an intercept.

    Columns are centred, multiplied by their sign and divided by the range of a feature. The problem on them is
    ``min loss(V p + c) + beta sum(p)`` subject to p >= 0, in units of order one. They are kept linearly independent:
    a column that depends on the others is moved along the dependency, at no change of fit and no greater penalty,
    until one magnitude is zero.
    """

    def __init__(self, problem: Problem, candidate: Candidate) -> None:
        self.problem = problem
        self.rows, self.inputs = problem.rows, problem.dictionary.inputs
        self.weights = self.rows.totals(self.rows.weight)
        self.unit = problem.column_range
        self.beta = problem.beta / self.unit
        self.features: list[Feature] = []
        self.columns = np.zeros((self.inputs.size, 0))
        self.signs = np.zeros(0)
        self.p = np.zeros(0)
        self.n_iter = candidate.n_iter
        for feature, z in zip(candidate.features, candidate.coef, strict=True):
            self._add(feature, np.sign(z), abs(z) * self.unit)
        self.constant = 0.0
        self.constant = self._best_constant()

    def solve(self) -> Candidate:
        """Alternate Newton on the active set with the oracle, until the oracle has nothing to add."""
        self._make_independent()
        limit = self.n_iter + 100 * (self.inputs.size + 10)
        while True:
            self._minimise()
            totals = self.rows.totals(self._multiplier())
            value, feature = self.problem.dictionary.max_input_correlation(totals)
            self.n_iter += 1
            if value <= self.beta * self.unit or feature in self.features or self.n_iter > limit:
                break
            before = self._objective()
            self._add(feature, float(np.sign(totals @ feature(self.inputs))), 0.0)
            self._make_independent()
            self._minimise()
            if feature not in self.features and self._objective() >= before * (1 - _ROUNDING):
                break  # its gain is below rounding
        return self._candidate()

    def _candidate(self) -> Candidate:
        coef = self.signs * self.p / self.unit
        raw = np.array([feature(self.inputs) for feature in self.features]).reshape(-1, self.inputs.size)
        intercept = self.constant - float(coef @ self._centres(raw.T))
        kept = np.flatnonzero(coef)
        return Candidate([self.features[j] for j in kept], coef[kept], intercept, self._accurate_dual(), self.n_iter)

    def _accurate_dual(self) -> FloatArray | None:
        """For squared loss, the multipliers corrected within the span of the active features.

        The residual y - f carries the rounding of f, which is large beside beta when beta is tiny. Its correlations
        with the active features must be exactly beta, which says what to add.
        """
        if self.problem.loss.name != "squared":
            return None
        th = self._multiplier()
        totals = self.rows.totals(th)
        defect = np.concatenate(([-totals.sum()], self.beta - totals @ self.columns))
        factor = self._factor(self.weights)
        half = solve_triangular(factor, defect, trans=1, check_finite=False)
        change = solve_triangular(factor, half, check_finite=False)
        return th + self.rows.weight * (change[0] + self.columns @ change[1:])[self.rows.group]

    def _centres(self, columns: FloatArray) -> FloatArray:
        return self.weights @ columns / self.weights.sum()

    def _add(self, feature: Feature, sign: float, magnitude: float) -> None:
        column = feature(self.inputs)[:, None]
        self.features.append(feature)
        self.columns = np.concatenate((self.columns, sign / self.unit * (column - self._centres(column))), axis=1)
        self.signs = np.append(self.signs, sign)
        self.p = np.append(self.p, magnitude)

    def _drop(self, j: int) -> None:
        del self.features[j]
        self.columns = np.delete(self.columns, j, axis=1)
        self.signs, self.p = np.delete(self.signs, j), np.delete(self.p, j)

    def _prediction(self) -> FloatArray:
        return (self.columns @ self.p + self.constant)[self.rows.group]

    def _multiplier(self) -> FloatArray:
        return self.problem.loss.multiplier(self.rows.y, self._prediction(), self.rows.weight)

    def _best_constant(self) -> float:
        f = self._prediction()
        return self.constant + self.problem.loss.best_intercept(self.rows.y, f, self.rows.weight)

    def _objective(self) -> float:
        return self.problem.row_loss(self._prediction()) + self.beta * float(self.p.sum())

    def _factor(self, weights: FloatArray) -> FloatArray:
        """R of the QR factors of sqrt(weights) [1, V]."""
        ones = np.ones((self.inputs.size, 1))
        table = np.sqrt(weights)[:, None] * np.concatenate((ones, self.columns), axis=1)
        return qr(table, mode="r", check_finite=False)[0][: table.shape[1]]

    def _curvature(self) -> FloatArray:
        """Curvature of the loss at every distinct input, kept from vanishing where it underflows."""
        rows = self.problem.loss.curvature(self.rows.y, self._prediction(), self.rows.weight)
        return np.maximum(self.rows.totals(rows), 1e-18 * self.weights)

    def _make_independent(self) -> None:
        while self.features and (dependency := self._dependency()) is not None:
            if dependency.sum() > 0:
                dependency = -dependency
            falling = np.flatnonzero(dependency < 0)
            ratios = self.p[falling] / -dependency[falling]
            first = int(np.argmin(ratios))
            self.p = np.maximum(self.p + ratios[first] * dependency, 0.0)
            self._drop(int(falling[first]))
            self.constant = self._best_constant()

    def _dependency(self) -> FloatArray | None:
        """Magnitudes d with V d constant on the data, d = 1 on the first dependent column; None if there is none."""
        factor = self._factor(self.weights)
        sizes = np.linalg.norm(factor, axis=0)
        k = factor.shape[0]
        small = np.flatnonzero(np.abs(np.diag(factor)) <= _DEPENDENT * sizes[:k])
        if small.size == 0 and k == factor.shape[1]:
            return None
        j = int(small[0]) if small.size else k
        direction = np.zeros(factor.shape[1])
        direction[j] = 1.0
        direction[:j] = -solve_triangular(factor[:j, :j], factor[:j, j], check_finite=False)
        return direction[1:]

    def _minimise(self) -> None:
        """Newton's method on the active set; a magnitude that reaches zero leaves it.

        Progress is a lower objective, or within its rounding a smaller violation. Ends at the best point seen: steps
        can cycle within rounding where a residual sits on a corner of the curvature.
        """
        best, stalled = (np.inf, np.inf, self.p, self.constant), 0
        for _ in range(_MOST_NEWTON_STEPS):
            size, value = self._violation(), self._objective()
            rounding = _ROUNDING * abs(value)
            falls = value < best[1] - rounding
            stalled = 0 if falls or size <= 0.5 * best[0] else stalled + 1
            if falls or (size < best[0] and value <= best[1] + rounding):
                best = (size, value, self.p, self.constant)
            if size <= _TINY or stalled > _PATIENCE:
                break
            if self._newton_step():
                best, stalled = (np.inf, np.inf, self.p, self.constant), 0
            self.n_iter += 1
        if np.isfinite(best[0]):
            _, _, self.p, self.constant = best

    def _violation(self) -> float:
        """The stationarity conditions' largest violation, relative to beta and to the multipliers' size."""
        th = self._multiplier()
        in_p = np.abs(self.beta - self.rows.totals(th) @ self.columns).max(initial=0.0) / self.beta
        return float(max(in_p, abs(th.sum()) / max(np.abs(th).sum(), np.finfo(float).tiny)))

    def _newton_step(self) -> bool:
        """One step, cut short where a magnitude reaches zero; whether a feature left for that reason."""
        totals = self.rows.totals(self._multiplier())
        gradient = np.concatenate(([-totals.sum()], self.beta - totals @ self.columns))
        factor = self._factor(self._curvature())
        half = solve_triangular(factor, gradient, trans=1, check_finite=False)
        step = -solve_triangular(factor, half, check_finite=False)
        falling = np.flatnonzero(self.p + step[1:] < 0)
        ratios = self.p[falling] / -step[1:][falling]
        longest = float(ratios.min(initial=1.0))
        length = self._line_search(float(gradient @ step), step, longest)
        self._move(length * step)
        if falling.size == 0 or length < longest:
            return False
        self._drop(int(falling[np.argmin(ratios)]))
        return True

    def _line_search(self, slope: float, step: FloatArray, longest: float) -> float:
        """The first of longest, longest / 2, ... at which the objective falls enough (rounding allowed for)."""
        if self.problem.loss.name == "squared":
            return longest
        here, length = self._objective(), longest
        for _ in range(40):
            self._move(length * step)
            there = self._objective()
            self._move(-length * step)
            if there <= here + 1e-4 * length * slope + _ROUNDING * abs(here):
                break
            length /= 2
        return length

    def _move(self, step: FloatArray) -> None:
        self.constant += step[0]
        self.p = self.p + step[1:]
