"""Certificates: a bound that holds for any candidate whatsoever, because any vector is made feasible."""

from __future__ import annotations

from functools import cache

import naive
import numpy as np
import pytest
from helpers import ARCHITECTURES, EPS, LOSSES, every_architecture, every_loss, problem_at, targets
from hypothesis import given, settings
from hypothesis import strategies as st

import convexnn as cnn
from convexnn.errors import ConvergenceWarning, InputError, NotConvergedError
from convexnn.lasso import columns
from convexnn.lasso.candidate import Candidate
from convexnn.lasso.certificate import certificate, repair


def problem(architecture, loss, share=0.3):
    """Eight rows at six inputs; weights, one of them zero, where the loss takes them."""
    rng = np.random.default_rng(11)
    x = np.array([3.0, 0.5, 2.0, 7.0, 5.0, 5.5, 2.0, 7.0])
    if loss.name == "interpolation":
        return problem_at(share, x, np.round(np.cos(x), 2), architecture, loss)
    y, weight = rng.integers(-4, 5, size=8).astype(float), np.array([1.0, 2, 1, 0, 3, 1, 0.5, 1])
    return problem_at(share, x, targets(loss, y), architecture, loss, sample_weight=weight)


@cache
def optimum(architecture, loss, share=0.3):
    return cnn.solve(problem(architecture, loss, share), tol=1e-8).objective


candidates = st.lists(st.integers(-9, 9).map(float) | st.floats(-100, 100, width=32), min_size=8, max_size=8)


@every_loss
@every_architecture
@given(th=candidates)
@settings(max_examples=5)
def test_any_vector_repaired_is_feasible_and_below_the_optimum(architecture, loss, th):
    one = problem(architecture, loss)
    rows = one.rows
    fixed = repair(one, np.array(th))
    lo, hi = loss.box(rows.y, rows.weight)
    assert ((lo * (1 + 4 * EPS) <= fixed) & (fixed <= hi * (1 + 4 * EPS))).all()
    assert abs(fixed.sum()) <= 8 * EPS * np.abs(fixed).sum()
    matrix = one.dictionary.matrix(one.x[rows.order])
    assert np.abs(matrix.T @ fixed).max() <= one.beta + 64 * EPS * np.abs(fixed).sum() * np.abs(matrix).max()
    rounding = 16 * EPS * (np.abs(fixed) @ np.abs(rows.y) + 1)
    assert loss.dual(fixed, rows.y, rows.weight) <= optimum(architecture, loss) + rounding


@every_loss
@pytest.mark.parametrize("name", ["relu-2", "relu-3", "absolute-3", "sign-2", "threshold-4-tree"])
def test_the_repair_is_the_one_derived(name, loss):
    one = problem(ARCHITECTURES[name], loss)
    rows = one.rows
    matrix = naive.columns(one.x[rows.order], naive.units(one.x, one.architecture))
    rng = np.random.default_rng(12)
    for size in (0.01, 1.0, 100.0):
        th = size * rng.normal(size=one.n_samples)
        wanted = naive.repair(loss, th, matrix, rows.y, rows.weight, one.beta)
        np.testing.assert_allclose(repair(one, th), wanted, rtol=1e-12, atol=1e-12 * np.abs(wanted).max())


@every_loss
@pytest.mark.parametrize("name", ["relu-2", "absolute-3", "sign-3-parallel"])
def test_the_dual_value_is_a_minimum_over_all_predictions(name, loss):
    # D(th) by one-dimensional minimisation: no formula of a conjugate is trusted.
    solution = cnn.solve(problem(ARCHITECTURES[name], loss))
    one, proof = solution.problem, solution.certificate
    assert proof.dual == pytest.approx(naive.dual_objective(loss, proof.dual_point, one.y, one.weight), rel=1e-11)
    assert proof.dual_point[one.weight == 0].tolist() == [0.0] * np.count_nonzero(one.weight == 0)


