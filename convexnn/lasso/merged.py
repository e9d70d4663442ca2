"""Equal inputs as one: what squared loss may be reduced to, and the way back to the rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from convexnn.kernels.order import is_increasing
from convexnn.lasso.problem import Problem
from convexnn.validation import FloatArray


class Merged(NamedTuple):
    """Distinct inputs of positive weight in ascending order, whatever the order of the rows.

    Attributes
    ----------
    x, y, weight : (N,) arrays
        Inputs, weighted mean targets measured from `origin`, and sums of weights.
    origin : float
    within_ties : float
        What the spread of targets at equal inputs costs any fit.
    negligible : float
        An objective that is zero up to the rounding of the targets.
    """

    x: FloatArray
    y: FloatArray
    weight: FloatArray
    origin: float
    within_ties: float
    negligible: float


def has_many_inputs(problem: Problem) -> bool:
    """Whether more than one input has a weight."""
    x = problem.x if problem.given_weight is None else problem.x[problem.given_weight > 0]
    return bool((x != x[0]).any())


def merge(problem: Problem) -> Merged:
    """The merged inputs of a problem of squared loss; where inputs are distinct, nothing is grouped."""
    x, y, weight = problem.x, problem.y, problem.weight
    if not weight.all():
        x, y, weight = (part[problem.weight > 0] for part in (x, y, weight))
    if not is_increasing(x):
        order = np.argsort(x)
        x, y, weight = x[order], y[order], weight[order]
    if is_increasing(x):
        return Merged(x, y - y[0], weight, float(y[0]), 0.0, problem.loss.negligible(y - y[0], weight))
    rows = problem.rows
    mean, total = rows.merged()
    within = 0.5 * float((rows.weight * (rows.y - mean[rows.group]) ** 2).sum())
    live = total > 0
    return Merged(
        np.unique(x), mean[live], total[live], rows.origin, within, problem.loss.negligible(rows.y, rows.weight)
    )


def row_multipliers(problem: Problem, merged: Merged, th: FloatArray) -> FloatArray:
    """A dual point of the merged inputs as one of the rows, (n_samples,), in the caller's order."""
    place = np.searchsorted(merged.x, problem.x).clip(max=merged.x.size - 1)  # of rows without weight: any
    return problem.weight * ((problem.y - merged.origin) - merged.y[place] + (th / merged.weight)[place])
