"""The search for features fixed by three data: against all of them, written out from their definitions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from test_reflection_pricing import cases, rounding

import convexnn as cnn
from convexnn.kernels.distance_moment import distance_moment, range_tree
from convexnn.kernels.reflection_pricing import price_folds
from convexnn.kernels.triple_pricing import price_triples

RUNS = 8


def column(x, offsets):
    for c in offsets:
        x = np.abs(x - c)
    return x


def features(x):
    """What every family, on either side, makes of every triple i, j < k: its name, the triple, the offsets."""
    for i, (j, k) in itertools.product(range(x.size), itertools.combinations(range(x.size), 2)):
        m, u = (x[j] + x[k]) / 2, (x[k] - x[j]) / 2
        v = abs(x[i] - m)
        for side in (1, -1):
            centre = x[i] + side * u
            if x[j] <= centre <= x[k]:
                yield ("shifted", side), (i, j, k), (centre, u, abs(abs(x[j] - centre) - u))
            if side * (x[i] - m) < 0:
                continue
            if v >= 2 * u:
                yield ("balanced", side), (i, j, k), ((x[i] + m) / 2, v / 2, u)
            yield ("zeros", side), (i, j, k), (m, (u + v) / 2, abs(u - v) / 2)
            yield ("pair", side, v > 2 * u), (i, j, k), (m, u, abs(v - u))
            yield ("alone", side, 2 * v < u), (i, j, k), (m, v, abs(u - v))


def search(x, th, *, floor=0.0, slack=0.0, share=0.0):
    moment, slopes = distance_moment(x, th)
    return price_triples(x, moment, slopes, range_tree(moment, slopes), floor, slack, share)


def between(values, tolerance):
    """A number in the middle of the values that none of them is close to, or one that is as good as zero."""
    ordered = np.sort(values)
    gaps = np.flatnonzero(np.diff(ordered) > 4 * tolerance)
    return float(ordered[gaps[gaps.size // 2] :][:2].mean()) if gaps.size else tolerance


def optimal_vector(x, rng):
    """Multipliers of a depth-3 optimum: many features of depth 4 are almost as large as the largest."""
    y = np.sin(9 * x) + 0.1 * rng.standard_normal(x.size)
    largest = cnn.Problem(x, y, 1.0, cnn.Architecture("absolute", 3)).beta_max
    return cnn.solve(cnn.Problem(x, y, 0.03 * largest, cnn.Architecture("absolute", 3))).certificate.dual_point


def generic_vectors():
    """Data on which no condition of a family holds with equality."""
    rng = np.random.default_rng(16)
    for n in (2, 3, 5, 8, 12, 22):
        x = np.sort(rng.random(n))
        yield x, optimal_vector(x, rng)
        yield x, rng.standard_normal(n)


def test_each_tile_reports_its_largest_correlation():
    for x, r in generic_vectors():
        th = r - r.mean()
        tolerance = rounding(x, th)
        size = -(-x.size // RUNS)
        wanted = {}
        for name, triple, offsets in features(x):
            tile = name, *(place // size for place in triple)
            wanted[tile] = max(wanted.get(tile, 0.0), abs(column(x, offsets) @ th))
        floor = between(list(wanted.values()), tolerance)
        values, offsets = search(x, th, floor=floor)
        for value, chosen in zip(values, offsets, strict=True):
            assert abs(column(x, chosen) @ th) == pytest.approx(value, abs=tolerance)
        largest = [value for value in wanted.values() if value > floor]
        np.testing.assert_allclose(np.sort(values), np.sort(largest), rtol=0, atol=tolerance)


def test_floor_slack_and_share_leave_nothing_larger_unsaid():
    rng = np.random.default_rng(17)
    for x, th in cases(count=3, most=22):
        largest = max((abs(column(x, offsets) @ th) for _, _, offsets in features(x)), default=0.0)
        floor, slack, share = largest * rng.uniform(0, 1.2), largest * rng.choice([0, 0.01, 0.3]), rng.uniform(0, 1)
        values, _ = search(x, th, floor=floor, slack=slack, share=share)
        assert (values > floor).all()
        assert largest <= max(values.max(initial=0.0), floor) + slack + rounding(x, th)


def test_folds_at_data_and_triples_are_the_whole_dictionary():
    rng = np.random.default_rng(18)
    for n in (2, 3, 4, 5, 6, 7):
        for x in (np.sort(rng.random(n)), np.sort(rng.choice(30, n, replace=False)) / 30.0):
            dictionary = cnn.dictionary(x, cnn.Architecture("absolute", 4))
            for _ in range(30):
                th = rng.standard_normal(n)
                th -= th.mean()
                folds, triples = price_folds(x, th, 0.0, 0.0, 1.0), search(x, th, share=1.0)
                for values, offsets in (folds, triples):
                    for value, chosen in zip(values, offsets, strict=True):
                        assert value == pytest.approx(abs(column(x, chosen) @ th), abs=rounding(x, th))
                found = max(folds[0].max(initial=0.0), triples[0].max(initial=0.0))
                largest = np.abs(dictionary.correlations(th)).max()
                # The dictionary solves for its offsets, and calls those within 1e-9 the same.
                assert found == pytest.approx(largest, abs=1e-8 * np.abs(th).sum())


def test_each_fold_reports_its_largest_correlation():
    for x, th in cases(count=3, most=14):
        wanted = {}
        for centre in x:
            folded = np.abs(x - centre)
            pairs = itertools.product(folded, repeat=2)
            offsets = [f for a, b in pairs for f in (((a + b) / 2, abs(a - b) / 2), (a, abs(a - b)))]
            wanted[centre] = max(abs(column(folded, f) @ th) for f in offsets)
        floor = between(list(wanted.values()), rounding(x, th))
        values, offsets = price_folds(x, th, floor, 0.0, 0.0)
        assert offsets[:, 0].tolist() == [centre for centre, value in wanted.items() if value > floor]
        for value, chosen in zip(values, offsets, strict=True):
            assert value == pytest.approx(wanted[chosen[0]], abs=rounding(x, th))
            assert value == pytest.approx(abs(column(x, chosen) @ th), abs=rounding(x, th))