@every_architecture
def test_the_best_of_several_candidates_counts(architecture):
    one = problem(architecture, LOSSES["squared"])
    best = cnn.solve(one).certificate.dual_point[one.rows.order]
    poor = np.zeros(one.n_samples)
    f = np.full(one.n_samples, one.rows.y.mean())
    bounds = [certificate(one, f, 0.0, points, poor).dual for points in ([poor], [poor, best], [best, poor])]
    assert bounds[0] < bounds[1] == bounds[2]


@every_loss
@every_architecture
def test_a_lazy_solver_gets_an_honest_gap(architecture, loss, monkeypatch):
    one = problem(architecture, loss, share=0.1)
    best = optimum(architecture, loss, share=0.1)

    def constant(problem, *_):
        fit, th = problem.constant_fit
        return Candidate([], np.zeros(0), fit, None if problem.loss.is_smooth else th, 0)

    monkeypatch.setattr(columns, "generate", constant)
    solution = cnn.solve(one, solver="conic", on_failure="ignore")
    proof = solution.certificate
    assert solution.status == "not certified"
    assert proof.dual <= best * (1 + 1e-12) < proof.primal
    assert proof.gap == proof.primal - proof.dual >= (proof.primal - best) * (1 - 1e-12)
    assert "certified only within" in str(solution)
    if loss.name == "interpolation":
        assert proof.primal == np.inf
    elif loss.is_smooth:
        # The residual of the constant names the feature to add.
        residual = loss.multiplier(one.y, np.full(one.n_samples, solution.intercept), one.weight)
        value, _ = one.dictionary.max_correlation(residual)
        assert abs(residual @ proof.most_violated(one.x)) == pytest.approx(value, rel=1e-12)
        assert proof.kkt_residual == pytest.approx(value / one.beta - 1, rel=1e-9)
        assert str(proof.most_violated) in str(proof)


class TestFailure:
    """What happens when the gap that was asked for is not certified."""

    @pytest.fixture
    def lazy(self, monkeypatch):
        fit = Candidate([], np.zeros(0), 0.0, None, 0)
        monkeypatch.setattr(columns, "from_constant", lambda problem: fit)
        return problem(ARCHITECTURES["relu-2"], LOSSES["squared"])

    def test_it_warns_with_both_gaps(self, lazy):
        with pytest.warns(ConvergenceWarning, match=r"asked for a relative gap of 1e-06, certified 0\.\d+ for relu"):
            solution = cnn.solve(lazy, solver="columns")
        assert solution.status == "not certified"

    def test_it_raises_with_the_solution(self, lazy):
        with pytest.raises(NotConvergedError, match="certified 0") as caught:
            cnn.solve(lazy, solver="columns", on_failure="raise")
        assert caught.value.solution.certificate.relative_gap > 1e-6

    def test_it_is_ignored(self, lazy):
        assert cnn.solve(lazy, solver="columns", on_failure="ignore").status == "not certified"

    def test_a_tolerance_as_large_as_the_gap_certifies(self, lazy):
        assert cnn.solve(lazy, solver="columns", tol=1.0).status == "certified"

    def test_a_tolerance_below_rounding_is_not_reached_or_the_gap_is_zero(self):
        one = problem(ARCHITECTURES["absolute-3"], LOSSES["huber"])
        solution = cnn.solve(one, tol=1e-300, on_failure="ignore")
        assert (solution.status == "certified") == (solution.certificate.gap == 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"solver": "simplex"}, "unknown solver 'simplex'; known: 'auto', .*'columns', 'conic'"),
        ({"on_failure": "print"}, "unknown on_failure 'print'; known: 'warn', 'raise', 'ignore'"),
        ({"tol": 0.0}, "tol must be positive"),
    ],
    ids=["solver", "on_failure", "tol"],
)
def test_unknown_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        cnn.solve(problem(ARCHITECTURES["relu-2"], LOSSES["squared"]), **options)
