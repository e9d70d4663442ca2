"""Absolute and quantile loss in function space: equal to linear programming on small data, proved on hostile data."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import ARCHITECTURES, EPS, data, largest_correlation
from hypothesis import given, settings
from hypothesis import strategies as st

import convexnn as cnn
from convexnn import losses
from convexnn.lasso.quantile_slopes import applies, solve_quantile_slopes

SPLINES = {name: ARCHITECTURES[name] for name in (
    "relu-2", "leaky-2", "leaky-2-bent-down", "absolute-2", "relu-3", "relu-5"
)}  # fmt: skip
every_spline = pytest.mark.parametrize("architecture", SPLINES.values(), ids=SPLINES)
corner_losses = [losses.Absolute(), losses.Quantile(0.1), losses.Quantile(0.5), losses.Quantile(0.9)]


def assert_proved(problem, proof, expand, tol, *, off=0.0):
    """The dual point is feasible and worth the bound, the features the primal, and the two agree.

    `off` is by how much the features may miss the spline, relative to the objective.
    """
    th, (features, coef, intercept) = proof.dual_point, expand()
    lo, hi = problem.loss.box(problem.y, problem.weight)
    size = np.abs(th).sum()
    assert ((lo * (1 + 4 * EPS) <= th) & (th <= hi * (1 + 4 * EPS))).all()
    assert abs(th.sum()) <= 8 * EPS * size
    in_correlation = 64 * EPS * size * problem.column_range
    assert largest_correlation(problem, th) <= problem.beta * (1 + 64 * EPS) + in_correlation
    in_value = 64 * EPS * (problem.weight.sum() * np.ptp(problem.y) + size * np.abs(problem.y - problem.y[0]).max())
    assert proof.dual == pytest.approx(th @ (problem.y - problem.y[0]), rel=64 * EPS, abs=in_value)
    f = np.full(problem.n_samples, intercept)
    for feature, z in zip(features, coef, strict=True):
        f += z * feature(problem.x)
    in_fit = 64 * EPS * problem.weight.sum() * (np.abs(problem.y).max() + np.abs(coef).sum() * problem.column_range)
    assert problem.objective(f, coef) == pytest.approx(proof.primal, rel=off, abs=in_value + in_fit)
    assert 0 <= proof.relative_gap <= tol


def problem_with(x, y, share, architecture, loss, weight=None):
    """Beta is a share of the correlation at a best constant, which is beta_max unless targets tie there."""
    least = cnn.Problem(x, y, 1.0, architecture, loss=loss, sample_weight=weight)
    w = least.weight
    constant = loss.best_intercept(y, np.zeros_like(y), w)
    th = losses.shift_to_zero_sum(loss.multiplier(y, np.full_like(y, constant), w), w, *loss.box(y, w))
    beta = share * (least.dictionary.max_correlation(th)[0] or w.sum() * least.column_range)
    return cnn.Problem(x, y, beta or 1.0, architecture, loss=loss, sample_weight=weight)


@every_spline
@settings(max_examples=25)
@given(
    rows=data(),
    loss=st.sampled_from(corner_losses),
    share=st.floats(1e-3, 1.2),
    seed=st.integers(0, 2**32 - 1),
    weighted=st.booleans(),
)
def test_small_data_with_ties_and_weights(architecture, rows, loss, share, seed, weighted):
    x, y = rows
    weight = np.random.default_rng(seed).integers(0, 4, x.size).astype(float) if weighted else None
    if weighted:
        weight[0] += 1.0
    problem = problem_with(x, y, share, architecture, loss, weight)
    if not applies(problem):
        return
    proof, expand, _ = solve_quantile_slopes(problem, 1e-9)
    reference = cnn.solve(problem, solver="conic", on_failure="ignore")
    assert proof.primal == pytest.approx(reference.objective, rel=1e-8, abs=1e-12 * np.ptp(y))
    assert_proved(problem, proof, expand, 1e-9, off=1e-7)


@every_spline
@pytest.mark.parametrize("loss", corner_losses, ids=["absolute", "0.1", "0.5", "0.9"])
def test_more_rows(architecture, loss):
    rng = np.random.default_rng(8)
    for share in (0.5, 0.1, 0.01):
        x, noise = rng.uniform(-1, 1, 60), rng.normal(size=60)
        for y in (np.sin(5 * x) + 0.3 * noise, np.round(2 * x + noise), 30 * x + noise):
            problem = problem_with(x, y, share, architecture, loss, rng.exponential(size=60))
            proof, expand, _ = solve_quantile_slopes(problem, 1e-9)
            assert_proved(problem, proof, expand, 1e-9, off=1e-7)
            assert proof.kkt_residual <= 1e-6
    reference = cnn.solve(problem, solver="conic")
    assert proof.primal == pytest.approx(reference.objective, rel=1e-8)


def hostile(n=1500):
    """Name, x, y."""
    rng = np.random.default_rng(3)
    x, noise = np.sort(rng.uniform(size=n)), rng.normal(size=n)
    wave = np.sin(9 * x) + 0.1 * noise
    yield "spacings from 1e-12", np.cumsum(10 ** rng.uniform(-12, 0, n)), noise
    yield "half the points in a cluster", np.sort(np.append(rng.uniform(size=n // 2), 0.5 + 1e-8 * x[: n // 2])), noise
    yield "pairs", np.cumsum(np.where(np.arange(n) % 2, 2.0**-38, 1.0)), noise
    yield "offset", 1e6 + x, 1e6 + wave
    yield "heavy ties", np.sort(rng.integers(0, 40, n)).astype(float), noise
    yield "two inputs", np.sort(rng.integers(0, 2, n)).astype(float), noise
    yield "random walk", x, np.cumsum(noise)
    yield "steep line", x, 1e4 * x + noise
    yield "exact line", x, 3 * x
    yield "exponential", x, np.exp(30 * x)
    yield "outliers", x, np.where(np.arange(n) % 60 == 0, 1e4 * noise, wave)
    yield "rounded", x, np.round(3 * wave)
    yield "spike", x, (np.arange(n) == 765).astype(float)
    yield "alternating", np.arange(n) / n, (-1.0) ** np.arange(n)
    yield "tiny and huge", 1e-9 * x, 1e9 * wave
    yield "huge and tiny", 1e9 * x, 1e-9 * wave
    yield "two rows", x[:2], noise[:2]
    yield "three rows", x[:3], noise[:3]


HOSTILE = {name: (x, y) for name, x, y in hostile()}


@every_spline
@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("share", [0.5, 1e-2, 1e-5])
def test_hostile_data_is_certified(architecture, name, share):
    x, y = HOSTILE[name]
    loss = losses.Absolute() if share == 1e-2 else losses.Quantile(0.2)
    problem = problem_with(x, y, share, architecture, loss)
    proof, expand, _ = solve_quantile_slopes(problem, 1e-6)
    assert_proved(problem, proof, expand, 1e-6, off=1e-6)


@every_spline
@pytest.mark.parametrize("tau", [0.1, 0.5])
def test_a_sample_finds_the_rows_that_matter(architecture, tau):
    rng = np.random.default_rng(0)
    x = np.round(rng.uniform(-2, 2, 20_000), 4)
    y = np.sin(3 * x) + 0.1 * rng.standard_t(1.5, size=x.size) + 5
    weight = rng.exponential(size=x.size)
    weight[::7] = 0
    problem = problem_with(x, y, 0.01, architecture, losses.Quantile(tau), weight)
    proof, expand, _ = solve_quantile_slopes(problem, 1e-8)
    assert_proved(problem, proof, expand, 1e-8, off=1e-8)
    assert proof.kkt_residual <= 1e-6
    order = rng.permutation(x.size)
    same = cnn.Problem(x[order], y[order], problem.beta, architecture, loss=problem.loss, sample_weight=weight[order])
    again = solve_quantile_slopes(same, 1e-8)[0]
    assert (again.primal, again.dual) == (proof.primal, proof.dual)


@every_spline
def test_constants(architecture):
    x = np.arange(2000.0)
    flat = cnn.Problem(x, np.full(2000, 0.1), 1.0, architecture, loss="absolute")
    proof, expand, _ = solve_quantile_slopes(flat, 1e-6)
    features, _, intercept = expand()
    assert (features, intercept, proof.primal, proof.relative_gap) == ([], 0.1, 0.0, 0.0)
    y = np.sin(x)
    problem = cnn.Problem(x, y, 1e6, architecture, loss="quantile")
    proof, expand, _ = solve_quantile_slopes(problem, 1e-6)
    features, _, intercept = expand()
    assert features == []
    assert proof.primal == pytest.approx(problem.row_loss(np.full(2000, np.median(y) - y[0])), rel=1e-6)


def test_what_it_takes():
    x = np.array([0.0, 1, 2])
    relu = cnn.Architecture("relu")
    assert applies(cnn.Problem(x, x, 1.0, relu, loss="absolute"))
    assert not applies(cnn.Problem(x, x, 1.0, relu))
    assert not applies(cnn.Problem(x, x, 1.0, cnn.Architecture("sign"), loss="absolute"))
    assert not applies(cnn.Problem(x, x, 1.0, cnn.Architecture("absolute", 3), loss="quantile"))
    assert not applies(cnn.Problem(np.ones(3), x, 1.0, relu, loss="absolute"))
    assert not applies(cnn.Problem(x, x, 1.0, relu, loss="absolute", sample_weight=[0.0, 1, 0]))
