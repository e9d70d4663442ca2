"""The spline on segments: compiled and in plain Python, and against a dense quadratic program's conditions."""

from __future__ import annotations

import numpy as np
import pytest

from convexnn.kernels import splines
from convexnn.kernels.segments import segment_starts, segment_statistics

RNG = np.random.default_rng(8)
# A = |a - b|, M = max(|a|, |b|), and whether the slopes are continued by zero: relu, absolute, leaky, narrow relu.
PENALTIES = {
    "relu": (1.0, 1.0, False),
    "absolute": (2.0, 1.0, False),
    "leaky": (0.75, 1.0, False),
    "ramps": (1, 1, True),
}
every_penalty = pytest.mark.parametrize("kind", PENALTIES.values(), ids=PENALTIES)


def table_of(x, y):
    starts = segment_starts(x, 1)
    table = np.empty((starts.size - 1, 7))
    segment_statistics(x, y, np.zeros(0), starts, 0, starts.size - 1, table)
    return table, np.append(x[starts[:-1]], x[-1])


@pytest.fixture
def in_plain_python(monkeypatch):
    """The same functions without compilation, helpers included."""
    for name in dir(splines):
        kernel = getattr(splines, name)
        if hasattr(kernel, "py_func"):
            monkeypatch.setattr(splines, name, kernel.py_func)
    return splines


def fit(module, x, y, beta, kind):
    table, edges = table_of(x, y)
    knots = np.array([0, edges.size - 1])
    spread, steepest, bounded = kind
    start = np.zeros(2), np.zeros(2)
    return module.fit_spline(table, edges, knots, *start, beta, spread, steepest, bool(bounded), 1e-12, 500), edges


@every_penalty
@pytest.mark.parametrize("beta", [1e-3, 0.05, 0.5])
def test_compiled_equals_plain_python(kind, beta, in_plain_python, request):
    x, y = np.sort(RNG.uniform(size=12)), RNG.normal(size=12)
    plain, _ = fit(in_plain_python, x, y, beta, kind)
    request.getfixturevalue("monkeypatch").undo()
    compiled, _ = fit(splines, x, y, beta, kind)
    np.testing.assert_array_equal(plain[0], compiled[0])
    np.testing.assert_allclose(plain[2], compiled[2], atol=1e-9)
    np.testing.assert_allclose(plain[5][:2], compiled[5][:2], rtol=1e-10)


@every_penalty
@pytest.mark.parametrize("beta", [1e-3, 0.05, 0.5])
def test_the_fit_satisfies_the_optimality_conditions(kind, beta):
    spread, steepest, bounded = kind
    x, y = np.sort(RNG.uniform(size=25)), RNG.normal(size=25)
    (knots, _, u, curve, _, numbers), edges = fit(splines, x, y, beta, kind)
    f = np.interp(x, edges[knots], u)
    th = y - y[0] - f
    assert abs(th.sum()) < 1e-10
    g = np.maximum(edges[:, None] - x, 0) @ th
    np.testing.assert_allclose(np.diff(curve), np.diff(g), atol=1e-10)
    slopes = np.diff(u) / np.diff(edges[knots])
    kinks, ends = np.abs(np.diff(slopes)).sum(), abs(slopes[0] + slopes[-1])
    if bounded:
        penalty = (abs(slopes[0]) + kinks + abs(slopes[-1])) / 2
        largest = np.ptp(g)
    else:
        penalty = max(kinks / spread, (kinks + ends) / (2 * steepest))
        m = x @ th
        largest = spread * np.abs(g + m / 2).max() + (2 * steepest - spread) * abs(m) / 2
    assert numbers[0] == pytest.approx(0.5 * th @ th + beta * penalty, rel=1e-12)
    assert largest <= beta * (1 + 1e-9)
    assert penalty == pytest.approx(th @ f / beta, rel=1e-8)
