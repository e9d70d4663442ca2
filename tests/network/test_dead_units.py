"""Dead and linear units on an interval, against dense grids of floats in it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from helpers import ARCHITECTURES, random_network
from hypothesis import given
from hypothesis import strategies as st

from convexnn import Architecture, Network
from convexnn.errors import InputError
from convexnn.network.dead_units import dead_neurons, dead_units, linear_units
from convexnn.network.network import Layer

NARROW = {name: architecture for name, architecture in ARCHITECTURES.items() if not architecture.widths}
numbers = st.sampled_from([0.0, 1.0, -1.0, 0.1, -0.1, 1 / 3, -7 / 3, 5e-324, -1e-300, 1e5]) | st.floats(-4, 4)


def single(w, b):
    return Network(Architecture("relu"), (Layer(np.full((1, 1, 1), w), np.full((1, 1), b)),), np.ones(1), None, 0.0)


def grid(low, high):
    inside = np.linspace(low, high, 101)
    near = [math.nextafter(low, high), math.nextafter(high, low)]
    return np.clip(np.concatenate(([low, high], near, inside)), low, high)


@given(numbers, numbers, numbers, numbers)
def test_a_relu_unit_is_dead_where_the_closed_form_says(w, b, one, other):
    low, high = min(one, other), max(one, other)
    network = single(w, b)
    dead = dead_units(network, low, high)[0]
    assert dead == (max(w * low + b, w * high + b) <= 0)
    assert dead == (network.units(grid(low, high)) == 0).all()
    if not dead:
        always_on = min(w * low + b, w * high + b) >= 0
        assert linear_units(network, low, high)[0] == (always_on or low == high)


@given(numbers, numbers)
def test_a_kink_at_the_end_of_the_interval_is_outside(w, t):
    # w t - w t is zero in floating point, so that the kink is exactly at t.
    network = single(w, -(w * t))
    below, above = (t - 1, t), (t, t + 1)
    dead_side, other = (below, above) if w > 0 else (above, below)
    assert dead_units(network, *dead_side)[0]
    assert dead_units(network, *other)[0] == (w == 0)


@pytest.mark.parametrize("architecture", NARROW.values(), ids=NARROW)
def test_every_narrow_architecture_on_grids(architecture):
    rng = np.random.default_rng(11)
    network = random_network(architecture, 400, rng)
    low, high = -0.4, 0.7
    x = np.linspace(low, high, 4001)
    values = network.units(x)
    dead, linear = dead_units(network, low, high), linear_units(network, low, high)
    np.testing.assert_array_equal(dead, (values == 0).all(axis=1))
    slopes = np.diff(values, axis=1)
    straight = (np.abs(slopes - slopes[:, :1]) <= 1e-12).all(axis=1)
    assert straight[linear].all()
    assert not (linear & dead).any()
    if architecture.activation.name == "relu":
        assert 0 < dead.sum() < 400
        assert 0 < linear.sum() < 400


def test_neurons_are_counted_layer_by_layer():
    # The first unit's inner neuron is dead, and its outer bias keeps it alive; the second unit's outer neuron is dead.
    inner = Layer(np.array([1.0, 1.0]).reshape(2, 1, 1), np.array([[-5.0], [2.0]]))
    outer = Layer(np.array([1.0, -1.0]).reshape(2, 1, 1), np.array([[1.0], [0.0]]))
    network = Network(Architecture("relu", 3), (inner, outer), np.ones(2), None, 0.0)
    np.testing.assert_array_equal(dead_neurons(network, -1, 1), [[True, False], [False, True]])
    np.testing.assert_array_equal(linear_units(network, -1, 1), [True, False])


@pytest.mark.parametrize(("low", "high"), [(1.0, 0.0), (math.nan, 1.0), (0.0, math.inf)])
def test_bad_intervals(low, high):
    with pytest.raises(InputError):
        dead_units(single(1.0, 0.0), low, high)


def test_wide_units_are_refused():
    architecture = ARCHITECTURES["sign-5-tree"]
    with pytest.raises(InputError, match="narrow networks only"):
        dead_units(random_network(architecture, 2, np.random.default_rng(0)), 0.0, 1.0)
