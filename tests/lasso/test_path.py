"""Paths along beta: the exact one has every breakpoint and is linear in between; both kinds equal single solves."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import ARCHITECTURES, LOSSES, assert_certified, data, targets
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import lars_path

import convexnn as cnn
from convexnn.errors import ConvergenceWarning, InputError, NotConvergedError
from convexnn.lasso import breakpoints, column_path, level_breakpoints
from convexnn.lasso import path as path_module
from convexnn.lasso.path import path

every_architecture = pytest.mark.parametrize(
    "architecture", [pytest.param(a, id=name) for name, a in ARCHITECTURES.items()]
)
FUNCTION_SPACE = {
    name: ARCHITECTURES[name]
    for name in ("relu-2", "leaky-2", "leaky-2-bent-down", "absolute-2", "relu-3", "sign-2", "threshold-2")
}
every_function_space = pytest.mark.parametrize("architecture", FUNCTION_SPACE.values(), ids=FUNCTION_SPACE)


def noisy_sine(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, n)
    return x, np.sin(3 * x) + 0.1 * rng.normal(size=n)


def at(problem: cnn.Problem, beta: float) -> cnn.Problem:
    return cnn.Problem(
        problem.x, problem.y, beta, problem.architecture, loss=problem.loss, sample_weight=problem.given_weight
    )


@every_architecture
@settings(max_examples=8)
@given(rows=data(), seed=st.integers(0, 2**32 - 1), weighted=st.booleans())
def test_between_breakpoints_it_is_the_optimum(architecture, rows, seed, weighted):
    rng = np.random.default_rng(seed)
    x, y = rows
    weight = rng.exponential(size=x.size) * (rng.random(x.size) < 0.8) + (x == x[0]) if weighted else None
    problem = cnn.Problem(x, y, 1.0, architecture, sample_weight=weight)
    if problem.beta_max == 0:
        with pytest.raises(InputError, match="pass betas="):
            path(problem)
        return
    found = path(problem)
    assert found.is_exact
    assert found.betas[0] == problem.beta_max
    assert found.betas[-1] == problem.beta_max / 1000
    assert (np.diff(found.betas) < 0).all()
    assert len(found.solutions) == found.betas.size
    assert found.solutions[0].features == ()
    for beta in (*rng.choice(found.betas, 3), *problem.beta_max * 10 ** rng.uniform(-3, 0, 3)):
        solution = found.at(beta)
        assert solution.problem.beta == beta
        assert solution.certificate.relative_gap <= 1e-9
    reference = cnn.solve(solution.problem, solver="conic", tol=1e-7)
    assert solution.objective == pytest.approx(reference.objective, rel=1e-8)


@every_architecture
def test_the_fit_is_linear_between_breakpoints(architecture):
    n = 8 if architecture.depth == 4 and architecture.activation.name == "absolute" else 14
    x, y = noisy_sine(n, seed=3)
    found = path(cnn.Problem(x, y, 1.0, architecture))
    fits = [solution.predict(x) for solution in found.solutions]
    for high, low, above, below in zip(found.betas, found.betas[1:], fits, fits[1:], strict=False):
        for share in (0.2, 0.7):
            fit = found.at(share * high + (1 - share) * low).predict(x)
            np.testing.assert_allclose(fit, share * above + (1 - share) * below, atol=1e-9)


@every_function_space
def test_the_fit_bends_at_every_breakpoint(architecture):
    x, y = noisy_sine(14, seed=3)
    found = path(cnn.Problem(x, y, 1.0, architecture))
    fits = np.array([solution.predict(x) for solution in found.solutions])
    rates = np.diff(fits, axis=0) / np.diff(found.betas)[:, None]
    assert (np.abs(np.diff(rates, axis=0)).max(axis=1) > 1e-6 * np.abs(rates).max()).all()


@every_architecture
def test_loss_falls_and_penalty_grows_as_beta_falls(architecture):
    n = 8 if architecture.depth == 4 and architecture.activation.name == "absolute" else 20
    x, y = noisy_sine(n, seed=1)
    problem = cnn.Problem(x, y, 1.0, architecture)
    found = path(problem, beta_min=problem.beta_max / 50)
    penalties = np.array([np.abs(solution.coef).sum() for solution in found.solutions])
    losses = np.array([s.objective - s.problem.beta * p for s, p in zip(found.solutions, penalties, strict=True)])
    rounding = 1e-10 * losses[0]
    assert (np.diff(losses) <= rounding).all()
    assert (np.diff(penalties) >= -1e-10 * penalties[-1]).all()


@pytest.mark.parametrize("name", ["sign-2", "threshold-2"])
def test_breakpoints_are_those_of_least_angle_regression(name):
    x, y = noisy_sine(9, seed=5)
    problem = cnn.Problem(x, y, 1.0, ARCHITECTURES[name])
    columns = problem.dictionary.matrix()
    end = problem.beta_max / 20
    betas = 9 * lars_path(columns - columns.mean(axis=0), y - y.mean(), method="lasso", alpha_min=end / 9)[0]
    np.testing.assert_allclose(path(problem, beta_min=end).betas, betas, rtol=1e-9)


@every_function_space
def test_function_space_and_columns_agree(architecture):
    x, y = noisy_sine(30, seed=2)
    problem = cnn.Problem(x, y, 1.0, architecture)
    found, columns = path(problem), column_path.follow_columns(problem, problem.beta_max / 1000)
    # Columns can take turns without any change of the fit: their breakpoints may be more.
    nearest = np.abs(np.subtract.outer(found.betas, columns.betas)).min(axis=1)
    assert (nearest <= 1e-9 * found.betas).all()


def test_the_range_is_followed_like_any_dictionary():
    x, y = noisy_sine(12, seed=4)
    y = np.round(y, 1)
    problem = cnn.Problem(x, y, 1.0, cnn.Architecture("sign", 3, form="parallel", widths=(11,)))
    found = path(problem)
    columns = column_path.follow_columns(problem, problem.beta_max / 1000)
    assert level_breakpoints.level_breakpoints(problem).max() == pytest.approx(problem.beta_max, rel=1e-12)
    for beta in np.geomspace(problem.beta_max / 999, problem.beta_max, 20)[:-1]:
        reference = columns.candidates(beta)[0]
        assert np.abs(reference.coef).sum() == pytest.approx(np.abs(found.at(beta).coef).sum(), rel=1e-9)
    nearest = np.abs(np.subtract.outer(found.betas, columns.betas)).min(axis=1)
    assert (nearest <= 1e-9 * found.betas).all()


def hostile(n: int):
    """Name, x, y."""
    rng = np.random.default_rng(3)
    x, noise = np.sort(rng.uniform(size=n)), rng.normal(size=n)
    yield "spacings from 1e-9", np.cumsum(10 ** rng.uniform(-9, 0, n)), noise
    yield "half the points in a cluster", np.append(rng.uniform(size=n // 2), 0.5 + 1e-8 * x[: n // 2]), noise
    yield "offset", 1e6 + x, np.sin(9 * x) + 0.1 * noise + 1e6
    yield "heavy ties", rng.integers(0, n // 5, n).astype(float), noise
    yield "random walk", x, np.cumsum(noise)
    yield "steep line", x, 1e4 * x + noise
    yield "exact line", x, 3 * x
    yield "outliers", x, np.where(np.arange(n) % 9 == 0, 1e4 * noise, np.sin(9 * x))
    yield "spike", x, (np.arange(n) == n // 3).astype(float)
    yield "alternating", np.arange(n) / n, (-1.0) ** np.arange(n)
    yield "mirrored", np.append(-x, x), np.append(noise, noise)
    yield "tiny and huge", 1e-9 * x, 1e9 * noise


def every_hostile(n: int):
    return pytest.mark.parametrize(("x", "y"), [pytest.param(x, y, id=name) for name, x, y in hostile(n)])


def assert_certified_all_the_way(problem: cnn.Problem) -> None:
    found = path(problem)
    for solution in found.solutions[:: -max(1, len(found.solutions) // 20)]:
        assert solution.certificate.relative_gap <= 1e-8
        assert solution.status == "certified"


@every_function_space
@every_hostile(150)
def test_hostile_data(architecture, x, y):
    assert_certified_all_the_way(cnn.Problem(x, y, 1.0, architecture))


@pytest.mark.parametrize("name", ["absolute-3", "threshold-4-tree"])
@every_hostile(16)
def test_hostile_data_of_found_features(name, x, y):
    assert_certified_all_the_way(cnn.Problem(x, y, 1.0, ARCHITECTURES[name]))


def test_many_events():
    x, y = noisy_sine(2000)
    found = path(cnn.Problem(x, y, 1.0, cnn.Architecture("relu")))
    assert found.betas.size > 800
    assert_certified(found.solutions[-1])


@pytest.mark.parametrize("name", ["relu-2", "relu-3", "absolute-3", "sign-2"])
def test_the_order_of_rows_does_not_show(name):
    x, y = noisy_sine(25)
    x = np.round(x, 1)
    order = np.random.default_rng(0).permutation(25)
    one, two = (path(cnn.Problem(a, b, 1.0, ARCHITECTURES[name])) for a, b in ((x, y), (x[order], y[order])))
    np.testing.assert_array_equal(one.betas, two.betas)
    assert [s.objective for s in one.solutions] == [s.objective for s in two.solutions]


@pytest.mark.parametrize("architecture", [cnn.Architecture("relu"), cnn.Architecture("absolute", 3)])
def test_too_many_events_are_refused(monkeypatch, architecture):
    monkeypatch.setattr(breakpoints, "_MOST_EVENTS", 10)
    x, y = noisy_sine(30)
    with pytest.raises(InputError, match=r"more than 10 events: .* betas="):
        path(cnn.Problem(x, y, 1.0, architecture))


def test_an_end_that_does_not_certify_is_an_error(monkeypatch):
    monkeypatch.setattr(path_module, "_EXACT_TOL", -1.0)
    x, y = noisy_sine(10)
    with pytest.raises(NotConvergedError, match=r"lost its way.*betas=") as caught:
        path(cnn.Problem(x, y, 1.0, cnn.Architecture("relu")))
    assert caught.value.solution.problem.beta == caught.value.solution.problem.beta_max / 1000


@pytest.mark.parametrize("name", ["relu-2", "relu-3", "absolute-3", "sign-2", "sign-3-parallel"])
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_grid_equals_single_solves(name, loss):
    x, y = noisy_sine(7)
    architecture = ARCHITECTURES[name]
    problem = cnn.Problem(x, targets(loss, y), 1.0, architecture, loss=loss)
    largest = min(problem.beta_max, 10.0)
    betas = np.array([0.01, 2.0, 0.3]) * largest
    found = path(problem, betas=betas)
    assert not found.is_exact
    np.testing.assert_array_equal(found.betas, np.sort(betas)[::-1])
    for solution in (*found.solutions, found.at(0.1 * largest)):
        single = cnn.solve(solution.problem)
        assert solution.status == "certified"
        assert solution.objective == pytest.approx(single.objective, rel=1e-6, abs=1e-9)
        assert solution.objective == pytest.approx(problem_value(solution), rel=1e-6, abs=1e-9)
    assert found.at(0.3 * largest) is found.solutions[1]


def problem_value(solution: cnn.Solution) -> float:
    """The objective of what the solution predicts."""
    problem = solution.problem
    if problem.loss.name == "interpolation":
        return problem.beta * float(np.abs(solution.coef).sum())
    return problem.objective(solution.predict(problem.x), solution.coef)


@pytest.mark.parametrize("name", ["relu-2", "relu-3", "absolute-2", "sign-2"])
def test_a_grid_of_large_data(name):
    x, y = noisy_sine(20_000)
    problem = cnn.Problem(x, y, 1.0, ARCHITECTURES[name])
    betas = problem.beta_max * np.geomspace(1e-4, 1, 25)
    found = path(problem, betas=betas)
    for solution in found.solutions[::6]:
        single = cnn.solve(at(problem, solution.problem.beta), tol=1e-9)
        assert solution.status == "certified"
        assert 0 <= solution.objective - single.objective + 1e-9 * single.objective <= 2e-6 * single.objective
        assert problem_value(solution) == pytest.approx(solution.objective, rel=1e-9)
    between = np.sqrt(betas[3] * betas[4])
    assert found.at(between).objective == found.at(between).objective
    assert found.at(between).status == "certified"


def test_a_grid_warns_of_what_is_not_certified(monkeypatch):
    monkeypatch.setattr(path_module, "_TOL", -1.0)
    x, y = noisy_sine(10)
    problem = cnn.Problem(x, y, 1.0, cnn.Architecture("absolute", 3))
    with pytest.warns(ConvergenceWarning, match="2 of 2 solutions are not certified"):
        path(problem, betas=[0.1, 0.2])


def test_outside_the_range():
    x, y = noisy_sine(10)
    problem = cnn.Problem(x, y, 1.0, cnn.Architecture("relu"))
    found = path(problem, beta_min=0.1 * problem.beta_max)
    assert found.at(0.1 * problem.beta_max) is found.solutions[-1]
    for beta in (0.09 * problem.beta_max, 1.01 * problem.beta_max):
        with pytest.raises(InputError, match="beta must lie in the range of the path"):
            found.at(beta)
    for beta in (0.0, np.nan, "1"):
        with pytest.raises(InputError, match="beta must be"):
            found.at(beta)
    assert str(found).startswith(f"relu, depth 2: {found.betas.size - 1} breakpoints from beta = ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"betas": []}, "betas is empty"),
        ({"betas": [1.0, 0.0]}, "betas must be positive"),
        ({"betas": [1.0, np.nan]}, "betas must be finite"),
        ({"betas": [[1.0]]}, "betas must be one-dimensional"),
        ({"betas": [1.0], "beta_min": 0.1}, "give one of them"),
        ({"beta_min": 0.0}, "beta_min must be positive"),
        ({"beta_min": 1e9}, "beta_min must be below beta_max"),
    ],
)
def test_bad_betas(options, message):
    x, y = noisy_sine(6)
    with pytest.raises(InputError, match=message):
        path(cnn.Problem(x, y, 1.0, cnn.Architecture("relu")), **options)


def test_what_has_no_exact_path():
    x, y = noisy_sine(6)
    with pytest.raises(InputError, match="path takes a Problem, got float"):
        path(1.0)
    with pytest.raises(InputError, match=r"needs the squared loss, got the huber loss; pass betas="):
        path(cnn.Problem(x, y, 1.0, cnn.Architecture("relu"), loss="huber"))
    constant = cnn.Problem(x, np.ones(6), 1.0, cnn.Architecture("relu"))
    with pytest.raises(InputError, match=r"beta_max is 0.*betas="):
        path(constant)
    assert [s.objective for s in path(constant, betas=[2.0, 1.0]).solutions] == [0.0, 0.0]
