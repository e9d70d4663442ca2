"""The search for sign patterns with few switches: against every pattern, written out."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from helpers import EPS

from convexnn.kernels.pattern_pricing import price_patterns

RNG = np.random.default_rng(21)


def vectors(count):
    """Vectors that sum to zero: rough, smooth, sparse, with entries of one sign side by side."""
    for _ in range(count):
        n = int(RNG.integers(2, 10))
        rough = RNG.standard_normal(n)
        for r in (rough, np.cumsum(rough), RNG.integers(-1, 2, n) * 1.0, np.sort(rough)):
            yield r - r.mean()


def pattern(switches, n):
    """The pattern that ends with +1."""
    flips = np.zeros(n + 1)
    flips[switches] = 1
    after = np.cumsum(flips[:0:-1])[::-1] - flips[n]  # switches at i + 1, ..., n - 1
    return np.where(after % 2 == 0, 1.0, -1.0)


def every_pattern(n, most):
    for k in range(1, min(most, n - 1) + 1):
        yield from itertools.combinations(range(1, n), k)


def rounding(th):
    return 16 * EPS * th.size * np.abs(th).sum()


@pytest.mark.parametrize("most", [1, 2, 3, 5, 12])
@pytest.mark.parametrize("tiles", [1, 3, 20])
def test_the_largest_correlation_is_found_and_every_value_is_attained(most, tiles):
    for th in vectors(25):
        n = th.size
        largest = max(abs(pattern(list(s), n) @ th) for s in every_pattern(n, most))
        floor = largest * RNG.uniform(0, 1.2)
        values, switches = price_patterns(th, most, floor, tiles, RNG.choice([0.0, 0.5, 1.0]))
        assert values.shape == (len(switches),)
        assert switches.shape[1] == most
        assert max(values.max(initial=0.0), floor) == pytest.approx(max(largest, floor), abs=rounding(th))
        assert (values > floor).all()
        for value, places in zip(values, switches, strict=True):
            used = places[places < n]
            assert (np.diff(used) > 0).all()
            assert (places[used.size :] == n).all()
            assert 1 <= used.size <= most
            assert abs(pattern(used, n) @ th) == pytest.approx(value, abs=rounding(th))


@pytest.mark.parametrize("most", [1, 2, 4])
def test_each_place_reports_the_best_pattern_that_switches_there(most):
    for n in (4, 7):
        # Entries of alternating sign: every place is of interest, and has a tile of its own.
        th = (-1.0) ** np.arange(n) * RNG.uniform(0.5, 1, n)
        th[::2] *= -th[1::2].sum() / th[::2].sum()
        values, switches = price_patterns(th, most, 0.0, n - 1, 0.0)
        assert len(values) == n - 1
        for place, value, found in zip(range(1, n), values, switches, strict=True):
            wanted = max(abs(pattern(list(s), n) @ th) for s in every_pattern(n, most) if place in s)
            assert place in found or value > wanted
            assert value >= wanted - rounding(th)


def test_nothing_is_found_in_zeros():
    values, switches = price_patterns(np.zeros(5), 2, 0.0, 3, 0.0)
    assert values.size == 0
    assert switches.shape == (0, 2)
