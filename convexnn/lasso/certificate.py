"""A proved bound on the distance from the global optimum, from a feasible point of the dual problem.

Any vector th that sums to zero, lies in the boxes of the loss, and correlates with no feature by more than beta
proves that the optimum is at least D(th). `repair` turns any vector into such a point, so a bound never rests on a
solver's word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from convexnn.dictionaries.feature import Feature
from convexnn.lasso.problem import Problem
from convexnn.losses import shift_to_zero_sum
from convexnn.validation import FloatArray

_EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Certificate:
    """How far a network or a Lasso solution is from the global optimum, at most.

    Attributes
    ----------
    primal : float
        The objective that was reached.
    dual : float
        A proved lower bound on the optimum.
    gap : float
        primal - dual; 0 where rounding would make it negative.
    relative_gap : float
        gap / primal; 0 where the objective is zero up to rounding.
    kkt_residual : float
        Largest violation of the optimality conditions by the prediction's own multipliers, each condition relative to
        its scale: the multipliers sum to zero, no feature correlates by more than beta, the penalty equals beta's
        share of the correlation of the prediction, and (losses with corners) loss and multipliers satisfy Fenchel's
        equality.
    """

    primal: float
    dual: float
    gap: float
    relative_gap: float
    kkt_residual: float
    _dual_point: Callable[[], FloatArray] = field(repr=False, compare=False)
    _most_violated: Callable[[], Feature | None] = field(repr=False, compare=False)

    # Computed on demand: n numbers that a bound on a million points did not need.
    @cached_property
    def dual_point(self) -> FloatArray:
        """The feasible dual point behind the bound, (n_samples,), in the caller's order."""
        return self._dual_point()

    @cached_property
    def most_violated(self) -> Feature | None:
        """The feature that correlates most with the multipliers at the best intercept, if by more than beta."""
        return self._most_violated()

    def __getstate__(self) -> dict[str, Any]:
        """For pickles: what is computed on demand, instead of the functions that compute it."""
        known = {"dual_point": self.dual_point, "most_violated": self.most_violated}
        return {name: value for name, value in {**vars(self), **known}.items() if not name.startswith("_")}

    def __str__(self) -> str:
        missing = f"; best missing feature: {self.most_violated}" if self.most_violated else ""
        return (
            f"objective {self.primal:.10g}, at most {self.gap:.2g} above the global optimum "
            f"(relative gap {self.relative_gap:.2g}){missing}"
        )


def residual_dual(problem: Problem, f: FloatArray) -> FloatArray:
    """The multipliers of a prediction after its intercept is made optimal (rows in solver order)."""
    rows, loss = problem.rows, problem.loss
    return loss.multiplier(rows.y, f + loss.best_intercept(rows.y, f, rows.weight), rows.weight)


def repair(problem: Problem, th: FloatArray) -> FloatArray:
    """The feasible dual point made of a candidate: centre within the boxes, then scale.

    The order matters: each step keeps what the earlier ones reached, because the boxes contain zero and the scale is
    at least 0 and, where there are boxes, keeps them.

    Parameters
    ----------
    th : (n,) array
        In solver order.
    """
    rows, loss = problem.rows, problem.loss
    lo, hi = loss.box(rows.y, rows.weight)
    th = shift_to_zero_sum(th, rows.weight, lo, hi)
    correlation = problem.largest_correlation(th)
    allowed = problem.beta / correlation if correlation > 0 else np.inf
    scale = loss.best_scale(th, rows.y, rows.weight, min(allowed, loss.scale_cap(th, rows.weight)))
    return th * scale if np.isfinite(scale) else th


def certificate(
    problem: Problem,
    f: FloatArray,
    penalty: float,
    candidates: Sequence[FloatArray],
    own: FloatArray,
) -> Certificate:
    """The certificate of a prediction with a given penalty, from the best of several dual candidates.

    Parameters
    ----------
    f : (n,) array
        Prediction in solver order, measured from `rows.origin`.
    penalty : float
        What the network or the coefficients pay, beta included.
    candidates : sequence of (n,) arrays
        Dual candidates in solver order; each is repaired.
    own : (n,) array
        The prediction's own multipliers, for the KKT residual.
    """
    rows, loss = problem.rows, problem.loss
    points = [repair(problem, th) for th in candidates]
    bounds = [loss.dual(th, rows.y, rows.weight) for th in points]
    best = int(np.argmax(bounds))
    loss_value = loss.total(rows.y, f, rows.weight)
    residual, most_violated = _kkt(problem, f, penalty, loss_value, own)
    return bounded_by(
        loss_value + penalty,
        bounds[best],
        rounding=64 * _EPS * float(np.abs(points[best] * rows.y).sum()),
        negligible=loss.negligible(rows.y, rows.weight),
        kkt_residual=residual,
        dual_point=lambda: rows.to_caller(points[best]),
        most_violated=lambda: most_violated,
    )


def bounded_by(
    primal: float,
    dual: float,
    *,
    rounding: float,
    negligible: float,
    kkt_residual: float,
    dual_point: Callable[[], FloatArray],
    most_violated: Callable[[], Feature | None],
) -> Certificate:
    """The certificate of two bounds; a gap that is negative by less than the rounding of its terms is zero."""
    gap = primal - dual
    if -rounding - 64 * _EPS * abs(primal) <= gap < 0:
        gap = 0.0
    relative_gap = 0.0 if primal <= negligible else gap / primal
    return Certificate(primal, dual, gap, relative_gap, kkt_residual, dual_point, most_violated)


def _kkt(
    problem: Problem, f: FloatArray, penalty: float, loss_value: float, own: FloatArray
) -> tuple[float, Feature | None]:
    """The KKT residual and the most violated feature of a prediction with multipliers `own`."""
    rows, loss, beta = problem.rows, problem.loss, problem.beta
    size = np.abs(own).sum()
    if size == 0 or problem.dictionary.inputs.size == 1:
        return 0.0, None
    value, feature = problem.dictionary.max_input_correlation(rows.totals(own))
    terms = [abs(own.sum()) / size, value / beta - 1]
    if penalty > 0:
        terms.append(abs(penalty - own @ (f - f.mean())) / penalty)
    if loss.is_smooth:
        # What a better intercept would do as well is not missing.
        value, feature = problem.dictionary.max_input_correlation(rows.totals(residual_dual(problem, f)))
    else:
        terms.append((loss_value + own @ f - loss.dual(own, rows.y, rows.weight)) / (loss_value + penalty))
    # At an optimum, the selected features correlate by beta up to the rounding of the multipliers, which have that of
    # targets and predictions.
    terms_of_a_row = float(np.abs(rows.y).max() + np.abs(f).max())
    rounding = 64 * _EPS * (rows.y.size * beta + float(rows.weight.sum()) * problem.column_range * terms_of_a_row)
    return max(0.0, *terms), feature if value > beta + rounding else None
