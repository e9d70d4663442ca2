"""Correlations and their maximum, which no dictionary computes from its columns, against the columns."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from helpers import EPS, every_architecture
from hypothesis import given, settings
from hypothesis import strategies as st

import convexnn as cnn

coordinates = st.integers(-20, 20).map(float) | st.floats(-3, 3, width=32)


@st.composite
def inputs_and_vector(draw, most=7):
    """Inputs in any order, ties included, and a vector that need not sum to zero."""
    x = draw(st.lists(coordinates, min_size=2, max_size=most))
    r = draw(st.lists(coordinates, min_size=len(x), max_size=len(x)))
    return np.array(x), np.array(r)


def scale(dictionary, r):
    """The sum of the moduli of what a correlation adds up: |r| times how far a unit reaches."""
    sigma = dictionary.architecture.activation
    reach = max(abs(sigma.left), abs(sigma.right)) * (1.0 if sigma.is_step else 2 * np.ptp(dictionary.inputs))
    return np.abs(r).sum() * reach


@every_architecture
@given(data=inputs_and_vector())
@settings(max_examples=40)
def test_correlations_and_their_maximum_are_those_of_the_matrix(architecture, data):
    x, r = data
    dictionary = cnn.dictionary(x, architecture)
    wanted = np.array([math.fsum(column * r) for column in dictionary.matrix().T])
    tolerance = 1e-12 * scale(dictionary, r)
    np.testing.assert_allclose(dictionary.correlations(r), wanted, rtol=0, atol=tolerance)

    value, feature = dictionary.max_correlation(r)
    assert value == pytest.approx(np.abs(wanted).max(initial=0.0), abs=tolerance)
    if dictionary.n_features == 0:
        assert feature is None
    else:
        assert feature in set(dictionary)
        assert abs(math.fsum(feature(x) * r)) == pytest.approx(value, abs=tolerance)


@every_architecture
def test_the_order_of_the_rows_does_not_show_in_the_last_digit(architecture):
    # Several rows at each input, so that the order of their sum would show.
    rng = np.random.default_rng(6)
    x, r = rng.normal(size=5)[rng.integers(0, 5, size=40)], rng.normal(size=40)
    one = cnn.dictionary(x, architecture)
    for _ in range(5):
        rows = rng.permutation(x.size)
        other = cnn.dictionary(x[rows], architecture)
        np.testing.assert_array_equal(one.correlations(r), other.correlations(r[rows]))
        assert one.max_correlation(r) == other.max_correlation(r[rows])


@every_architecture
def test_equal_inputs_add_up(architecture):
    x, r = np.array([3.0, 1, 3, 7, 1, 3]), np.array([1.0, -4, 2, 8, 0.5, -16])
    merged = cnn.dictionary([1.0, 3.0, 7.0], architecture).correlations([-3.5, -13.0, 8.0])
    np.testing.assert_array_equal(cnn.dictionary(x, architecture).correlations(r), merged)


@pytest.mark.parametrize("offset", [1e4, 1e8])
@every_architecture
def test_an_offset_of_the_inputs_costs_no_digits(architecture, offset):
    # Multiples of 1/8 keep the differences of inputs exact at either place.
    x, r = np.array([0.0, 0.125, 2.5, 3.0, 7.25]), np.array([1.0, -2.0, 0.5, 3.0, -2.5])
    here, there = (cnn.dictionary(points, architecture) for points in (x, x + offset))
    if architecture != cnn.Architecture("absolute", 4):
        np.testing.assert_array_equal(there.correlations(r), here.correlations(r))
    # Offsets of kink systems are solved for: they carry the rounding of the data.
    rounding = 64 * EPS * offset * np.abs(r).sum()
    assert there.max_correlation(r)[0] == pytest.approx(here.max_correlation(r)[0], abs=rounding)


def test_the_maximum_over_many_points_is_that_of_all_columns():
    rng = np.random.default_rng(8)
    x, r = rng.normal(size=60), rng.normal(size=60)
    for name, depth in itertools.product(("relu", "absolute"), (2, 3)):
        dictionary = cnn.dictionary(x, cnn.Architecture(name, depth))
        wanted = np.abs(dictionary.matrix().T @ r).max()
        assert dictionary.max_correlation(r)[0] == pytest.approx(wanted, abs=1e-12 * scale(dictionary, r))


@pytest.mark.parametrize("depth", [2, 4])
def test_the_oracle_of_relu_units_takes_more_points_than_a_matrix_could(depth):
    n, rng = 100_000, np.random.default_rng(9)
    x, r = rng.permutation(n) / n, rng.normal(size=n)
    r -= r.mean()
    dictionary = cnn.dictionary(x, cnn.Architecture("relu", depth))
    value, feature = dictionary.max_correlation(r)
    rounding = 1e-12 * scale(dictionary, r)
    assert abs(feature(x) @ r) == pytest.approx(value, abs=rounding)
    # A unit with its kink anywhere correlates no more.
    for kink in np.linspace(0, 1, 100):
        assert abs(np.maximum(x - kink, 0) @ r) <= value + rounding


def test_the_oracle_of_switching_patterns_takes_many_points_and_switches():
    n, most = 20_000, 9
    x, r = np.arange(float(n)), np.random.default_rng(10).normal(size=n)
    r -= r.mean()
    dictionary = cnn.dictionary(x, cnn.Architecture("sign", 3, form="parallel", widths=(most,)))
    value, feature = dictionary.max_correlation(r)
    rounding = 1e-12 * scale(dictionary, r)
    assert len(feature.knots) <= most
    assert abs(feature(x) @ r) == pytest.approx(value, abs=rounding)
    # No switch is better moved.
    pattern = feature(x)
    for knot, steps in itertools.product(feature.knots, (-100, -10, -1, 1, 10, 100)):
        moved = pattern.copy()
        moved[slice(*sorted((int(knot) + 1, int(knot) + 1 + steps)))] *= -1
        assert abs(moved @ r) <= value + rounding
