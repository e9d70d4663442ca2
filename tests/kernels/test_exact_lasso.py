"""The Lasso on explicit columns: its optimality conditions, whatever the columns are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from helpers import EPS

from convexnn.kernels.exact_lasso import exact_lasso, exact_patterns

RNG = np.random.default_rng(6)


def gap(columns, target, beta, coef):
    """Relative duality gap, from the coefficients alone."""
    residual = target - coef @ columns
    primal = 0.5 * residual @ residual + beta * np.abs(coef).sum()
    largest = np.abs(columns @ residual).max()
    th = residual * min(1.0, beta / largest) if largest > 0 else residual
    return (primal - (th @ target - 0.5 * th @ th)) / primal


def tables(count):
    """Columns in general position, dependent ones, repeated and vanishing ones, and nearly dependent ones."""
    for _ in range(count):
        k, m = RNG.integers(1, 40), RNG.integers(1, 15)
        general = RNG.standard_normal((k, m))
        integer = RNG.integers(-2, 3, (k, m)).astype(float)
        close = general[RNG.integers(0, k, 2 * k)] + 1e-9 * RNG.standard_normal((2 * k, m))
        yield from (general, integer, np.concatenate((integer, integer[::-1], 0 * integer)), close)


@pytest.mark.parametrize("warm", [False, True])
def test_the_optimality_conditions_hold(warm):
    for columns in tables(60):
        target = RNG.standard_normal(columns.shape[1])
        largest = np.abs(columns @ target).max()
        if largest == 0:
            continue
        beta = largest * 10 ** RNG.uniform(-4, 0)
        start = RNG.standard_normal(len(columns)) * (RNG.random(len(columns)) < 0.3) if warm else np.zeros(len(columns))
        coef, residual, correlations = exact_lasso(columns, target, beta, start)
        size = np.abs(coef).sum() * np.abs(columns).max() + np.abs(target).sum()
        np.testing.assert_allclose(residual, target - coef @ columns, rtol=0, atol=64 * EPS * columns.shape[1] * size)
        np.testing.assert_allclose(correlations, columns @ residual, rtol=0, atol=1e-12 * largest)
        assert np.abs(correlations).max() <= beta * (1 + 1e-11) + 1e-14 * largest
        used = coef != 0
        np.testing.assert_allclose(correlations[used], beta * np.sign(coef[used]), rtol=1e-9, atol=1e-13 * largest)
        assert used.sum() <= np.linalg.matrix_rank(columns)
        assert gap(columns, target, beta, coef) <= 1e-10


def test_a_solution_is_its_own_start():
    columns, target = RNG.standard_normal((30, 12)), RNG.standard_normal(12)
    coef = exact_lasso(columns, target, 0.1, np.zeros(30))[0]
    again = exact_lasso(columns, target, 0.1, coef)[0]
    np.testing.assert_allclose(again, coef, rtol=1e-12)


def test_the_residual_keeps_its_digits_where_coefficients_are_large():
    # Columns that nearly cancel: the residual b - A z itself would lose what the coefficients gain.
    t = np.linspace(0, 1, 40)
    columns = np.maximum(t - np.linspace(0, 1, 39, endpoint=False)[:, None], 0)
    target = (-1.0) ** np.arange(40)
    beta = 1e-7
    coef, residual, correlations = exact_lasso(columns, target, beta, np.zeros(39))
    used = coef != 0
    assert np.abs(coef).sum() > 1e3
    np.testing.assert_allclose(correlations[used], beta * np.sign(coef[used]), rtol=1e-6)
    # b = rho + A z and z'A'rho = beta |z|_1.
    assert residual @ target == pytest.approx(residual @ residual + beta * np.abs(coef).sum(), rel=1e-9)


def test_no_columns():
    coef, residual, correlations = exact_lasso(np.empty((0, 3)), np.arange(3.0), 1.0, np.empty(0))
    assert coef.size == correlations.size == 0
    np.testing.assert_array_equal(residual, np.arange(3.0))


def every_pattern(m, most):
    """Places of switches, those not used being m, and the patterns, which end with +1."""
    for k in range(1, min(most, m - 1) + 1):
        for switches in itertools.combinations(range(1, m), k):
            turns = [sum(i < switch for switch in switches) for i in range(m)]
            yield [*switches, *[m] * (most - k)], (-1.0) ** np.array(turns)


@pytest.mark.parametrize("most", [1, 2, 3, 7])
@pytest.mark.parametrize("warm", [False, True])
def test_patterns_that_are_not_listed_give_the_optimum_over_the_list(most, warm):
    for m in (2, 3, 5, 7):
        mass, means = RNG.uniform(0.5, 2, m), RNG.standard_normal(m)
        means -= np.average(means, weights=mass)
        roots = np.sqrt(mass)
        names, patterns = map(np.array, zip(*every_pattern(m, most), strict=True))
        columns = roots * (patterns - np.average(patterns, axis=1, weights=mass)[:, None])
        beta = 0.1 * np.abs(columns @ (roots * means)).max()
        wanted, wanted_residual, _ = exact_lasso(columns, roots * means, beta, np.zeros(len(columns)))
        start = RNG.standard_normal(len(names)) * (RNG.random(len(names)) < 0.3) if warm else np.zeros(len(names))
        found, coef, residual = exact_patterns(mass, means, beta, most, names, start)
        np.testing.assert_allclose(residual, wanted_residual, rtol=0, atol=1e-12)
        assert np.abs(coef).sum() == pytest.approx(np.abs(wanted).sum(), rel=1e-11)
        rows = [columns[(names == name).all(axis=1)][0] for name in found]
        np.testing.assert_allclose(residual, roots * means - coef @ np.array(rows), rtol=0, atol=1e-12)
        assert len(coef) <= m - 1
