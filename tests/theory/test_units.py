"""The region programs against what can be said without them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from theory.mirrors.units import (
    ABSOLUTE,
    RELU,
    SYMMETRIZED,
    Slopes,
    evaluate,
    largest_correlation,
    narrow,
    patterns_with,
    rounding,
)

LAYERS = [narrow(RELU, 2), narrow((0.5, -1.5), 2), narrow(RELU, 3), narrow(ABSOLUTE, 3), SYMMETRIZED]


@pytest.mark.parametrize("layers", LAYERS, ids=str)
def test_no_unit_on_a_fine_grid_correlates_more(layers: tuple[Slopes, ...]) -> None:
    x, dual = np.array([0.0, 1, 3, 4]), np.array([2.0, -3, -1, 2])
    best = largest_correlation(x, dual, layers)
    offsets = np.arange(-5, 9.5, 0.5)
    signs = list(itertools.product((1, -1), repeat=len(layers)))
    grid = max(
        abs(dual @ evaluate(x, s, c, layers)) for s in signs for c in itertools.product(offsets, repeat=len(layers))
    )
    assert grid <= best.value + rounding(x, dual, 1.5)
    # On integer data the vertices lie on the grid of halves.
    assert grid == pytest.approx(best.value, rel=1e-12)


@pytest.mark.parametrize("layers", LAYERS, ids=str)
def test_the_maximum_comes_with_a_unit_that_attains_it(layers: tuple[Slopes, ...]) -> None:
    x, dual = np.array([-1.5, 0.25, 1, 2.5, 4]), np.array([1.0, -2.5, 0.5, 2, -1])
    best = largest_correlation(x, dual, layers)
    assert abs(dual @ evaluate(x, best.signs, best.biases, layers)) == best.value


def test_the_number_of_regions_of_two_layers() -> None:
    # One kink on the line between, before and after N points.
    assert largest_correlation([0, 1, 5], [1, -2, 1], narrow(ABSOLUTE, 2)).n_regions == 4
    assert largest_correlation([0, 1, 5], [1, -2, 1], narrow(RELU, 2)).n_regions == 8


def test_the_regions_of_three_absolute_layers() -> None:
    # N lines c_1 = x_n and N angles c_2 = |x_n - c_1| cut the plane of offsets into 1 + 2 N + V regions (Euler), V the
    # number of crossings: N tips of angles on lines, N (N - 1) of angles with other lines, one of every two angles.
    for n in (2, 3, 4):
        x = np.cumsum(2.0 ** np.arange(n))
        dual = np.append(np.ones(n - 1), 1.0 - n)
        expected = 1 + 2 * n + n + n * (n - 1) + n * (n - 1) // 2
        assert largest_correlation(x, dual, narrow(ABSOLUTE, 3)).n_regions == expected


def test_a_dual_vector_that_does_not_sum_to_zero_has_no_maximum() -> None:
    assert largest_correlation([0, 1, 5], [1, -2, 2], narrow(RELU, 3)).value == np.inf


def test_evaluation_is_exact_on_integers() -> None:
    values = evaluate(np.array([1, 2, 7, 8]), (1, 1), (7, 5), narrow(ABSOLUTE, 3))
    assert values.dtype.kind == "i"
    assert values.tolist() == [1, 0, 5, 4]


def test_patterns_are_counted_by_their_switches() -> None:
    assert [len(patterns_with(5, most)) for most in (1, 2, 3, 4, 9)] == [4, 10, 14, 15, 15]
