"""Depth-3 absolute-value and symmetrized ReLU networks: data, mirror images and midpoints.

A unit here has a centre c and a radius rho >= 0: it bends at c and at c - rho, c + rho. Two of these three points are
data. With H(t) = sum_i |x_i - t| r_i every correlation is a combination of H at the three points, so none needs its
column.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property

import numpy as np

from convexnn.dictionaries.base import Dictionary, IndexArray
from convexnn.dictionaries.feature import DATA, MIDPOINT, REFLECTION, Feature, moved, number, shifted
from convexnn.dictionaries.moments import DistanceMoment
from convexnn.dictionaries.pairs import n_pairs, ordered_pairs, unordered_pairs
from convexnn.dictionaries.reflection_search import largest_reflection
from convexnn.dictionaries.scaled import scaled
from convexnn.validation import FloatArray


class _CentredUnits(Dictionary):
    """Units listed by centre and radius, in blocks of one kind; empty for N = 1, where they vanish.

    Centres are measured from an origin, from which they resolve the inputs: no float may lie midway between two.
    """

    @abstractmethod
    def _block_sizes(self, n: int) -> list[int]:
        """How many features of each kind there are on n inputs."""

    def max_input_correlation(self, totals: FloatArray) -> tuple[float, Feature]:
        if not self._is_centred(totals):
            return super().max_input_correlation(totals)
        value, place = largest_reflection(self.inputs, totals, tents=self.architecture.form == "symmetrized")
        return value, self.feature(place)

    @cached_property
    def _origin(self) -> float:
        return scaled(self.inputs).origin

    @cached_property
    def _data(self) -> FloatArray:
        """The inputs, measured from the origin."""
        return self.inputs - self._origin

    @property
    def n_features(self) -> int:
        return sum(self._block_sizes(self.inputs.size)) if self.inputs.size > 1 else 0

    def _locate(self, index: IndexArray) -> tuple[IndexArray, IndexArray]:
        """The kind of each feature and its place within the kind."""
        ends = np.cumsum(self._block_sizes(self.inputs.size))
        kind = np.searchsorted(ends, index, side="right")
        return kind, index - np.concatenate(([0], ends))[kind]

    def _mirrored(self, place: IndexArray) -> tuple[FloatArray, FloatArray]:
        """Centre at one datum, a foot at another: x_i and |x_j - x_i|, i != j."""
        i, j = ordered_pairs(place, self.inputs.size)
        return self._data[i], np.abs(self._data[j] - self._data[i])

    def _midway(self, place: IndexArray) -> tuple[FloatArray, FloatArray]:
        """Both feet at data: (x_i + x_j) / 2 and (x_j - x_i) / 2, i < j."""
        i, j = unordered_pairs(place, self.inputs.size)
        radius = (self._data[j] - self._data[i]) / 2
        return self._data[i] + radius, radius

    def _feet(self, index: int, kind: str) -> tuple[tuple[float, float, float], tuple[str, str, str]]:
        """Left foot, centre and right foot of one feature, with what they are; feet at data are exact.

        `kind` is "mirrored" or "midway"; `index` the place within it.
        """
        n, place = self.inputs.size, np.array([index])
        if kind == "midway":
            i, j = (int(k[0]) for k in unordered_pairs(place, n))
            low, high = float(self._data[i]), float(self._data[j])
            return (low, low + (high - low) / 2, high), (DATA, MIDPOINT, DATA)
        i, j = (int(k[0]) for k in ordered_pairs(place, n))
        centre, foot = float(self._data[i]), float(self._data[j])
        image = 2 * centre - foot
        if foot < centre:
            return (foot, centre, image), (DATA, DATA, REFLECTION)
        return (image, centre, foot), (REFLECTION, DATA, DATA)


class AbsoluteReflections(_CentredUnits):
    """The N (3 N - 1) / 2 features of narrow absolute-value networks of depth 3 (arXiv:2403.01046).

    First ``|x - x_i|``; then ``||x - x_i| - |x_j - x_i||``, i != j, zero at x_j and at its mirror image 2 x_i - x_j;
    then ``||x - m| - rho|`` with m the midpoint of x_i < x_j and zeros at both. From N = 4 on each kind is needed.
    """

    def _block_sizes(self, n: int) -> list[int]:
        return [n, n * (n - 1), n_pairs(n)]

    def _centre_radius(self, index: IndexArray) -> tuple[FloatArray, FloatArray]:
        kind, place = self._locate(index)
        centre, radius = np.empty(index.size), np.zeros(index.size)
        centre[kind == 0] = self._data[place[kind == 0]]
        centre[kind == 1], radius[kind == 1] = self._mirrored(place[kind == 1])
        centre[kind == 2], radius[kind == 2] = self._midway(place[kind == 2])
        return centre, radius

    def _evaluate(self, x: FloatArray, index: IndexArray) -> FloatArray:
        centre, radius = self._centre_radius(index)
        return np.abs(np.abs(x[:, None] - self._origin - centre) - radius)

    def _correlate_block(self, totals: FloatArray, index: IndexArray) -> FloatArray:
        centre, radius = self._centre_radius(index)
        moment = DistanceMoment(self._data, totals)
        return moment(centre - radius) + moment(centre + radius) - moment(centre) - radius * totals.sum()

    def feature(self, index: int) -> Feature:
        kind, place = (int(part[0]) for part in self._locate(np.array([index])))
        if kind == 0:
            centre = float(self.inputs[place])
            return Feature((centre,), (-1.0, 1.0), (0.0, 0.0), (DATA,), f"|{shifted(centre)}|", (1, 1), (centre, 0.0))
        knots, origins = self._feet(place, ("mirrored", "midway")[kind - 1])
        low, centre, high = knots
        radius = high - centre if origins[2] == DATA else centre - low
        how = "reflected" if kind == 1 else "folded at a midpoint"
        first, at, last = (self._origin + t for t in knots)
        label = f"|{shifted(at)}| {how}: zeros at {number(first)} and {number(last)}"
        slopes, levels = (-1.0, 1.0, -1.0, 1.0), (0.0, 0.0, radius, 0.0)
        return moved(Feature(knots, slopes, levels, origins, label, (1, 1), (centre, radius)), self._origin)


class SymmetrizedReflections(_CentredUnits):
    """The 3 N^2 - 2 N wells and tents of symmetrized ReLU networks of depth 3 (arXiv:2403.01046; kappa = 1).

    Wells ``(|x - c| - rho)_+`` for (c, rho) = (x_i, 0), (x_i, |x_j - x_i|), and (midpoint, half distance); tents
    ``(rho - |x - c|)_+`` for the last two. The scale factor kappa = 1 belongs to tied weights, each counted once in the
    penalty.
    """

    def _block_sizes(self, n: int) -> list[int]:
        return [n, n * (n - 1), n_pairs(n), n * (n - 1), n_pairs(n)]

    def _centre_radius_sign(self, index: IndexArray) -> tuple[FloatArray, FloatArray, IndexArray]:
        kind, place = self._locate(index)
        centre, radius = np.empty(index.size), np.zeros(index.size)
        mirrored, midway = (kind == 1) | (kind == 3), (kind == 2) | (kind == 4)
        centre[kind == 0] = self._data[place[kind == 0]]
        centre[mirrored], radius[mirrored] = self._mirrored(place[mirrored])
        centre[midway], radius[midway] = self._midway(place[midway])
        return centre, radius, np.where(kind < 3, 1, -1)

    def _evaluate(self, x: FloatArray, index: IndexArray) -> FloatArray:
        centre, radius, sign = self._centre_radius_sign(index)
        return np.maximum(sign * (np.abs(x[:, None] - self._origin - centre) - radius), 0.0)

    def _correlate_block(self, totals: FloatArray, index: IndexArray) -> FloatArray:
        centre, radius, sign = self._centre_radius_sign(index)
        moment = DistanceMoment(self._data, totals)
        feet = 0.5 * (moment(centre - radius) + moment(centre + radius))
        return feet - np.where(sign > 0, radius * totals.sum(), moment(centre))

    def feature(self, index: int) -> Feature:
        kind, place = (int(part[0]) for part in self._locate(np.array([index])))
        if kind == 0:
            centre = float(self.inputs[place])
            label = f"|{shifted(centre)}|"
            return Feature((centre,), (-1.0, 1.0), (0.0, 0.0), (DATA,), label, (1, 1), (centre, 0.0))
        knots, origins = self._feet(place, "midway" if kind in (2, 4) else "mirrored")
        low, centre, high = knots
        radius = high - centre if origins[2] == DATA else centre - low
        how = "around a midpoint" if kind in (2, 4) else "reflected"
        first, at, last = (number(self._origin + t) for t in knots)
        if kind < 3:
            label, ends = f"well at {at} {how}: zero from {first} to {last}", (origins[0], origins[2])
            well = Feature((low, high), (-1.0, 0.0, 1.0), (0.0, 0.0, 0.0), ends, label, (1, 1), (centre, radius))
            return moved(well, self._origin)
        label = f"tent at {at} {how}: zero outside {first} to {last}"
        slopes, levels = (0.0, 1.0, -1.0, 0.0), (0.0, 0.0, radius, 0.0)
        return moved(Feature(knots, slopes, levels, origins, label, (1, -1), (centre, radius)), self._origin)
