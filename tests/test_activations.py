"""Activations: their values, and that a function is what its name says."""

from __future__ import annotations

import naive
import numpy as np
import pytest

import convexnn as cnn
from convexnn.activations import Activation, as_activation
from convexnn.errors import InputError

NAMES = ["relu", "leaky_relu", "absolute", "sign", "threshold"]
T = np.array([-np.inf, -2.5, -5e-324, -0.0, 0.0, 5e-324, 2.5, np.inf])


@pytest.mark.parametrize("sigma", [*map(as_activation, NAMES), cnn.leaky_relu(-1.5, positive_slope=0.5)], ids=str)
def test_values_on_both_sides_of_zero_and_at_it(sigma):
    finite = T[np.isfinite(T)]
    np.testing.assert_array_equal(sigma(finite), [naive.activate(sigma, t) for t in finite])
    # A step is on at both zeros.
    if sigma.is_step:
        np.testing.assert_array_equal(sigma(T[3:5]), [1.0, 1.0])
    np.testing.assert_array_equal(sigma(finite.reshape(2, 3)), sigma(finite).reshape(2, 3))


def test_leaky_relu_has_the_usual_slope_and_any_other():
    assert as_activation("leaky_relu") == cnn.leaky_relu()
    assert cnn.leaky_relu()(np.array([-1.0, 1.0])).tolist() == [-0.01, 1.0]
    assert cnn.leaky_relu(0.25, positive_slope=-2)(np.array([-1.0, 1.0])).tolist() == [-0.25, -2.0]


def test_only_functions_that_are_even_are_called_so():
    assert [as_activation(name).is_even for name in NAMES] == [False, False, True, False, False]
    assert cnn.leaky_relu(-3, positive_slope=3).is_even


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        (("relu", -1.0, 1.0), r"relu has left, right, is_step = \(0\.0, 1\.0, False\), got \(-1\.0, 1\.0, False\)"),
        (("sign", -1.0, 1.0, False), "sign has left, right, is_step"),
        (("leaky_relu", 0.5, 1.0, True), "leaky_relu has left, right, is_step"),
        (("leaky_relu", 1.0, 1.0), r"two different pieces, got 1\.0 on both sides"),
        (("leaky_relu", np.nan, 1.0), "left must be finite"),
        (("leaky_relu", "0", 1.0), "left must be a real number, got '0'"),
        (("gelu", 0.0, 1.0), "unknown activation 'gelu'; known: 'relu', 'leaky_relu', 'absolute', 'sign', 'threshold'"),
    ],
    ids=["relu that is absolute", "sign that bends", "leaky step", "linear", "nan", "text", "unknown"],
)
def test_a_name_that_its_pieces_contradict_is_refused(pieces, message):
    with pytest.raises(InputError, match=message):
        Activation(*pieces)
