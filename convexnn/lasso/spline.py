"""What fits in function space share: the problems they take, their rows, and the certificate of a spline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from convexnn.dictionaries.feature import Feature
from convexnn.kernels.order import is_ascending
from convexnn.lasso.certificate import Certificate, bounded_by, repair
from convexnn.lasso.function_space import has_closed_form, recover
from convexnn.lasso.merged import has_many_inputs
from convexnn.lasso.problem import Problem
from convexnn.lasso.solution import Terms
from convexnn.validation import FloatArray


@dataclass(frozen=True)
class Spline:
    """An optimal piecewise-linear fit, with its dual bound.

    Attributes
    ----------
    knots, values : (K,) arrays
        First and last input and the kinks between them, and the fit there, measured from `origin`.
    origin : float
    primal, dual : float
    penalty, alignment : float
        beta times the norm of the slopes, included in `primal`, and what it equals at the optimum: sum th f.
    violation : float
        A bound, 1 or more, of the correlation of every feature with the multipliers, divided by beta.
    rounding, negligible : float
        The rounding of the gap, and an objective that is zero up to the rounding of the targets.
    n_scans : int
        How often segments were read again.
    """

    knots: FloatArray
    values: FloatArray
    origin: float
    primal: float
    dual: float
    penalty: float
    alignment: float
    violation: float
    rounding: float
    negligible: float
    n_scans: int


def is_norm_of_slopes(problem: Problem) -> bool:
    """Whether the penalty is a known norm of the slopes, and rows that count have more than one input."""
    if problem.architecture.activation.is_step:
        return False
    return has_closed_form(problem.architecture, problem.n_samples) and has_many_inputs(problem)


DataRows = tuple[FloatArray, FloatArray, FloatArray]
"""Inputs, targets and positive weights; weights of size 0 are 1."""


def rows_with_weight(problem: Problem) -> DataRows:
    """The rows of a problem without those of weight 0."""
    x, y, weight = problem.x, problem.y, problem.given_weight
    if weight is None:
        return x, y, np.zeros(0)
    return (x, y, weight) if weight.all() else (x[weight > 0], y[weight > 0], weight[weight > 0])


def ascending(x: FloatArray, y: FloatArray, weight: FloatArray) -> DataRows:
    """The rows in ascending order of the inputs."""
    if is_ascending(x):
        return x, y, weight
    order = np.argsort(x, kind="stable")
    return x[order], y[order], weight[order] if weight.size else weight


def prove(problem: Problem, spline: Spline) -> tuple[Certificate, Callable[[], Terms], int]:
    """The certificate of a spline, how to expand it into features, and the number of scans."""
    mismatch = abs(spline.penalty - spline.alignment) / spline.penalty if spline.penalty > 0 else 0.0

    def own() -> FloatArray:
        """Multipliers of the fit in solver order."""
        rows = problem.rows
        f = np.interp(problem.x[rows.order], spline.knots, spline.values)
        return problem.loss.multiplier(rows.y, f + (spline.origin - rows.origin), rows.weight)

    def most_violated() -> Feature | None:
        if spline.violation <= 1 + 1e-12:
            return None
        return problem.dictionary.max_input_correlation(problem.rows.totals(own()))[1]

    def expand() -> Terms:
        features, coef = recover(spline.knots, spline.values, problem.architecture)
        start = sum(z * float(feature(spline.knots[:1])[0]) for feature, z in zip(features, coef, strict=True))
        return features, coef, float(spline.origin + spline.values[0] - start)

    proof = bounded_by(
        spline.primal,
        spline.dual,
        rounding=spline.rounding,
        negligible=spline.negligible,
        kkt_residual=max(0.0, spline.violation - 1, mismatch),
        dual_point=lambda: problem.rows.to_caller(repair(problem, own())),
        most_violated=most_violated,
    )
    return proof, expand, spline.n_scans
