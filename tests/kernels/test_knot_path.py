"""Crossings of the dual curve, against explicit sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_hat_functions import case, hats

from convexnn.kernels.hat_functions import hat_system, solve_hats
from convexnn.kernels.knot_path import first_crossing

seeds = st.integers(0, 2**32 - 1)


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
    diagonal, off, products = hat_system(x, weight, y, knots)
    pull[:, 0] += products
    u = solve_hats(diagonal, off, pull, *flat)
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
    change, row, sign = first_crossing(*arguments)
    if not events:
        assert (change, row) == (-np.inf, -1)
        return
    expected = max(events)[0]
    assert change == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert free[row]
    assert any(event[1:] == (row, sign) and event[0] == pytest.approx(expected, rel=1e-6, abs=1e-9) for event in events)


@pytest.mark.parametrize("seed", range(8))
def test_compiled_equals_plain(seed):
    plain_crossing = getattr(first_crossing, "py_func", first_crossing)
    for bounded in (False, True):
        arguments = crossing_case(seed, bounded)[0]
        ours, plain = first_crossing(*arguments), plain_crossing(*arguments)
        assert ours[0] == pytest.approx(plain[0], rel=1e-12)
        assert ours[1:] == plain[1:]
