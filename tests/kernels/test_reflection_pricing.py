"""The search for reflected features: against every column, written out; in tiles, with a floor, compiled or not."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import EPS

import convexnn as cnn
from convexnn.kernels.distance_moment import BLOCK, distance_moment, range_tree
from convexnn.kernels.reflection_pricing import MIDWAY, MIRRORED, peaks, price

SHAPES = {"absolute": 1.0, "tent": 0.5}
EVERYTHING = 60  # a level that no tree has
every_shape = pytest.mark.parametrize("shape", SHAPES)


def points(family, n, rng):
    """Ascending distinct points in [0, 1], both ends included if there are two."""
    match family:
        case "uniform":
            x = rng.random(n)
        case "integer":
            x = rng.integers(0, 3 * n, n)
        case "cluster":
            x = np.where(rng.random(n) < 0.5, 0.3 + 1e-8 * rng.random(n), rng.random(n))
        case "logarithmic":
            x = 10 ** rng.uniform(-12, 0, n)
    x = np.unique(np.asarray(x, dtype=float))
    return (x - x[0]) / max(np.ptp(x), 1e-300)


def vectors(n, rng):
    """Vectors that sum to zero: rough, smooth, sparse."""
    for r in (
        rng.standard_normal(n),
        np.cumsum(rng.standard_normal(n)),
        rng.integers(-1, 2, n) * (rng.random(n) < 0.3),
    ):
        yield r - r.mean()


def cases(count, most):
    rng = np.random.default_rng(3)
    for _ in range(count):
        for family in ("uniform", "integer", "cluster", "logarithmic"):
            x = points(family, int(rng.integers(1, most + 1)), rng)
            yield from ((x, th) for th in vectors(x.size, rng))


def rounding(x, th):
    return 16 * EPS * x.size * np.abs(th).sum()


def search(x, th, shape, *, floor=0.0, slack=0.0, tile=EVERYTHING, share=0.0):
    moment, slopes = distance_moment(x, th)
    return price(x, moment, slopes, range_tree(moment, slopes), SHAPES[shape], floor, slack, tile, share)


def column(x, shape, kind, first, second):
    """The feature at the data, from its definition."""
    one, two = x[first], x[second]
    centre, radius = ((one + two) / 2, (two - one) / 2) if kind == MIDWAY else (two, abs(two - one))
    height = radius - np.abs(x - centre)
    return np.abs(height) if shape == "absolute" else np.maximum(height, 0.0)


def every_value(x, th, shape, kind):
    """|phi| of every pair, pairs that the kind does not list being zero."""
    n = x.size
    values = np.array([[abs(column(x, shape, kind, i, j) @ th) for j in range(n)] for i in range(n)])
    return np.triu(values) if kind == MIDWAY else values


@pytest.mark.parametrize(
    ("shape", "architecture"),
    [
        ("absolute", cnn.Architecture("absolute", 3)),
        ("tent", cnn.Architecture("relu", 3, form="symmetrized")),
    ],
)
def test_the_largest_correlation_is_that_of_the_dictionary(shape, architecture):
    for x, th in cases(count=60, most=60):
        values, _ = search(x, th, shape, share=1.0)
        single = np.abs(distance_moment(x, th)[0])
        largest = np.abs(cnn.dictionary(x, architecture).correlations(th)).max(initial=0.0)
        assert max(values.max(initial=0.0), single.max()) == pytest.approx(largest, abs=rounding(x, th))


@every_shape
@pytest.mark.parametrize("tile", [0, 1, EVERYTHING])
def test_each_tile_reports_its_largest_correlation(shape, tile):
    for x, th in cases(count=3, most=40):
        tolerance = rounding(x, th)
        size = min(BLOCK << tile, 2**30)
        wanted = {}
        for kind in (MIDWAY, MIRRORED):
            values = every_value(x, th, shape, kind)
            for i, j in np.argwhere(values >= 0):
                place = kind, i // size, j // size
                wanted[place] = max(wanted.get(place, 0.0), values[i, j])
        floor = np.median(list(wanted.values()))
        values, features = search(x, th, shape, floor=floor, tile=tile)
        missing = {place: value for place, value in wanted.items() if value > floor + tolerance}
        for value, (kind, i, j) in zip(values, features, strict=True):
            assert value == pytest.approx(abs(column(x, shape, kind, i, j) @ th), abs=tolerance)
            missing = {place: largest for place, largest in missing.items() if abs(largest - value) > tolerance}
        assert not missing


@every_shape
def test_floor_slack_and_share_leave_nothing_larger_unsaid(shape):
    rng = np.random.default_rng(4)
    for x, th in cases(count=6, most=40):
        largest = max(every_value(x, th, shape, kind).max() for kind in (MIDWAY, MIRRORED))
        floor, slack, share = largest * rng.uniform(0, 1.2), largest * rng.choice([0, 0.01, 0.3]), rng.uniform(0, 1)
        values, features = search(x, th, shape, floor=floor, slack=slack, tile=0, share=share)
        assert (values > floor).all()
        assert len(values) == len(features)
        assert largest <= max(values.max(initial=0.0), floor) + slack + rounding(x, th)


def test_peaks_are_the_largest_heights_of_their_runs():
    rng = np.random.default_rng(5)
    for n, size in ((1, 8), (7, 8), (8, 8), (50, 8), (50, 16)):
        moment, floor = rng.standard_normal(n), 1.2
        runs = [range(start, min(start + size, n)) for start in range(0, n, size)]
        wanted = [max(run, key=lambda i: abs(moment[i])) for run in runs]
        np.testing.assert_array_equal(peaks(moment, floor, size), [i for i in wanted if abs(moment[i]) > floor])
