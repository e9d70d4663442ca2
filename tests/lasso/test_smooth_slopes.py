"""Logistic and Huber loss in function space: equal to other solvers on small data, proved on large and hostile data."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import ARCHITECTURES, EPS, data, problem_at, targets
from hypothesis import given, settings
from hypothesis import strategies as st

import convexnn as cnn
from convexnn import Problem, Solution
from convexnn.lasso import smooth_slopes
from convexnn.losses import Huber, Logistic

SPLINES = {name: ARCHITECTURES[name] for name in ("relu-2", "leaky-2", "leaky-2-bent-down", "absolute-2", "relu-3")}
SMOOTH = {"logistic": Logistic(), "huber": Huber(0.3)}
every_spline = pytest.mark.parametrize("architecture", SPLINES.values(), ids=SPLINES)
every_smooth_loss = pytest.mark.parametrize("loss", SMOOTH.values(), ids=SMOOTH)


def solved(problem: Problem, tol: float) -> Solution:
    """What `solve` would return with this solver."""
    proof, expand, n_iter = smooth_slopes.solve_smooth_slopes(problem, tol)
    status = "certified" if abs(proof.relative_gap) <= tol else "not certified"
    return Solution(problem, proof, status, n_iter, 0.0, expand)


def assert_proved(solution: Solution, tol: float) -> None:
    """The gap is as small as asked for, and dual point and prediction are worth what the certificate says."""
    problem, proof = solution.problem, solution.certificate
    y = problem.y - (problem.y[0] if problem.loss.degree else 0.0)
    th = proof.dual_point
    lo, hi = problem.loss.box(problem.y, problem.weight)
    size = np.abs(th).sum()
    assert 0 <= proof.relative_gap <= tol
    assert ((lo * (1 + 4 * EPS) <= th) & (th <= hi * (1 + 4 * EPS))).all()
    assert abs(th.sum()) <= 8 * EPS * size
    # The oracle of the dictionary knows nothing of segments; its running sums round like n numbers.
    rounding = 8 * EPS * problem.n_samples * size * problem.column_range
    assert problem.dictionary.max_correlation(th)[0] <= problem.beta * (1 + 1e-12) + rounding
    bound = problem.loss.dual(th, y, problem.weight)
    assert proof.dual <= bound + tol * proof.primal
    assert bound <= proof.primal * (1 + 1e-9)
    objective = problem.objective(solution.predict(problem.x), solution.coef)
    assert objective == pytest.approx(proof.primal, rel=1e-9)


@every_spline
@every_smooth_loss
@settings(max_examples=25)
@given(rows=data(), share=st.floats(1e-3, 1.1), seed=st.integers(0, 2**32 - 1), weighted=st.booleans())
def test_small_data_with_ties_and_weights(architecture, loss, rows, share, seed, weighted):
    x, y = rows[0], targets(loss, rows[1])
    rng = np.random.default_rng(seed)
    weight = rng.exponential(size=x.size) * np.append(rng.uniform(size=x.size - 2) < 0.8, [1, 1]) if weighted else None
    if loss.degree == 0:
        y[-2:] = -1.0, 1.0  # both classes weigh something
    problem = problem_at(share, x, y, architecture, loss, sample_weight=weight)
    if not smooth_slopes.applies(problem):
        live = x if weight is None else x[weight > 0]
        assert (live == live[0]).all()
        return
    fast = solved(problem, 1e-9)
    reference = cnn.solve(problem, solver="columns", tol=1e-9)
    scale = max(reference.objective, 1e-12 * np.ptp(y) ** 2)
    assert fast.objective == pytest.approx(reference.objective, abs=1e-8 * scale)
    assert fast.objective == pytest.approx(problem.objective(fast.predict(x), fast.coef), abs=1e-8 * scale)


@every_spline
@every_smooth_loss
def test_the_conic_reference_agrees(architecture, loss):
    rng = np.random.default_rng(7)
    x = np.round(rng.uniform(-2, 2, 30), 1)
    y = targets(loss, np.sin(3 * x) + rng.normal(size=30))
    problem = problem_at(0.05, x, y, architecture, loss, sample_weight=rng.exponential(size=30))
    reference = cnn.solve(problem, solver="conic", tol=1e-7)
    assert solved(problem, 1e-9).objective == pytest.approx(reference.objective, rel=1e-8)


def wave(loss, n, rng):
    """Unsorted inputs, and a noisy sine or labels that follow one."""
    x = rng.uniform(-2, 2, n)
    if loss.degree == 0:
        return x, np.where(rng.uniform(size=n) < 1 / (1 + np.exp(-3 * np.sin(3 * x))), 1.0, -1.0)
    return x, np.sin(3 * x) + 0.3 * rng.standard_t(2, size=n) + 5


@every_spline
@every_smooth_loss
@pytest.mark.parametrize("share", [0.3, 0.01, 1e-4])
def test_large_unsorted_data(architecture, loss, share):
    x, y = wave(loss, 6000, np.random.default_rng(0))
    problem = problem_at(share, x, y, architecture, loss)
    solution = solved(problem, 1e-9)
    assert_proved(solution, 1e-9)
    assert solution.certificate.kkt_residual <= 1e-7
    used = np.stack([feature(x) for feature in solution.features], axis=1)
    np.testing.assert_allclose(
        used.T @ solution.certificate.dual_point, problem.beta * np.sign(solution.coef), rtol=1e-6
    )
    order = np.argsort(x)
    again = solved(Problem(x[order], y[order], problem.beta, architecture, loss=loss), 1e-9)
    assert again.objective == solution.objective


@every_smooth_loss
def test_segments_that_are_not_read_hide_nothing(loss):
    x, y = wave(loss, 200_000, np.random.default_rng(1))
    problem = problem_at(0.01, x, y, ARCHITECTURES["relu-2"], loss)
    assert_proved(solved(problem, 1e-6), 1e-6)


@every_smooth_loss
def test_a_gap_below_rounding_is_not_claimed(loss):
    x, y = wave(loss, 20_000, np.random.default_rng(5))
    problem = problem_at(0.01, x, y, ARCHITECTURES["absolute-2"], loss)
    solution = solved(problem, 1e-18)
    assert solution.certificate.relative_gap <= 1e-9
    assert problem.objective(solution.predict(x), solution.coef) == pytest.approx(solution.objective, rel=1e-10)


@every_smooth_loss
def test_the_order_of_tied_rows_does_not_show(loss):
    rng = np.random.default_rng(6)
    x, y = wave(loss, 70_000, rng)
    x = np.round(x, 3)
    problem = problem_at(0.01, x, y, ARCHITECTURES["relu-2"], loss)
    order = rng.permutation(x.size)
    shuffled = Problem(x[order], y[order], problem.beta, problem.architecture, loss=loss)
    one, other = solved(problem, 1e-4), solved(shuffled, 1e-4)
    assert other.objective == pytest.approx(one.objective, rel=1e-11)


@every_smooth_loss
def test_weights_count_like_repeated_rows(loss):
    rng = np.random.default_rng(2)
    x, y = wave(loss, 3000, rng)
    times = rng.integers(0, 4, x.size)
    beta = problem_at(0.02, x, y, ARCHITECTURES["relu-3"], loss, sample_weight=times.astype(float)).beta
    weighted = Problem(x, y, beta, ARCHITECTURES["relu-3"], loss=loss, sample_weight=times.astype(float))
    repeated = Problem(np.repeat(x, times), np.repeat(y, times), beta, ARCHITECTURES["relu-3"], loss=loss)
    assert solved(weighted, 1e-10).objective == pytest.approx(solved(repeated, 1e-10).objective, rel=2e-10)


def hostile(n):
    """Name, x, y."""
    rng = np.random.default_rng(3)
    x, noise = np.sort(rng.uniform(size=n)), rng.normal(size=n)
    wavy = np.sin(9 * x) + 0.1 * noise
    yield "spacings from 1e-12", np.cumsum(10 ** rng.uniform(-12, 0, n)), noise
    yield "gaps of 2^-38", np.cumsum(np.where(rng.uniform(size=n) < 0.5, 2.0**-38, 1.0)), noise
    yield "half in a cluster", np.sort(np.append(rng.uniform(size=n - n // 2), 0.5 + 1e-8 * x[: n // 2])), wavy
    yield "offset", 1e6 + x, 1e6 + wavy
    yield "heavy ties", np.sort(rng.integers(0, 40, n)).astype(float), noise
    yield "two inputs", np.append(np.zeros(n // 2), np.ones(n - n // 2)), noise
    yield "random walk", x, np.cumsum(noise)
    yield "steep line", x, 1e4 * x + noise
    yield "exact line", x, 3 * x
    yield "outliers", x, np.where(np.arange(n) % 20 == 0, 1e4 * noise, wavy)
    yield "spike", x, (np.arange(n) == n // 3).astype(float)
    yield "alternating", np.arange(n) / n, (-1.0) ** np.arange(n)
    yield "step", x, (x > 0.5).astype(float)
    yield "exponential", x, np.exp(20 * x)
    yield "small y", x, 1e-9 * wavy
    yield "large y", x, 1e9 * wavy
    yield "small x and large y", 1e-9 * x, 1e9 * noise
    yield "large x and small y", 1e9 * x, 1e-9 * noise
    yield "no noise", x, np.sin(9 * x)


HOSTILE = {(n, name): (x, y) for n in (3, 400) for name, x, y in hostile(n)}


@every_spline
@pytest.mark.parametrize("case", HOSTILE, ids=str)
def test_hostile_data_is_certified(architecture, case):
    x, y = HOSTILE[case]
    near = np.median(np.abs(y - np.median(y))) or 0.5 * np.std(y)
    for loss in (Huber(near), Huber(0.02 * np.std(y)), Logistic()):
        t = targets(loss, y)
        if loss.degree == 0 and np.unique(t).size < 2:
            continue
        for share in (0.3, 0.01, 1e-3):
            problem = problem_at(share, x, t, architecture, loss)
            if problem.beta_max > 0:
                assert_proved(solved(problem, 1e-6), 1e-6)


@every_spline
@every_smooth_loss
def test_constants_are_exact(architecture, loss):
    x = np.arange(3000.0)
    y = targets(loss, np.sin(x))
    problem = problem_at(1.01, x, y, architecture, loss)
    solution = solved(problem, 1e-6)
    assert solution.features == ()
    assert solution.intercept == pytest.approx(problem.constant_fit[0] + problem.rows.origin, abs=1e-9)
    if loss.degree:
        flat = solved(Problem(x, np.full(3000, 0.1), 1.0, architecture, loss=loss), 1e-6)
        assert (flat.features, flat.intercept, flat.objective) == ((), 0.1, 0.0)


def test_what_it_does_not_take():
    x, y = np.arange(4.0), np.array([0.0, 1, 0, 2])
    relu = ARCHITECTURES["relu-2"]
    assert smooth_slopes.applies(Problem(x, y, 1.0, relu, loss="huber"))
    assert not smooth_slopes.applies(Problem(x, y, 1.0, relu))
    assert not smooth_slopes.applies(Problem(x, y, 1.0, relu, loss="absolute"))
    assert not smooth_slopes.applies(Problem(x, y, 1.0, ARCHITECTURES["sign-2"], loss="huber"))
    assert not smooth_slopes.applies(Problem(x, y, 1.0, ARCHITECTURES["absolute-3"], loss="huber"))
    assert not smooth_slopes.applies(Problem(np.ones(4), y, 1.0, relu, loss="huber"))
    one_input_counts = Problem(x, y, 1.0, relu, loss="huber", sample_weight=np.array([0.0, 1, 0, 0]))
    assert not smooth_slopes.applies(one_input_counts)
