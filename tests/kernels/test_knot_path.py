"""Gram matrices of hats and crossings of the dual curve, against dense matrices and explicit sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convexnn.kernels import knot_path

KERNELS = ("hat_system", "solve_hats", "first_crossing")
PLAIN = {name: getattr(getattr(knot_path, name), "py_func", getattr(knot_path, name)) for name in KERNELS}


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


seeds = st.integers(0, 2**32 - 1)


@given(seed=seeds, flat=st.tuples(st.booleans(), st.booleans()))
def test_systems_of_hats(seed, flat):
    x, weight, y, knots, rng = case(seed)
    flat = flat if knots.size > 2 else (False, False)
    basis = hats(x, knots)
    gram, products = basis.T @ (weight[:, None] * basis), basis.T @ (weight * y)
    diagonal, off, right = knot_path.hat_system(x, weight, y, knots)
    np.testing.assert_allclose(diagonal, np.diag(gram), rtol=1e-12)
    np.testing.assert_allclose(off, np.diag(gram, 1), rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(right, products, rtol=1e-12, atol=1e-13)

    # A flat end's equation is added to its neighbour's, and their values are one unknown.
    several = np.column_stack((right, rng.normal(size=knots.size)))
    merge = np.eye(knots.size)
    merge = np.column_stack([merge[:, 0] + merge[:, 1], merge[:, 2:]]) if flat[0] else merge
    merge = np.column_stack([merge[:, :-2], merge[:, -2] + merge[:, -1]]) if flat[1] and merge.shape[1] > 1 else merge
    expected = merge @ np.linalg.solve(merge.T @ gram @ merge, merge.T @ several)
    np.testing.assert_allclose(knot_path.solve_hats(diagonal, off, several, *flat), expected, rtol=1e-7, atol=1e-9)


def crossing_case(seed: int, bounded: bool):
    """Arguments of `first_crossing` for a spline whose residual is orthogonal to its hats, and the explicit curve."""
    x, weight, y, knots, rng = case(seed)
    last = x.size - 1
    flat = (
        (bool(bounded and rng.random() < 0.5), bool(bounded and rng.random() < 0.5))
        if knots.size > 2
        else (False, False)
    )
    signs = rng.choice([-1.0, 1.0], knots.size)
    curve = np.outer(signs, [0.7, 1.0])
    # w at the knots pulls: H u = b - T w, T the second difference. A flat end's w is its own.
    lengths = np.diff(x[knots])
    given_curve = curve.copy()
    if flat[0]:
        given_curve[0] = given_curve[1]
    if flat[1]:
        given_curve[-1] = given_curve[-2]
    slopes = np.diff(given_curve, axis=0) / lengths[:, None]
    pull = -np.diff(slopes, axis=0, prepend=np.zeros((1, 2)), append=np.zeros((1, 2)))
    diagonal, off, products = knot_path.hat_system(x, weight, y, knots)
    pull[:, 0] += products
    u = knot_path.solve_hats(diagonal, off, pull, *flat)
    basis = hats(x, knots)
    th = weight[:, None] * (np.column_stack((y, 0 * y)) - basis @ u)
    # The curve is the double sum of th, up to a line that the knots fix.
    explicit = np.maximum(x[:, None] - x, 0) @ th
    anchor = knots[1] if flat[0] else 0
    explicit += curve[list(knots).index(anchor)] - explicit[anchor]
    if not flat[0]:
        other = knots[1]
        tilt = (curve[1] - explicit[other]) / (x[other] - x[0])
        explicit += np.outer(x - x[0], tilt)
    bound = np.array([0.9, 1.0])
    free = np.ones(x.size, dtype=bool)
    free[knots] = False
    free[0], free[last] = flat
    return (x, weight, y, knots, u, given_curve, bound, *flat, 1e-9), explicit, bound, free


@given(seed=seeds, bounded=st.booleans())
def test_first_crossing(seed, bounded):
    arguments, explicit, bound, free = crossing_case(seed, bounded)
    events = []
    for row in np.flatnonzero(free):
        for sign in (1.0, -1.0):
            distance, rate = bound - sign * explicit[row]
            if rate > 1e-9:
                events.append((min(-distance / rate, 0.0), row, sign))
    change, row, sign = knot_path.first_crossing(*arguments)
    if not events:
        assert (change, row) == (-np.inf, -1)
        return
    expected = max(events)[0]
    assert change == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert free[row]
    assert any(event[1:] == (row, sign) and event[0] == pytest.approx(expected, rel=1e-6, abs=1e-9) for event in events)


@pytest.mark.parametrize("seed", range(8))
def test_compiled_equals_plain(seed):
    x, weight, y, knots, rng = case(seed)
    for ours, plain in zip(
        knot_path.hat_system(x, weight, y, knots), PLAIN["hat_system"](x, weight, y, knots), strict=True
    ):
        np.testing.assert_allclose(ours, plain, rtol=1e-14)
    system = (*knot_path.hat_system(x, weight, y, knots)[:2], rng.normal(size=(knots.size, 2)), False, False)
    np.testing.assert_allclose(knot_path.solve_hats(*system), PLAIN["solve_hats"](*system), rtol=1e-12)
    for bounded in (False, True):
        arguments = crossing_case(seed, bounded)[0]
        ours, plain = knot_path.first_crossing(*arguments), PLAIN["first_crossing"](*arguments)
        assert ours[0] == pytest.approx(plain[0], rel=1e-12)
        assert ours[1:] == plain[1:]
