"""Narrow ReLU networks of any depth >= 3: ramps between two data."""

from __future__ import annotations

import numpy as np

from convexnn.dictionaries.base import Dictionary, IndexArray
from convexnn.dictionaries.feature import DATA, Feature, number
from convexnn.dictionaries.pairs import n_pairs, unordered_pairs
from convexnn.validation import FloatArray


class Ramps(Dictionary):
    """The N (N - 1) / 2 ramps ``clip(x, x_i, x_j) - x_i``, x_i < x_j.

    Modulo sign and constant they are all columns of the published depth-3 list, and the reflection columns of depth 4
    and more lie in their convex hull on the data, so this list serves every depth >= 3 (arXiv:2403.01046; derivation
    in the theorems "narrow ReLU").
    """

    @property
    def n_features(self) -> int:
        return n_pairs(self.inputs.size)

    def feature(self, index: int) -> Feature:
        i, j = unordered_pairs(np.array([index]), self.inputs.size)
        return ramp_feature(float(self.inputs[i[0]]), float(self.inputs[j[0]]), self.architecture.depth)

    def _evaluate(self, x: FloatArray, index: IndexArray) -> FloatArray:
        i, j = unordered_pairs(index, self.inputs.size)
        low, high = self.inputs[i], self.inputs[j]
        return np.clip(x[:, None], low, high) - low

    def _heights(self, totals: FloatArray) -> FloatArray:
        """P with <ramp from x_i to x_j, r> = P_j - P_i: prefix sums of gap times tail sum."""
        tails = np.cumsum(totals[::-1])[::-1][1:]
        return np.concatenate(([0.0], np.cumsum(np.diff(self.inputs) * tails)))

    def _correlate_block(self, totals: FloatArray, index: IndexArray) -> FloatArray:
        heights = self._heights(totals)
        i, j = unordered_pairs(index, self.inputs.size)
        return heights[j] - heights[i]

    def max_input_correlation(self, totals: FloatArray) -> tuple[float, Feature]:
        heights = self._heights(totals)
        low, high = sorted((int(np.argmin(heights)), int(np.argmax(heights))))
        if low == high:
            return 0.0, self.feature(0)
        value = float(abs(heights[high] - heights[low]))
        return value, ramp_feature(float(self.inputs[low]), float(self.inputs[high]), self.architecture.depth)


def ramp_feature(low: float, high: float, depth: int) -> Feature:
    """The feature ``clip(x, low, high) - low`` of a unit of that depth; layers beyond the second pass it on."""
    label = f"ramp from {number(low)} to {number(high)}"
    rest = depth - 3
    signs, offsets = (-1, -1, *(1,) * rest), (high, high - low, *(0.0,) * rest)
    return Feature((low, high), (0.0, 1.0, 0.0), (0.0, 0.0, high - low), (DATA, DATA), label, signs, offsets)
