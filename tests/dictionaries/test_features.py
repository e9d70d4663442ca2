"""Features as objects: what they are called, where their knots come from, and when two of them are equal."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from helpers import ARCHITECTURES, every_architecture

import convexnn as cnn
from convexnn.dictionaries.feature import weighted_sum

X = np.array([7.0, 1.0, 8.0, 2.0])


def features(name, x=X):
    return list(cnn.dictionary(x, ARCHITECTURES[name]))


NAMED = [
    ("relu-2", "(x - 2)+", (2,), ("data",)),
    ("leaky-2", "leaky(x - 2)", (2,), ("data",)),
    ("absolute-2", "|x - 7|", (7,), ("data",)),
    ("sign-2", "sign(x - 4.5)", (4.5,), ("between",)),
    ("threshold-2", "1{x >= 4.5}", (4.5,), ("between",)),
    ("sign-3-parallel", "sign switching at 1.5, 4.5, 7.5", (1.5, 4.5, 7.5), ("between", "between", "between")),
    ("relu-3", "ramp from 2 to 7", (2, 7), ("data", "data")),
    ("absolute-3", "|x - 2| reflected: zeros at 1 and 3", (1, 2, 3), ("data", "data", "reflection")),
    ("absolute-3", "|x - 2| reflected: zeros at -4 and 8", (-4, 2, 8), ("reflection", "data", "data")),
    ("absolute-3", "|x - 4.5| folded at a midpoint: zeros at 2 and 7", (2, 4.5, 7), ("data", "midpoint", "data")),
    ("symmetrized-3", "tent at 2 reflected: zero outside 1 to 3", (1, 2, 3), ("data", "data", "reflection")),
    ("symmetrized-3", "well at 2 reflected: zero from 1 to 3", (1, 3), ("data", "reflection")),
    ("symmetrized-3", "tent at 4.5 around a midpoint: zero outside 2 to 7", (2, 4.5, 7), ("data", "midpoint", "data")),
]


@pytest.mark.parametrize(
    ("name", "label", "knots", "origins"), NAMED, ids=[f"{name} {label}" for name, label, *_ in NAMED]
)
def test_a_feature_says_what_it_is_and_where_its_knots_come_from(name, label, knots, origins):
    (feature,) = [feature for feature in features(name) if feature.label == label]
    assert str(feature) == label
    assert (feature.knots, feature.origins) == (knots, origins)


def test_a_falling_unit_shows_its_direction():
    labels = {feature.label for feature in features("relu-2")}
    assert labels == {"(x - 1)+", "(x - 2)+", "(x - 7)+", "(2 - x)+", "(7 - x)+"}


def test_the_origin_and_the_sign_of_zero_are_left_out_of_labels():
    labels = [feature.label for feature in features("absolute-2", np.array([-1.5, -0.0, 2.0]))]
    assert labels == ["|x + 1.5|", "|x|", "|x - 2|"]


def test_knots_of_kink_systems_come_from_the_simplest_combination_of_data():
    x = np.array([0.0, 3.0, 10.0])
    dictionary = cnn.dictionary(x, ARCHITECTURES["absolute-4"])
    images, middles = (2 * x[:, None] - x).ravel(), ((x[:, None] + x) / 2).ravel()
    seen = set()
    for feature in dictionary:
        for knot, origin in zip(feature.knots, feature.origins, strict=True):
            near = [np.abs(candidates - knot).min() < 1e-9 for candidates in (x, images, middles)]
            expected = ("data", "reflection", "midpoint")[near.index(True)] if any(near) else "combination"
            assert origin == expected
            seen.add(origin)
    assert seen == {"data", "reflection", "midpoint", "combination"}


def test_kink_systems_name_their_zeros():
    dictionary = cnn.dictionary([1.0, 2.0, 3.0, 6.0, 7.0], ARCHITECTURES["absolute-4"])
    # The witness of depth 4: | ||x - 2| - 1| - 3 |.
    (feature,) = [feature for feature in dictionary if np.allclose(feature.offsets, (2, 1, 3), atol=1e-12)]
    assert feature.label == "|||x - 2| - 1| - 3|: zeros at -2, 6"
    np.testing.assert_allclose(feature.knots, (-2, 1, 2, 3, 6), atol=1e-12)


@every_architecture
def test_the_same_column_of_two_dictionaries_is_one_feature(architecture):
    one, other = cnn.dictionary(X, architecture), cnn.dictionary(np.sort(X)[[0, 0, 1, 2, 3]], architecture)
    assert list(one) == list(other)
    assert len({*one, *other}) == len(set(one))


@pytest.mark.parametrize("x", [[0.0, 1.0, 4.0, 10.5], [0.0, 1.0, 2.0, 3.0]], ids=["generic", "equispaced"])
@every_architecture
def test_two_features_are_equal_if_they_are_one_function(architecture, x):
    # Equispaced data reach some functions in several ways: as a mirror image of either neighbour, or from a midpoint.
    points = np.linspace(-20, 30, 401)
    dictionary = cnn.dictionary(x, architecture)
    by_values = {tuple(np.round(column, 9)) for column in dictionary.matrix(points).T}
    assert len(set(dictionary)) == len(by_values)


@every_architecture
def test_the_description_by_knots_slopes_and_levels_fits_together(architecture):
    for feature in cnn.dictionary(X, architecture):
        assert len(feature.slopes) == len(feature.levels) == len(feature.knots) + 1
        assert len(feature.origins) == len(feature.knots) > 0
        assert (np.diff(feature.knots) > 0).all()
        assert feature.is_step == architecture.activation.is_step
        # A knot is where something changes.
        pieces = feature.levels if feature.is_step else feature.slopes
        assert all(a != b for a, b in itertools.pairwise(pieces))


@every_architecture
def test_a_feature_takes_arrays_of_any_shape_and_numbers(architecture):
    feature = cnn.dictionary(X, architecture)[1]
    grid = np.array([[0.0, 1.0, 2.0], [3.0, 7.5, 9.0]])
    assert feature(grid).shape == (2, 3)
    np.testing.assert_array_equal(feature(grid).ravel(), feature(grid.ravel()))
    assert float(feature(7.5)) == feature(grid)[1, 1]


def test_a_scale_of_the_inputs_scales_kinks_and_changes_no_name():
    # Kink systems compare offsets after scaling; tiny and huge inputs have the same features.
    x = np.array([0.0, 3.0, 10.0, 11.5])
    for factor in (2.0**-40, 2.0**40):
        one, other = (cnn.dictionary(points, ARCHITECTURES["absolute-4"]) for points in (x, factor * x))
        assert len(one) == len(other)
        np.testing.assert_allclose(
            sorted(feature.knots for feature in other if len(feature.knots) == 7),
            np.array(sorted(feature.knots for feature in one if len(feature.knots) == 7)) * factor,
            rtol=1e-12,
            atol=1e-12 * factor,
        )
        assert [feature.origins for feature in one] == [feature.origins for feature in other]


@pytest.mark.parametrize("name", ["absolute-3", "symmetrized-3", "absolute-4"])
@pytest.mark.parametrize("start", [1.0, -1.0])
def test_neighbouring_floats_have_the_features_of_integers(name, start):
    # No float lies between these inputs, but midpoints do.
    unit, steps, points = np.finfo(float).eps, np.array([0.0, 1.0, 2.0, 5.0]), np.arange(-12.0, 18.0)
    floats, integers = (cnn.dictionary(x, ARCHITECTURES[name]) for x in (start + unit * steps, steps))
    places = start + unit * points
    rounding = 64 * unit * 18 * unit  # of sums of a few lengths of at most 18 units
    np.testing.assert_allclose(floats.matrix(places), unit * integers.matrix(points), rtol=0, atol=rounding)
    for one, other in zip(floats, integers, strict=True):
        np.testing.assert_allclose(one(places), unit * other(points), rtol=0, atol=rounding)
        assert (np.diff(one.knots) > 0).all()


@every_architecture
def test_a_weighted_sum_is_one_piecewise_function(architecture):
    rng = np.random.default_rng(6)
    x = np.sort(rng.uniform(-3, 3, size=9))
    listed = cnn.dictionary(x, architecture)
    features = [listed[int(j)] for j in rng.choice(len(listed), min(len(listed), 40), replace=False)]
    coef = rng.normal(size=len(features))
    total = weighted_sum(features, coef)
    points = np.concatenate((x, rng.uniform(-9, 9, size=200), total.knots))
    terms = np.array([z * feature(points) for feature, z in zip(features, coef, strict=True)])
    rounding = 64 * np.finfo(float).eps * np.abs(terms).sum(axis=0).max()
    np.testing.assert_allclose(total(points), terms.sum(axis=0), rtol=0, atol=rounding)
