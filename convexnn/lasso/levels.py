"""Squared loss for sign and threshold networks in function space: piecewise constant fits, exact and certified.

With one switch the penalty is the total variation of the fit, with N - 1 switches or more its range. Where the inputs
lie does not matter, only their order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from convexnn.dictionaries.feature import Feature
from convexnn.kernels.order import is_increasing
from convexnn.lasso.certificate import Certificate, bounded_by
from convexnn.lasso.function_space import has_closed_form, recover
from convexnn.lasso.problem import Problem
from convexnn.lasso.range_penalty import Band, fit_range
from convexnn.lasso.solution import Terms
from convexnn.lasso.total_variation import Levels, fit_levels
from convexnn.losses import Squared, shift_to_zero_sum
from convexnn.validation import FloatArray

_EPS = float(np.finfo(float).eps)
_ROUNDING = 1e-12  # a violation that sums of residuals leave


def applies(problem: Problem) -> bool:
    """Whether this solver takes the problem: squared loss, steps, and one switch or as many as there are inputs."""
    architecture = problem.architecture
    if not architecture.activation.is_step or not isinstance(problem.loss, Squared):
        return False
    return architecture.switches == 1 or has_closed_form(architecture, problem.dictionary.inputs.size)


def solve_levels(problem: Problem, tol: float) -> tuple[Certificate, Callable[[], Terms], int]:
    """The certificate of the optimal step function, how to expand it into features, and the number of rounds."""
    sigma, has_one_switch = problem.architecture.activation, problem.architecture.switches == 1
    strength = problem.beta / (sigma.right - sigma.left)
    data = _merged(problem)
    y, weight = data.y, data.weight
    fit: Levels | Band
    fit = fit_levels(y, weight, strength, tol) if has_one_switch else fit_range(y, weight, strength)

    def dual_point() -> FloatArray:
        """Every row's share of the dual variable of its input."""
        rows, th = problem.rows, fit.dual_point()
        share = th if weight is None else np.divide(th, weight, out=np.zeros_like(th), where=weight > 0)
        own = (problem.y[rows.order] - data.origin) - y[rows.group]
        point = rows.weight * (own + share[rows.group])
        # Means of equal inputs are rounded; what the sum keeps of it goes.
        return rows.to_caller(shift_to_zero_sum(point, rows.weight, *problem.loss.box(rows.y, rows.weight)))

    def most_violated() -> Feature | None:
        if fit.violation <= _ROUNDING:
            return None
        residual = y - fit.fit()
        return problem.dictionary.max_input_correlation(residual if weight is None else weight * residual)[1]

    def expand() -> Terms:
        inputs, f = problem.dictionary.inputs, fit.fit()
        features, coef = recover(inputs, f, problem.architecture)
        start = sum(z * float(feature(inputs[:1])[0]) for feature, z in zip(features, coef, strict=True))
        return features, coef, float(f[0] + data.origin - start)

    proof = bounded_by(
        fit.primal + data.within_ties,
        fit.dual + data.within_ties,
        rounding=0.0,
        negligible=data.negligible,
        kkt_residual=fit.violation,
        dual_point=dual_point,
        most_violated=most_violated,
    )
    return proof, expand, fit.n_rounds


class _Merged(NamedTuple):
    """Mean targets of distinct ascending inputs, and their weights.

    Attributes
    ----------
    y : (N,) array
        Measured from `origin`.
    weight : (N,) array or None
        None if all are 1.
    origin : float
    within_ties : float
        What the spread of targets at equal inputs costs any fit.
    negligible : float
        An objective that is zero up to the rounding of the targets.
    """

    y: FloatArray
    weight: FloatArray | None
    origin: float
    within_ties: float
    negligible: float


def _merged(problem: Problem) -> _Merged:
    if not is_increasing(problem.x):
        rows = problem.rows
        mean, total = rows.merged()
        within = 0.5 * float(rows.weight @ (rows.y - mean[rows.group]) ** 2)
        return _Merged(mean, total, rows.origin, within, problem.loss.negligible(rows.y, rows.weight))
    y, weight = problem.y, problem.given_weight
    # Ten million rows take as long to copy as to fit: only if that saves digits.
    origin = float(y[0]) if abs(y[0]) > problem.y_range else 0.0
    y = y - origin if origin else y
    squares = float(y @ y if weight is None else weight @ y**2)
    return _Merged(y, weight, origin, 0.0, 8 * _EPS**2 * squares)
