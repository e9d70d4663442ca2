"""Sums of the logistic and Huber loss over segments: compiled, in plain Python, and row by row from the definition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from convexnn.kernels import huber_segments, logistic_segments
from convexnn.kernels.segments import scan, scan_multipliers, segment_starts
from convexnn.losses import Huber, Logistic

RNG = np.random.default_rng(11)


def cases():
    x = np.sort(RNG.normal(size=41))
    yield "normal", x, RNG.normal(size=41), np.zeros(0)
    yield "weighted", x, RNG.normal(size=41), RNG.exponential(size=41)
    yield "ties", np.sort(RNG.integers(0, 9, size=40)).astype(float), RNG.normal(size=40), RNG.exponential(size=40)
    yield "last tied", np.array([0.0, 1, 2, 3, 3, 3]), RNG.normal(size=6), np.zeros(0)
    yield "two", np.array([1.0, 2.0]), np.array([0.0, 5.0]), np.zeros(0)
    yield (
        "cluster",
        np.sort(np.append(RNG.normal(size=20), 1e-9 * RNG.normal(size=20))),
        RNG.normal(size=40),
        np.zeros(0),
    )
    yield "more rows than factors", np.sort(RNG.normal(size=1200)), RNG.normal(size=1200), np.zeros(0)


every_case = pytest.mark.parametrize(("x", "y", "weight"), [c[1:] for c in cases()], ids=[c[0] for c in cases()])
# From nearly constant to steep, within and beyond what a Taylor series serves; far into the loss's tails.
every_line = pytest.mark.parametrize(
    ("middle", "rise"), [(0.3, 1e-6), (-2.0, 0.031), (30.0, 0.03), (0.1, 0.05), (1.0, 9.0), (-40.0, 3.0), (0.0, 0.0)]
)


@pytest.fixture
def in_plain_python(monkeypatch):
    """The same functions without compilation, helpers included."""
    for module in (logistic_segments, huber_segments):
        for name in dir(module):
            kernel = getattr(module, name)
            if hasattr(kernel, "py_func"):
                monkeypatch.setattr(module, name, kernel.py_func)


def logistic(x, labels, weight, starts, lines):
    moments = np.empty((starts.size - 1, 2, logistic_segments.N_MOMENTS))
    logistic_segments.label_moments(x, labels, weight, starts, np.arange(starts.size - 1), moments)
    sums = np.empty((starts.size - 1, 10))
    logistic_segments.logistic_sums(x, labels, weight, starts, moments, lines, sums)
    return sums


def huber(x, y, weight, delta, starts, lines):
    sums = np.empty((starts.size - 1, 11))
    huber_segments.huber_sums(x, y, weight, delta, starts, lines, sums)
    return sums


def rows_of(x, weight, starts, lines):
    """For every segment its rows, t, weights and predictions."""
    for (begin, end), (middle, rise) in zip(itertools.pairwise(starts), lines, strict=True):
        t = (x[begin:end] - x[begin]) / (x[min(end, x.size - 1)] - x[begin]) - 0.5
        yield slice(begin, end), t, weight[begin:end] if weight.size else np.ones(end - begin), middle + rise * t


def naive(loss, x, y, weight, starts, lines):
    """The sums from the loss's own formulas, without those of the parabola."""
    table = []
    for rows, t, w, f in rows_of(x, weight, starts, lines):
        th, h = loss.multiplier(y[rows], f, w), loss.curvature(y[rows], f, w)
        h = np.where(h < 1e-9 * w, 0.0, h) if isinstance(loss, Huber) else h
        table.append([loss.total(y[rows], f, w), th.sum(), t @ th, np.abs(th).sum(), h.sum(), t @ h, t**2 @ h])
    return np.array(table)


def lines_near(middle, rise, n_segments):
    return np.stack((middle + 0.1 * RNG.normal(size=n_segments), np.full(n_segments, rise)), axis=1)


