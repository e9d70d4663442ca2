"""Fits under a penalty on their range: the targets clipped to a band, with a certificate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convexnn.validation import FloatArray


@dataclass(frozen=True)
class Band:
    """Targets clipped to a band, which is the best fit under a penalty on its range, and its certificate.

    Attributes
    ----------
    y : (n,) array
    weight : (n,) array or None
    low, high : float
        Ends of the band; equal where the best fit is constant.
    range_penalty : float
    primal, dual, gap : float
        The objective, a proved lower bound on the optimum, and their difference, computed without cancellation.
    violation : float
        By how much what was raised or lowered differs from the range penalty, relative to that.
    n_rounds : int
        Newton steps of either end.
    """

    y: FloatArray
    weight: FloatArray | None
    low: float
    high: float
    range_penalty: float
    primal: float
    dual: float
    gap: float
    violation: float
    n_rounds: int

    def fit(self) -> FloatArray:
        """Fitted values, (n,)."""
        return np.clip(self.y, self.low, self.high)

    def dual_point(self) -> FloatArray:
        """The dual point behind the bound, (n,): it sums to 0, its positive entries to at most the range penalty."""
        w = np.ones_like(self.y) if self.weight is None else self.weight
        return _dual_point(self.y, w, self.low, self.high, self.range_penalty)[0]


def fit_range(y: FloatArray, weight: FloatArray | None, range_penalty: float) -> Band:
    """``min 1/2 sum_i w_i (y_i - u_i)^2 + range_penalty (max u - min u)``, for rows in any order.

    Targets are raised to a level, and others lowered to another, until either has cost a weighted distance of
    `range_penalty`; where the two levels would cross, the fit is the mean. O(n) a Newton step, of which there are few.

    Parameters
    ----------
    y : (n,) array
    weight : (n,) array or None
        Nonnegative, not all zero; None means 1.
    range_penalty : float
        Positive.

    Returns
    -------
    Band
    """
    w = np.ones_like(y) if weight is None else weight
    used, of = y[w > 0], w[w > 0]
    bottom, top = float(used.min()), float(used.max())
    rise, steps_up = _water_level(used - bottom, of, range_penalty)
    fall, steps_down = _water_level(top - used, of, range_penalty)
    low, high = bottom + rise, top - fall
    if low >= high:
        low = high = bottom + float(of @ (used - bottom)) / float(of.sum())
    th, violation = _dual_point(used, of, low, high, range_penalty)
    residual = used - np.clip(used, low, high)
    primal = 0.5 * float(of @ residual**2) + range_penalty * (high - low)
    # Fenchel's inequality for the loss; the one for the penalty is an equality by construction.
    gap = 0.5 * float(of @ (residual - th / of) ** 2)
    n_rounds = max(steps_up, steps_down)
    return Band(y, weight, low, high, range_penalty, primal, primal - gap, gap, violation, n_rounds)


def _water_level(heights: FloatArray, weight: FloatArray, volume: float) -> tuple[float, int]:
    """The level a with ``sum_i weight_i max(a - heights_i, 0) = volume``, and the steps of Newton's method to it.

    `heights` are nonnegative and one is 0. The volume is convex and piecewise linear in the level, so that the steps
    go down and end, after finitely many, at the set of heights under water.
    """
    wet = np.ones(heights.size, dtype=bool)
    steps = 0
    while True:
        steps += 1
        level = (volume + float(weight[wet] @ heights[wet])) / float(weight[wet].sum())
        still = wet & (heights <= level)
        if still.sum() == wet.sum():
            return level, steps
        wet = still


def _dual_point(
    y: FloatArray, weight: FloatArray, low: float, high: float, range_penalty: float
) -> tuple[FloatArray, float]:
    """The residual, what was raised and what was lowered scaled to the range penalty, and by how much at most."""
    residual = y - np.clip(y, low, high)
    if low == high:
        residual = residual - float(weight @ residual) / float(weight.sum())
    raised, lowered = weight * np.maximum(-residual, 0), weight * np.maximum(residual, 0)
    up, down = float(raised.sum()), float(lowered.sum())
    moved = range_penalty if low < high else min(range_penalty, up)
    if moved == 0:
        return np.zeros_like(y), 0.0
    return lowered * (moved / down) - raised * (moved / up), max(abs(up - moved), abs(down - moved)) / range_penalty
