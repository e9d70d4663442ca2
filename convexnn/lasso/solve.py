"""Solving a training problem: choose a solver, certify what it proposes."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import numpy as np

from convexnn.dictionaries.base import MAX_BYTES
from convexnn.errors import ConvergenceWarning, InputError, NotConvergedError
from convexnn.lasso import columns, levels, slopes
from convexnn.lasso.candidate import Candidate
from convexnn.lasso.certificate import Certificate, certificate, repair, residual_dual
from convexnn.lasso.function_space import has_closed_form
from convexnn.lasso.problem import Problem
from convexnn.lasso.solution import Solution, Terms
from convexnn.losses import Interpolation
from convexnn.validation import as_positive, one_of

# Below this many entries the explicit matrix is the quicker reference; above it the function-space form is, where
# there is one.
_EXPLICIT_ENTRIES = 100_000
# Below this many samples column generation is quick, and its multipliers are accurate at any beta.
_SLOPES_FROM = 1000


def solve(problem: Problem, *, tol: float = 1e-6, solver: str = "auto", on_failure: str = "warn") -> Solution:
    """The globally optimal network of a training problem, with a certificate.

    Parameters
    ----------
    problem : Problem
    tol : float
        Certified relative gap asked for.
    solver : {"auto", "slopes", "levels", "columns", "conic"}
        See the table below.
    on_failure : {"warn", "raise", "ignore"}
        What happens when the gap is not certified: a ConvergenceWarning, a NotConvergedError that carries the solution,
        or nothing. The solution's certificate is honest in each case.

    Returns
    -------
    Solution

    Raises
    ------
    InputError
        For an unknown or unsuitable solver, tol <= 0, or a dictionary too large for the reference solver.
    NotConvergedError
        With ``on_failure="raise"`` only.

    Notes
    -----
    ==========  ===========================================================  ======================================
    solver      what it does                                                 "auto" chooses it for
    ==========  ===========================================================  ======================================
    "slopes"    squared loss in function space, exact from one read of the   squared loss, from 1000 samples on:
                data: O(n) plus O(kinks^2)                                   two-layer ReLU, leaky ReLU, absolute
                                                                             value, narrow ReLU of depth >= 3
    "levels"    squared loss in function space: total variation by a taut    squared loss: sign and threshold, with
                string on segments of rows, O(n); a range penalty by         one switch or with N - 1 and more
                Newton's method, O(n)
    "columns"   features added one at a time by the oracle; exact support;   other squared, Huber and logistic
                cost O(N k^2) a feature and one oracle call                  losses
    "conic"     the reference: cvxpy with Clarabel (smooth losses) or        absolute and quantile loss,
                HiGHS's simplex (linear programs) on the explicit            interpolation
                dictionary, or on the function-space form where there is
                one and the dictionary has more than 1e5 entries; the
                support is then confirmed as "columns" does
    ==========  ===========================================================  ======================================
    """
    as_positive("tol", tol)
    one_of("solver", solver, ("auto", "slopes", "levels", "columns", "conic"))
    one_of("on_failure", on_failure, ("warn", "raise", "ignore"))
    if not isinstance(problem, Problem):
        raise InputError(f"solve takes a Problem, got {type(problem).__name__}")
    _refuse_unsuitable(problem, solver)
    started = time.perf_counter()
    proof, expand, n_iter = _solve(problem, tol, solver)
    # A dual bound above the primal by more than rounding would prove an error, not an optimum.
    status = "certified" if abs(proof.relative_gap) <= tol else "not certified"
    solution = Solution(problem, proof, status, n_iter, time.perf_counter() - started, expand)
    if solution.status != "certified" and on_failure != "ignore":
        message = (
            f"asked for a relative gap of {tol:.1g}, certified {solution.certificate.relative_gap:.2g} "
            f"for {problem.architecture.label} on {problem.n_samples} samples with beta {problem.beta:.3g}"
        )
        if on_failure == "raise":
            raise NotConvergedError(message, solution)
        warnings.warn(message, ConvergenceWarning, stacklevel=2)
    return solution


def _refuse_unsuitable(problem: Problem, solver: str) -> None:
    if solver == "slopes" and not slopes.applies(problem):
        raise InputError(
            'solver "slopes" is for squared loss, piecewise-linear networks of two layers or narrow ReLU networks, '
            f"and more than one input; got {problem.loss.name} loss and {problem.architecture.label}; "
            'use "columns" or "conic"'
        )
    if solver == "levels" and not levels.applies(problem):
        raise InputError(
            'solver "levels" is for squared loss and sign or threshold networks with one switch, or with as many as '
            f"there are gaps between inputs; got {problem.loss.name} loss and {problem.architecture.label}; "
            'use "columns" or "conic"'
        )
    if solver == "columns" and isinstance(problem.loss, Interpolation):
        raise InputError('solver "columns" starts from a constant, which does not interpolate; use solver="conic"')


def _solve(problem: Problem, tol: float, solver: str) -> tuple[Certificate, Callable[[], Terms], int]:
    """The certificate, how to get the features with their coefficients and the intercept, and the iterations."""
    is_large = problem.n_samples >= _SLOPES_FROM
    if solver == "slopes" or (solver == "auto" and is_large and slopes.applies(problem)):
        return slopes.solve_slopes(problem, tol)
    if solver == "levels" or (solver == "auto" and levels.applies(problem)):
        return levels.solve_levels(problem, tol)
    candidate = _propose(problem, solver)
    terms = candidate.features, candidate.coef, candidate.intercept + problem.rows.origin
    return _certify(problem, candidate), lambda: terms, candidate.n_iter


def _propose(problem: Problem, solver: str) -> Candidate:
    if problem.beta >= problem.beta_max:
        constant, th = problem.constant_fit
        return Candidate([], np.zeros(0), constant, th, 0)
    if solver == "columns" or (solver == "auto" and problem.loss.is_smooth):
        return columns.from_constant(problem)
    from convexnn.lasso import conic

    n_inputs = problem.dictionary.inputs.size
    explicit = n_inputs * problem.dictionary.n_features <= _EXPLICIT_ENTRIES
    if explicit or not has_closed_form(problem.architecture, n_inputs):
        if n_inputs * problem.dictionary.n_features * 8 > MAX_BYTES:
            raise InputError(
                f"the reference solver would have to form {problem.dictionary.n_features:.2g} features of "
                f'{problem.architecture.label} on {n_inputs} distinct inputs; use solver="columns" or fewer inputs'
            )
        return columns.generate(problem, conic.solve_dictionary(problem))
    return columns.generate(problem, conic.solve_function_space(problem))


def _certify(problem: Problem, candidate: Candidate) -> Certificate:
    rows, inputs = problem.rows, problem.dictionary.inputs
    f = np.full(inputs.size, candidate.intercept)
    for feature, z in zip(candidate.features, candidate.coef, strict=True):
        f += z * feature(inputs)
    f = f[rows.group]
    duals = [] if candidate.dual is None else [candidate.dual]
    if problem.loss.is_smooth:
        own = problem.loss.multiplier(rows.y, f, rows.weight)
        duals.append(residual_dual(problem, f))
    else:
        own = repair(problem, duals[0])
    return certificate(problem, f, problem.beta * float(np.abs(candidate.coef).sum()), duals, own)
