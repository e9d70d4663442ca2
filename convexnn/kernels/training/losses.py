"""Losses of one output."""

from __future__ import annotations

import math

from numba import njit

SQUARED, LOGISTIC = 0, 1


@njit(cache=True, nogil=True, error_model="numpy")
def loss_and_slope(loss: int, y: float, f: float) -> tuple[float, float]:
    """The loss of one output and its derivative in the prediction."""
    if loss == SQUARED:
        return 0.5 * (f - y) * (f - y), f - y
    margin = y * f
    small = math.exp(-abs(margin))
    share = small / (1.0 + small) if margin >= 0 else 1.0 / (1.0 + small)
    return math.log1p(small) + max(-margin, 0.0), -y * share
