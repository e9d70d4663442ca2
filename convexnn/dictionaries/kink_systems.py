"""Narrow absolute-value networks of depth >= 4: every way to put depth - 1 data on kinks of the unit.

The unit is F(x) = | ... ||x - c_1| - c_2| ... - c_{L-1}|. A datum x_n lies on a kink of layer l when
x_n = c_1 + e_2 c_2 + ... + e_l c_l for some signs e. L - 1 independent equations of this kind fix all offsets, and the
offsets they fix are the vertices at which a correlation can be largest (arXiv:2403.01046; the derivation is the
theorem "absolute value of any depth").
"""

from __future__ import annotations

import itertools
import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from convexnn.dictionaries.base import Dictionary, IndexArray
from convexnn.dictionaries.feature import Feature
from convexnn.dictionaries.nested import SAME, largest_of_depth_four, nested_feature
from convexnn.dictionaries.scaled import scaled
from convexnn.errors import InputError
from convexnn.validation import FloatArray

MAX_SYSTEMS = 20_000_000
_BATCH = 200_000


class KinkSystems(Dictionary):
    """Features of narrow absolute-value networks of any depth, by enumeration of their kink systems.

    Listed by offsets; a few offsets make the same function. In general position there are N + 3 C(N, 2) at depth 3 and
    N + 9 C(N, 2) + 21 C(N, 3) at depth 4.

    Raises
    ------
    InputError
        From what lists features, if there are more than 2e7 systems of equations to solve: N inputs give
        C(N (2^(depth-1) - 1), depth - 1).
    """

    @cached_property
    def _origin(self) -> float:
        """What c_1 is measured from, so that it resolves the inputs."""
        return scaled(self.inputs).origin

    @cached_property
    def _offsets(self) -> FloatArray:
        n, layers = self.inputs.size, self.architecture.depth - 1
        n_systems = math.comb(n * (2**layers - 1), layers)
        if n > 1 and n_systems > MAX_SYSTEMS:
            raise InputError(
                f"the dictionary of {self.architecture.label} on {n} distinct inputs needs {n_systems:.2g} kink "
                f"systems, more than {MAX_SYSTEMS:.0e}; use fewer inputs or depth 3"
            )
        return self._enumerate(layers) if n > 1 else np.zeros((0, layers))

    def _enumerate(self, layers: int) -> FloatArray:
        """All offsets (c_1, ..., c_layers) fixed by independent kink equations, in units of x; c_1 from the origin."""
        start, span = self.inputs[0], self.inputs[-1] - self.inputs[0]
        points = (self.inputs - start) / span
        rows, layer = _kink_equations(layers)
        equations = np.array(list(itertools.product(range(len(rows)), range(points.size))))
        systems = itertools.combinations(range(len(equations)), layers)
        found = np.zeros((0, layers))
        while batch := list(itertools.islice(systems, _BATCH)):
            chosen = equations[np.array(batch)]  # (batch, layers, 2): row and datum of every equation
            # A neuron meets a datum at its kink once: two sign patterns of one (layer, datum) add nothing new.
            met = np.sort(layer[chosen[..., 0]] * points.size + chosen[..., 1], axis=1)
            chosen = chosen[(np.diff(met, axis=1) > 0).all(axis=1)]
            # Matrices of integers: singular, or with a determinant of at least 1.
            chosen = chosen[np.abs(np.linalg.det(rows[chosen[..., 0]])) > 0.5]
            data = points[chosen[..., 1]]
            offsets = np.linalg.solve(rows[chosen[..., 0]], data[..., None])[..., 0]
            found = np.concatenate((found, offsets[_on_kinks(offsets, data, layer[chosen[..., 0]])]))
            _, first = np.unique(np.round(found / SAME), axis=0, return_index=True)
            found = found[first]
        return np.concatenate((start - self._origin + span * found[:, :1], span * found[:, 1:]), axis=1)

    @property
    def n_features(self) -> int:
        return self._offsets.shape[0]

    def feature(self, index: int) -> Feature:
        return nested_feature(self.inputs, tuple(self._offsets[index].tolist()), self._origin)

    def max_input_correlation(self, totals: FloatArray) -> tuple[float, Feature]:
        if self.architecture.depth == 4 and self._is_centred(totals):
            return largest_of_depth_four(self.inputs, totals)
        return super().max_input_correlation(totals)

    def _evaluate(self, x: FloatArray, index: IndexArray) -> FloatArray:
        values = np.repeat(x[:, None] - self._origin, index.size, axis=1)
        for offsets in self._offsets[index].T:
            values = np.abs(values - offsets)
        return values


def _kink_equations(layers: int) -> tuple[FloatArray, IndexArray]:
    """Coefficients (1, e_2, ..., e_l, 0, ..., 0) of every kink equation of a unit, and its layer l."""
    rows = [
        (1, *signs, *(0,) * (layers - layer))
        for layer in range(1, layers + 1)
        for signs in itertools.product((1, -1), repeat=layer - 1)
    ]
    return np.array(rows, dtype=float), np.array([np.count_nonzero(row) for row in rows])


def _on_kinks(offsets: FloatArray, data: FloatArray, layer: IndexArray) -> NDArray[np.bool_]:
    """Which systems are solved by the unit itself: its layer-l neuron is at its kink on the datum of each equation.

    A solution of the linear equations may have the wrong signs inside the absolute values.
    """
    hits = np.zeros(data.shape, dtype=bool)
    inner = data
    for depth, c in enumerate(offsets.T, start=1):
        hits |= (layer == depth) & (np.abs(inner - c[:, None]) <= SAME)
        inner = np.abs(inner - c[:, None])
    return np.asarray(hits.all(axis=1))
