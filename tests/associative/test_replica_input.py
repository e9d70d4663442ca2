"""Parameters that are wrong, and constraints that nothing satisfies."""

from __future__ import annotations

import re

import numpy as np
import pytest

from convexnn.associative import capacity, max_sparsity, robustness
from convexnn.errors import InfeasibleError, InputError


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"robustness": -0.1}, "robustness must be at least 0, got -0.1; allowed: 0 to 1e50"),
        ({"robustness": [0.1, np.nan]}, "robustness must be at least 0, got nan at index (1,)"),
        ({"robustness": np.inf}, "robustness must be at least 0, got inf"),
        ({"robustness": None}, "robustness must be a number or an array of numbers, got None"),
        ({"threshold": np.inf}, "threshold must be finite, got inf"),
        ({"threshold": 1e51}, "threshold must be finite, got 1e+51; allowed: -1e50 to 1e50"),
        ({"threshold": "0.5"}, "threshold must be a number or an array of numbers, got '0.5'"),
        ({"f_in": 0.0}, "f_in must be strictly between 0 and 1, got 0.0"),
        ({"f_in": [0.5, 1.0]}, "f_in must be strictly between 0 and 1, got 1.0 at index (1,)"),
        ({"f_in": [[0.5], [0.2]]}, "f_in must be one number or one number an input, got shape (2, 1)"),
        ({"f_in": []}, "f_in is empty; give at least one value"),
        ({"f_in": [[0.5], [0.2, 0.1]]}, "f_in must be a number or an array of numbers, got a ragged sequence"),
        ({"f_out": 1.0}, "f_out must be strictly between 0 and 1, got 1.0"),
        ({"f_out": 1e-13}, "f_out must be strictly between 0 and 1, got 1e-13; allowed: 1e-12 to 1 - 1e-12"),
        ({"inhibitory": 1.5}, "inhibitory must be a fraction between 0 and 1, got 1.5"),
        ({"inhibitory": True}, "inhibitory must be a number or an array of numbers, got True"),
        ({"density": 0.0}, "density must be above 0 and at most 1, got 0.0"),
        ({"density": 1.1}, "density must be above 0 and at most 1, got 1.1"),
        ({"density": 1e-300}, "density must be above 0 and at most 1, got 1e-300; allowed: 1e-12 to 1"),
        ({"gap": 1e300}, "gap must be at least 0 and finite, got 1e+300; allowed: 0 to 1e12"),
        ({"gap": -1}, "gap must be at least 0 and finite, got -1.0"),
        ({"gap": np.inf}, "gap must be at least 0 and finite, got inf"),
        ({"density": 0.3, "gap": 2.0}, "density and gap cannot be combined: the theory covers either alone"),
        (
            {"robustness": [0.1, 0.2], "gap": [1, 2, 3]},
            "arrays must broadcast against each other, got the shapes robustness (2,), gap (3,)",
        ),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(InputError, match=re.escape(message)):
        capacity(**arguments)


@pytest.mark.parametrize("load", [0, -1.0, np.nan, 1e-101])
def test_a_load_that_is_not_positive(load):
    for function in (robustness, max_sparsity):
        with pytest.raises(InputError, match=r"load must be positive, got .*; allowed: 1e-100 to infinity"):
            function(load)


def test_an_unknown_way_to_be_sparse():
    with pytest.raises(InputError, match="unknown by 'l0'; known: 'density', 'gap'"):
        max_sparsity(0.5, by="l0")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"threshold": 0.6}, "threshold 0.6: with mean |J| = 1, the mean of f_in J lies between -0.5 and 0.5"),
        (
            {"threshold": 0.1, "inhibitory": 0},
            "with mean |J| = 1 and a fraction 0 of inhibitory inputs, the mean of f_in J lies between 0.5 and 0.5",
        ),
        ({"threshold": 0.1, "inhibitory": 1}, "the mean of f_in J lies between -0.5 and -0.5"),
        ({"threshold": -0.7, "f_in": [0.1, 0.6], "inhibitory": 0.3}, "the mean of f_in J lies between -0.6 and 0.6"),
        ({"threshold": [0.3, 0.6]}, "grid point (1,): no weights reach the threshold 0.6"),
    ],
)
@pytest.mark.parametrize("constraint", [{}, {"density": 0.2}, {"gap": 2.0}])
def test_a_threshold_out_of_reach(arguments, message, constraint):
    with pytest.raises(InfeasibleError, match=re.escape(message)):
        capacity(**arguments, **constraint)


def test_a_threshold_at_the_end_of_its_reach():
    # Only the most active inputs have weights, all of one sign.
    found = capacity(threshold=0.6, f_in=[0.1, 0.3, 0.6, 0.6])
    assert found.load == pytest.approx(0.5)
    assert found.sparsity == pytest.approx(0.75)


@pytest.mark.parametrize("constraint", [{}, {"density": 0.2}, {"gap": 2.0}, {"inhibitory": 0.3}])
def test_a_load_above_capacity(constraint):
    full = capacity(**constraint).load
    with pytest.raises(InfeasibleError, match=re.escape(f"exceeds {full:.10g}, the capacity at robustness 0")):
        robustness(1.001 * full, **constraint)


@pytest.mark.parametrize("by", ["density", "gap"])
def test_a_load_too_large_to_be_sparse(by):
    with pytest.raises(InfeasibleError, match=r"the load 1\.6 exceeds 1\.574183191, the capacity at robustness 0\.1"):
        max_sparsity([0.5, 1.6], robustness=0.1, by=by)
