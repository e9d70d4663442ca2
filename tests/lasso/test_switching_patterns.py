"""Column generation over switching patterns: the optimum of the reference, and a certificate that holds."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from helpers import data
from hypothesis import given, settings
from hypothesis import strategies as st
from torture import assert_agrees_on_small_data, every_family, problem, shuffled, solved

import convexnn as cnn
from convexnn.lasso.switching_patterns import applies, solve_patterns

PATTERNS = {
    "sign-2": cnn.Architecture("sign", 3, form="parallel", widths=(2,)),
    "sign-3": cnn.Architecture("sign", 3, form="parallel", widths=(3,)),
    "threshold-4": cnn.Architecture("threshold", 4, form="tree", widths=(2, 2)),
}
every_pattern = pytest.mark.parametrize("architecture", PATTERNS.values(), ids=PATTERNS)


@every_pattern
@settings(max_examples=40)
@given(rows=data(), share=st.floats(1e-4, 1.1), seed=st.integers(0, 2**32 - 1), weighted=st.booleans())
def test_small_data_with_ties_and_weights(architecture, rows, share, seed, weighted):
    agrees = assert_agrees_on_small_data(rows, share, seed, weighted, architecture, solve_patterns, applies=applies)
    assert agrees == (np.unique(rows[0]).size - 1 > architecture.switches)


@every_pattern
@every_family
def test_the_optimum_is_that_of_the_general_solver(family, architecture):
    rng = np.random.default_rng(8)
    for share in (0.9, 0.1, 1e-2, 1e-4):
        for n in (8, 25):
            p = problem(family, n, rng, architecture, share)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", cnn.errors.ConvergenceWarning)
                reference = cnn.solve(p, solver="columns", tol=1e-9)
            solution = solved(p, solve_patterns)
            negligible = p.loss.negligible(p.rows.y, p.rows.weight)
            assert solution.certificate.relative_gap <= 1e-9
            assert solution.objective == pytest.approx(reference.objective, rel=1e-8, abs=negligible)
            assert len(solution.coef) < p.dictionary.inputs.size


@every_pattern
def test_the_order_of_rows_and_ties_does_not_show(architecture):
    rng = np.random.default_rng(10)
    for family in ("uniform", "integer"):
        p = problem(family, 50, rng, architecture, 0.01)
        other, order = shuffled(p, rng)
        one, two = solved(p, solve_patterns), solved(other, solve_patterns)
        assert (one.objective, one.intercept) == (two.objective, two.intercept)
        assert one.features == two.features
        np.testing.assert_array_equal(one.coef, two.coef)
        np.testing.assert_array_equal(one.certificate.dual_point[order], two.certificate.dual_point)


@every_pattern
def test_features_are_those_of_the_dictionary(architecture):
    p = problem("uniform", 14, np.random.default_rng(11), architecture, 1e-3)
    assert {*solved(p, solve_patterns).features} <= {*p.dictionary}


@every_pattern
def test_constant_targets_and_heavy_penalties_give_the_mean(architecture):
    for y, beta in ((np.full(40, 3.0), 1e-6), (np.arange(40.0), 1e9)):
        solution = solved(cnn.Problem(np.arange(40.0), y, beta, architecture), solve_patterns, tol=1e-12)
        assert solution.status == "certified"
        assert solution.features == ()
        assert solution.intercept == pytest.approx(y.mean(), rel=1e-14)


@every_pattern
def test_many_points(architecture):
    rng = np.random.default_rng(12)
    x = rng.uniform(-2, 2, 2000)
    y = np.sin(3 * x) + 0.1 * rng.standard_normal(x.size)
    beta = 0.1 * cnn.Problem(x, y, 1.0, architecture).beta_max
    p = cnn.Problem(x, y, beta, architecture)
    solution = solved(p, solve_patterns, tol=1e-6)
    th = solution.certificate.dual_point
    assert solution.status == "certified"
    assert solution.objective == pytest.approx(p.objective(solution.predict(x), solution.coef), rel=1e-12)
    assert solution.certificate.dual == pytest.approx(th @ y - 0.5 * th @ th, rel=1e-12)
    assert p.dictionary.max_correlation(th)[0] <= beta * (1 + 1e-10)


def test_a_gap_that_rounding_does_not_admit_is_reported_as_it_is():
    p = problem("alternating", 30, np.random.default_rng(13), PATTERNS["sign-3"], 1e-3)
    proof, _, _ = solve_patterns(p, 1e-30)
    assert 0 <= abs(proof.relative_gap) <= 1e-12
