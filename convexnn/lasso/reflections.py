"""Depth-3 absolute-value and symmetrized ReLU networks at any size: all mirror images and midpoints, never listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from convexnn.dictionaries.feature import Feature
from convexnn.dictionaries.reflection_search import places
from convexnn.kernels.distance_moment import BLOCK, distance_moment, range_tree
from convexnn.kernels.reflection_pricing import MIDWAY, peaks, price
from convexnn.lasso.certificate import Certificate
from convexnn.lasso.generation import Found, certified, generate
from convexnn.lasso.kinked_columns import Columns, KinkedOracle
from convexnn.lasso.merged import Merged, has_many_inputs, merge
from convexnn.lasso.problem import Problem
from convexnn.lasso.solution import Terms
from convexnn.losses import Squared
from convexnn.validation import FloatArray

IntArray = NDArray[np.int64]

_SHARE = 0.2  # of the largest violation, which another must reach to be named


def applies(problem: Problem) -> bool:
    """Whether this solver takes the problem: squared loss, reflected features, and more than one input."""
    architecture = problem.architecture
    is_absolute = architecture.activation.name == "absolute" and architecture.depth == 3
    is_known = is_absolute or architecture.form == "symmetrized"
    return is_known and isinstance(problem.loss, Squared) and has_many_inputs(problem)


def solve_reflections(problem: Problem, tol: float) -> tuple[Certificate, Callable[[], Terms], int]:
    """The certificate of the optimum, how to expand it into features, and the number of rounds."""
    merged, tents = merge(problem), problem.architecture.form == "symmetrized"
    oracle = _Reflections(merged, problem.beta, tol, tents)
    fit = generate(oracle, tol, merged.within_ties)
    fit = replace(fit, coef=np.ldexp(fit.coef, -oracle.exponent))

    def listed(features: IntArray) -> list[Feature]:
        inputs = problem.dictionary.inputs
        among_all = np.searchsorted(inputs, merged.x)
        named = np.column_stack((features[:, 0], among_all[features[:, 1:]]))
        return [problem.dictionary[place] for place in places(named, inputs.size, tents=tents)]

    return certified(problem, merged, fit, listed)


class _Reflections(KinkedOracle):
    """Reflected features, each a kind and two data.

    These are left and right foot (MIDWAY), or foot and centre (MIRRORED); MIDWAY with equal data is ``|x - x_i|``. For
    symmetrized ReLU networks the tents ``(rho - |x - c|)_+`` and ``|x - x_i|`` suffice: a well is the mean of two of
    the latter.

    A search names the most violated feature of every tile, tiles being so large that about as many violate as are
    wanted.
    """

    none = np.empty((0, 3), dtype=np.int64)

    def __init__(self, merged: Merged, beta: float, tol: float, tents: bool) -> None:
        super().__init__(merged, beta, tol)
        self._tents = tents
        self._tile = max(int(np.ceil(np.log2(self.x.size / BLOCK))) - 3, 0)

    def search(self, th: FloatArray, wanted: int) -> Iterator[Found]:
        moment, slopes = distance_moment(self.x, th)
        tree, foot = range_tree(moment, slopes), 0.5 if self._tents else 1.0
        values, features = price(self.x, moment, slopes, tree, foot, self.floor, self.slack, self._tile, _SHARE)
        if self._tents:
            single = peaks(moment, self.floor, BLOCK << self._tile)
            values = np.concatenate((values, np.abs(moment[single])))
            features = np.concatenate((features, np.stack((np.full_like(single, MIDWAY), single, single), axis=1)))
        if values.size < 0.5 * wanted:
            self._tile = max(self._tile - 1, 0)
        elif values.size > 2 * wanted:
            self._tile += 1
        yield Found(values, features, is_last=True)

    def columns(self, features: IntArray) -> Columns:
        """Kinks at left foot, centre and right foot; the feet are roots."""
        kind, first, second = features.T
        one, two = self.x[first], self.x[second]
        distance, zero = two - one, np.zeros_like(one)
        midway, rightwards = kind == MIDWAY, first < second
        anchors = np.where(midway, (one, one, two), np.where(rightwards, (one, two, two), (two, two, one)))
        shifts = np.where(
            midway,
            (zero, distance / 2, zero),
            np.where(rightwards, (zero, zero, distance), (distance, zero, zero)),
        )
        tail = np.where(first == second, 1.0, 0.0) if self._tents else np.ones_like(one)
        slopes = np.stack((-tail, zero + 1, zero - 1, tail), axis=1)
        roots = [0, 0, 2, 2]
        return Columns(anchors.T, shifts.T, slopes, anchors[roots].T, shifts[roots].T)
