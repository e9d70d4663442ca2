"""Deep sign and threshold networks with more than one switch, but fewer than inputs: patterns that are never listed.

A pattern takes two values and switches up to K times along x; where the inputs lie does not matter, only their order.
Between the switches of all patterns in use the fit is constant, so one row a piece states their problem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from convexnn.dictionaries.feature import Feature
from convexnn.dictionaries.steps import step_feature, switch_points
from convexnn.kernels.exact_lasso import exact_patterns
from convexnn.kernels.pattern_pricing import price_patterns
from convexnn.lasso.certificate import Certificate
from convexnn.lasso.generation import Found, Optimum, Oracle, certified, generate
from convexnn.lasso.merged import Merged, merge
from convexnn.lasso.problem import Problem
from convexnn.lasso.solution import Terms
from convexnn.losses import Squared
from convexnn.validation import FloatArray

IntArray = NDArray[np.int64]

_SHARE = 0.2  # of the largest violation, which another must reach to be named


def applies(problem: Problem) -> bool:
    """Whether this solver takes the problem: squared loss, steps, and from two switches to fewer than N - 1."""
    if not problem.architecture.activation.is_step or not isinstance(problem.loss, Squared):
        return False
    return 1 < problem.architecture.switches < merge(problem).x.size - 1


def solve_patterns(problem: Problem, tol: float) -> tuple[Certificate, Callable[[], Terms], int]:
    """The certificate of the optimum, how to expand it into features, and the number of rounds."""
    merged, sigma = merge(problem), problem.architecture.activation
    # A feature is the middle of the two values of the activation, and their half distance times a pattern of -1 and +1.
    middle, half = (sigma.left + sigma.right) / 2, (sigma.right - sigma.left) / 2
    fit = generate(_Patterns(merged, problem.beta / half, tol, problem.architecture.switches), tol, merged.within_ties)
    coef = fit.coef / half
    fit = replace(fit, coef=coef, intercept=fit.intercept - middle * float(coef.sum()))

    def listed(patterns: IntArray) -> list[Feature]:
        inputs = problem.dictionary.inputs
        before = np.searchsorted(inputs, merged.x) - 1  # the gap on the left of every merged input
        knots = switch_points(inputs)
        switches = (before[pattern[pattern < merged.x.size]] for pattern in patterns)
        return [step_feature(problem.architecture, tuple(map(float, knots[gaps]))) for gaps in switches]

    return certified(problem, merged, fit, listed)


class _Patterns(Oracle):
    """Patterns of -1 and +1, the last value being +1, by the inputs before which they switch; unused ones are N."""

    def __init__(self, merged: Merged, beta: float, tol: float, switches: int) -> None:
        super().__init__(beta, tol)
        self._mean = float(np.average(merged.y, weights=merged.weight))
        self._y, self._weight = merged.y - self._mean, merged.weight
        self._switches = switches
        self.none = np.empty((0, switches), dtype=np.int64)

    def search(self, th: FloatArray, wanted: int) -> Iterator[Found]:
        yield Found(*price_patterns(th, self._switches, self.floor, wanted, _SHARE), is_last=True)

    def optimum(self, features: IntArray, start: FloatArray) -> Optimum:
        """The optimum on all patterns that switch where one of the features does."""
        y, weight, n = self._y, self._weight, self._y.size
        places = np.unique(np.concatenate(([0], features.ravel(), [n])))
        starts, lengths = places[:-1], np.diff(places)
        mass = np.add.reduceat(weight, starts)
        means = np.add.reduceat(weight * y, starts) / mass
        known = np.searchsorted(places, features)
        patterns, coef, residual = exact_patterns(mass, means, self.beta, self._switches, known, start)
        heights = _heights(patterns, starts.size)
        centres = (mass * heights).sum(axis=1) / mass.sum()
        rows = np.sqrt(mass) * residual
        correlations = (rows * heights).sum(axis=1)
        th = weight * (y - np.repeat(means, lengths) + np.repeat(rows / mass, lengths))
        th -= weight * (th.sum() / weight.sum())
        intercept = self._mean - float((coef * centres).sum())
        gain, square = float((y * th).sum()), float((th**2 / weight).sum())
        return Optimum(places[patterns], coef, correlations, intercept, th, gain, square)


def _heights(patterns: IntArray, n_pieces: int) -> FloatArray:
    """The patterns on the pieces: (k, pieces)."""
    switches = patterns[:, :, None]
    later = ((switches > np.arange(n_pieces)) & (switches < n_pieces)).sum(axis=1)
    return np.where(later % 2 == 0, 1.0, -1.0)
