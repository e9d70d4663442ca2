"""Associations and constraints that are wrong, and weights that do not have what was asked for."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from convexnn.associative import (
    Associations,
    learn,
    learn_online,
    learn_online_many,
    learning_curve,
    random_associations,
)
from convexnn.errors import InfeasibleError, InputError

INSTANCE = random_associations(20, 10, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ([[0, 1], [2, 0]], [0, 1], "inputs must be 0 or 1, got 2 at index (1, 0)"),
        ([[0, 1], [np.nan, 0]], [0, 1], "inputs must be 0 or 1, got nan at index (1, 0)"),
        ([[0.0, 0.5]], [0], "inputs must be 0 or 1, got 0.5 at index (0, 1)"),
        ([[0, 1]], [-1], "outputs must be 0 or 1, got -1 at index (0,)"),
        ([[0, 1], [1]], [0, 1], "inputs must be an array of 0 and 1, got a ragged sequence"),
        ([["a"]], [0], "inputs must be an array of 0 and 1, got dtype <U1"),
        ([0, 1], [0, 1], "inputs must have shape (n_associations, n_inputs) and not be empty, got shape (2,)"),
        (np.zeros((0, 3)), [], "inputs must have shape (n_associations, n_inputs) and not be empty, got shape (0, 3)"),
        ([[0, 1]], [[1]], "outputs must have shape (n_associations,) and not be empty, got shape (1, 1)"),
        ([[0, 1]], [1, 0], "inputs and outputs must have one row an association, got 1 and 2"),
    ],
)
def test_wrong_associations(inputs, outputs, message):
    with pytest.raises(InputError, match=re.escape(message)):
        Associations(inputs, outputs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_inputs": 0}, "n_inputs must be an integer >= 1, got 0"),
        ({"n_inputs": 2.5}, "n_inputs must be an integer >= 1, got 2.5"),
        ({"n_associations": True}, "n_associations must be an integer >= 1, got True"),
        ({"f_in": 0}, "f_in must be strictly between 0 and 1, got 0.0"),
        ({"f_in": [0.5, 1, 0.5]}, "f_in must be strictly between 0 and 1, got 1.0 at index (1,)"),
        ({"f_in": [0.5, 0.2]}, "f_in must be one number or one number an input (3), got 2 numbers"),
        ({"f_out": 1.5}, "f_out must be strictly between 0 and 1, got 1.5"),
        ({"f_out": [0.5, 0.5]}, "f_out must be one number, got an array of shape (2,)"),
        ({"rng": 0}, "rng must be a numpy Generator, for example numpy.random.default_rng(0), got 0"),
    ],
)
def test_wrong_random_associations(arguments, message):
    with pytest.raises(InputError, match=re.escape(message)):
        random_associations(**{"n_inputs": 3, "n_associations": 2, "rng": np.random.default_rng(0), **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"threshold": np.inf}, "threshold must be finite, got inf"),
        ({"threshold": [0.1, 0.2]}, "threshold must be one number, got an array of shape (2,)"),
        ({"signs": [1, -1]}, "signs must have one entry an input (20), got 2"),
        ({"signs": np.zeros(20)}, "signs must be -1 or 1, got 0 at index 0"),
        ({"signs": np.ones((2, 10))}, "signs must be one-dimensional"),
        ({"density": 0}, "density must be above 0 and at most 1, got 0.0"),
        ({"density": 1.1}, "density must be above 0 and at most 1, got 1.1"),
        ({"density": "0.5"}, "density must be a number or an array of numbers, got '0.5'"),
        ({"gap": -1}, "gap must be at least 0 and finite, got -1.0"),
        ({"gap": np.nan}, "gap must be at least 0 and finite, got nan"),
        ({"time_limit": 0}, "time_limit must be positive, got 0.0"),
        ({"time_limit": np.inf}, "time_limit must be finite, got inf"),
    ],
)
def test_wrong_constraints(arguments, message):
    with pytest.raises(InputError, match=re.escape(message)):
        learn(INSTANCE, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gap": 20.1}, "no weights have a gap of 20.1: with mean |J| = 1, none of 20 exceeds 20"),
        ({"density": 0.02}, "a density of 0.02 leaves none of 20 weights nonzero, but their mean |J| is 1"),
    ],
)
def test_constraints_that_nothing_satisfies(arguments, message):
    with pytest.raises(InfeasibleError, match=re.escape(message)):
        learn(INSTANCE, **arguments)


def test_the_largest_gap_leaves_one_weight():
    found = learn(INSTANCE, gap=20)
    assert np.abs(found.weights).max() == 20
    assert np.count_nonzero(found.weights) == 1
    assert found.check()


def test_something_else_than_associations():
    online = {"robustness": 0.1, "gap": None, "n_steps": 1, "rng": np.random.default_rng(0)}
    inputs = INSTANCE.inputs
    for attempt in (
        lambda: learn(inputs),
        lambda: learning_curve(inputs, [1]),
        lambda: learn_online(inputs, **online),
        lambda: learn_online_many([INSTANCE, inputs], **online),
    ):
        with pytest.raises(InputError, match="associations must be Associations, got ndarray"):
            attempt()
    with pytest.raises(InputError, match=r"must be a sequence of Associations, got one; write \[associations\]"):
        learn_online_many(INSTANCE, **online)


@pytest.mark.parametrize("counts", [[3, 3], [0], [4, 2], [11], [2.0], [True], 3, None])
def test_counts_that_do_not_ascend(counts):
    with pytest.raises(InputError, match="counts must be integers that ascend from 1 to at most 10, got"):
        learning_curve(INSTANCE, counts)


@pytest.mark.parametrize("count", [0, 11, 2.0])
def test_more_associations_than_there_are(count):
    with pytest.raises(InputError, match="count must be"):
        INSTANCE.first(count)


def test_random_associations_have_the_activities_asked_for():
    f_in = np.linspace(0.1, 0.9, 9)
    found = random_associations(9, 20_000, f_in=f_in, f_out=0.3, rng=np.random.default_rng(1))
    error = 5 * np.sqrt(0.25 / 20_000)
    assert found.inputs.mean(axis=0) == pytest.approx(f_in, abs=error)
    assert found.outputs.mean() == pytest.approx(0.3, abs=error)
    assert found.load == 20_000 / 9
    again = random_associations(9, 20_000, f_in=f_in, f_out=0.3, rng=np.random.default_rng(1))
    assert np.array_equal(found.inputs, again.inputs)
    assert np.array_equal(found.outputs, again.outputs)


def test_check_looks_at_everything():
    signs = np.where(np.arange(20) < 5, -1.0, 1.0)
    found = learn(INSTANCE, signs=signs, density=0.3, gap=1.5)
    assert found.check()
    one = int(np.flatnonzero(found.weights)[0])
    flipped, tiny, nan = found.weights.copy(), found.weights.copy(), found.weights.copy()
    flipped[one] *= -1
    tiny[one] = 1e-12 * signs[one]
    nan[one] = np.nan
    parked = np.where(found.weights == 0, 1.5 * signs, found.weights)
    for weights, text in [
        (flipped, "1 weights have the wrong sign"),
        (tiny, "a weight of 1e-12 is within the gap of 1.5"),
        (nan, "weights are not finite"),
        (parked, "20 weights are nonzero, 6 allowed"),
        (found.weights * (1 + 1e-13), "mean |J| is"),
    ]:
        wrong = replace(found, weights=weights)
        assert not wrong.check()
        assert text in wrong.violation()
    assert not replace(found, bound=found.robustness - 1e-9).check()
    assert not replace(found, target=found.robustness + 1e-9).check()
    assert replace(found, target=found.robustness).check()
