"""Where the path of a sign or threshold network breaks, if its penalty is a norm of the levels."""

from __future__ import annotations

import numpy as np

from convexnn.kernels.fusion import fusion_penalties
from convexnn.lasso.problem import Problem
from convexnn.validation import FloatArray


def level_breakpoints(problem: Problem) -> FloatArray:
    """All betas at which levels fuse, in any order, under squared loss.

    With one switch the penalty is the total variation: neighbours fuse. With N - 1 switches it is the range: the fit
    is the targets clipped to a band, and the upper end of the band passes the targets at the penalties
    ``sum w (y - v)_+`` for targets v, the lower end at ``sum w (v - y)_+``.
    """
    mean, weight = problem.rows.merged()
    y, weight = mean[weight > 0], weight[weight > 0]
    sigma = problem.architecture.activation
    if problem.architecture.switches == 1:
        return fusion_penalties(y, weight) * (sigma.right - sigma.left)
    centre = weight @ y / weight.sum()
    penalties = [_excess(side * (y - centre), weight) for side in (1.0, -1.0)]
    return np.concatenate(penalties) * (sigma.right - sigma.left)


def _excess(y: FloatArray, weight: FloatArray) -> FloatArray:
    """``sum w (y - v)_+`` for all v >= 0 among the targets, and for v = 0."""
    order = np.argsort(-y)
    y, weight = np.append(y[order][y[order] > 0], 0.0), np.append(weight[order][y[order] > 0], 0.0)
    return np.concatenate(([0.0], np.cumsum(np.cumsum(weight)[:-1] * -np.diff(y))))
