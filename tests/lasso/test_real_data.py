"""Real data: certified, and showing what is known of them."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import ARCHITECTURES, assert_certified

import convexnn as cnn
from convexnn.datasets import co2, engel, nile, sunspots, sunspots_autoregression


def solved(data, name, share=None, *, beta=None, loss="squared"):
    x, y = data()
    if beta is None:
        beta = share * cnn.Problem(x, y, 1.0, ARCHITECTURES[name], loss=loss).beta_max
    return cnn.solve(cnn.Problem(x, y, beta, ARCHITECTURES[name], loss=loss), tol=1e-8)


def test_the_nile_changes_once_between_1898_and_1899():
    solution = solved(nile, "sign-2", beta=2000.0)
    assert_certified(solution)
    (feature,), (height,) = solution.features, solution.coef
    assert feature.knots == (1898.5,)
    # With one step the optimality conditions are two means: 28 and 72 years, pulled together by beta.
    year, volume = nile()
    before, after = volume[year < 1899].mean(), volume[year > 1898].mean()
    assert height == pytest.approx((after - before) / 2 + 2000 / 4 * (1 / 28 + 1 / 72), rel=1e-12)


@pytest.mark.parametrize("name", ["relu-2", "absolute-3", "sign-3-parallel", "threshold-4-tree"])
def test_the_nile_by_other_networks(name):
    assert_certified(solved(nile, name, 0.1))


@pytest.mark.parametrize("tau", [0.1, 0.5, 0.9])
def test_food_expenditure_by_quantiles(tau):
    solution = solved(engel, "relu-2", 0.05, loss=cnn.losses.Quantile(tau))
    assert_certified(solution)
    income, food = engel()
    fit = solution.predict(income)
    # The free intercept makes the fit a quantile: at most tau of the targets lie below it, at most 1 - tau above.
    met = np.abs(food - fit) <= 1e-9 * food
    assert np.mean((food < fit) & ~met) <= tau
    assert np.mean((food > fit) & ~met) <= 1 - tau
    assert fit[np.argsort(income)][-1] > fit[np.argsort(income)][0]


def test_the_trend_of_co2_bends_upwards():
    solution = solved(co2, "relu-2", 0.001)
    assert_certified(solution)
    slopes = np.diff(solution.predict([1960.0, 1970.0, 1990.0, 2000.0]))[::2] / 10
    # The growth of the 1960s and of the 1990s, in parts per million a year.
    assert slopes[0] == pytest.approx(0.8, abs=0.2)
    assert slopes[1] == pytest.approx(1.5, abs=0.2)


@pytest.mark.parametrize("name", ["relu-2", "relu-3", "absolute-2", "sign-2"])
def test_sunspots_by_year(name):
    assert_certified(solved(sunspots, name, 0.02))


@pytest.mark.parametrize("loss", ["squared", "absolute", "huber"])
def test_sunspots_from_those_of_the_year_before(loss):
    solution = solved(sunspots_autoregression, "relu-2", 0.05, loss=loss)
    assert_certified(solution)
    # A regression with many equal inputs: they share a prediction.
    x, _ = sunspots_autoregression()
    assert np.unique(x).size < x.size
    assert solution.predict([0.0, 150.0])[1] > solution.predict([0.0, 150.0])[0]
