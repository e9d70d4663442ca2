"""The reflected feature that correlates most with a vector, among any number of them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from convexnn.dictionaries.pairs import n_pairs
from convexnn.dictionaries.scaled import scaled
from convexnn.kernels.distance_moment import distance_moment, range_tree
from convexnn.kernels.reflection_pricing import MIDWAY, price
from convexnn.validation import FloatArray

_WHOLE = 62  # a level that no tree has: all pairs are one tile


def largest_reflection(inputs: FloatArray, totals: FloatArray, *, tents: bool) -> tuple[float, int]:
    """The largest absolute correlation with a vector that sums to zero, and its feature's place in the list.

    Parameters
    ----------
    inputs, totals : (N,) arrays
        Ascending and distinct inputs, at least two, and the vector.
    tents : bool
        False: the features of absolute-value networks of depth 3. True: those of symmetrized ReLU networks.
    """
    x, _, exponent = scaled(inputs)
    moment, slopes = distance_moment(x, totals)
    single = int(np.argmax(np.abs(moment)))
    best, feature = abs(float(moment[single])), np.array([[MIDWAY, single, single]])
    tree = range_tree(moment, slopes)
    values, found = price(x, moment, slopes, tree, 0.5 if tents else 1.0, best, 0.0, _WHOLE, 1.0)
    if values.size:  # with a share of 1 the last is the largest
        best, feature = float(values[-1]), found[-1:]
    return math.ldexp(best, exponent), int(places(feature, inputs.size, tents=tents)[0])


def places(features: NDArray[np.int64], n: int, *, tents: bool) -> NDArray[np.int64]:
    """Where features stand in the dictionary's list on n inputs.

    Parameters
    ----------
    features : (k, 3) array
        Kind and two data, as the kernel `price` names them.
    n : int
    tents : bool
    """
    kind, first, second = features.T
    mirrored = second * (n - 1) + first - (first > second)
    midway = first * (2 * n - 1 - first) // 2 + second - first - 1
    others = n + np.where(kind == MIDWAY, n * (n - 1) + midway, mirrored)
    wells = n * (n - 1) + n_pairs(n) if tents else 0  # listed before the tents
    return np.where(first == second, first, others + wells)
