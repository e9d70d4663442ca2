"""Data and beta of any size: solved and proved as those of size one are, or refused."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from helpers import ARCHITECTURES, LOSSES, problem_at, targets

import convexnn as cnn
from benchmarks.audit import audited_gap
from convexnn.errors import InputError
from convexnn.lasso.path import path

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=60), RNG.normal(size=60)
SIZES = [(1e70, 1e70), (1e-70, 1e-70), (1e70, 1e-70), (1e-70, 1e70)]


@pytest.mark.parametrize("name", ["relu-2", "relu-3", "absolute-3", "sign-2", "sign-3-parallel"])
@pytest.mark.parametrize("loss", ["squared", "huber", "quantile", "logistic"])
@pytest.mark.parametrize("n", [2, 60])
def test_sizes_of_the_data_do_not_matter(name, loss, n):
    for x_size, y_size in SIZES:
        kind, weight = LOSSES[loss], np.full(n, 1e-60)
        kind, y = kind.rescaled(1 / y_size), targets(kind, Y[:n] if loss == "logistic" else y_size * Y[:n])
        solution = cnn.solve(problem_at(0.1, x_size * X[:n], y, ARCHITECTURES[name], kind, sample_weight=weight))
        assert solution.status == "certified"
        gap, rounding = audited_gap(solution)
        assert gap <= 1e-6 + rounding


@pytest.mark.parametrize("name", ["relu-2", "relu-3", "absolute-2", "absolute-3", "symmetrized-3", "absolute-4"])
@pytest.mark.parametrize("loss", ["squared", "absolute"])
@pytest.mark.parametrize("n", [3, 12, 60])
@pytest.mark.parametrize("start", [1.0, -1.0])
def test_neighbouring_floats_are_solved_as_integers_are(name, loss, n, start):
    # In units of the last place they are integers: nothing but the unit of x tells the two problems apart.
    n = min(n, 20) if name == "absolute-4" else n
    unit, steps = np.finfo(float).eps, np.arange(float(n))
    architecture, kind = ARCHITECTURES[name], LOSSES[loss]
    integers = problem_at(0.01, steps, Y[:n], architecture, kind)
    floats = cnn.Problem(start + unit * steps, Y[:n], unit * integers.beta, architecture, loss=kind)
    one, other = cnn.solve(integers, tol=1e-9), cnn.solve(floats, tol=1e-9)
    assert one.status == other.status == "certified"
    assert other.objective == pytest.approx(one.objective, rel=2e-9)
    gap, rounding = audited_gap(other)
    assert gap <= 1e-9 + rounding


@pytest.mark.parametrize("x", [[0.0, 1.0, 1 + 2.0**-52, 1 + 2.0**-51], [0.0, 1e-300, 1.0], [-1e16, 0.0, 1.0, 2.0]])
def test_interpolation_that_float64_cannot_resolve_is_refused(x):
    problem = cnn.Problem(x, np.cos(4 * np.arange(len(x))), 1.0, cnn.Architecture("relu"), loss="interpolation")
    with pytest.raises(InputError, match=r"found no answer .* distances of neighbouring inputs from"):
        cnn.solve(problem)


@pytest.mark.parametrize("beta", [1e-200, 1e-20, 3.0, 1e9, 1e200])
def test_interpolation_is_linear_in_beta(beta):
    x, y, architecture = X[:6], Y[:6], ARCHITECTURES["leaky-2-bent-down"]
    one, other = (cnn.solve(cnn.Problem(x, y, b, architecture, loss="interpolation")) for b in (1.0, beta))
    assert other.status == "certified"
    assert other.objective == pytest.approx(beta * one.objective, rel=1e-9)
    # The objective may be small beside the targets: that does not make its gap negligible.
    assert other.certificate.dual == pytest.approx(other.objective, rel=1e-6)


@pytest.mark.parametrize("name", ["sign-2", "sign-3-parallel"])
def test_the_dual_point_of_a_step_function_proves_the_gap_at_a_tiny_beta(name):
    problem = problem_at(1e-12, np.sort(X), Y, ARCHITECTURES[name], LOSSES["squared"], sample_weight=np.exp(Y))
    solution = cnn.solve(problem)
    gap, rounding = audited_gap(solution)
    assert gap <= max(1e-6, solution.certificate.relative_gap) * (1 + 1e-6) + rounding


def test_what_float64_cannot_hold_is_refused():
    relu, sign = ARCHITECTURES["relu-2"], ARCHITECTURES["sign-2"]
    x, y = np.arange(3.0), np.array([0.0, 2.0, 1.0])
    with pytest.raises(InputError, match=r"the range of x underflows .* within \[1e-120, 1e\+120\], got 2e-130"):
        cnn.Problem(1e-130 * x, y, 1.0, relu)
    with pytest.raises(InputError, match=r"loss of these targets underflows float64 \(their range is 2e-130\)"):
        cnn.Problem(x, 1e-130 * y, 1.0, relu)
    with pytest.raises(InputError, match="the sum of sample_weight overflows"):
        cnn.Problem(x, y, 1.0, relu, sample_weight=[1e130, 1, 1])
    with pytest.raises(InputError, match="beta must lie in"):
        cnn.Problem(x, y, 5e-324, relu)
    assert cnn.solve(cnn.Problem(1e-200 * x, y, 0.1, sign)).status == "certified"  # only the order of inputs counts


def test_solutions_survive_a_pickle():
    problem = cnn.Problem(X, Y, 1.0, ARCHITECTURES["relu-2"])
    solution = cnn.solve(problem)
    again = pickle.loads(pickle.dumps(solution))
    assert again.features == solution.features
    assert str(again) == str(solution)
    np.testing.assert_array_equal(again.predict(X), solution.predict(X))
    np.testing.assert_array_equal(again.certificate.dual_point, solution.certificate.dual_point)
    assert again.certificate == solution.certificate


@pytest.mark.parametrize("name", ["relu-2", "absolute-3", "sign-2"])
@pytest.mark.parametrize("betas", [None, (1.0, 0.1)], ids=["exact", "grid"])
def test_paths_survive_a_pickle(name, betas):
    found = path(cnn.Problem(X[:12], Y[:12], 1.0, ARCHITECTURES[name]), betas=betas)
    again = pickle.loads(pickle.dumps(found))
    assert str(again) == str(found)
    np.testing.assert_array_equal(again.betas, found.betas)
    for beta in (found.betas[-1], found.betas[-2:].mean()):  # known, and solved from what is known
        one, other = found.at(beta), again.at(beta)
        assert other.certificate == one.certificate
        np.testing.assert_array_equal(other.predict(X), one.predict(X))
