"""Narrow absolute-value networks of depth >= 4: every way to put depth - 1 data on kinks of the unit.

The unit is F(x) = | ... ||x - c_1| - c_2| ... - c_{L-1}|. A datum x_n lies on a kink of layer l when
x_n = c_1 + e_2 c_2 + ... + e_l c_l for some signs e. L - 1 independent equations of this kind fix all offsets, and the
offsets they fix are the vertices at which a correlation can be largest (arXiv:2403.01046; the derivation is the
theorem "absolute value of any depth").
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convexnn.activations import absolute
from convexnn.architecture import Architecture
from convexnn.dictionaries.base import Dictionary, IndexArray
from convexnn.dictionaries.feature import (
    COMBINATION,
    DATA,
    MIDPOINT,
    REFLECTION,
    Feature,
    compose_unit,
    number,
    shifted,
)
from convexnn.errors import InputError
from convexnn.validation import FloatArray

MAX_SYSTEMS = 20_000_000
_BATCH = 200_000
# Offsets are compared on data scaled to [0, 1]; the systems have entries 0, +1, -1 and condition numbers of order one.
_SAME = 1e-9


class KinkSystems(Dictionary):
    """Features of narrow absolute-value networks of any depth, by enumeration of their kink systems.

    Listed by offsets; a few offsets make the same function. In general position there are N + 3 C(N, 2) at depth 3 and
    N + 9 C(N, 2) + 21 C(N, 3) at depth 4.

    Raises
    ------
    InputError
        If there are more than 2e7 systems of equations to solve: N inputs give C(N (2^(depth-1) - 1), depth - 1).
    """

    def __init__(self, x: ArrayLike, architecture: Architecture) -> None:
        super().__init__(x, architecture)
        n, layers = self.inputs.size, architecture.depth - 1
        n_systems = math.comb(n * (2**layers - 1), layers)
        if n > 1 and n_systems > MAX_SYSTEMS:
            raise InputError(
                f"the dictionary of {architecture.label} on {n} distinct inputs needs {n_systems:.2g} kink systems, "
                f"more than {MAX_SYSTEMS:.0e}; use fewer inputs or depth 3"
            )
        self._offsets = self._enumerate(layers) if n > 1 else np.zeros((0, layers))

    def _enumerate(self, layers: int) -> FloatArray:
        """All offsets (c_1, ..., c_layers) fixed by independent kink equations, in units of x."""
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
            _, first = np.unique(np.round(found / _SAME), axis=0, return_index=True)
            found = found[first]
        return np.concatenate((start + span * found[:, :1], span * found[:, 1:]), axis=1)

    @property
    def n_features(self) -> int:
        return self._offsets.shape[0]

    def feature(self, index: int) -> Feature:
        offsets = tuple(float(c) for c in self._offsets[index])
        layers = len(offsets)
        signs = (1,) * layers
        knots, slopes, levels = compose_unit((absolute,) * layers, signs, offsets, self.inputs)
        origins = tuple(self._origin(knot) for knot in knots)
        inner = f"|{shifted(offsets[0])}|"
        for c in offsets[1:]:
            inner = f"|{inner} - {number(c)}|" if c else inner
        zeros = [knot for knot, level in zip(knots, levels[1:], strict=True) if abs(level) <= self._rounding]
        label = f"{inner}: zeros at {', '.join(map(number, zeros))}"
        return Feature(knots, slopes, levels, origins, label, signs, offsets)

    @property
    def _rounding(self) -> float:
        return float(_SAME * (self.inputs[-1] - self.inputs[0]))

    def _origin(self, knot: float) -> str:
        """The simplest way to get the knot from the data."""
        x = self.inputs
        for origin, candidates in (
            (DATA, x),
            (REFLECTION, 2 * x[:, None] - x),
            (MIDPOINT, (x[:, None] + x) / 2),
        ):
            if np.abs(candidates - knot).min() <= self._rounding:
                return origin
        return COMBINATION

    def _evaluate(self, x: FloatArray, index: IndexArray) -> FloatArray:
        values = np.repeat(x[:, None], index.size, axis=1)
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
        hits |= (layer == depth) & (np.abs(inner - c[:, None]) <= _SAME)
        inner = np.abs(inner - c[:, None])
    return np.asarray(hits.all(axis=1))
