"""`certify`: how far any network is from the optimum, and what it misses."""

from __future__ import annotations

from dataclasses import replace

import naive
import numpy as np
import pytest
from helpers import (
    ARCHITECTURES,
    EPS,
    LOSSES,
    every_architecture,
    every_weighted_loss,
    problem_at,
    random_network,
    targets,
)

import convexnn as cnn
from convexnn.datasets import nile
from convexnn.errors import InputError


def data(loss):
    rng = np.random.default_rng(21)
    x = np.array([3.0, 0.5, 2.0, 7.0, 5.0, 5.5, 2.0, 7.0])
    y = targets(loss, rng.normal(size=8) + 0.5 * x)
    return x, y, np.array([1.0, 2, 1, 0, 3, 1, 0.5, 1])


def certify(network, problem):
    return cnn.certify(network, problem.x, problem.y, problem.beta, loss=problem.loss, sample_weight=problem.weight)


@every_weighted_loss
@every_architecture
def test_no_network_beats_the_bound(architecture, loss):
    x, y, weight = data(loss)
    problem = problem_at(0.2, x, y, architecture, loss, sample_weight=weight)
    optimum = cnn.solve(problem, tol=1e-8).objective
    for seed in range(4):
        network = random_network(architecture, 3, np.random.default_rng(seed))
        proof = certify(network, problem)
        own = naive.loss_total(loss, y, [naive.forward(network, t) for t in x], weight)
        assert proof.primal == pytest.approx(own + naive.penalty(network, problem.beta), rel=1e-12)
        objective = network.objective(x, y, problem.beta, loss=loss, sample_weight=weight)
        assert proof.primal == pytest.approx(objective, rel=1e-13)
        # The shared dual point is optimal, so that the certified gap is the true one.
        assert proof.dual == pytest.approx(optimum, rel=1e-8)
        assert proof.gap == pytest.approx(proof.primal - optimum, abs=1e-8 * optimum)
        assert proof.relative_gap == proof.gap / proof.primal > 0


@every_weighted_loss
@every_architecture
def test_the_network_of_a_solution_is_certified_as_the_solution_is(architecture, loss):
    x, y, weight = data(loss)
    solution = cnn.solve(problem_at(0.2, x, y, architecture, loss, sample_weight=weight), tol=1e-8)
    proof = certify(solution.network(), solution.problem)
    assert proof.primal == pytest.approx(solution.objective, rel=1e-10)
    assert proof.dual == pytest.approx(solution.certificate.dual, rel=1e-10)
    assert 0 <= proof.relative_gap <= 1e-8
    if loss.is_smooth:
        assert proof.kkt_residual <= 1e-8


@every_weighted_loss
@every_architecture
def test_a_perturbed_network_is_found_out_by_its_true_gap(architecture, loss):
    x, y, weight = data(loss)
    solution = cnn.solve(problem_at(0.2, x, y, architecture, loss, sample_weight=weight), tol=1e-8)
    network = solution.network()
    for change in (1e-3, 0.3):
        worse = replace(network, alpha=network.alpha * (1 + change))
        proof = certify(worse, solution.problem)
        assert proof.gap == pytest.approx(proof.primal - solution.objective, rel=1e-6, abs=1e-9 * solution.objective)
        assert proof.gap > 1e-8 * solution.objective


@every_architecture
def test_a_constant_network_is_told_the_feature_that_correlates_most(architecture):
    x, y, weight = data(LOSSES["squared"])
    problem = problem_at(0.2, x, y, architecture, LOSSES["squared"], sample_weight=weight)
    best = naive.best_constant(problem.loss, y, weight)
    constant = replace(random_network(architecture, 0, np.random.default_rng(0)), intercept=best)
    proof = certify(constant, problem)
    matrix = naive.columns(x, naive.units(x, architecture))
    wanted = np.abs(matrix.T @ (weight * (y - best))).max()
    assert abs(proof.most_violated(x) @ (weight * (y - best))) == pytest.approx(wanted, rel=1e-12)
    assert proof.kkt_residual == pytest.approx(wanted / problem.beta - 1, rel=1e-10)
    assert proof.gap > 0


def test_a_network_of_the_nile_without_its_step_is_told_the_year():
    year, volume = nile()
    constant = replace(random_network(ARCHITECTURES["sign-2"], 0, np.random.default_rng(0)), intercept=volume.mean())
    proof = cnn.certify(constant, year, volume, 2000.0)
    assert proof.most_violated.knots == (1898.5,)
    assert "best missing feature: sign(x - 1898.5)" in str(proof)


