"""The data of the package: shapes, units and the facts that their sources state."""

from __future__ import annotations

import numpy as np
import pytest

from convexnn import datasets

ROWS = {
    "nile": 100,
    "co2": 2284 - 59,
    "sunspots": 309,
    "sunspots_autoregression": 308,
    "engel": 235,
    "zshape": 4,
    "bounce": 4,
    "opt": 6,
}


def test_every_dataset_is_listed_here():
    assert set(ROWS) == set(datasets.__all__)


@pytest.mark.parametrize("name", ROWS)
def test_a_dataset_is_a_pair_of_finite_vectors(name):
    for column in getattr(datasets, name)():
        assert column.shape == (ROWS[name],)
        assert column.dtype == np.float64
        assert np.isfinite(column).all()


@pytest.mark.parametrize("name", ROWS)
def test_callers_do_not_share_an_array(name):
    x, y = getattr(datasets, name)()
    kept = x.copy(), y.copy()
    x[:], y[:] = 0, 0
    np.testing.assert_array_equal(getattr(datasets, name)(), kept)


def test_nile_drops_after_1898():
    year, volume = datasets.nile()
    np.testing.assert_array_equal(year, np.arange(1871, 1971))
    assert volume[0] == 1120
    # The mean flow of the two periods, as in Cobb (1978): about 1100 and 850.
    assert volume[year <= 1898].mean() == pytest.approx(1098, abs=1)
    assert volume[year > 1898].mean() == pytest.approx(850, abs=1)


def test_co2_has_weekly_decimal_years():
    year, concentration = datasets.co2()
    # 29 March 1958 is day 88 of 365; 29 December 2001 is day 363 of 365.
    assert year[0] == pytest.approx(1958 + 87 / 365, rel=1e-15)
    assert year[-1] == pytest.approx(2001 + 362 / 365, rel=1e-15)
    assert (concentration[0], concentration[-1]) == (316.1, 371.5)
    days = np.diff(year) * 365.25
    assert days.min() == pytest.approx(7, abs=0.05)


def test_co2_counts_the_leap_day():
    year, _ = datasets.co2()
    # 31 December 1960 is the last day, number 366, of a leap year.
    assert np.isclose(year, 1960 + 365 / 366, rtol=1e-15, atol=0).any()


def test_sunspots_are_yearly():
    year, number = datasets.sunspots()
    np.testing.assert_array_equal(year, np.arange(1700, 2009))
    assert number.min() >= 0


def test_sunspots_autoregression_pairs_a_year_with_the_next():
    _, number = datasets.sunspots()
    x, y = datasets.sunspots_autoregression()
    np.testing.assert_array_equal(x[1:], y[:-1])
    np.testing.assert_array_equal(x, number[:-1])
    assert np.unique(x).size == 255


def test_engel_spends_less_than_it_earns():
    income, food = datasets.engel()
    assert np.unique(income).size == 231
    assert (food < income).all()


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("zshape", (0, 2, 6, 7), (0, 0, 3, 3)),
        ("bounce", (0, 2, 6, 7), (0, 0, 3, 7)),
        ("opt", (0, 4, 5, 7, 10, 11), (0, 0, 0, 2, 3, 3)),
    ],
)
def test_toys_are_those_of_the_paper(name, x, y):
    np.testing.assert_array_equal(getattr(datasets, name)(), (x, y))
