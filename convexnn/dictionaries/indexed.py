"""The published column lists of deep narrow ReLU networks, with their index map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from convexnn.activations import relu
from convexnn.architecture import Architecture
from convexnn.dictionaries.base import Dictionary, IndexArray
from convexnn.dictionaries.feature import DATA, REFLECTION, Feature, compose_unit, number
from convexnn.errors import InputError
from convexnn.validation import FloatArray


class PublishedList(Dictionary):
    """All columns (s, j, k) of narrow ReLU networks of depth 2 to 4, as published (arXiv:2403.01046, versions 1 and 2).

    With a_l = x_{j_l} (and, where k = 1, a_1 the mirror image of x_{j_1} about x_{j_2}) the column is phi_{L-1} of
    phi_0(x) = x, phi_l(x) = (s_l (phi_{l-1}(x) - phi_{l-1}(a_l)))_+. Here s is in {-1, +1}^{L-1}, j numbers the
    data in *descending* order from 0, and k is 0, or 0 and 1 at depth 4. There are 2 N, 4 N^2 and 16 N^3 columns,
    many of them zero or repeated: the minimal listing has the same optimal value.
    """

    def __init__(self, x: ArrayLike, architecture: Architecture) -> None:
        if architecture.activation != relu or architecture.form != "narrow" or architecture.depth > 4:
            raise InputError(
                'listing "published" exists for narrow ReLU networks of depth 2, 3 and 4, '
                f'got {architecture.label}; use listing="minimal"'
            )
        super().__init__(x, architecture)
        self._layers = architecture.depth - 1
        self._descending = self.inputs[::-1]

    @property
    def n_features(self) -> int:
        reflections = 2 if self._layers == 3 else 1
        return int(reflections * (2 * self.inputs.size) ** self._layers)

    def index_of(self, s: Sequence[int], j: Sequence[int], k: int = 0) -> int:
        """Place of the column (s, j, k) in the list."""
        n, layers = self.inputs.size, self._layers
        if len(s) != layers or len(j) != layers or not {*s} <= {-1, 1} or not all(0 <= i < n for i in j):
            raise InputError(f"s needs {layers} signs and j {layers} places in [0, {n}), got s = {s}, j = {j}")
        if k not in ((0, 1) if layers == 3 else (0,)):
            raise InputError(f"k must be 0, or 1 at depth 4; got {k} at depth {layers + 1}")
        signs = sum((sign > 0) * 2**i for i, sign in enumerate(s))
        return sum(place * n**i for i, place in enumerate(j)) + n**layers * (signs + k * 2**layers)

    def triple(self, index: int) -> tuple[tuple[int, ...], tuple[int, ...], int]:
        """The (s, j, k) of a place in the list."""
        n, layers = self.inputs.size, self._layers
        rest, places = divmod(index, n**layers)
        k, signs = divmod(rest, 2**layers)
        return (
            tuple(2 * (signs >> i & 1) - 1 for i in range(layers)),
            tuple(places // n**i % n for i in range(layers)),
            k,
        )

    def feature(self, index: int) -> Feature:
        s, j, k = self.triple(index)
        kinks = [float(self._descending[place]) for place in j]
        if k == 1:
            kinks[0] = 2 * kinks[1] - kinks[0]
        offsets: list[float] = []
        for kink in kinks:
            value = kink
            for sign, offset in zip(s, offsets, strict=False):
                value = max(sign * (value - offset), 0.0)
            offsets.append(value)
        near = np.sort(np.append(self.inputs, kinks[0]))
        knots, slopes, levels = compose_unit((relu,) * self._layers, s, tuple(offsets), near)
        origins = tuple(DATA if knot in self.inputs else REFLECTION for knot in knots)
        label = f"s = {s}, j = {j}, k = {k}: {_shape(knots, slopes)}"
        return Feature(knots, slopes, levels, origins, label, s, tuple(offsets))

    def _evaluate(self, x: FloatArray, index: IndexArray) -> FloatArray:
        columns = [self.feature(int(place))(x) for place in index]
        return np.stack(columns, axis=1) if columns else np.zeros((x.size, 0))


def _shape(knots: tuple[float, ...], slopes: tuple[float, ...]) -> str:
    """What a clipped line looks like."""
    if not any(slopes):
        return "zero" if not knots else "constant"
    if len(knots) == 2:
        return f"ramp from {number(knots[0])} to {number(knots[1])}"
    return f"(x - {number(knots[0])})+" if slopes[-1] else f"({number(knots[0])} - x)+"
