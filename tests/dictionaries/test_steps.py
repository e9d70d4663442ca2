"""Where step features jump: between data, wherever floats leave room, and never across a datum."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import ARCHITECTURES, every_step

import convexnn as cnn

INPUTS = {
    "adjacent": np.nextafter(1.0, [-np.inf, 1.0, np.inf]),
    "adjacent to zero": np.array([-5e-324, 0.0, 5e-324, 1.0]),
    "huge": np.array([-1.7e308, -1.0, 1.7e307]),
    "mixed": np.array([1.0, np.nextafter(1.0, 2.0), 2.0, 1e16, 1e16 + 2]),
}


@every_step
@pytest.mark.parametrize("x", INPUTS.values(), ids=INPUTS)
def test_a_jump_separates_its_two_neighbours(architecture, x):
    sigma = architecture.activation
    for feature in cnn.dictionary(x, architecture):
        places = np.searchsorted(x, feature.knots)  # the datum on each knot, or right of it
        assert (np.diff(places, prepend=0) > 0).all()
        values = feature(x)
        assert set(values) == {sigma.left, sigma.right}
        np.testing.assert_array_equal(np.flatnonzero(np.diff(values)) + 1, places)
        assert values[-1] == sigma.right


@every_step
def test_a_step_is_on_at_its_knot(architecture):
    for feature in cnn.dictionary([0.0, 1.0, 3.0, 7.0], architecture):
        for knot, before, after in zip(feature.knots, feature.levels, feature.levels[1:], strict=False):
            assert feature(knot) == feature(np.nextafter(knot, np.inf)) == after
            assert feature(np.nextafter(knot, -np.inf)) == before


def test_jumps_lie_midway():
    dictionary = cnn.dictionary([0.0, 1.0, 3.0, 7.0], ARCHITECTURES["sign-2"])
    assert [feature.knots for feature in dictionary] == [(0.5,), (2.0,), (5.0,)]
    assert {feature.origins for feature in dictionary} == {("between",)}


def test_patterns_are_listed_by_number_of_switches_then_by_place():
    dictionary = cnn.dictionary([0.0, 1.0, 2.0, 3.0], ARCHITECTURES["sign-3-parallel"])
    listed = [feature.knots for feature in dictionary]
    assert listed == [(0.5,), (1.5,), (2.5,), (0.5, 1.5), (0.5, 2.5), (1.5, 2.5), (0.5, 1.5, 2.5)]
