"""Training problems in units of order one have the given objectives, up to one factor."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import random_network
from hypothesis import given, settings
from hypothesis import strategies as st

import convexnn as cnn
from convexnn.errors import InputError
from convexnn.training.units import order_one


@pytest.mark.parametrize(
    "architecture",
    [cnn.Architecture("relu"), cnn.Architecture("relu", 4), cnn.Architecture("absolute", 3)],
    ids=lambda a: a.label,
)
@pytest.mark.parametrize("loss", ["squared", "logistic"])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), x_scale=st.floats(1e-3, 1e3), y_scale=st.floats(1e-3, 1e3))
def test_restored_networks_have_the_values_and_objectives(architecture, loss, seed, x_scale, y_scale):
    rng = np.random.default_rng(seed)
    x = 5 * x_scale + x_scale * rng.normal(size=9)
    y = y_scale * (3 + rng.normal(size=9)) if loss == "squared" else np.where(np.arange(9) < 4, 1.0, -1.0)
    scaled = order_one(x, y, 0.7, loss=loss)
    assert scaled.x.min() == pytest.approx(-1)
    assert scaled.x.max() == pytest.approx(1)
    network = random_network(architecture, 3, rng)
    restored = scaled.restore(network)
    expected = scaled.y_shift + scaled.y_scale * network(scaled.x)
    np.testing.assert_allclose(restored(x), expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
    there = network.objective(scaled.x, scaled.y, scaled.beta, loss=loss) * scaled.objective_scale
    assert restored.objective(x, y, 0.7, loss=loss) == pytest.approx(there, rel=1e-9)
    assert restored.penalty(0.7) == pytest.approx(network.penalty(scaled.beta) * scaled.objective_scale, rel=1e-9)


def test_the_optimum_is_the_same():
    x, y = cnn.datasets.nile()
    scaled = order_one(x, y, 2000.0)
    optimum = cnn.solve(cnn.Problem(x, y, 2000.0, cnn.Architecture("relu"))).objective
    there = cnn.solve(cnn.Problem(scaled.x, scaled.y, scaled.beta, cnn.Architecture("relu"))).objective
    assert there * scaled.objective_scale == pytest.approx(optimum, rel=1e-6)


def test_the_rows_may_come_in_any_order():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=50), rng.normal(size=50)
    for _ in range(10):
        rows = rng.permutation(50)
        one, other = order_one(x, y, 0.1), order_one(x[rows], y[rows], 0.1)
        assert (one.y_shift, one.y_scale, one.beta) == (other.y_shift, other.y_scale, other.beta)


def test_bad_input():
    for arguments, message in (
        (([1, 1], [0, 1], 1.0), "x must take two values"),
        (([0, 1], [2, 2], 1.0), "y must take two values"),
        (([0, 1], [-1.7e308, 1.7e308], 1.0), "y must take two values at least, in a finite range"),
        (([0, 1], [0, 1], 0.0), "beta must be positive"),
        (([0, 1], [0, 1], 1.0, "huber"), "unknown loss 'huber'"),
    ):
        with pytest.raises(InputError, match=message):
            order_one(*arguments[:3], loss=(*arguments, "squared")[3])
