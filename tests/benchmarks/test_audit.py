"""The audit agrees with honest certificates and finds false ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from helpers import LOSSES, every_architecture, every_weighted_loss, problem_at, targets

import convexnn as cnn
from benchmarks import audit
from benchmarks.audit import attempt, audited_gap
from benchmarks.peers import Recipe

X = np.array([0.0, 1.0, 1.0, 2.5, 4.0, 4.5, 7.0])
Y = np.array([0.0, 2.0, 1.5, -1.0, 1.0, 3.0, 5.0])


def example(architecture, loss):
    return problem_at(0.2, X, targets(loss, Y), architecture, loss)


@every_weighted_loss
@every_architecture
def test_the_gap_is_that_of_the_certificate(architecture, loss):
    solution = cnn.solve(example(architecture, loss), tol=1e-8)
    gap, rounding = audited_gap(solution)
    assert rounding <= 1e-12
    assert abs(gap - solution.certificate.relative_gap) <= rounding + 1e-13


@every_weighted_loss
@every_architecture
def test_a_dual_point_that_is_not_feasible_proves_less(architecture, loss):
    solution = cnn.solve(example(architecture, loss))
    point = solution.certificate.dual_point.copy()
    point[[0, 5]] += [0.05, -0.05]
    false = replace(solution, certificate=replace(solution.certificate, _dual_point=lambda: point))
    assert audited_gap(false)[0] > 1e-4


def test_a_wrong_objective_and_a_missing_warning_are_found(monkeypatch):
    recipe = Recipe(example, (cnn.Architecture("relu"), LOSSES["squared"]))
    solution = cnn.solve(recipe.problem())
    features, coef, intercept = solution.features, solution.coef, solution.intercept
    assert attempt(recipe, 1e-6).verdict == "certified"

    def solve(status, relative_gap, shift):
        return lambda problem, *, tol: replace(
            solution,
            status=status,
            certificate=replace(solution.certificate, relative_gap=relative_gap),
            _expand=lambda: (list(features), coef, intercept + shift),
        )

    for status, relative_gap, shift, verdict in (
        ("certified", 1e-7, 0.01, "false gap"),
        ("not certified", 1e-3, 0.1, "false gap"),
        ("not certified", np.nan, 0.0, "false gap"),
        ("not certified", 1e-3, 0.0, "no warning"),
    ):
        monkeypatch.setattr(audit.cnn, "solve", solve(status, relative_gap, shift))
        assert attempt(recipe, 1e-6).verdict == verdict


def test_a_row_of_almost_no_weight_does_not_take_up_what_rounding_leaves():
    weight = np.array([1e-40, 1, 1, 1, 1, 1, 1])
    problem = cnn.Problem(X, Y, 0.1, cnn.Architecture("absolute"), sample_weight=weight)
    gap, rounding = audited_gap(cnn.solve(problem))
    assert rounding <= 1e-12
    assert abs(gap) <= 1e-6


def test_a_dictionary_too_large_to_count_is_audited():
    x = np.linspace(0, 1, 100)
    problem = problem_at(0.1, x, np.sin(7 * x), cnn.Architecture("absolute", depth=4), LOSSES["squared"])
    assert abs(audited_gap(cnn.solve(problem))[0]) <= 1e-6
