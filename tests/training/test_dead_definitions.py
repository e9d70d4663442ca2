"""Definitions of dead units, and what is left of a network."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from helpers import random_network
from hypothesis import given
from hypothesis import strategies as st

from convexnn import Architecture, Network
from convexnn.errors import InputError
from convexnn.network.network import Layer
from convexnn.training.dead_units import (
    dead_on_data,
    dead_units,
    effective_width,
    linear_units,
    quasi_dead,
    smallest_norm_overlap,
    weight_sparsity,
)

RELU = Architecture("relu")


def network(w, b, a):
    w, b, a = (np.array(part, dtype=float) for part in (w, b, a))
    return Network(RELU, (Layer(w[:, None, None], b[:, None]),), a, None, 0.0)


@given(st.integers(0, 10**6))
def test_dead_on_the_data_is_dead_on_its_hull(seed):
    rng = np.random.default_rng(seed)
    some = random_network(RELU, 12, rng)
    x = rng.normal(size=5)
    np.testing.assert_array_equal(dead_on_data(some, x), dead_units(some, x.min(), x.max()))


def test_deeper_units_come_alive_between_the_data():
    # A hat, 1/2 - |x| where positive, that vanishes at both inputs.
    inner, outer = Layer(np.ones((1, 1, 1)), np.zeros((1, 1))), Layer(-np.ones((1, 1, 1)), np.full((1, 1), 0.5))
    hat = Network(Architecture("relu", 3, form="symmetrized"), (inner, outer), np.ones(1), None, 0.0)
    x = np.array([-1.0, 1.0])
    assert dead_on_data(hat, x)[0]
    assert not dead_units(hat, -1.0, 1.0)[0]
    assert hat.units(np.zeros(1))[0, 0] == 0.5


@given(st.integers(0, 10**6), st.sampled_from(["max", "mean", "batch_sum"]))
def test_quasi_dead_grows_with_epsilon(seed, by):
    rng = np.random.default_rng(seed)
    some, x = random_network(RELU, 12, rng), rng.normal(size=10)
    size = {"batch_size": 4} if by == "batch_sum" else {}
    sets = [quasi_dead(some, x, epsilon, by=by, **size) for epsilon in (0, 1e-3, 0.1, 1, 10)]
    for smaller, larger in itertools.pairwise(sets):
        assert (larger | ~smaller).all()
    if by != "batch_sum":
        np.testing.assert_array_equal(sets[0], dead_on_data(some, x))


def test_the_sum_over_a_batch_depends_on_its_size_and_the_others_do_not():
    x = np.tile([0.0, 0.1], 8)
    unit = network([1.0], [0.0], [1.0])
    assert quasi_dead(unit, x, 0.15, by="batch_sum", batch_size=2)[0]
    assert not quasi_dead(unit, x, 0.15, by="batch_sum", batch_size=8)[0]
    assert quasi_dead(unit, x, 0.1)[0]
    assert quasi_dead(unit, x, 0.05 + 1e-15, by="mean")[0]
    assert not quasi_dead(unit, x, 0.05 - 1e-15, by="mean")[0]
    # Rows beyond the last whole batch do not count, as published.
    assert quasi_dead(unit, np.array([0.0, 0.0, 5.0]), 0.0, by="batch_sum", batch_size=2)[0]


def test_a_step_at_the_end_of_the_interval_is_inside():
    # A step takes its upper value at zero itself, where a ReLU is still zero.
    one = np.ones(1)
    for activation, amplitude, linear in (("threshold", one, False), ("sign", one, False), ("relu", None, True)):
        layer = Layer(np.ones((1, 1, 1)), np.zeros((1, 1)))
        unit = Network(Architecture(activation), (layer,), one, amplitude, 0.0)
        assert not dead_units(unit, -1.0, 0.0)[0] or activation == "relu"
        assert linear_units(unit, -1.0, 0.0)[0] == (linear and not dead_units(unit, -1.0, 0.0)[0])
        assert linear_units(unit, 0.0, 1.0)[0]


def test_intervals_of_any_size():
    inner = Layer(np.array([2.0, 1e300]).reshape(2, 1, 1), np.zeros((2, 1)))
    outer = Layer(np.array([0.0, -1e300]).reshape(2, 1, 1), np.array([[-1.0], [5.0]]))
    deep = Network(Architecture("relu", 3), (inner, outer), np.ones(2), None, 0.0)
    np.testing.assert_array_equal(dead_units(deep, -1.7e308, 1.7e308), [True, False])


def test_effective_width():
    # On [-1, 1]: dead, always on twice, bent, bent without effect.
    w, b, a = [1.0, 1.0, -2.0, 1.0, 1.0], [-2.0, 3.0, 4.0, 0.0, 0.5], [1.0, 1.0, 1.0, 1.0, 0.0]
    assert effective_width(network(w, b, a), -1, 1) == 2
    cancelling = [1.0, 2.0, 1.0, 1.0, 0.0]  # 2 (x + 3) + (4 - 2 x) is constant
    assert effective_width(network(w, b, cancelling), -1, 1) == 1
    assert effective_width(network(w, b, a), -1, 3) == 4  # now the first and the third bend, and one line is left


def test_weight_sparsity():
    some = network([0.0, 1.0, 1e-9], [0.0, 0.0, 0.0], [1.0, 0.0, 2.0])
    assert weight_sparsity(some) == pytest.approx(2 / 6)
    assert weight_sparsity(some, tol=1e-8) == pytest.approx(3 / 6)
    assert weight_sparsity(network([], [], [])) == 1


def test_overlap_with_the_smallest_units():
    some = network([1.0, 2.0, 3.0, 4.0], [0.0] * 4, [1.0] * 4)
    overlap = smallest_norm_overlap(some, [True, False, True, False])
    # Two of four: of the six pairs one has both, four have one, one has none of the two smallest.
    assert (overlap.n_dead, overlap.n_common) == (2, 1)
    assert overlap.expected == pytest.approx(1.0)
    assert overlap.p_value == pytest.approx(5 / 6)
    best = smallest_norm_overlap(some, np.array([True, True, False, False]))
    assert best.p_value == pytest.approx(1 / 6)
    nothing = smallest_norm_overlap(some, np.zeros(4, dtype=bool))
    assert (nothing.n_common, nothing.p_value) == (0, 1.0)


def test_bad_input():
    some, x = network([1.0], [0.0], [1.0]), np.arange(3.0)
    for call, message in (
        (lambda: quasi_dead(some, x, -1.0), "epsilon must not be negative"),
        (lambda: quasi_dead(some, x, 0.0, by="batch_sum"), "needs batch_size"),
        (lambda: quasi_dead(some, x, 0.0, batch_size=2), "needs batch_size"),
        (lambda: quasi_dead(some, x, 0.0, by="batch_sum", batch_size=4), "at most the number of samples, 3, got 4"),
        (lambda: quasi_dead(some, x, 0.0, by="median"), "unknown by 'median'"),
        (lambda: smallest_norm_overlap(some, np.zeros(2, dtype=bool)), r"bool array of shape \(1,\)"),
        (lambda: smallest_norm_overlap(some, [1]), r"bool array of shape \(1,\), got int64"),
        (lambda: weight_sparsity(some, tol=-1.0), "tol must not be negative"),
    ):
        with pytest.raises(InputError, match=message):
            call()
