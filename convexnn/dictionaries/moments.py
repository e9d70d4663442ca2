"""Sums of distances to the data, weighted by a vector: what every piecewise-linear feature's correlation is made of."""

from __future__ import annotations

import numpy as np

from convexnn.validation import FloatArray


def one_sided_moments(inputs: FloatArray, totals: FloatArray) -> tuple[FloatArray, FloatArray]:
    """``sum_i (t - x_i)_+ r_i`` and ``sum_i (x_i - t)_+ r_i`` at every input t, by prefix sums from either side: O(N).

    Parameters
    ----------
    inputs : (N,) array
        Ascending and distinct.
    totals : (N,) array
        The vector r.
    """
    gaps = np.diff(inputs)
    left = np.concatenate(([0.0], np.cumsum(gaps * np.cumsum(totals)[:-1])))
    right = np.concatenate((np.cumsum((gaps * np.cumsum(totals[::-1])[::-1][1:])[::-1])[::-1], [0.0]))
    return left, right


class DistanceMoment:
    """The function ``H(t) = sum_i |x_i - t| r_i``, which is piecewise linear; O(N) to build, O(log N) a value.

    Parameters
    ----------
    inputs, totals : (N,) arrays
        Ascending and distinct inputs, and the vector r.
    """

    def __init__(self, inputs: FloatArray, totals: FloatArray) -> None:
        left, right = one_sided_moments(inputs, totals)
        self._inputs = inputs
        self._at_inputs = left + right
        prefix = np.concatenate(([0.0], np.cumsum(totals)))
        suffix = np.concatenate((np.cumsum(totals[::-1])[::-1], [0.0]))
        self._slopes = prefix - suffix  # of H, before x_1, between x_i and x_{i+1}, after x_N

    def __call__(self, t: FloatArray) -> FloatArray:
        """H at every entry of `t`."""
        piece = np.searchsorted(self._inputs, t, side="right")
        anchor = np.maximum(piece - 1, 0)
        return self._at_inputs[anchor] + self._slopes[piece] * (t - self._inputs[anchor])
