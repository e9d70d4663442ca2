"""The taut string and what is said about its pieces: in rational arithmetic, by definition, and in plain Python."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate, pairwise, product

import numpy as np
import pytest

from convexnn.kernels import total_variation
from convexnn.kernels.total_variation import (
    HIGH,
    LOW,
    MEAN,
    N_STATISTICS,
    SQUARES,
    WEIGHT,
    check_pieces,
    check_segments,
    divide,
    summarise,
    taut_string,
)

EPS = float(np.finfo(float).eps)
RNG = np.random.default_rng(7)
UNIT = np.empty(0)

TARGETS = {
    "one": np.array([3.0]),
    "two": np.array([0.0, 1.0]),
    "three": np.array([0.0, 5.0, 1.0]),
    "constant": np.full(9, 2.0),
    "alternating": np.tile([1.0, -1.0], 10),
    "integers": RNG.integers(-2, 3, size=40).astype(float),
    "runs": np.repeat(RNG.integers(-2, 3, size=8), 5).astype(float),
    "ramp": np.arange(30.0) ** 2,
    "noise": RNG.normal(size=60),
    "walk": np.cumsum(RNG.normal(size=60)),
    "offset": 1e6 + RNG.normal(size=30),
    "outlier": np.where(np.arange(30) == 11, 1e4, RNG.normal(size=30)),
}
WEIGHTS = {
    "unit": lambda n: UNIT,
    "quarters": lambda n: RNG.integers(1, 9, size=n) / 4,
    "wild": lambda n: np.exp(RNG.uniform(-12, 12, size=n)),
}
RADII = (1e-3, 0.25, 1.0, 20.0)

every_target = pytest.mark.parametrize("y", TARGETS.values(), ids=TARGETS)
every_weight = pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)


def string(y, weight, radius, left=0.0, right=0.0, kernel=taut_string):
    starts, values = np.empty(y.size, np.int64), np.empty(y.size)
    count = kernel(y, weight, radius, left, right, starts, values)
    return starts[:count], values[:count]


def table_of(y, weight, starts, kernel=summarise):
    table = np.full((N_STATISTICS, starts.size - 1), np.nan)
    kernel(y, weight, starts, 0, starts.size - 1, table)
    return table


def segments(n, length):
    return np.append(np.arange(0, n, length), n)


def ones_for(y, weight):
    return weight if weight.size else np.ones(y.size)


def rationals(values):
    return [Fraction(float(v)) for v in values]


def walls(values, radius, left=0.0, right=0.0):
    """S before the first piece, between pieces, and after the last."""
    return [left, *(-radius * np.sign(np.diff(values))), right]


def exact_levels(y, weight, starts, ends):
    """The level of every piece that takes S from its first wall to its second, as fractions."""
    y, w, ends = rationals(y), rationals(ones_for(y, weight)), rationals(ends)
    bounds = [*map(int, starts), len(y)]
    pieces = [range(*pair) for pair in pairwise(bounds)]
    return pieces, [
        (sum(w[i] * y[i] for i in piece) - end + begin) / sum(w[i] for i in piece)
        for piece, (begin, end) in zip(pieces, pairwise(ends), strict=True)
    ]


def rounding(y, weight, radius):
    """What rounding may do to S: sums of w are known to eps sum w, and S to eps times that and a level."""
    return 8 * y.size * EPS * (radius + float(ones_for(y, weight).sum() * np.abs(y).max()))


@every_weight
@every_target
def test_the_pieces_satisfy_the_optimality_conditions_in_rational_arithmetic(y, weights):
    weight = weights(y.size)
    for radius in RADII:
        for left, right in product((0.0, -radius, radius), repeat=2):
            starts, values = string(y, weight, radius, left, right)
            ends = walls(values, radius, left, right)
            pieces, levels = exact_levels(y, weight, starts, ends)
            slack = Fraction(rounding(y, weight, radius))
            exact_y, w = rationals(y), rationals(ones_for(y, weight))
            for piece, level, begin in zip(pieces, levels, rationals(ends), strict=False):
                s = list(accumulate((w[i] * (exact_y[i] - level) for i in piece), initial=begin))
                assert max(map(abs, s)) <= Fraction(radius) + slack
            for value, level, piece in zip(values, levels, pieces, strict=True):
                assert abs(Fraction(float(value)) - level) <= slack / sum(w[i] for i in piece)
            for jump, exact in zip(np.diff(values), np.diff(levels), strict=True):
                # Equal levels may come out as neighbours an ulp apart, no more.
                assert jump != 0
                assert jump * exact >= 0 or abs(jump) <= slack / min(w)


@every_weight
@every_target
def test_a_string_divided_at_its_jumps_is_the_same_string(y, weights):
    weight = weights(y.size)
    for radius in RADII:
        starts, values = string(y, weight, radius)
        ends = walls(values, radius)
        for p in range(1, starts.size):
            k = starts[p]
            parts = [
                string(y[:k], weight[:k], radius, 0.0, ends[p])[1],
                string(y[k:], weight[k:], radius, ends[p], 0.0)[1],
            ]
            atol = rounding(y, weight, radius) / ones_for(y, weight).min()
            np.testing.assert_allclose(np.concatenate(parts), values, rtol=0, atol=atol)


@every_weight
@every_target
def test_the_check_of_pieces_is_the_definition(y, weights):
    weight = weights(y.size)
    w = ones_for(y, weight)
    for radius in RADII:
        starts, values = string(y, weight, radius)
        ends = walls(values, radius)
        squares, variation, reach, shifted = check_pieces(y, weight, radius, starts, values, 0, starts.size)
        pieces, levels = exact_levels(y, weight, starts, ends)
        u = np.repeat(values, [len(piece) for piece in pieces])
        assert squares == pytest.approx(w @ (y - u) ** 2, rel=y.size * EPS)
        assert variation == pytest.approx(np.abs(np.diff(u)).sum(), rel=y.size * EPS)
        farthest = 0.0
        for piece, level, begin in zip(pieces, levels, ends, strict=False):
            s = Fraction(float(begin))
            for i in piece:
                s += Fraction(float(w[i])) * (Fraction(float(y[i])) - level)
                farthest = max(farthest, abs(float(s)))
        slack = rounding(y, weight, radius)
        assert farthest - slack <= reach <= farthest + slack + 1e-12 * radius
        off = np.array([float(level) for level in levels]) - values
        root = np.sqrt(np.add.reduceat(w, starts) @ off**2)
        assert np.sqrt(shifted) == pytest.approx(root, abs=slack / np.sqrt(w.min()))


def test_the_check_of_pieces_adds_up_over_pieces():
    y = TARGETS["noise"]
    starts, values = string(y, UNIT, 0.25)
    whole = check_pieces(y, UNIT, 0.25, starts, values, 0, starts.size)
    parts = [check_pieces(y, UNIT, 0.25, starts, values, p, p + 1) for p in range(starts.size)]
    squares, variation, reach, shifted = zip(*parts, strict=True)
    np.testing.assert_allclose(whole, [sum(squares), sum(variation), max(reach), sum(shifted)], rtol=1e-14)


@every_weight
@every_target
def test_a_table_of_segments_holds_what_it_says(y, weights):
    weight = weights(y.size)
    w = ones_for(y, weight)
    starts = segments(y.size, 7)
    table = table_of(y, weight, starts)
    for column, (begin, end) in zip(table.T, pairwise(starts), strict=True):
        rows = slice(begin, end)
        slack = rounding(y[rows], w[rows], 0.0)
        mean = w[rows] @ y[rows] / w[rows].sum()
        s = np.cumsum(w[rows] * (y[rows] - mean))
        assert column[WEIGHT] == pytest.approx(w[rows].sum(), rel=8 * EPS)
        assert column[MEAN] == pytest.approx(mean, rel=8 * EPS, abs=slack / w[rows].sum())
        assert column[SQUARES] == pytest.approx(w[rows] @ (y[rows] - mean) ** 2, rel=1e-9, abs=slack)
        assert column[LOW] == pytest.approx(min(0.0, s.min()), abs=slack)
        assert column[HIGH] == pytest.approx(max(0.0, s.max()), abs=slack)


@every_weight
@every_target
def test_divided_segments_are_summarised_as_if_they_had_been_there_from_the_start(y, weights):
    weight = weights(y.size)
    starts = segments(y.size, 7)
    inside = np.setdiff1d(np.arange(1, y.size), starts)
    cuts = inside[:: max(1, inside.size // 5)]
    new_starts, new_table = divide(y, weight, starts, table_of(y, weight, starts), cuts)
    np.testing.assert_array_equal(new_starts, np.union1d(starts, cuts))
    np.testing.assert_array_equal(new_table, table_of(y, weight, new_starts))


@every_weight
@every_target
def test_rounds_on_segments_end_at_the_string(y, weights):
    weight = weights(y.size)
    for radius in RADII:
        starts = segments(y.size, 7)
        table = table_of(y, weight, starts)
        for _ in range(y.size):
            pieces, values = string(table[MEAN], table[WEIGHT], radius)
            *found, cuts = check_segments(y, weight, radius, starts, table, pieces, values)
            wanted = check_pieces(y, weight, radius, starts[pieces], values, 0, values.size)
            slack = rounding(y, weight, radius)
            assert found[0] == pytest.approx(wanted[0], rel=1e-9, abs=slack**2)
            assert found[1] == wanted[1]
            assert found[2] >= wanted[2] - slack  # a bound
            if cuts.size == 0:
                break
            assert np.isin(cuts, starts).sum() == 0
            assert (np.diff(cuts) > 0).all()
            starts, table = divide(y, weight, starts, table, cuts)
        assert found[2] <= radius + slack
        exact = string(y, weight, radius)
        fits = [np.repeat(v, np.diff(s, append=y.size)) for s, v in (exact, (starts[pieces], values))]
        np.testing.assert_allclose(*fits, rtol=0, atol=slack / ones_for(y, weight).min())


@every_weight
@every_target
def test_compiled_and_interpreted_agree_bit_by_bit(y, weights, monkeypatch):
    weight = weights(y.size)
    runs = [everything(y, weight, radius) for radius in RADII]
    for name in ("_wall", "_extremes", "summarise"):
        monkeypatch.setattr(total_variation, name, pure_python(getattr(total_variation, name)))
    for radius, compiled in zip(RADII, runs, strict=True):
        for one, other in zip(compiled, everything(y, weight, radius, pure_python), strict=True):
            np.testing.assert_array_equal(one, other)


def pure_python(kernel):
    return getattr(kernel, "py_func", kernel)


def everything(y, weight, radius, how=lambda kernel: kernel):
    """What all kernels make of the data, one after the other."""
    starts, values = string(y, weight, radius, kernel=how(taut_string))
    check = how(check_pieces)(y, weight, radius, starts, values, 0, starts.size)
    ends = segments(y.size, 7)
    table = table_of(y, weight, ends, how(summarise))
    pieces, levels = string(table[MEAN], table[WEIGHT], radius, kernel=how(taut_string))
    *sums, cuts = how(check_segments)(y, weight, radius, ends, table, pieces, levels)
    return starts, values, check, table, pieces, levels, sums, cuts, *how(divide)(y, weight, ends, table, cuts)
