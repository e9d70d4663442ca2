"""Fusions of levels: where two neighbours of an exact total variation fit become equal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convexnn.kernels import fusion
from convexnn.lasso.total_variation import fit_levels

plain = getattr(fusion.fusion_penalties, "py_func", fusion.fusion_penalties)


def rounded_targets(n: int, seed: int) -> np.ndarray:
    """Some of them equal."""
    return np.round(np.random.default_rng(seed).normal(size=n), 1)


@given(n=st.integers(1, 30), seed=st.integers(0, 2**32 - 1), weighted=st.booleans())
def test_levels_are_equal_from_their_fusion_on(n, seed, weighted):
    rng = np.random.default_rng(seed)
    y = rounded_targets(n, seed)
    weight = rng.exponential(size=n) + 0.1 if weighted else np.ones(n)
    fused = fusion.fusion_penalties(y, weight)
    assert fused.shape == (n - 1,)
    assert (fused >= 0).all()
    for penalty in 10 ** rng.uniform(-3, 1, 5):
        u = fit_levels(y, weight, penalty, 1e-12).fit()
        apart = np.abs(np.diff(u)) > 1e-12 * (np.ptp(y) + 1)
        clear = np.abs(fused - penalty) > 1e-9 * penalty
        np.testing.assert_array_equal(apart[clear], (fused > penalty)[clear])


def test_the_last_fusion_is_the_largest_sum_of_residuals():
    y = np.random.default_rng(1).normal(size=5000)
    fused = fusion.fusion_penalties(y, np.ones(5000))
    assert fused.max() == pytest.approx(np.abs(np.cumsum(y - y.mean())).max(), rel=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 40])
def test_compiled_equals_plain(n):
    y, weight = rounded_targets(n, n), np.random.default_rng(n).exponential(size=n)
    np.testing.assert_array_equal(fusion.fusion_penalties(y, weight), plain(y, weight))
    np.testing.assert_array_equal(fusion.fusion_penalties(0 * y, weight), np.zeros(n - 1))
