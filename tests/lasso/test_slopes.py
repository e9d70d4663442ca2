"""The function-space solver equals column generation on small data, and proves itself on large and hostile data."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import ARCHITECTURES, data
from hypothesis import given, settings
from hypothesis import strategies as st

import convexnn as cnn
from benchmarks.adversarial import CASES, adversarial_problem
from convexnn.errors import InputError
from convexnn.lasso import slopes
from convexnn.lasso import solve as module

SPLINES = {name: a for name, a in ARCHITECTURES.items() if name in (
    "relu-2", "leaky-2", "leaky-2-bent-down", "absolute-2", "relu-3", "relu-5"
)}  # fmt: skip
every_spline = pytest.mark.parametrize("architecture", SPLINES.values(), ids=SPLINES)


@every_spline
@settings(max_examples=40)
@given(rows=data(), share=st.floats(1e-4, 1.1), seed=st.integers(0, 2**32 - 1), weighted=st.booleans())
def test_small_data_with_ties_and_weights(architecture, rows, share, seed, weighted):
    x, y = rows
    weight = np.random.default_rng(seed).exponential(size=x.size) if weighted else None
    beta = share * cnn.Problem(x, y, 1.0, architecture, sample_weight=weight).beta_max
    if beta == 0:
        beta = 1.0
    problem = cnn.Problem(x, y, beta, architecture, sample_weight=weight)
    if not slopes.applies(problem):
        with pytest.raises(InputError, match="more than one input"):
            cnn.solve(problem, solver="slopes")
        return
    fast = cnn.solve(problem, solver="slopes", tol=1e-9)
    reference = cnn.solve(problem, solver="columns", tol=1e-9)
    scale = max(reference.objective, np.ptp(y) ** 2 * 1e-12)
    assert fast.objective == pytest.approx(reference.objective, abs=1e-8 * scale)
    assert fast.objective == pytest.approx(problem.objective(fast.predict(x), fast.coef), abs=1e-8 * scale)


@every_spline
@pytest.mark.parametrize("share", [0.3, 0.01, 1e-4])
def test_large_unsorted_data(architecture, share):
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, 6000)
    y = np.sin(3 * x) + 0.1 * rng.normal(size=x.size) + 5
    beta = share * cnn.Problem(x, y, 1.0, architecture).beta_max
    solution = cnn.solve(cnn.Problem(x, y, beta, architecture), solver="slopes", tol=1e-10)
    problem, th = solution.problem, solution.certificate.dual_point
    assert 0 <= solution.certificate.relative_gap <= 1e-10
    assert solution.certificate.kkt_residual <= 1e-7
    assert solution.objective == pytest.approx(problem.objective(solution.predict(x), solution.coef), rel=1e-10)
    used = np.stack([feature(x) for feature in solution.features], axis=1)
    np.testing.assert_allclose(used.T @ th, beta * np.sign(solution.coef), rtol=1e-7)
    assert problem.dictionary.max_correlation(th)[0] <= beta * (1 + 1e-12)
    order = np.argsort(x)
    again = cnn.solve(cnn.Problem(x[order], y[order], beta, architecture), solver="slopes", tol=1e-10)
    assert again.objective == solution.objective


@every_spline
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("share", [0.5, 1e-2, 1e-5])
def test_hostile_data_is_certified(architecture, case, share):
    problem = adversarial_problem(case, 3000, share, architecture)
    solution = cnn.solve(problem, solver="slopes", tol=1e-6, on_failure="raise")
    # Re-checked by the general certificate of the same prediction, from the explicit rows.
    th, y = solution.certificate.dual_point, problem.y - problem.rows.origin
    assert abs(th.sum()) <= 1e-12 * np.abs(th).sum()
    assert problem.dictionary.max_correlation(th)[0] <= problem.beta * (1 + 1e-9)
    bound = problem.loss.dual(th, y, problem.weight)
    negligible = problem.loss.negligible(y, problem.weight)
    assert bound == pytest.approx(solution.certificate.dual, abs=2e-6 * solution.objective + negligible)


@every_spline
def test_constants_are_exact(architecture):
    x = np.arange(2000.0)
    flat = cnn.solve(cnn.Problem(x, np.full(2000, 0.1), 1.0, architecture), solver="slopes")
    assert (flat.features, flat.intercept, flat.objective) == ((), 0.1, 0.0)
    y = np.sin(x)
    problem = cnn.Problem(x, y, 1.0, architecture)
    above = cnn.Problem(x, y, 1.01 * problem.beta_max, architecture)
    solution = cnn.solve(above, solver="slopes")
    assert solution.features == ()
    assert solution.intercept == pytest.approx(y.mean(), rel=1e-12)


def test_problems_it_does_not_take_are_refused():
    x = np.arange(100.0)
    refused = 'solver "slopes" is for piecewise-linear networks of two layers and narrow ReLU networks'
    for architecture in (cnn.Architecture("sign"), cnn.Architecture("absolute", 3)):
        with pytest.raises(InputError, match=refused):
            cnn.solve(cnn.Problem(x, np.sin(x), 1.0, architecture), solver="slopes")
    with pytest.raises(InputError, match=refused):
        cnn.solve(cnn.Problem(x, x, 1.0, cnn.Architecture("relu"), loss="interpolation"), solver="slopes")


def test_a_general_solver_has_a_second_try_on_small_data(monkeypatch):
    def lazy(problem, tol):
        return slopes.solve_slopes(problem, 0.5)

    methods = tuple(m._replace(solve=lazy) if m.applies is slopes.applies else m for m in module._METHODS)
    monkeypatch.setattr(module, "_METHODS", methods)
    x = np.arange(60.0)
    problem = cnn.Problem(x, np.sin(x / 5), 0.1, cnn.Architecture("relu"))
    assert cnn.solve(problem, solver="slopes", on_failure="ignore").status == "not certified"
    assert cnn.solve(problem).status == "certified"


def many_rows(seed, kind, n=5000):
    rng = np.random.default_rng(seed)
    x = {
        "uniform": rng.uniform(-2, 2, n),
        "heavy ties": rng.integers(0, 30, n).astype(float),
        "log-spaced": 10.0 ** rng.uniform(-12, 0, n),
        "two values": rng.integers(0, 2, n).astype(float),
    }[kind]
    weight = rng.exponential(size=n) * (rng.random(n) < 0.9)
    return {"x": x, "y": np.sin(3 * x) + 0.1 * rng.normal(size=n) + 5, "sample_weight": weight}


@every_spline
@pytest.mark.parametrize("kind", ["uniform", "heavy ties", "log-spaced", "two values"])
def test_many_unsorted_rows_are_gathered_instead_of_sorted(architecture, kind, monkeypatch):
    rows = many_rows(4, kind)
    beta = 0.01 * cnn.Problem(beta=1.0, architecture=architecture, **rows).beta_max
    problem = cnn.Problem(beta=beta, architecture=architecture, **rows)
    wanted = cnn.solve(problem, solver="slopes", tol=1e-10)
    monkeypatch.setattr(slopes, "_SORTED_UP_TO", 1000)
    monkeypatch.setattr(slopes, "_SAMPLE", 1024)
    monkeypatch.setattr(slopes, "_BINS", 64)
    found = cnn.solve(problem, solver="slopes", tol=1e-10)
    assert 0 <= found.certificate.relative_gap <= 1e-10
    assert found.objective == pytest.approx(wanted.objective, rel=2e-10)
    np.testing.assert_array_equal(problem.x, rows["x"])  # the caller's rows stay where they are


@pytest.mark.parametrize("architecture", [SPLINES["relu-2"], SPLINES["relu-3"]])
def test_results_do_not_depend_on_the_number_of_threads(architecture, monkeypatch):
    rows = many_rows(5, "uniform", 20_000)
    problem = cnn.Problem(beta=3.0, architecture=architecture, **rows)
    found = []
    for n_threads in (1, 2, 3):
        monkeypatch.setattr(slopes, "threads_for", lambda n_rows, n_threads=n_threads: n_threads)
        found.append(cnn.solve(problem, solver="slopes"))
    for other in found[1:]:
        np.testing.assert_array_equal(other.coef, found[0].coef)
        assert other.features == found[0].features
        assert other.certificate.dual == found[0].certificate.dual
