"""The saddle point of the replica theory at one set of parameters.

Every order parameter is a function of the stiffness Q, by `moments.multipliers` and `moments.outputs_at`, so that all
that remains is a root in log Q, found between brackets. The load at a given robustness is the maximum of

    (T(r) / Phi(r))^2,    r^2 = q,

where T, the largest correlation of weights of norm r with the noise, comes from the weights, and Phi, the cost of the
associations, from the outputs; the root is where it is stationary, and r falls as Q grows. Phi is convex. Without a gap
the law of the weights does not depend on Q, T is the minimum of functions linear in r, and the root is unique. A gap
can make several maxima if the inputs differ: all roots are found then, and the best is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.optimize import brentq

from convexnn.associative.model import Ensemble
from convexnn.errors import InfeasibleError, NotConvergedError
from convexnn.kernels.moments import (
    OutputSide,
    Population,
    WeightSide,
    gaussian_moments,
    multipliers,
    output_side,
    outputs_at,
    weight_side,
)
from convexnn.validation import FloatArray

_SAME_LOAD = 1e-12  # relative; the solver does not tell such loads apart
_LARGEST_RESIDUAL = 1e-9


@dataclass(frozen=True, eq=False)
class SaddlePoint:
    """A solution of the saddle-point equations.

    Attributes
    ----------
    ensemble : Ensemble
    population : Population
        The inputs that may have a weight.
    robustness : float
    stiffness : float
        Q.
    weights : WeightSide
    outputs : OutputSide
    """

    ensemble: Ensemble
    population: Population
    robustness: float
    stiffness: float
    weights: WeightSide
    outputs: OutputSide

    @property
    def load(self) -> float:
        """Associations over inputs at capacity, V D / E^2."""
        return self.weights.second * self.outputs.second / self.outputs.tight**2

    @property
    def q(self) -> float:
        """The variance of the field: the mean of sigma^2 J^2."""
        return self.weights.second / (2 * self.stiffness**2)

    @property
    def order_parameters(self) -> dict[str, float]:
        """Margins, variance of the field, stiffness and multipliers."""
        return {
            "u_minus": self.outputs.u_minus,
            "u_plus": self.outputs.u_plus,
            "q": self.q,
            "Q": self.stiffness,
            "z": self.weights.z,
            "eta": 2 * (self.weights.price - self.ensemble.threshold * self.weights.z),
            "x": self.weights.x,
        }

    @property
    def residual(self) -> float:
        """The largest violation of the saddle-point equations, each divided by its scale.

        Unscaled, all of them vanish as Q -> 0, which is no solution.
        """
        f_out, stiffness, outputs = self.ensemble.f_out, self.stiffness, self.outputs
        w, _ = weight_side(
            self.population, stiffness, self.ensemble.gap, self.weights.price, self.weights.z, self.weights.x
        )
        spread = outputs.u_minus + outputs.u_plus
        minus = f_out * gaussian_moments(outputs.u_minus)[1]
        plus = (1 - f_out) * gaussian_moments(outputs.u_plus)[1]
        violations = [
            (minus - plus) / (minus + plus),
            w.absolute / (2 * stiffness) - 1,
            w.excess / w.absolute,
            w.second / (2 * stiffness**2 * self.q) - 1,
            spread - self.robustness * math.sqrt(2 / self.q),
            _pull(self.ensemble, stiffness, w) - spread * outputs.first / outputs.tight,
        ]
        if w.x > 0:
            violations.append(w.nonzero / self.ensemble.density - 1)
        return float(np.abs(violations).max())


def at_robustness(ensemble: Ensemble, robustness: float) -> SaddlePoint:
    """The largest load with a robustness.

    Raises
    ------
    InfeasibleError
        If no weights satisfy the constraints.
    """
    population = ensemble.population()
    roots = _roots(
        lambda log_q: _stationary(ensemble, population, log_q).robustness - robustness, _stations(ensemble, population)
    )
    best = max((_stationary(ensemble, population, root) for root in roots), key=lambda point: point.load)
    outputs = output_side(robustness * math.sqrt(2 / best.q), ensemble.f_out)
    return _checked(replace(best, robustness=robustness, outputs=outputs))


def at_load(ensemble: Ensemble, load: float) -> SaddlePoint:
    """The largest robustness at a load.

    Raises
    ------
    InfeasibleError
        If no weights satisfy the constraints, or the load exceeds the capacity at robustness 0.
    """
    full = at_robustness(ensemble, 0.0)
    if load >= full.load * (1 - _SAME_LOAD):
        if load > full.load * (1 + _SAME_LOAD):
            raise InfeasibleError(f"the load {load:g} exceeds {full.load:.10g}, the capacity at robustness 0")
        return full
    population = full.population
    roots = _roots(lambda log_q: load - _stationary(ensemble, population, log_q).load, _stations(ensemble, population))
    best = max((_stationary(ensemble, population, root) for root in roots), key=lambda point: point.robustness)
    return _checked(replace(best, robustness=max(best.robustness, 0.0)))


def sparsest(ensemble: Ensemble, load: float, robustness: float, by: str) -> SaddlePoint:
    """The most zero weights at a load and a robustness, by the density or the gap with which the load is the capacity.

    Raises
    ------
    InfeasibleError
        If no weights satisfy the constraints, or the load exceeds the capacity at this robustness.
    """
    free = at_robustness(ensemble, robustness)
    if load >= free.load * (1 - _SAME_LOAD):
        if load > free.load * (1 + _SAME_LOAD):
            raise InfeasibleError(
                f"the load {load:g} exceeds {free.load:.10g}, the capacity at robustness {robustness:g}"
            )
        return free

    def constrained(tightness: float) -> SaddlePoint:
        if by == "density":
            return at_robustness(replace(ensemble, density=free.weights.nonzero * math.exp(-tightness)), robustness)
        return at_robustness(replace(ensemble, gap=math.exp(tightness)), robustness)

    return constrained(_falling_root(lambda tightness: constrained(tightness).load - load, 0.0))


def _stationary(ensemble: Ensemble, population: Population, log_q: float) -> SaddlePoint:
    """The saddle point of a stiffness, whatever its robustness, of which far below 0 only the sign is right."""
    stiffness = math.exp(log_q)
    density = ensemble.density if ensemble.density < 1 else math.inf
    weights = multipliers(population, stiffness, ensemble.gap, density)
    outputs = outputs_at(max(_pull(ensemble, stiffness, weights), -1.0), ensemble.f_out)
    robustness = (outputs.u_minus + outputs.u_plus) * math.sqrt(weights.second) / (2 * stiffness)
    return SaddlePoint(ensemble, population, robustness, stiffness, weights, outputs)


def _pull(ensemble: Ensemble, stiffness: float, weights: WeightSide) -> float:
    """((2 h z + eta) Q - C) / (Q^2 q), the value that (u_- + u_+) F / E must have."""
    toll = weights.toll if ensemble.gap > 0 else 0.0
    return 2 * (2 * weights.price * stiffness - toll) / weights.second


def _stations(ensemble: Ensemble, population: Population) -> FloatArray:
    """Values of log Q between which a function of it changes its sign at most once, and below which it falls.

    Q sigma |J| is of order 1, and a nonzero weight at least of the size of the gap or of 1 / density. Where the gap is
    more than about sqrt(log gap) in units of the noise for every input, too few weights are left.
    """
    size = max(1.0, ensemble.gap, 1 / ensemble.density)
    first = -math.log(2 * population.sigma.max() * size)
    if ensemble.gap == 0:
        return np.array([first])
    last = math.log(2 * math.sqrt(1 + math.log1p(ensemble.gap)) / (population.sigma.min() * size))
    return np.linspace(first, last, 2 + int(4 * (last - first)))


def _roots(function: Callable[[float], float], stations: FloatArray) -> list[float]:
    """The roots between the stations, and the one below or, for a single station, beside it."""
    values = [function(station) for station in stations]
    roots = []
    if values[0] < 0 or len(values) == 1:
        roots.append(_falling_root(function, float(stations[0])))
    for (left, right), (low, high) in zip(pairwise(stations), pairwise(values), strict=True):
        if (low >= 0) != (high >= 0):
            roots.append(_root(function, left, right))
    return roots


def _falling_root(function: Callable[[float], float], start: float) -> float:
    """The root of a decreasing function, bracketed by steps that double."""
    value = function(start)
    step = 0.5 if value >= 0 else -0.5
    here, there = start, start + step
    while (function(there) >= 0) == (value >= 0):
        step *= 2
        here, there = there, there + step
    return _root(function, min(here, there), max(here, there))


def _root(function: Callable[[float], float], left: float, right: float) -> float:
    return float(brentq(function, left, right, xtol=1e-15, rtol=1e-15))


def _checked(point: SaddlePoint) -> SaddlePoint:
    if not point.residual <= _LARGEST_RESIDUAL:
        raise NotConvergedError(f"the saddle-point equations are violated by {point.residual:.1e}", point)
    return point
