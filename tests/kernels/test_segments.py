"""Segment statistics and scans: compiled, in plain Python, and from the definition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from convexnn.kernels.order import is_ascending
from convexnn.kernels.segments import scan, segment_starts, segment_statistics

RNG = np.random.default_rng(5)


def pure_python(kernel):
    return getattr(kernel, "py_func", kernel)


def cases():
    yield "normal", np.sort(RNG.normal(size=41)), RNG.normal(size=41), np.zeros(0)
    yield "ties", np.sort(RNG.integers(0, 9, size=40)).astype(float), RNG.normal(size=40), RNG.exponential(size=40)
    yield "last tied", np.array([0.0, 1, 2, 3, 3, 3]), np.arange(6.0), np.zeros(0)
    yield "two", np.array([1.0, 2.0]), np.array([0.0, 5.0]), np.zeros(0)
    yield "line with offset", 1e6 + np.arange(32.0), 1e6 + 3 * np.arange(32.0), np.zeros(0)


every_case = pytest.mark.parametrize(("x", "y", "weight"), [c[1:] for c in cases()], ids=[c[0] for c in cases()])


@every_case
@pytest.mark.parametrize("size", [1, 4, 16])
def test_segments_cover_the_rows_and_do_not_divide_ties(x, y, weight, size):
    starts = segment_starts(x, size)
    np.testing.assert_array_equal(starts, pure_python(segment_starts)(x, size))
    assert starts[0] == 0
    assert starts[-1] == x.size
    assert (np.diff(starts) > 0).all()
    inner = starts[1:-1]
    assert (x[inner] > x[inner - 1]).all()
    assert (x[inner] < x[-1]).all()  # the last input is the end of a segment, not a segment


@every_case
def test_statistics_are_those_of_the_definition(x, y, weight):
    starts = segment_starts(x, 4)
    tables = [np.empty((starts.size - 1, 7)) for _ in range(2)]
    for kernel, table in zip((segment_statistics, pure_python(segment_statistics)), tables, strict=True):
        kernel(x, y, weight, starts, 0, starts.size - 1, table)
    np.testing.assert_allclose(*tables, rtol=1e-13, atol=1e-13)
    w = weight if weight.size else np.ones_like(x)
    for row, begin, end in zip(tables[0], starts, starts[1:], strict=False):
        v, dx, dy = w[begin:end], x[begin:end] - x[begin], y[begin:end] - y[0]
        mean_x, mean_y = np.average(dx, weights=v), np.average(dy, weights=v)
        sxx, sxy = v @ (dx - mean_x) ** 2, v @ ((dx - mean_x) * (dy - mean_y))
        line = sxy / sxx if sxx > 0 else 0.0
        rss = v @ (dy - mean_y - line * (dx - mean_x)) ** 2
        scale = 1 + np.abs(dy).max()
        np.testing.assert_allclose(row, [x[begin], v.sum(), mean_x, mean_y, sxx, sxy, rss], atol=1e-12 * scale**2)


@every_case
def test_a_scan_finds_the_extremes_of_the_dual_curve(x, y, weight):
    starts = segment_starts(x, 8)
    segments = np.arange(starts.size - 1)
    lines = RNG.normal(size=(segments.size, 2))
    states = RNG.normal(size=(segments.size, 2))
    found = scan(x, y, weight, starts, segments, lines, states)
    for got, want in zip(found, pure_python(scan)(x, y, weight, starts, segments, lines, states), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)
    w = weight if weight.size else np.ones_like(x)
    for k, (begin, end) in enumerate(itertools.pairwise(starts)):
        th = w[begin:end] * (y[begin:end] - y[0] - lines[k, 0] - lines[k, 1] * (x[begin:end] - x[begin]))
        t = x[begin:end]
        curve = states[k, 1] + states[k, 0] * (t - t[0]) + np.maximum(t[:, None] - t, 0) @ th
        scale = 1e-11 * (1 + np.abs(curve).max())
        np.testing.assert_allclose(found[0][k], [curve.max(), curve.min()], atol=scale)
        np.testing.assert_allclose(curve[found[1][k] - begin], found[0][k], atol=scale)


def test_ascending():
    for x in (np.array([1.0]), np.array([1.0, 1.0, 2.0]), np.array([1.0, 0.5]), np.array([0.0, 2.0, 1.0])):
        assert is_ascending(x) == pure_python(is_ascending)(x) == bool((np.diff(x) >= 0).all())
