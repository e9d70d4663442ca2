"""beta_max: the value at which the optimum becomes constant, where it is unique and where it is not."""

from __future__ import annotations

import naive
import numpy as np
import pytest
from helpers import ARCHITECTURES, LOSSES, assert_certified, every_architecture, every_weighted_loss, targets

import convexnn as cnn


def rows(seed, loss):
    """Small integers with ties in x and y: the median and the quantile are often met by several rows."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 9))
    x, y, weight = (rng.integers(low, high, size=n).astype(float) for low, high in ((0, 6), (-2, 3), (1, 4)))
    return x, targets(loss, y), weight


@every_weighted_loss
@every_architecture
def test_it_is_the_least_correlation_of_a_dual_vector_of_the_constant(architecture, loss):
    for seed in range(10):
        x, y, weight = rows(seed, loss)
        problem = cnn.Problem(x, y, 1.0, architecture, loss=loss, sample_weight=weight)
        wanted = naive.beta_max(loss, naive.columns(x, naive.units(x, architecture)), y, weight)
        # The linear program holds its constraints to 1e-7 at most; its vertices are much better.
        assert problem.beta_max == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@every_weighted_loss
@every_architecture
def test_the_optimum_is_constant_there_and_not_below(architecture, loss):
    for seed in range(4):
        x, y, weight = rows(seed, loss)
        largest = cnn.Problem(x, y, 1.0, architecture, loss=loss, sample_weight=weight).beta_max
        if largest == 0:
            continue
        at, below, above = (
            cnn.solve(cnn.Problem(x, y, share * largest, architecture, loss=loss, sample_weight=weight), tol=1e-8)
            for share in (1.0, 0.99, 1.5)
        )
        for solution in (at, above):
            assert (solution.features, solution.coef.size) == ((), 0)
            assert_certified(solution)
            assert solution.certificate.gap <= 1e-14 * solution.objective
        assert_certified(below)
        # Losses with corners may keep the constant optimal within rounding of the objective, never below it.
        assert below.objective < at.objective or loss.name in ("absolute", "quantile")
        assert len(below.features) > 0


@pytest.mark.parametrize("name", ["absolute", "quantile"])
def test_the_naive_subgradient_would_be_far_off(name):
    # Five of seven targets are the median: with sign(0) = 0 the correlation at the constant is several times too large.
    x = np.arange(7.0)
    y = np.array([0.0, 0, 0, 5, 0, 0, -1])
    problem = cnn.Problem(x, y, 1.0, ARCHITECTURES["relu-2"], loss=LOSSES[name])
    residual = np.sign(y)
    naively, _ = problem.dictionary.max_correlation(residual - residual.mean())
    assert 0 < problem.beta_max < 0.7 * naively


def test_interpolation_never_becomes_constant():
    problem = cnn.Problem([0.0, 1.0, 2.0], [0.0, 1.0, 0.0], 1.0, ARCHITECTURES["relu-2"], loss="interpolation")
    assert problem.beta_max == np.inf


def test_equal_inputs_that_balance_leave_nothing_to_fit():
    # At each input the targets' sum is the same: no feature correlates with the residual of the mean.
    problem = cnn.Problem([0.1, 0.1, 0.7, 0.7], [0.3, -0.1, 0.1, 0.1], 1.0, ARCHITECTURES["relu-2"])
    assert problem.beta_max == 0.0


@pytest.mark.parametrize("name", ["sign-2", "threshold-2"])
def test_the_square_wave_of_the_paper(name):
    # k periods of T samples: beta_max = T for two layers; N for one neuron that can switch as often as the wave does.
    period, k = 6, 3
    y = np.tile(np.repeat([1.0, -1.0], period // 2), k)
    x = np.arange(y.size, dtype=float)
    half = 1.0 if name == "sign-2" else 0.5
    assert cnn.Problem(x, y, 1.0, ARCHITECTURES[name]).beta_max == pytest.approx(half * period, rel=1e-14)
    deep = cnn.Architecture(ARCHITECTURES[name].activation, 3, form="parallel", widths=(2 * k - 1,))
    assert cnn.Problem(x, y, 1.0, deep).beta_max == pytest.approx(half * y.size, rel=1e-14)
    (neuron,) = cnn.solve(cnn.Problem(x, y, 0.25 * half * y.size, deep)).coef
    assert abs(neuron) * half == pytest.approx(0.75, rel=1e-12)
