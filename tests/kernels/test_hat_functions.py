"""Linear splines by their values at knots, against dense matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convexnn.kernels.hat_functions import hat_system, second_difference, solve_hats

seeds = st.integers(0, 2**32 - 1)


def case(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.random.Generator]:
    """Inputs, weights, targets, knots."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 15))
    x = np.sort(rng.uniform(size=n))
    inner = rng.permutation(np.arange(1, n - 1))[: rng.integers(0, n - 1)]
    knots = np.sort(np.concatenate(([0, n - 1], inner))).astype(np.int64)
    return x, rng.exponential(size=n) + 0.1, rng.normal(size=n), knots, rng


def hats(x: np.ndarray, knots: np.ndarray) -> np.ndarray:
    return np.array([np.interp(x, x[knots], unit) for unit in np.eye(knots.size)]).T


@given(seed=seeds)
def test_second_differences_are_changes_of_slope(seed):
    x, _, y, _, _ = case(seed)
    slopes = np.diff(y) / np.diff(x)
    found = second_difference(y, np.diff(x))
    np.testing.assert_array_equal(found, np.diff(slopes, prepend=0.0, append=0.0))
    np.testing.assert_array_equal(found, getattr(second_difference, "py_func", second_difference)(y, np.diff(x)))


@given(seed=seeds)
def test_the_gram_matrix_of_hats(seed):
    x, weight, y, knots, _ = case(seed)
    basis = hats(x, knots)
    gram, products = basis.T @ (weight[:, None] * basis), basis.T @ (weight * y)
    diagonal, off, right = hat_system(x, weight, y, knots)
    np.testing.assert_allclose(diagonal, np.diag(gram), rtol=1e-12)
    np.testing.assert_allclose(off, np.diag(gram, 1), rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(right, products, rtol=1e-12, atol=1e-13)


@given(seed=seeds, flat=st.tuples(st.booleans(), st.booleans()))
def test_values_with_flat_ends(seed, flat):
    x, weight, y, knots, rng = case(seed)
    basis = hats(x, knots)
    gram = basis.T @ (weight[:, None] * basis)
    diagonal, off, products = hat_system(x, weight, y, knots)
    several = np.column_stack((products, rng.normal(size=knots.size)))
    found = solve_hats(diagonal, off, several, *flat)

    # A flat end's equation is added to its neighbour's, and their values are one unknown.
    merge = np.eye(knots.size)
    merge = np.column_stack([merge[:, 0] + merge[:, 1], merge[:, 2:]]) if flat[0] else merge
    merge = np.column_stack([merge[:, :-2], merge[:, -2] + merge[:, -1]]) if flat[1] and merge.shape[1] > 1 else merge
    expected = merge @ np.linalg.solve(merge.T @ gram @ merge, merge.T @ several)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)
    for column, right in enumerate(several.T):
        np.testing.assert_array_equal(solve_hats(diagonal, off, right.copy(), *flat), found[:, column])


@pytest.mark.parametrize("seed", range(8))
def test_compiled_equals_plain(seed):
    x, weight, y, knots, rng = case(seed)
    plain_system = getattr(hat_system, "py_func", hat_system)
    plain_solve = getattr(solve_hats, "py_func", solve_hats)
    diagonal, off, products = hat_system(x, weight, y, knots)
    for ours, plain in zip((diagonal, off, products), plain_system(x, weight, y, knots), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-14)
    right = rng.normal(size=(knots.size, 2))
    for flat in (False, False), (True, False), (False, True), (True, True):
        np.testing.assert_allclose(
            solve_hats(diagonal, off, right, *flat), plain_solve(diagonal, off, right, *flat), rtol=1e-12
        )
