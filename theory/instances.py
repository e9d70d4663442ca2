"""Strategies for the hypotheses of the theorems.

Every strategy builds valid values and rejects none. Inputs and dual vectors are integers or multiples of 1/1024, so
that sums to zero are exact, and coincidences (a mirror image that meets a data point) are exact or far from happening.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

Instances = SearchStrategy[dict[str, Any]]

_GRID = 1024


def integer_vector(n: int, bound: int = 9) -> SearchStrategy[NDArray]:
    """`n` integers of modulus at most `bound`."""
    return st.lists(st.integers(-bound, bound), min_size=n, max_size=n).map(np.array)


def normal_vector(n: int) -> SearchStrategy[NDArray]:
    """`n` normal deviates, rounded to multiples of 1/1024."""
    seeds = st.integers(0, 2**32 - 1)
    return seeds.map(lambda seed: np.round(np.random.default_rng(seed).normal(scale=_GRID, size=n)) / _GRID)


def vector(n: int) -> SearchStrategy[NDArray]:
    """`n` small integers or normal deviates, as floats."""
    return integer_vector(n).map(lambda v: v.astype(float)) | normal_vector(n)


def targets(n: int) -> SearchStrategy[NDArray]:
    """`n` small integers or normal deviates that are not all equal: the numbers 0, ..., n - 1 instead of a constant."""
    return vector(n).map(lambda v: v if np.ptp(v) else np.arange(float(n)))


def integer_inputs(n: int) -> SearchStrategy[NDArray]:
    """`n` distinct integers in ascending order, with gaps from 1 to 6."""
    gaps = st.lists(st.integers(1, 6), min_size=n - 1, max_size=n - 1)
    return st.builds(lambda first, gaps: np.cumsum([first, *gaps]), st.integers(-9, 9), gaps)


def inputs(n: int) -> SearchStrategy[NDArray]:
    """`n` distinct floats in ascending order: integers as above, or with gaps of 1/8 plus |normal deviate|."""
    spread = normal_vector(n).map(lambda v: np.cumsum(np.append(v[0], 0.125 + np.abs(v[1:]))))
    return integer_inputs(n).map(lambda x: x.astype(float)) | spread


def _zero_sum(vectors: SearchStrategy[NDArray]) -> SearchStrategy[NDArray]:
    """n times the projection of a vector, or its second difference: exact on integers and multiples of 1/1024.

    The second difference oscillates, as the residual of a good fit does; a projection seldom needs the rarer features.
    """
    return vectors.map(lambda v: len(v) * v - v.sum()) | vectors.map(lambda v: np.diff(np.pad(v, 1, mode="edge"), 2))


def integer_dual(n: int) -> SearchStrategy[NDArray]:
    """`n` integers that sum to zero."""
    return _zero_sum(integer_vector(n))


def dual(n: int) -> SearchStrategy[NDArray]:
    """`n` floats that sum to zero exactly."""
    return _zero_sum(vector(n))


fractions_of_beta_max = st.floats(0.02, 0.95)
"""beta in units of the smallest beta whose solution is constant."""


def sized(low: int, high: int, **parts: Callable[[int], SearchStrategy[Any]]) -> Instances:
    """Keyword dicts whose values all have one size n between `low` and `high`.

    Parameters
    ----------
    parts : for each keyword, the strategy of its value as a function of n.
    """
    return st.integers(low, high).flatmap(lambda n: st.fixed_dictionaries({k: part(n) for k, part in parts.items()}))
