"""Column generation over all kink systems of depth 4: the optimum of the reference, and a certificate that holds."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from helpers import ARCHITECTURES, data
from hypothesis import given, settings
from hypothesis import strategies as st
from torture import assert_agrees_on_small_data, every_family, problem, shuffled, solved

import convexnn as cnn
from convexnn.dictionaries.nested import largest_of_depth_four, nested_feature
from convexnn.lasso.folded_reflections import applies, solve_folded_reflections

DEPTH_4 = ARCHITECTURES["absolute-4"]


@settings(max_examples=30)
@given(rows=data(), share=st.floats(1e-4, 1.1), seed=st.integers(0, 2**32 - 1), weighted=st.booleans())
def test_small_data_with_ties_and_weights(rows, share, seed, weighted):
    rows = rows[0][:5], rows[1][:5]
    agrees = assert_agrees_on_small_data(
        rows, share, seed, weighted, DEPTH_4, solve_folded_reflections, applies=applies
    )
    assert agrees == (np.unique(rows[0]).size > 1)


@every_family
def test_the_optimum_is_that_of_the_general_solver(family):
    rng = np.random.default_rng(8)
    for share in (0.9, 0.1, 1e-2, 1e-4):
        for n in (2, 3, 7):
            p = problem(family, n, rng, DEPTH_4, share)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", cnn.errors.ConvergenceWarning)
                reference = cnn.solve(p, solver="columns", tol=1e-9)
            proof, _, _ = solve_folded_reflections(p, 1e-9)
            negligible = p.loss.negligible(p.rows.y, p.rows.weight)
            assert proof.relative_gap <= 1e-9
            assert proof.primal == pytest.approx(reference.objective, rel=1e-8, abs=negligible)


@every_family
def test_the_certificate_holds(family):
    rng = np.random.default_rng(9)
    x = np.sort(np.unique(problem(family, 40, rng, ARCHITECTURES["absolute-2"], 1.0).x))
    y = np.sin(9 * np.linspace(0, 1, x.size)) + 0.1 * rng.standard_normal(x.size)
    beta = 0.02 * largest_of_depth_four(x, y - y.mean())[0]
    solution = solved(cnn.Problem(x, y, beta, DEPTH_4), solve_folded_reflections, tol=1e-6)
    f, th = solution.predict(x), solution.certificate.dual_point
    assert solution.status == "certified"
    # Features know their kinks to eps |x|.
    digits = 1e-10 * max(1.0, np.abs(x).max() / np.ptp(x))
    penalty = beta * np.abs(solution.coef).sum()
    assert solution.objective == pytest.approx(0.5 * np.sum((y - f) ** 2) + penalty, rel=digits)
    assert solution.certificate.dual == pytest.approx(th @ y - 0.5 * th @ th, rel=1e-10)
    assert largest_of_depth_four(x, th)[0] <= beta * (1 + 1e-10)
    for offsets in rng.uniform(x[0], x[-1], (300, 3)) - [0, *np.full(2, x[0])]:
        assert abs(np.abs(np.abs(np.abs(x - offsets[0]) - offsets[1]) - offsets[2]) @ th) <= beta * (1 + 1e-10)


def test_the_order_of_rows_and_ties_does_not_show():
    rng = np.random.default_rng(10)
    for family in ("uniform", "integer"):
        p = problem(family, 12, rng, DEPTH_4, 0.01)
        other, order = shuffled(p, rng)
        one, two = (solved(q, solve_folded_reflections) for q in (p, other))
        assert (one.objective, one.intercept) == (two.objective, two.intercept)
        assert one.features == two.features
        np.testing.assert_array_equal(one.coef, two.coef)
        np.testing.assert_array_equal(one.certificate.dual_point[order], two.certificate.dual_point)


def test_features_are_those_of_the_dictionary():
    rng = np.random.default_rng(11)
    for family in ("uniform", "offset"):
        p = problem(family, 12, rng, DEPTH_4, 1e-3)
        solution = solved(p, solve_folded_reflections)
        listed = p.dictionary.matrix(p.dictionary.inputs)
        unit = np.abs(p.x).max()
        for feature in solution.features:
            column = feature(p.dictionary.inputs)
            assert np.abs(listed.T - column).max(axis=1).min() <= 1e-14 * unit
            nested = p.dictionary.inputs
            for c in feature.offsets:
                nested = np.abs(nested - c)
            np.testing.assert_allclose(column, nested, rtol=0, atol=1e-14 * unit)


def test_a_listed_feature_is_made_from_its_offsets():
    dictionary = cnn.dictionary(np.array([0.0, 1.0, 4.0, 9.0]), DEPTH_4)
    for feature in dictionary:
        again = nested_feature(dictionary.inputs, feature.offsets)
        assert again == feature
        assert (again.label, again.origins) == (feature.label, feature.origins)


def test_some_feature_correlates_most_with_zeros():
    inputs = np.array([-1.0, 1.0])
    value, feature = largest_of_depth_four(inputs, np.zeros(2))
    assert value == 0
    assert feature in {*cnn.dictionary(inputs, DEPTH_4)}


def test_the_largest_correlation_is_that_of_the_dictionary():
    rng = np.random.default_rng(12)
    for n in (2, 3, 5, 8):
        for offset in (0.0, 1e3):
            x, r = np.sort(offset + 3 * rng.random(n)), rng.standard_normal(n)
            r -= r.mean()
            value, feature = largest_of_depth_four(x, r)
            # The dictionary calls offsets within 1e-9 the same.
            assert value == pytest.approx(np.abs(cnn.dictionary(x, DEPTH_4).correlations(r)).max(), rel=1e-7)
            assert value == pytest.approx(abs(feature(x) @ r), rel=1e-10)


@pytest.mark.parametrize("n", [2, 3, 40])
def test_constant_targets_and_heavy_penalties_give_the_mean(n):
    x = np.random.default_rng(13).random(n)
    for y, beta in ((np.full(n, 3.0), 1e-6), (np.arange(n, dtype=float), 1e9)):
        solution = solved(cnn.Problem(x, y, beta, DEPTH_4), solve_folded_reflections, tol=1e-12)
        assert solution.status == "certified"
        assert solution.features == ()
        assert solution.intercept == pytest.approx(y.mean(), rel=1e-14)


def test_more_inputs_than_can_be_listed():
    rng = np.random.default_rng(14)
    x = rng.uniform(-2, 2, 150)
    y = np.sin(3 * x) + 0.1 * rng.standard_normal(x.size)
    deep, shallow = (cnn.Problem(x, y, 1.0, cnn.Architecture("absolute", depth)) for depth in (4, 3))
    solution = solved(deep, solve_folded_reflections, tol=1e-7)
    assert solution.status == "certified"
    assert solution.objective < cnn.solve(shallow).objective
    assert np.abs(solution.network()(x) - solution.predict(x)).max() <= 1e-12


def test_a_gap_that_rounding_does_not_admit_is_reported_as_it_is():
    p = problem("alternating", 9, np.random.default_rng(15), DEPTH_4, 1e-3)
    proof, _, rounds = solve_folded_reflections(p, 1e-30)
    assert 0 <= abs(proof.relative_gap) <= 1e-12
    assert rounds < 30
