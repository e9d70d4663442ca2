"""The dual simplex method: its dictionary and its bound, against scipy's linear programming."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from convexnn.kernels.dual_simplex import CUT, OPTIMAL, Instance, dual_bound, reoptimise, start

seeds = st.integers(0, 2**32 - 1)


def instance(seed, m=None, n_inputs=None, **limits):
    """Random margins of both signs of every input."""
    rng = np.random.default_rng(seed)
    m, n_inputs = m or int(rng.integers(1, 9)), n_inputs or int(rng.integers(1, 7))
    half = rng.choice([-1.0, 1.0], (m, 1)) * (rng.random((m, n_inputs)) < 0.5)
    owner = np.tile(np.arange(n_inputs), 2)
    offsets = rng.choice([0.0, 0.5, -1.0]) * rng.choice([-1.0, 1.0], m)
    first = np.arange(n_inputs)
    rules = {"gap": 0.0, "most": n_inputs, **limits}
    return Instance(np.hstack((half, -half)), offsets, float(n_inputs), *rules.values(), owner, first, first + n_inputs)


def optimum(given_instance):
    """The largest smallest margin, without the constraints that are not convex."""
    m, n = given_instance.columns.shape
    found = linprog(
        np.append(np.zeros(n), -1.0),
        A_ub=np.hstack((-given_instance.columns, np.ones((m, 1)))),
        b_ub=-given_instance.offsets,
        A_eq=np.append(np.ones(n), 0.0)[None],
        b_eq=[given_instance.total],
        bounds=[(0, None)] * n + [(None, None)],
    )
    return -found.fun


def assert_consistent(given_instance, d, rng):
    """Basic variables as functions of the nonbasic ones satisfy the equations that define slacks and the total."""
    m, n = given_instance.columns.shape
    x = np.zeros(n + m + 1)
    shift = rng.random(n)
    x[d.nonbasic] = d.lower[d.nonbasic] + shift
    x[d.basic] = d.value + shift @ d.slope
    amounts, slacks, t = x[:n], x[n:-1], x[-1]
    assert amounts.sum() == pytest.approx(given_instance.total, abs=1e-9)
    assert slacks == pytest.approx(given_instance.columns @ amounts - t - given_instance.offsets, abs=1e-8)


@given(seeds)
def test_the_dictionary_and_its_bound(seed):
    made, rng = instance(seed), np.random.default_rng(seed)
    d = start(made)
    assert_consistent(made, d, rng)
    best, prices = optimum(made), np.zeros(made.owner.size)
    assert np.all(d.slope[:, 0] <= 0)
    assert dual_bound(made, d, prices) >= best - 1e-8
    assert reoptimise(d, -np.inf) == OPTIMAL
    assert_consistent(made, d, rng)
    assert d.value[0] == pytest.approx(best, abs=1e-8)
    assert dual_bound(made, d, prices) == pytest.approx(best, abs=1e-8)


@given(seeds)
def test_a_cutoff_stops_early(seed):
    made = instance(seed)
    best, d = optimum(made), start(made)
    if d.value[0] > best + 1e-6:
        assert reoptimise(d, best + 1e-7) == CUT
        assert best - 1e-8 <= dual_bound(made, d, np.zeros(made.owner.size))
