"""Answers are charged for their distance from the optimum, whatever the method says of them; peers may be absent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import convexnn as cnn
from benchmarks import peers
from benchmarks.adversarial import adversarial_problem
from benchmarks.peers import METHODS, OURS, Answer, Method, Recipe
from benchmarks.race import Judge, Outcome, qualify
from benchmarks.scaling import noisy_sine
from convexnn.lasso.function_space import penalty

RELU = Recipe(noisy_sine, ("relu", 25, 0.1, 0))
SIGN = Recipe(noisy_sine, ("sign", 25, 0.1, 0))
WEIGHTED = Recipe(adversarial_problem, ("zero weights", 40, 0.1, cnn.Architecture("relu")))
TIED = Recipe(adversarial_problem, ("duplicates", 40, 0.1, cnn.Architecture("sign")))

# skglm compiles its classes anew in every process, for half a minute.
every_quick_method = pytest.mark.parametrize("name", [name for name in METHODS if name != "skglm"])


class Here:
    """A worker that calls in this process."""

    def call(self, function, *args, limit):
        return function(*args)


@pytest.mark.parametrize("recipe", [RELU, SIGN, WEIGHTED, TIED], ids=["relu", "sign", "weighted", "tied"])
@every_quick_method
def test_an_installed_method_is_certified_on_easy_data(name, recipe):
    method, judge = METHODS[name], Judge(recipe.problem())
    if method.is_absent or method.unsuitable(judge.problem):
        pytest.skip("absent or unsuitable")
    outcome = qualify(Here(), method, recipe, recipe, judge, 1e-6, 60.0)
    assert outcome.status == "certified"
    assert abs(outcome.gap) <= 1e-6
    assert outcome.claims


def test_an_answer_pays_for_its_distance_from_the_optimum():
    problem = RELU.problem()
    judge, solution = Judge(problem), cnn.solve(problem, tol=1e-10)
    f, norm = solution.predict(problem.x), problem.beta * np.abs(solution.coef).sum()
    assert judge.relative_gap(Answer(f, norm, True)) <= 1e-9
    assert judge.relative_gap(Answer(f + 3.0, norm, True)) <= 1e-9  # the intercept is free
    steeper = f.mean() + 1.01 * (f - f.mean())
    for answer in (Answer(f, 1.001 * norm, True), Answer(steeper, 1.01 * norm, True)):
        objective = problem.objective(answer.prediction, []) + answer.penalty
        true = 1 - solution.objective / objective
        assert judge.relative_gap(answer) == pytest.approx(true, abs=1e-9)
    assert judge.relative_gap(Answer(np.full_like(f, np.nan), norm, True)) is None


def test_a_penalty_that_is_understated_shows_as_a_negative_gap_and_is_not_certified():
    problem = RELU.problem()
    solution = cnn.solve(problem, tol=1e-10)
    cheat = Answer(solution.predict(problem.x), 0.5 * problem.beta * np.abs(solution.coef).sum(), True)
    assert Judge(problem).relative_gap(cheat) < -1e-3
    method = replace(OURS, name="cheat", fit=lambda problem, given, tol: lambda: cheat)
    outcome = qualify_with(method, RELU)
    assert (outcome.status, outcome.claims) == ("not certified", True)


def qualify_with(method: Method, recipe: Recipe) -> Outcome:
    METHODS[method.name] = method
    try:
        return qualify(Here(), method, recipe, recipe, Judge(recipe.problem()), 1e-6, 60.0)
    finally:
        del METHODS[method.name]


def test_tolerances_are_tightened_until_the_answer_is_certified():
    asked = []

    def slow(problem, given, tol):
        asked.append(tol)
        solution = cnn.solve(problem)
        f = solution.predict(problem.x)
        return lambda: Answer(f, problem.beta * np.abs(solution.coef).sum() * (1 + 1e3 * tol), True)

    outcome = qualify_with(replace(OURS, name="loose", fit=slow, tolerances=(1e-4, 1e-8, 1e-10, 1e-12)), RELU)
    assert asked == [1e-4, 1e-4, 1e-8, 1e-10]  # once to warm up
    assert (outcome.status, outcome.tolerance) == ("certified", 1e-10)


def test_absent_and_unsuitable_methods_are_reported():
    absent = Method("no such", ("no_such_package",), OURS.unsuitable, OURS.given, OURS.fit)
    assert qualify_with(absent, RELU) == Outcome("no such", "absent", note="needs no_such_package")
    condat = METHODS["condat_tv"]
    assert condat.unsuitable(RELU.problem()) == "total variation only"
    assert condat.unsuitable(TIED.problem()) == "no ties"
    assert condat.unsuitable(SIGN.problem()) == ""
    dense = METHODS["celer"]
    assert dense.unsuitable(Recipe(noisy_sine, ("relu", 10_000, 0.1, 0)).problem()) == "matrix of 1.49 GiB"


@pytest.mark.parametrize("recipe", [RELU, SIGN], ids=["relu", "sign"])
def test_the_function_space_peer_pays_the_norm_of_its_function(recipe):
    problem = recipe.problem()
    peers.fit("cvxpy sparse, Clarabel", recipe, 1e-10)
    answer = peers.answer()
    order = np.argsort(problem.x)
    norm = penalty(problem.x[order], answer.prediction[order], problem.architecture)
    assert answer.penalty == pytest.approx(problem.beta * norm, rel=1e-6)
