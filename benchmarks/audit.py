"""A second opinion on a solution: its gap from its network's values and its dual point alone, in long double.

Nothing of the solvers or of the certificate's code is used: predictions are those that the caller gets, correlations
are sums over the data, and the dual point is made feasible once more.
"""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import convexnn as cnn
from benchmarks.peers import Recipe
from convexnn.dictionaries.base import Dictionary
from convexnn.errors import ConvergenceWarning, InputError
from convexnn.lasso.function_space import has_closed_form
from convexnn.lasso.problem import Problem
from convexnn.losses import Logistic, Quantile
from convexnn.validation import FloatArray

_EPS = float(np.finfo(float).eps)
_MATRIX_ENTRIES = 10_000_000


@dataclass(frozen=True)
class Attempt:
    """One solve, and what the audit says of it.

    Attributes
    ----------
    verdict : str
        "certified", or "honest": not certified, with a warning and a gap that is true. Anything else breaks a promise:
        "false gap", "no warning", and for a solve that gave no answer "crashed" and "hung".
    claimed, audited : float or None
        Relative gaps, if there is an answer.
    rounding : float or None
        What double precision may change of the audited one.
    seconds : float or None
    note : str
    """

    verdict: str
    claimed: float | None = None
    audited: float | None = None
    rounding: float | None = None
    seconds: float | None = None
    note: str = ""

    def __str__(self) -> str:
        gaps = "" if self.claimed is None else f", gap {self.claimed:.1e}, audited {self.audited:.1e}"
        return f"{self.verdict}{gaps}{': ' if self.note else ''}{self.note}"


def attempt(recipe: Recipe, tol: float) -> Attempt:
    """Solve a problem and audit the solution."""
    problem = recipe.problem()
    started = time.perf_counter()
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        solution = cnn.solve(problem, tol=tol)
    seconds = time.perf_counter() - started
    warned = any(issubclass(warning.category, ConvergenceWarning) for warning in raised)
    audited, rounding = audited_gap(solution)
    claimed = solution.certificate.relative_gap
    is_certified = solution.status == "certified"
    allowed = max(claimed, tol) if is_certified else claimed
    if not audited <= allowed * (1 + 1e-6) + rounding:
        verdict = "false gap"
    elif is_certified:
        verdict = "certified"
    else:
        verdict = "honest" if warned else "no warning"
    return Attempt(verdict, claimed, audited, rounding, seconds)


def audited_gap(solution: cnn.Solution) -> tuple[float, float]:
    """The relative gap, and a bound on how much rounding in double precision may have raised it."""
    problem, loss = solution.problem, solution.problem.loss
    y, weight = problem.y, problem.weight
    f = solution.predict(problem.x)
    norm = float(np.abs(solution.coef).sum())
    rows = loss.rows(y.astype(np.longdouble), f.astype(np.longdouble))
    primal = weight @ rows + problem.beta * norm
    th = _feasible(problem, solution.certificate.dual_point)
    origin = y[0] if loss.degree else 0.0  # th sums to zero, so that where targets are measured from is free
    targets = y.astype(np.longdouble) - origin
    dual = _dual(problem, th, targets)
    if primal <= loss.negligible(y - origin, weight):
        return 0.0, 0.0
    # Every prediction may be off by the rounding of its terms; the loss follows with its slope and curvature.
    off = 8 * _EPS * (np.abs(f).max() + abs(solution.intercept) + norm * problem.column_range)
    slope = np.abs(loss.multiplier(y, f, weight)).sum()
    error = off * slope + weight.sum() * off ** max(loss.degree, 1)
    error += 8 * _EPS * float(np.abs(th) @ np.abs(targets))
    # So may every correlation, and with it the scale that makes the dual point feasible.
    error += 8 * _EPS * float(np.abs(th).sum()) * problem.column_range / problem.beta * abs(float(th @ targets))
    return float((primal - dual) / primal), float(error / primal)


def _feasible(problem: Problem, point: FloatArray) -> NDArray[np.longdouble]:
    """The dual point, made to satisfy every constraint in long double."""
    lo, hi = problem.loss.box(problem.y, problem.weight)
    live = problem.weight > 0
    th = np.clip(point.astype(np.longdouble), lo, hi) * live
    room = np.where(live, np.minimum(hi - th, th - lo), -np.inf)
    roomiest = int(np.argmax(np.where(room == room.max(), problem.weight, -np.inf)))
    th[roomiest] -= th.sum()
    th /= max(_largest_correlation(problem, th) / problem.beta, 1.0)
    return th


def _largest_correlation(problem: Problem, th: NDArray[np.longdouble]) -> float:
    """max |A' th|, for the features of one formula from sums over the sorted data."""
    architecture = problem.architecture
    sigma = architecture.activation
    order = np.argsort(problem.x, kind="stable")
    x, th = problem.x[order].astype(np.longdouble), th[order]
    last = np.append(np.diff(x) > 0, True)
    if sigma.is_step and architecture.switches == 1:
        return float((sigma.right - sigma.left) * np.abs(np.cumsum(th)[last]).max())
    if not sigma.is_step and has_closed_form(architecture, x.size):
        # right(t) = sum (x - t)+ th and left(t) = sum (t - x)+ th
        steps = np.diff(x)
        left = np.concatenate(([0.0], np.cumsum(steps * np.cumsum(th)[:-1])))
        right = np.concatenate(([0.0], np.cumsum((steps * np.cumsum(th[::-1])[:-1][::-1])[::-1])))[::-1]
        if architecture.depth > 2:
            return float(left.max() - left.min())
        rising, falling = sigma.right * right - sigma.left * left, sigma.right * left - sigma.left * right
        return float(max(np.abs(rising).max(), np.abs(falling).max()))
    dictionary = problem.dictionary
    if problem.n_samples * _count(dictionary) <= _MATRIX_ENTRIES:
        matrix = dictionary.matrix()[order]
        matrix -= matrix.mean(axis=0)
        return float(np.abs(matrix.T @ th).max(initial=0.0))
    return dictionary.max_correlation(th[np.argsort(order)].astype(float))[0]


def _count(dictionary: Dictionary) -> float:
    """How many features there are; infinite where only a list of them would tell, and is too long."""
    try:
        return dictionary.n_features
    except InputError:
        return math.inf


def _dual(problem: Problem, th: NDArray[np.longdouble], y: NDArray[np.longdouble]) -> float:
    """The dual objective, by its formula for every loss."""
    loss, live = problem.loss, problem.weight > 0
    th, y, weight = th[live], y[live], problem.weight[live]
    if isinstance(loss, Quantile):
        return float(th @ y)
    if not isinstance(loss, Logistic):
        return float(th @ y - (th**2 / weight).sum() / 2)
    shares = np.stack((y * th / weight, 1 - y * th / weight))
    logarithms = np.log(np.where(shares > 0, shares, 1.0))
    return -float(weight @ (shares * logarithms).sum(axis=0)) if math.isfinite(float(shares.sum())) else -math.inf
