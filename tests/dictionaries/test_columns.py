"""The columns of every dictionary against the units that the paper lists, on the data and off it."""

from __future__ import annotations

import math

import naive
import numpy as np
import pytest
from helpers import ARCHITECTURES, EPS, distances_up_to_sign_and_constant, every_architecture, every_continuous

import convexnn as cnn

INPUTS = {
    "one": np.array([3.0]),
    "two": np.array([5.0, -1.0]),
    # On equispaced data most mirror images and midpoints are data.
    "equispaced": np.array([2.0, 0.0, 3.0, 1.0]),
    "integers": np.array([7.0, 1.0, 8.0, 2.0]),
    "normal": np.random.default_rng(5).normal(size=5),
    "far from zero": 1e4 + np.array([0.5, 0.125, 3.0, 1.25]),
}
every_input = pytest.mark.parametrize("x", INPUTS.values(), ids=INPUTS)


def around(x):
    """The data, points between them, beyond them, and where mirror images lie."""
    reach = np.linspace(x.min() - 1.5 * np.ptp(x) - 1, x.max() + 1.5 * np.ptp(x) + 1, 60)
    return np.concatenate((x, reach, (2 * x[:, None] - x).ravel(), ((x[:, None] + x) / 2).ravel()))


def rounding(x):
    """Kinks are short signed sums of data: a few eps of the largest of them."""
    return 64 * EPS * max(np.abs(x).max(), 1.0)


@every_input
@every_architecture
def test_the_matrix_has_the_columns_of_the_paper(architecture, x):
    matrix = cnn.dictionary(x, architecture).matrix()
    wanted = naive.columns(x, naive.units(x, architecture))
    assert (distances_up_to_sign_and_constant(matrix, wanted) <= rounding(x)).all()
    assert (distances_up_to_sign_and_constant(wanted, matrix) <= rounding(x)).all()


@every_input
@every_architecture
def test_off_the_data_each_feature_is_still_a_unit_of_the_paper(architecture, x):
    points = around(x)
    matrix = cnn.dictionary(x, architecture).matrix(points)
    wanted = naive.columns(points, naive.units(x, architecture))
    assert (distances_up_to_sign_and_constant(matrix, wanted) <= rounding(points)).all()


@every_input
@every_architecture
def test_features_evaluate_to_their_columns(architecture, x):
    dictionary, points = cnn.dictionary(x, architecture), around(x)
    matrix = dictionary.matrix(points)
    assert matrix.shape == (points.size, len(dictionary))
    for column, feature in zip(matrix.T, dictionary, strict=True):
        np.testing.assert_allclose(feature(points), column, rtol=0, atol=rounding(points))
    chosen = np.arange(len(dictionary))[::-2]
    np.testing.assert_array_equal(dictionary.evaluate(points, chosen), matrix[:, chosen])


@every_input
@every_continuous  # the unit of a switching pattern is built from its knots: see the tests of networks
def test_a_feature_names_the_unit_that_computes_it(architecture, x):
    points, sigmas = around(x), architecture.layer_activations
    for feature in cnn.dictionary(x, architecture):
        values = points
        for sign, offset, sigma in zip(feature.signs, feature.offsets, sigmas, strict=True):
            values = np.array([naive.activate(sigma, sign * (t - offset)) for t in values])
        np.testing.assert_allclose(feature(points), values, rtol=0, atol=rounding(points))


@every_architecture
def test_rows_follow_the_caller_and_equal_inputs_share_theirs(architecture):
    x = np.array([2.0, 7.0, 1.0, 7.0, 2.0, 8.0])
    distinct, place = np.unique(x, return_inverse=True)
    dictionary = cnn.dictionary(x, architecture)
    np.testing.assert_array_equal(dictionary.inputs, distinct)
    np.testing.assert_array_equal(dictionary.matrix(), cnn.dictionary(distinct, architecture).matrix()[place])


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_n_features_is_what_the_paper_counts(name):
    for n in range(2, 9):
        dictionary = cnn.dictionary(np.random.default_rng(n).normal(size=n), ARCHITECTURES[name])
        assert dictionary.n_features == len(dictionary) == COUNTS[name](n)
        assert dictionary.matrix().shape == (n, COUNTS[name](n))


def patterns(most):
    return lambda n: sum(math.comb(n - 1, k) for k in range(1, most + 1))


COUNTS = {
    "relu-2": lambda n: 2 * n - 3,
    "leaky-2": lambda n: 2 * n,
    "leaky-2-bent-down": lambda n: 2 * n,
    "absolute-2": lambda n: n,
    "sign-2": lambda n: n - 1,
    "threshold-2": lambda n: n - 1,
    "relu-3": lambda n: n * (n - 1) // 2,
    "relu-5": lambda n: n * (n - 1) // 2,
    "symmetrized-3": lambda n: 3 * n**2 - 2 * n,
    "absolute-3": lambda n: n * (3 * n - 1) // 2,
    # Kink systems by how many data they involve; 51, 142, 305, 561, 931, 1436 for n = 3, ..., 8 in general position.
    "absolute-4": lambda n: n + 9 * math.comb(n, 2) + 21 * math.comb(n, 3),
    "sign-3": lambda n: n - 1,
    "sign-3-parallel": patterns(3),
    "sign-5-tree": patterns(2 * 1 * 3),
    "threshold-4-tree": patterns(2 * 2),
    "threshold-4-rectangular": patterns(2),
}


@every_architecture
def test_one_input_has_no_features(architecture):
    dictionary = cnn.dictionary([4.0, 4.0], architecture)
    assert (dictionary.n_features, dictionary.matrix().shape, list(dictionary)) == (0, (2, 0), [])
    assert dictionary.matrix([1.0, 2.0, 3.0]).shape == (3, 0)
    assert dictionary.correlations([1.0, -2.0]).shape == (0,)
    assert dictionary.max_correlation([1.0, -2.0]) == (0.0, None)


@pytest.mark.parametrize("name", ["relu-2", "relu-3", "sign-2", "threshold-2", "sign-3-parallel", "threshold-4-tree"])
def test_these_listings_repeat_nothing(name):
    x = np.random.default_rng(3).normal(size=6)
    matrix = cnn.dictionary(x, ARCHITECTURES[name]).matrix()
    assert n_distinct(matrix) == matrix.shape[1]


def n_distinct(matrix):
    """How many columns there are up to sign and constant."""
    kept = np.zeros((len(matrix), 0))
    for column in matrix.T[..., None]:
        if distances_up_to_sign_and_constant(column, kept)[0] > 1e-9:
            kept = np.column_stack((kept, column))
    return kept.shape[1]


def test_a_dictionary_is_a_sequence():
    dictionary = cnn.dictionary([3.0, 1.0, 2.0], ARCHITECTURES["relu-2"])
    assert dictionary[-1] == dictionary[2] == list(dictionary)[2]
    assert dictionary.index(dictionary[1]) == 1
    assert dictionary[0] in dictionary
    for outside in (3, -4):
        with pytest.raises(IndexError, match=f"feature {outside} of 3"):
            dictionary[outside]
