"""Quantile smoothing splines: compiled, in plain Python, and by scipy's linear programming."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from convexnn.kernels import predictor_corrector, quantile_splines, quasidefinite_system
from convexnn.kernels.hat_functions import second_difference
from convexnn.kernels.quantile_splines import fit_quantile_spline

SHAPES = {"relu": (1.0, False), "leaky": (5 / 3, False), "absolute": (0.0, False), "ramps": (0.0, True)}
every_shape = pytest.mark.parametrize(("kappa", "bounded"), SHAPES.values(), ids=SHAPES)


def stiffness(lengths):
    """T as a matrix."""
    return np.stack([second_difference(row, lengths) for row in np.eye(lengths.size + 1)], axis=1)


def instance(seed, k, m):
    rng = np.random.default_rng(seed)
    knots = np.sort(rng.uniform(size=k))
    at = np.sort(np.append(np.arange(k - 1), rng.integers(0, k - 1, m - k + 1)))  # a row in every interval
    starts = np.searchsorted(at, np.arange(k))
    starts[-1] = m
    weight = rng.exponential(size=m)
    return np.diff(knots), starts, rng.uniform(size=m), rng.normal(size=m), -0.3 * weight, 0.7 * weight


def hats(starts, place):
    table = np.zeros((place.size, starts.size))
    for j in range(starts.size - 1):
        rows = slice(starts[j], starts[j + 1])
        table[rows, j], table[rows, j + 1] = 1 - place[rows], place[rows]
    return table


def norm(u, lengths, bound, kappa, bounded):
    bends = second_difference(u, lengths)
    if bounded:
        return bound * np.abs(bends).sum()
    variation = np.abs(bends[1:-1]).sum()
    return bound * max(variation, (variation + abs(bends[0] - bends[-1])) / (1 + kappa))


def by_linear_programming(lengths, table, y, low, high, bound, kappa, bounded):
    """The optimum over th, w, v and e."""
    (m, k), t = table.shape, stiffness(lengths)
    n = m + k + 2
    eye = np.eye(n)
    w, v, e = eye[m : m + k], eye[-2], eye[-1]
    equations = [np.concatenate((-table.T, t, np.zeros((k, 2))), axis=1)]
    if bounded:
        inequalities = np.concatenate((w, -w))
        ends = np.full(2 * k, bound)
    else:
        equations.append([w[0] - v, w[-1] + v])
        inner = w[1:-1]
        inequalities = np.concatenate((inner + kappa * e, kappa * e - inner, [v - e, -v - e, (1 + kappa) * e]))
        ends = np.concatenate((np.full(2 * k - 4, bound), [0.0, 0.0, bound]))
    program = linprog(
        np.concatenate((-y, np.zeros(k + 2))),
        A_ub=inequalities,
        b_ub=ends,
        A_eq=np.concatenate(equations),
        b_eq=np.zeros(k if bounded else k + 2),
        bounds=[*zip(low, high, strict=True), *[(None, None)] * (k + 2)],
    )
    return -program.fun


@every_shape
@pytest.mark.parametrize(("seed", "k", "m"), [(0, 2, 3), (1, 3, 10), (2, 8, 40), (3, 12, 12), (4, 5, 200)])
@pytest.mark.parametrize("bound", [1.0, 1e-2, 1e-4])
def test_the_optimum_is_that_of_the_linear_program(kappa, bounded, seed, k, m, bound):
    lengths, starts, place, y, low, high = instance(seed, k, m)
    table = hats(starts, place)
    start = np.full(k, y.mean())
    u, th, w, _ = fit_quantile_spline(lengths, starts, place, y, low, high, bound, kappa, bounded, start, 1e-9)
    optimum = by_linear_programming(lengths, table, y, low, high, bound, kappa, bounded)
    residual = y - table @ u
    primal = np.maximum(high * residual, low * residual).sum() + norm(u, lengths, bound, kappa, bounded)
    scale = high @ np.abs(y)
    assert primal == pytest.approx(optimum, rel=1e-8, abs=1e-9 * scale)
    assert th @ y == pytest.approx(optimum, rel=1e-8, abs=1e-9 * scale)
    assert ((low < th) & (th < high)).all()
    np.testing.assert_allclose(stiffness(lengths) @ w, table.T @ th, atol=1e-8 * high.max())
    slack = bound if bounded else bound - kappa * abs(w[0])
    assert np.abs(w).max() <= slack * (1 + 1e-12)


@every_shape
def test_compiled_equals_plain_python(kappa, bounded, monkeypatch):
    arguments = *instance(5, 6, 30), 0.01, kappa, bounded, np.zeros(6), 1e-6
    compiled = fit_quantile_spline(*arguments)
    for module in (quantile_splines, predictor_corrector, quasidefinite_system):
        for name, function in vars(module).items():
            if hasattr(function, "py_func"):
                monkeypatch.setattr(module, name, function.py_func)
    plain = quantile_splines.fit_quantile_spline(*arguments)
    assert compiled[3] == plain[3]
    for one, other in zip(compiled[:3], plain[:3], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