@every_case
@every_line
@pytest.mark.parametrize("size", [1, 8, 2048])
def test_logistic_sums(x, y, weight, middle, rise, size, in_plain_python, request):
    labels, starts = np.where(y > 0, 1.0, -1.0), segment_starts(x, size)
    lines = lines_near(middle, rise, starts.size - 1)
    plain = logistic(x, labels, weight, starts, lines)
    request.getfixturevalue("monkeypatch").undo()
    compiled = logistic(x, labels, weight, starts, lines)
    np.testing.assert_allclose(compiled[:, :7], plain[:, :7], rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(compiled[:, 7:], plain[:, 7:], atol=1e-13 * x.size)  # a difference of order 1
    expected = naive(Logistic(), x, labels, weight, starts, lines)
    # The sums of t th and t h may cancel, and th of the two labels: relative to the sum without signs.
    scale = expected[:, [0, 3, 3, 3, 4, 4, 4]]
    np.testing.assert_array_less(np.abs(compiled[:, :4] - expected[:, :4]), 1e-14 * x.size * scale[:, :4] + 1e-300)
    # Curvature only shapes the step.
    np.testing.assert_array_less(np.abs(compiled[:, 4:7] - expected[:, 4:]), 1e-11 * scale[:, 4:] + 1e-300)


@every_case
@every_line
@pytest.mark.parametrize("size", [1, 8, 2048])
def test_huber_sums(x, y, weight, middle, rise, size, in_plain_python, request):
    starts, loss = segment_starts(x, size), Huber(0.4)
    lines = lines_near(middle, rise, starts.size - 1)
    plain = huber(x, y, weight, loss.delta, starts, lines)
    request.getfixturevalue("monkeypatch").undo()
    compiled = huber(x, y, weight, loss.delta, starts, lines)
    np.testing.assert_allclose(compiled, plain, rtol=1e-12, atol=1e-13)
    expected = naive(loss, x, y - y[0], weight, starts, lines)
    np.testing.assert_allclose(compiled[:, :7], expected, rtol=1e-11, atol=1e-11)
    squares = []
    for rows, _, w, f in rows_of(x, weight, starts, lines):
        squares.append(np.sum(loss.multiplier(y[rows] - y[0], f, w) ** 2 / w))
    np.testing.assert_allclose(compiled[:, 10], squares, rtol=1e-11)


@pytest.mark.parametrize("f", [-50.0, -3.0, -1e-3, 0.0, 0.2, 8.0])
@pytest.mark.parametrize("label", [-1.0, 1.0])
@pytest.mark.parametrize("rise", [0.0, 1.0])
def test_the_logistic_parabola_touches_the_loss_and_lies_above_it(f, label, rise):
    x, y = np.array([0.0, 1.0]), np.array([label, label])
    # The second row weighs nothing beside the first.
    weight = np.array([1.0, 1e-300])
    sums = logistic(x, y, weight, np.array([0, 2]), np.array([[f + 0.5 * rise, rise]]))[0]
    step = np.linspace(-100, 100, 2001)
    parabola = sums[0] - sums[1] * step + 0.5 * (sums[4] + sums[7]) * step**2
    loss = Logistic().rows(np.full_like(step, label), f + step)
    assert (parabola >= loss - 1e-12 * (1 + loss)).all()


@pytest.mark.parametrize("residual", [-5.0, -0.4, 0.0, 0.1, 0.5, 40.0])
def test_huber_s_parabola_touches_the_loss_and_lies_above_it(residual):
    x, y, loss = np.array([0.0, 1.0]), np.array([0.0, 0.0]), Huber(0.4)
    sums = huber(x, y, np.array([1.0, 1e-300]), loss.delta, np.array([0, 2]), np.array([[-residual, 0.0]]))[0]
    step = np.linspace(-100, 100, 2001)
    parabola = sums[0] - sums[1] * step + 0.5 * (sums[4] + sums[7]) * step**2
    above = loss.rows(np.zeros_like(step), step - residual)
    assert (parabola >= above - 1e-12 * (1 + above)).all()


@every_case
def test_a_scan_of_multipliers_is_the_scan_of_the_rows_they_come_from(x, y, weight):
    starts = segment_starts(x, 8)
    segments = np.arange(0, starts.size - 1, 2)
    lines, states = RNG.normal(size=(2, segments.size, 2))
    parts = []
    for k, q in enumerate(segments):
        rows = slice(starts[q], starts[q + 1])
        w = weight[rows] if weight.size else 1.0
        parts.append(w * (y[rows] - y[0] - lines[k, 0] - lines[k, 1] * (x[rows] - x[starts[q]])))
    th = np.concatenate(parts)
    extremes, rows = scan(x, y, weight, starts, segments, lines, states)
    for kernel in (scan_multipliers, getattr(scan_multipliers, "py_func", scan_multipliers)):
        found = kernel(x, th, starts, segments, states)
        np.testing.assert_allclose(found[0], extremes, rtol=1e-12)
        np.testing.assert_array_equal(found[1], rows)