@pytest.mark.parametrize("name", ["relu-3", "absolute-3"])
def test_an_unbalanced_network_pays_for_it(name):
    x, y, _ = data(LOSSES["squared"])
    solution = cnn.solve(problem_at(0.2, x, y, ARCHITECTURES[name], LOSSES["squared"]))
    network = solution.network()
    inner, outer = network.layers
    factor = 2.0
    first = replace(inner, weights=factor * inner.weights, biases=factor * inner.biases)
    second = replace(outer, biases=factor * outer.biases)
    unbalanced = replace(network, layers=(first, second), alpha=network.alpha / factor)
    np.testing.assert_allclose(unbalanced(x), network(x), rtol=1e-12)
    proof, again = (certify(one, solution.problem) for one in (unbalanced, unbalanced.balanced()))
    size = np.abs(solution.coef).sum() * solution.problem.beta
    # |w|^3 on three layers: (8 + 1/8 + 1) / 3 instead of 1.
    assert proof.gap == pytest.approx(size * ((8 + 1 / 8 + 1) / 3 - 1), rel=1e-7)
    assert again.relative_gap <= 1e-12


def test_rows_come_back_in_the_order_of_the_caller():
    x, y, weight = data(LOSSES["absolute"])
    network = random_network(ARCHITECTURES["relu-2"], 2, np.random.default_rng(3))
    rows = np.random.default_rng(4).permutation(x.size)
    here = cnn.certify(network, x, y, 0.5, loss="absolute", sample_weight=weight)
    there = cnn.certify(network, x[rows], y[rows], 0.5, loss="absolute", sample_weight=weight[rows])
    np.testing.assert_array_equal(here.dual_point[rows], there.dual_point)
    assert (here.primal, here.gap) == (there.primal, there.gap)


def test_the_dual_problem_is_solved_once_for_many_networks(monkeypatch):
    from convexnn.lasso import certify as module

    calls = []
    monkeypatch.setattr(
        module, "solve", lambda problem, **options: calls.append(problem) or cnn.solve(problem, **options)
    )
    x, y = np.array([0.0, 1.0, 2.0, 4.0]), np.array([0.0, 1.5, 1.0, -7.25])
    for seed in range(3):
        cnn.certify(random_network(ARCHITECTURES["relu-2"], 2, np.random.default_rng(seed)), x, y, 0.123)
    assert len(calls) == 1
    cnn.certify(random_network(ARCHITECTURES["relu-2"], 2, np.random.default_rng(0)), x, y, 0.1234)
    assert len(calls) == 2


def test_only_networks_are_certified():
    with pytest.raises(InputError, match="certify takes a convexnn Network, got function"):
        cnn.certify(lambda x: x, [0.0, 1.0], [0.0, 1.0], 1.0)


def test_the_weakest_signal_that_rounding_leaves():
    # Far from zero, targets are known to eps |y|: a network that is optimal to that precision is not accused of more.
    x, y, _ = data(LOSSES["squared"])
    solution = cnn.solve(problem_at(0.2, x, y + 1e6, ARCHITECTURES["relu-3"], LOSSES["squared"]))
    proof = certify(solution.network(), solution.problem)
    assert abs(proof.primal - solution.objective) <= 64 * EPS * 1e6 * np.abs(solution.certificate.dual_point).sum()


@pytest.mark.parametrize("name", ["relu-2", "absolute-2", "relu-3", "sign-2"])
def test_a_hundred_thousand_points_in_any_order(name):
    rng = np.random.default_rng(5)
    x = rng.uniform(-2, 2, size=100_000)
    y = np.sin(3 * x) + 0.1 * rng.normal(size=x.size)
    architecture = ARCHITECTURES[name]
    beta = 0.03 * cnn.Problem(x, y, 1.0, architecture).beta_max
    network = cnn.solve(cnn.Problem(x, y, beta, architecture)).network()
    assert 0 <= cnn.certify(network, x, y, beta).relative_gap <= 1e-6
    taller = replace(network, intercept=network.intercept + 0.1)
    proof = cnn.certify(taller, x, y, beta)
    # An optimal intercept leaves residuals that sum to zero: what moving it costs is known.
    assert proof.gap == pytest.approx(0.5 * x.size * 0.1**2, rel=1e-5)
