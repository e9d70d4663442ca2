"""Two-layer networks of piecewise-linear activations: one kink, at a datum."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from convexnn.architecture import Architecture
from convexnn.dictionaries.base import Dictionary, IndexArray
from convexnn.dictionaries.feature import DATA, Feature, number, shifted
from convexnn.dictionaries.moments import one_sided_moments
from convexnn.validation import FloatArray


class Kinks(Dictionary):
    """The features ``sigma(x - x_n)`` and ``sigma(x_n - x)`` of a two-layer network (arXiv:2403.01046).

    Columns that vanish on the data, or that repeat an earlier one up to sign and constant, are not listed where the
    activation makes them so: 2N - 3 features for ReLU, N for absolute value, 2N for other slopes; none for N = 1.
    """

    def __init__(self, x: ArrayLike, architecture: Architecture) -> None:
        super().__init__(x, architecture)
        n, sigma = self.inputs.size, architecture.activation
        everywhere = np.arange(n)
        if n == 1:
            rising = falling = everywhere[:0]
        elif sigma.is_even:
            rising, falling = everywhere, everywhere[:0]
        elif sigma.left == 0:
            rising, falling = everywhere[:-1], everywhere[1:-1]
        elif sigma.right == 0:
            rising, falling = everywhere[1:-1], everywhere[:-1]
        else:
            rising = falling = everywhere
        self._place = np.concatenate((rising, falling))
        self._sign = np.repeat([1, -1], [rising.size, falling.size])

    @property
    def n_features(self) -> int:
        return self._place.size

    def feature(self, index: int) -> Feature:
        return kink_feature(self.architecture, float(self.inputs[self._place[index]]), int(self._sign[index]))

    def _evaluate(self, x: FloatArray, index: IndexArray) -> FloatArray:
        kinks = self.inputs[self._place[index]]
        return self.architecture.activation(self._sign[index] * (x[:, None] - kinks))

    def input_correlations(self, totals: FloatArray) -> FloatArray:
        left, right = one_sided_moments(self.inputs, totals)
        left, right = left[self._place], right[self._place]
        sigma = self.architecture.activation
        return np.where(
            self._sign > 0, sigma.right * right - sigma.left * left, sigma.right * left - sigma.left * right
        )

    def max_input_correlation(self, totals: FloatArray) -> tuple[float, Feature]:
        values = np.abs(self.input_correlations(totals))
        best = int(np.argmax(values))
        return float(values[best]), self.feature(best)


def kink_feature(architecture: Architecture, kink: float, sign: int) -> Feature:
    """The feature ``sigma(sign * (x - kink))``."""
    sigma = architecture.activation
    argument = shifted(kink) if sign > 0 else f"{number(kink)} - x"
    label = {"relu": f"({argument})+", "absolute": f"|{argument}|"}.get(sigma.name, f"leaky({argument})")
    slopes = (sigma.left, sigma.right) if sign > 0 else (-sigma.right, -sigma.left)
    return Feature((kink,), slopes, (0.0, 0.0), (DATA,), label, (sign,), (kink,))
