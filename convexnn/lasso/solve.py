"""Solving a training problem: choose a solver, refine what it proposes, certify the result."""

from __future__ import annotations

import time
import warnings

import numpy as np

from convexnn.errors import ConvergenceWarning, InputError, NotConvergedError
from convexnn.lasso.active_set import refine
from convexnn.lasso.candidate import Candidate
from convexnn.lasso.certificate import certificate, repair, residual_dual
from convexnn.lasso.function_space import has_closed_form
from convexnn.lasso.problem import Problem
from convexnn.lasso.solution import Solution
from convexnn.validation import as_positive, one_of

# Below this many entries the explicit matrix is the quicker reference; above it the function-space form is, where there is one.
_EXPLICIT_ENTRIES = 100_000


def solve(
    problem: Problem, *, tol: float = 1e-6, solver: str = "auto", on_failure: str = "warn"
) -> Solution:
    """The globally optimal network of a training problem, with a certificate.

    Parameters
    ----------
    problem : Problem
    tol : float
        Certified relative gap asked for.
    solver : {"auto", "conic"}
        "conic" is the reference: cvxpy with Clarabel (squared, Huber, logistic) or HiGHS's simplex (absolute, quantile,
        interpolation), on the explicit dictionary if it has at most 1e5 entries or no function-space form, else on the
        function-space form; then an active-set refinement that makes the support exact. "auto" picks the fastest solver that
        applies, today always "conic".
    on_failure : {"warn", "raise", "ignore"}
        What happens when the gap is not certified: a ConvergenceWarning, a NotConvergedError that carries the solution,
        or nothing. The solution's certificate is honest in each case.

    Returns
    -------
    Solution

    Raises
    ------
    InputError
        For an unknown solver, tol <= 0, or a dictionary too large for the reference solver.
    NotConvergedError
        With ``on_failure="raise"`` only.
    """
    as_positive("tol", tol)
    one_of("solver", solver, ("auto", "conic"))
    one_of("on_failure", on_failure, ("warn", "raise", "ignore"))
    if not isinstance(problem, Problem):
        raise InputError(f"solve takes a Problem, got {type(problem).__name__}")
    started = time.perf_counter()
    solution = _constant(problem, tol, started) if problem.beta >= problem.beta_max else _fit(problem, tol, started)
    if solution.status != "certified" and on_failure != "ignore":
        message = (
            f"asked for a relative gap of {tol:.1g}, certified {solution.certificate.relative_gap:.2g} "
            f"for {problem.architecture.label} on {problem.n_samples} samples with beta {problem.beta:.3g}"
        )
        if on_failure == "raise":
            raise NotConvergedError(message, solution)
        warnings.warn(message, ConvergenceWarning, stacklevel=2)
    return solution


def _constant(problem: Problem, tol: float, started: float) -> Solution:
    constant, th = problem.constant_fit
    return _certified(problem, Candidate([], np.zeros(0), constant, th, 0), tol, started)


def _fit(problem: Problem, tol: float, started: float) -> Solution:
    from convexnn.lasso import conic

    n_inputs = problem.dictionary.inputs.size
    explicit = n_inputs * problem.dictionary.n_features <= _EXPLICIT_ENTRIES
    if explicit or not has_closed_form(problem.architecture, n_inputs):
        proposal = conic.solve_dictionary(problem)
    else:
        proposal = conic.solve_function_space(problem)
    return _certified(problem, refine(problem, proposal), tol, started)


def _certified(problem: Problem, candidate: Candidate, tol: float, started: float) -> Solution:
    rows, inputs = problem.rows, problem.dictionary.inputs
    f = np.full(inputs.size, candidate.intercept)
    for feature, z in zip(candidate.features, candidate.coef, strict=True):
        f += z * feature(inputs)
    f = f[rows.group]
    penalty = problem.beta * float(np.abs(candidate.coef).sum())
    if candidate.dual is None:
        own = problem.loss.multiplier(rows.y, f, rows.weight)
        proof = certificate(problem, f, penalty, [residual_dual(problem, f)], own)
    else:
        proof = certificate(problem, f, penalty, [candidate.dual], repair(problem, candidate.dual))
    return Solution(
        problem=problem,
        features=tuple(candidate.features),
        coef=candidate.coef,
        intercept=candidate.intercept + rows.origin,
        certificate=proof,
        status="certified" if proof.relative_gap <= tol else "not certified",
        n_iter=candidate.n_iter,
        seconds=time.perf_counter() - started,
    )
