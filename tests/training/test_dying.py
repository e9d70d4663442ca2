"""The closed forms for dying against quadrature, special cases and walks, some by the kernel that trains."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special, stats

from convexnn import Architecture, Network
from convexnn.errors import InputError
from convexnn.network.network import Layer
from convexnn.training.dead_units import dead_units
from convexnn.training.dying import DeadWedge, shake

intervals = st.tuples(st.floats(-4, 4), st.floats(0, 4)).map(lambda ends: DeadWedge(ends[0], ends[0] + ends[1]))
coordinates = st.floats(-3, 3) | st.integers(-2, 2).map(float)
variances = st.floats(1e-3, 1e3)


def network(w, b):
    w, b = (np.asarray(part, dtype=float) for part in (w, b))
    return Network(Architecture("relu"), (Layer(w[:, None, None], b[:, None]),), np.ones(len(w)), None, 0.0)


def by_kernel(wedge, w, b, sigma, n_steps, units, count, seed=0):
    """How many of `count` units of one start are alive after noise at learning rate 0: the code that trains."""
    runs = shake(wedge, np.full(count, w), b, sigma=sigma, n_steps=n_steps, units=units, seeds=[seed])
    return int(runs.history.alive[0, -1, 0])


def by_numpy(wedge, w, b, sigma, n_steps, live_only, count, seed=0):
    """The same without any code of the package."""
    rng = np.random.default_rng(seed)
    w, b = np.full(count, w), np.full(count, b)

    def dead():
        return (w * wedge.low + b <= 0) & (w * wedge.high + b <= 0)

    for _ in range(n_steps):
        shaken = ~dead() if live_only else np.ones(count, dtype=bool)
        w, b = (part + sigma * shaken * rng.normal(size=count) for part in (w, b))
    return int(count - dead().sum())


def by_quadrature(wedge, w, b, variance):
    """The heat kernel of the live wedge, radius by radius."""
    angle = 2 * math.pi - wedge.angle
    start, r0 = (math.atan2(b, w) + math.atan(wedge.high)) % (2 * math.pi), math.hypot(w, b)
    orders = np.arange(1, 120, 2) * math.pi / angle

    def density(r):
        scaled = special.ive(orders, r * r0 / variance) * math.exp(-((r - r0) ** 2) / (2 * variance))
        return r / variance * np.sum(4 / (orders * angle) * np.sin(orders * start) * scaled)

    reach = r0 + 12 * math.sqrt(variance)
    return integrate.quad(density, 0, reach, points=[r0], epsabs=1e-11, limit=200)[0]


@given(intervals, st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=8))
def test_the_wedge_holds_the_dead_units(wedge, starts):
    w, b = np.array(starts).T
    np.testing.assert_array_equal(wedge.contains(w, b), dead_units(network(w, b), wedge.low, wedge.high))


@given(intervals)
def test_the_limit_is_the_share_of_directions(wedge):
    turn = np.linspace(0, 2 * math.pi, 20_000, endpoint=False)
    assert wedge.contains(np.cos(turn), np.sin(turn)).mean() == pytest.approx(wedge.limit, abs=2e-4)


def test_the_numbers_of_the_papers_interval():
    wedge = DeadWedge(-1, 1)
    assert wedge.angle == pytest.approx(math.pi / 2, rel=1e-15)
    assert wedge.limit == pytest.approx(1 / 4, rel=1e-15)
    assert wedge.exponent == pytest.approx(1 / 3, rel=1e-15)
    assert DeadWedge(0, 1).limit == pytest.approx(3 / 8, rel=1e-15)


@given(intervals, coordinates, coordinates, variances)
def test_noise_on_all_units_is_a_normal_probability(wedge, w, b, variance):
    edges = np.array([[wedge.low, 1], [wedge.high, 1]])
    law = stats.multivariate_normal(edges @ [w, b], variance * edges @ edges.T, allow_singular=True)
    found = wedge.dead_probability(w, b, variance)
    # Genz's algorithm, the reference, is accurate to 1e-8 for two variables that are nearly the same.
    assert found == pytest.approx(law.cdf([0, 0]), abs=1e-7)


def test_a_point_of_an_interval_is_a_half_plane():
    point, variance = DeadWedge(2, 2), np.array([1e-6, 1e-3, 0.1, 1, 10, 1e4])
    distance = (2 * 0.3 + 0.4) / math.sqrt(5) / np.sqrt(2 * variance)
    np.testing.assert_allclose(point.survival(0.3, 0.4, variance), special.erf(distance), rtol=1e-12)
    np.testing.assert_allclose(point.dead_probability(0.3, 0.4, variance), special.erfc(distance) / 2, rtol=1e-12)


@given(intervals, st.floats(0.02, 0.98), st.floats(0.02, 20))
def test_survival_is_the_integral_of_the_heat_kernel(wedge, share, variance):
    turn = share * (2 * math.pi - wedge.angle) - math.atan(wedge.high)
    w, b = math.cos(turn), math.sin(turn)
    assert wedge.survival(w, b, variance) == pytest.approx(by_quadrature(wedge, w, b, variance), abs=1e-8)


@given(intervals, st.floats(0.01, 0.99), st.floats(-8, 8))
def test_survival_depends_on_the_ratio_only_and_falls(wedge, share, power):
    turn = share * (2 * math.pi - wedge.angle) - math.atan(wedge.high)
    w, b, variance = math.cos(turn), math.sin(turn), 10.0**power
    found = wedge.survival([w, 7 * w, w], [b, 7 * b, b], [variance, 49 * variance, 2 * variance])
    assert found[1] == pytest.approx(found[0], rel=1e-10, abs=1e-14)
    assert 0 <= found[2] <= found[0] + 1e-14 <= 1 + 1e-14


def test_the_series_meets_the_straight_edge():
    # On either side of the distance from the tip, 200 deviations, at which one takes over from the other.
    wedge, turn = DeadWedge(-1, 1), -math.pi / 4 + 0.005
    near, far = wedge.survival(math.cos(turn), math.sin(turn), 1 / np.array([199.999, 200.001]) ** 2)
    assert near == pytest.approx(far, rel=2e-5)
    assert near == pytest.approx(math.erf(math.sin(0.005) * 199.999 / math.sqrt(2)), rel=1e-12)


def test_the_power_law_is_reached():
    for wedge in (DeadWedge(), DeadWedge(0, 1), DeadWedge(-3, 0.5)):
        found, law = (form(0.5, 1, 1e10) for form in (wedge.survival, wedge.survival_tail))
        assert found == pytest.approx(law, rel=1e-4)
        assert wedge.survival_tail(0.5, 1, 8e10) == pytest.approx(law * 8**-wedge.exponent, rel=1e-12)


def test_starts_in_the_wedge_and_no_noise():
    wedge = DeadWedge()
    np.testing.assert_array_equal(wedge.survival([0, 0, 0, 1], [-1, 0, 1, -1], [1, 1, 0, 1]), [0, 0, 1, 0])
    np.testing.assert_array_equal(wedge.survival_tail([0, 0], [-1, 0], [1, 1]), [0, 0])
    np.testing.assert_array_equal(wedge.dead_probability([0, 0], [-1, 1], [0, 0]), [1, 0])
    assert wedge.dead_probability(0, 0, 1) == wedge.limit
    assert wedge.survival(1, 1, [[0.1], [0.2]]).shape == (2, 1)


def test_numbers_of_any_size():
    wedge, largest = DeadWedge(), 1e308
    for w, b, variance in ((1, 1, largest), (1e-300, 1e-300, 1), (1e300, 1e300, 1), (1, 1, 5e-324), (0, 1, 1e-300)):
        ratio = math.hypot(w / math.sqrt(variance), b / math.sqrt(variance))
        survival, tail = (form(w, b, variance) for form in (wedge.survival, wedge.survival_tail))
        if ratio < 1e-40:
            assert 0 < survival == tail
            assert wedge.dead_probability(w, b, variance) == pytest.approx(wedge.limit)
        else:
            assert survival == 1 < tail
            assert wedge.dead_probability(w, b, variance) == 0
    half_plane = DeadWedge(1.0, 1.0)
    assert half_plane.survival(largest, 0, largest) == 1
    steep = DeadWedge(-1e308, 1e308)
    assert not steep.contains(1e300, 1e300)
    # Nearly all directions but the one straight down are alive.
    assert steep.dead_probability(0, -1, 1) == pytest.approx(0, abs=1e-300)


def test_the_series_meets_its_first_term():
    wedge, r = DeadWedge(0, 1), 1e-40
    below, above = (wedge.survival(0.6 * s, 0.8 * s, 1.0) for s in (r * (1 - 1e-9), r * (1 + 1e-9)))
    assert below == pytest.approx(float(above), rel=1e-8)


CASES = [(DeadWedge(-1, 1), 0.0, 1.0), (DeadWedge(0, 1), -0.8, 0.9), (DeadWedge(-3, 0.5), 0.3, -0.1)]


@pytest.mark.parametrize(("wedge", "w", "b"), CASES)
@pytest.mark.parametrize("simulated", [by_kernel, by_numpy])
def test_symmetric_noise(wedge, w, b, simulated):
    count, sigma, n_steps = 20_000, 0.5, 20
    alive = simulated(wedge, w, b, sigma, n_steps, "all" if simulated is by_kernel else False, count)
    chance = float(wedge.dead_probability(w, b, sigma**2 * n_steps))
    assert stats.binomtest(count - alive, count, chance).pvalue > 1e-4


@pytest.mark.parametrize(("wedge", "w", "b"), CASES)
@pytest.mark.parametrize("simulated", [by_kernel, by_numpy])
def test_noise_on_live_units(wedge, w, b, simulated):
    count, sigma, n_steps = 8000, 0.1, 300
    alive = simulated(wedge, w, b, sigma, n_steps, "live" if simulated is by_kernel else True, count)
    chance = float(wedge.survival(w, b, sigma**2 * n_steps, step=sigma))
    assert stats.binomtest(alive, count, chance).pvalue > 1e-4


def test_steps_act_as_a_wedge_further_away():
    wedge, count, sigma, n_steps = DeadWedge(), 8000, 0.3, 30
    alive = by_kernel(wedge, 0.0, 1.0, sigma, n_steps, "live", count)
    seen, brownian = (float(wedge.survival(0, 1, sigma**2 * n_steps, step=step)) for step in (sigma, 0.0))
    assert stats.binomtest(alive, count, seen).pvalue > 1e-4
    assert stats.binomtest(alive, count, brownian).pvalue < 1e-8


def test_every_seed_starts_from_the_same_units():
    wedge = DeadWedge(0, 1)
    runs = shake(wedge, [1, -1, 0], [0.5, 0, 3], sigma=0.1, n_steps=5, units="live", seeds=2)
    np.testing.assert_array_equal(runs.history.alive[:, 0, 0], [2, 2])
    assert runs.network(0).alpha[0] != runs.network(1).alpha[0]


def test_bad_input():
    wedge = DeadWedge()
    for call, message in (
        (lambda: DeadWedge(1, -1), r"needs low <= high, got \[1, -1\]"),
        (lambda: DeadWedge(math.nan, 1), "low"),
        (lambda: wedge.survival(0, 1, -1), "variance must not be negative, got -1"),
        (lambda: wedge.survival(0, math.inf, 1), "b must be finite, got 1 entries"),
        (lambda: wedge.survival([0, 1], [1, 2, 3], 1), "shapes that broadcast"),
        (lambda: wedge.survival("a", 1, 1), "real numbers"),
        (lambda: wedge.survival(0, 1, 1, step=-1), "step must not be negative, got -1"),
        (lambda: shake(wedge, [[0]], 1, sigma=1, n_steps=1, units="all", seeds=1), "one-dimensional, got shape"),
        (lambda: shake(wedge, 0, 1, sigma=1, n_steps=1, units="some", seeds=1), "unknown units 'some'"),
    ):
        with pytest.raises(InputError, match=message):
            call()
