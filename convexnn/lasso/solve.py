"""Solving a training problem: choose a solver, certify what it proposes."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from convexnn.dictionaries.base import MAX_BYTES
from convexnn.errors import ConvergenceWarning, InputError, NotConvergedError
from convexnn.lasso import (
    columns,
    folded_reflections,
    levels,
    quantile_slopes,
    reflections,
    slopes,
    smooth_slopes,
    switching_patterns,
)
from convexnn.lasso.candidate import Candidate
from convexnn.lasso.certificate import Certificate, certificate, repair, residual_dual
from convexnn.lasso.function_space import has_closed_form
from convexnn.lasso.problem import Problem
from convexnn.lasso.solution import Solution, Terms
from convexnn.losses import Interpolation
from convexnn.validation import as_positive, one_of

Outcome = tuple[Certificate, Callable[[], Terms], int]
"""The certificate, how to get the features with their coefficients and the intercept, and the iterations."""


class _Method(NamedTuple):
    """A solver of some problems, at any size; "auto" takes it for at least so many samples."""

    solver: str
    applies: Callable[[Problem], bool]
    solve: Callable[[Problem, float], Outcome]
    auto_from: int


# For fewer samples the general solvers are as quick, and exact to the last digit at any beta.
_METHODS = (
    _Method("slopes", slopes.applies, slopes.solve_slopes, 50),
    _Method("slopes", smooth_slopes.applies, smooth_slopes.solve_smooth_slopes, 1000),
    _Method("slopes", quantile_slopes.applies, quantile_slopes.solve_quantile_slopes, 1000),
    _Method("levels", levels.applies, levels.solve_levels, 1),
    _Method("columns", reflections.applies, reflections.solve_reflections, 50),
    _Method("columns", folded_reflections.applies, folded_reflections.solve_folded_reflections, 50),
    _Method("columns", switching_patterns.applies, switching_patterns.solve_patterns, 50),
)
_SUITABLE = {
    "slopes": "piecewise-linear networks of two layers and narrow ReLU networks, on more than one input",
    "levels": "squared loss and sign or threshold networks with one switch, or with one for every gap between inputs",
}
# Up to here a general solver has a second try where a method does not certify.
_SECOND_TRY_UP_TO = 1000

# Below this many entries the explicit matrix is the quicker reference; above it the function-space form is, where
# there is one.
_EXPLICIT_ENTRIES = 100_000


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
    K is the number of kinks or features in use, n of samples, N of distinct inputs.

    ==========  ==========================================================  ===========================================
    solver      what it does, and its cost                                  "auto" chooses it for
    ==========  ==========================================================  ===========================================
    "slopes"    function space: exact knots on segments of the data, from   two-layer ReLU, leaky ReLU, absolute value;
                a few reads of the rows, O(n + K^2); absolute and quantile  narrow ReLU of depth >= 3. Squared loss
                loss by an interior point method on knots, O(n + K)         from 50 samples on, others from 1000
    "levels"    function space: total variation by a taut string on         sign and threshold with one switch, or
                segments of rows, or a penalty on the range; O(n)           with N - 1 and more; squared loss
    "columns"   column generation: features are added by a search of the    absolute value of depth 3, symmetrized
                whole dictionary. Squared loss, from 50 samples on: branch  ReLU; absolute value of depth 4 (tens to
                and bound, or a dynamic program, on compressed rows. Else   hundreds of inputs); sign and threshold
                the dictionary's oracle and Newton's method, O(n K^2) and   with other numbers of switches; smooth
                one oracle call a feature                                   losses where nothing above applies
    "conic"     the reference: cvxpy with Clarabel (smooth losses) or       absolute and quantile loss where nothing
                HiGHS's simplex (linear programs) on the explicit           above applies; interpolation
                dictionary, or in function space where there is a norm and
                the dictionary has more than 1e5 entries; the support is
                then confirmed by column generation
    ==========  ==========================================================  ===========================================

    With "auto", up to 1000 samples, a general solver has a second try where the one chosen does not certify.
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
    methods = [method for method in _METHODS if method.solver == solver]
    if solver in _SUITABLE and not any(method.applies(problem) for method in methods):
        raise InputError(
            f'solver "{solver}" is for {_SUITABLE[solver]}; got {problem.loss.name} loss and '
            f'{problem.architecture.label}; use "columns" or "conic"'
        )
    if solver == "columns" and isinstance(problem.loss, Interpolation):
        raise InputError('solver "columns" starts from a constant, which does not interpolate; use solver="conic"')


def _solve(problem: Problem, tol: float, solver: str) -> Outcome:
    method = _method(problem, solver)
    if method is None:
        return _by_columns_or_conic(problem, solver)
    outcome = method.solve(problem, tol)
    if solver != "auto" or abs(outcome[0].relative_gap) <= tol or problem.n_samples > _SECOND_TRY_UP_TO:
        return outcome
    other = _by_columns_or_conic(problem, solver)
    return min(outcome, other, key=lambda outcome: abs(outcome[0].relative_gap))


def _method(problem: Problem, solver: str) -> _Method | None:
    for method in _METHODS:
        is_asked = solver == method.solver and solver in _SUITABLE
        is_chosen = solver in ("auto", method.solver) and problem.n_samples >= method.auto_from
        if (is_asked or is_chosen) and method.applies(problem):
            return method
    return None


def _by_columns_or_conic(problem: Problem, solver: str) -> Outcome:
    candidate = _propose(problem, solver)
    terms = candidate.features, candidate.coef, candidate.intercept + problem.rows.origin
    return certified(problem, candidate), lambda: terms, candidate.n_iter


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


def certified(problem: Problem, candidate: Candidate) -> Certificate:
    """The certificate of what a solver proposes."""
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
