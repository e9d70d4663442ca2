"""Piecewise-linear features as column generation needs them: their optimum, from two rows for every piece of data."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import NamedTuple

import numpy as np

from convexnn.dictionaries.scaled import scaled
from convexnn.kernels.compressed_rows import block_statistics, compressed, cuts_at, expanded, piece_statistics
from convexnn.kernels.exact_lasso import exact_lasso
from convexnn.lasso.generation import Optimum, Oracle, Rows
from convexnn.lasso.merged import Merged
from convexnn.validation import FloatArray


class Columns(NamedTuple):
    """Piecewise-linear functions of h kinks, in the unit of `KinkedOracle.x`.

    On each of its h + 1 sections a column is ``slope * (x - root)``. Kinks and roots are an anchor, best a datum, and a
    shift from it: their distance from data near the anchor is then exact.
    """

    kink_anchors: FloatArray  # (k, h)
    kink_shifts: FloatArray
    slopes: FloatArray  # (k, h + 1)
    root_anchors: FloatArray
    root_shifts: FloatArray


class KinkedOracle(Oracle):
    """A dictionary of piecewise-linear features, on `scaled` inputs.

    Parameters
    ----------
    merged : Merged
    beta : float
    tol : float

    Attributes
    ----------
    x, y, weight : (N,) arrays
        y is measured from its weighted mean.
    origin : float
    exponent : int
        Lengths are 2^exponent times as long for the caller, who divides coefficients by as much.
    """

    def __init__(self, merged: Merged, beta: float, tol: float) -> None:
        self.x, self.origin, self.exponent = scaled(merged.x)
        super().__init__(math.ldexp(beta, -self.exponent), tol)
        self._mean = float(np.average(merged.y, weights=merged.weight))
        self.y, self.weight = merged.y - self._mean, merged.weight
        self._blocks = block_statistics(self.x, self.y, self.weight)

    @abstractmethod
    def columns(self, features: Rows) -> Columns:
        """The features as functions."""

    def optimum(self, features: Rows, start: FloatArray) -> Optimum:
        columns = self.columns(features)
        cuts = cuts_at(self.x, columns.kink_anchors, columns.kink_shifts)
        starts = np.unique(np.concatenate(([0], cuts.ravel(), [self.x.size])))
        pieces = piece_statistics(self.x, self.y, self.weight, self._blocks, starts)
        sections = columns.slopes, columns.root_anchors, columns.root_shifts
        table, target, means = compressed(self.x, starts, pieces, cuts, *sections)
        coef, residual, correlations = exact_lasso(table, target, self.beta, start)
        th, gain, square = expanded(self.x, self.y, self.weight, starts, pieces, residual)
        return Optimum(features, coef, correlations, self._mean - float(coef @ means), th, gain, square)
