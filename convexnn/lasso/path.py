"""The solutions of one training problem for all beta: an exact path with its breakpoints, or a grid of betas."""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from convexnn.errors import ConvergenceWarning, InputError, NotConvergedError
from convexnn.lasso import levels, slopes
from convexnn.lasso.breakpoints import SAME
from convexnn.lasso.candidate import Candidate
from convexnn.lasso.certificate import Certificate
from convexnn.lasso.column_path import ColumnPath, follow_columns
from convexnn.lasso.columns import generate
from convexnn.lasso.knot_path import KnotPath, follow_knots
from convexnn.lasso.level_breakpoints import level_breakpoints
from convexnn.lasso.problem import Problem
from convexnn.lasso.solution import Solution, Terms
from convexnn.lasso.solve import certified, solve
from convexnn.losses import Squared
from convexnn.validation import FloatArray, as_positive, as_vector

_TOL = 1e-6
_EXACT_TOL = 1e-8
_DEFAULT_RANGE = 1000.0
# Below this many samples column generation from a neighbour's features is quicker than a solve from scratch.
_COLUMNS_BELOW = 1000


@dataclass(frozen=True, eq=False)
class Path:
    """Solutions of a problem along beta.

    Attributes
    ----------
    problem : Problem
        Its own beta is ignored.
    betas : (k,) array
        Descending. Of an exact path the breakpoints, beta_max first, and beta_min, where it ends; else the betas that
        were asked for.
    solutions : sequence of Solution
        One a beta, each with a certificate. Those of an exact path are computed, and certified, when they are read.
    is_exact : bool
        Whether `betas` are the breakpoints: between them every solution is known, because the fit is linear in beta.
    """

    problem: Problem
    betas: FloatArray
    solutions: Sequence[Solution]
    is_exact: bool
    _solve: Callable[[float], Solution] = field(repr=False)

    def at(self, beta: float) -> Solution:
        """The solution at any beta of the path's range.

        Exact between breakpoints; of a grid, solved at this beta from the features of the next larger one.

        Raises
        ------
        InputError
            If beta is outside the range of `betas`.
        """
        beta = as_positive("beta", beta)
        if not self.betas[-1] <= beta <= self.betas[0]:
            raise InputError(
                f"beta must lie in the range of the path, {self.betas[-1]:.6g} to {self.betas[0]:.6g}, got {beta:.6g}"
            )
        place = int(np.searchsorted(-self.betas, -beta))
        return self.solutions[place] if self.betas[place] == beta else self._solve(beta)

    def __str__(self) -> str:
        count = f"{self.betas.size - 1} breakpoints" if self.is_exact else f"{self.betas.size} betas"
        return (
            f"{self.problem.architecture.label}: {count} from beta = {self.betas[0]:.6g} down to {self.betas[-1]:.6g}"
        )


def path(problem: Problem, *, betas: ArrayLike | None = None, beta_min: float | None = None) -> Path:
    """The solutions of a problem along beta: at every breakpoint, or at betas of the caller's choice.

    Parameters
    ----------
    problem : Problem
        Its beta is ignored.
    betas : (k,) array, optional
        Positive, in any order. Solutions there are certified within a relative gap of 1e-6, each found from the one
        before. By default the exact breakpoints (squared loss only).
    beta_min : float, optional
        Where an exact path ends; by default beta_max / 1000.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        If betas are not positive numbers; if beta_min is not positive and below beta_max, or given with betas; for an
        exact path, if the loss is not squared, beta_max is 0, or there are more than 10^4 events.
    NotConvergedError
        If the end of an exact path does not certify, which happens where inputs are so close that rounding hides the
        order of events.

    Notes
    -----
    Under squared loss the fit is piecewise linear in beta (Rosset and Zhu 2007). Events are followed one after the
    other: knots that come and go, for two layers and narrow ReLU networks, O(N) an event; fusions of levels, for sign
    and threshold networks with one switch or with N - 1, O(N log N) in total and without a limit; features that the
    oracle finds, for all others. The certificate at the end is checked at once, those on the way when they are read.
    """
    if not isinstance(problem, Problem):
        raise InputError(f"path takes a Problem, got {type(problem).__name__}")
    if betas is not None:
        if beta_min is not None:
            raise InputError("betas and beta_min are two ways to say where the path goes; give one of them")
        return _grid(problem, _descending(betas))
    _refuse_inexact(problem)
    beta_min = problem.beta_max / _DEFAULT_RANGE if beta_min is None else as_positive("beta_min", beta_min)
    if beta_min >= problem.beta_max * (1 - SAME):
        raise InputError(f"beta_min must be below beta_max = {problem.beta_max:.6g}, got {beta_min:.6g}")
    return _exact(problem, beta_min)


def _descending(betas: ArrayLike) -> FloatArray:
    values = np.sort(as_vector("betas", betas))[::-1]
    if values[-1] <= 0:
        raise InputError(f"betas must be positive, got {values[-1]}")
    return values


def _refuse_inexact(problem: Problem) -> None:
    if not isinstance(problem.loss, Squared):
        raise InputError(
            f"an exact path needs the squared loss, got the {problem.loss.name} loss; "
            "pass betas= for certified solutions at betas of your choice"
        )
    if problem.beta_max == 0:
        raise InputError(
            "beta_max is 0: the best network is constant at every beta, and there is nothing to follow; "
            "pass betas= for solutions at betas of your choice"
        )


def _at(problem: Problem, beta: float) -> Problem:
    """The same problem at another beta; what is known of its rows and dictionary is shared."""
    other = copy.copy(problem)
    other.beta = beta
    return other


def _exact(problem: Problem, beta_min: float) -> Path:
    inside: Callable[[Problem], Solution]
    if levels.applies(problem):
        betas = _distinct(level_breakpoints(problem), problem.beta_max, beta_min)
        inside = _solve_levels
    else:
        follow = follow_knots if slopes.applies(problem) else follow_columns
        breakpoints = follow(problem, beta_min)
        betas = np.array(breakpoints.betas)
        inside = partial(_best_candidate, breakpoints)
    solve_at = partial(_solve_exactly, problem, inside)  # survives a pickle, as a closure does not
    solutions = _Lazy(betas, solve_at)
    last = solutions[-1]
    if last.status != "certified":
        raise NotConvergedError(
            f"the exact path of {problem.architecture.label} lost its way: its end at beta = {beta_min:.4g} has a "
            f"relative gap of {last.certificate.relative_gap:.2g}; pass betas= for certified solutions at betas of "
            "your choice",
            last,
        )
    return Path(problem, betas, solutions, True, solve_at)


def _solve_exactly(problem: Problem, inside: Callable[[Problem], Solution], beta: float) -> Solution:
    here = _at(problem, beta)
    if beta < problem.beta_max:
        return inside(here)
    return _certified(here, _constant(problem), _EXACT_TOL, time.perf_counter())


def _solve_levels(problem: Problem) -> Solution:
    return solve(problem, tol=_EXACT_TOL, on_failure="ignore")


def _best_candidate(breakpoints: KnotPath | ColumnPath, problem: Problem) -> Solution:
    started = time.perf_counter()
    first, *others = (
        _certified(problem, candidate, _EXACT_TOL, started) for candidate in breakpoints.candidates(problem.beta)
    )
    return next((other for other in others if other.objective < first.objective * (1 - SAME)), first)


def _distinct(breakpoints: FloatArray, beta_max: float, beta_min: float) -> FloatArray:
    """Breakpoints between two betas, descending, and these; those that differ by rounding are one."""
    betas = -np.sort(-breakpoints[breakpoints > beta_min * (1 + SAME)])
    betas = betas[betas < beta_max * (1 - SAME)]
    kept = -np.diff(betas, prepend=np.inf) > SAME * betas
    return np.concatenate(([beta_max], betas[kept], [beta_min]))


class _Lazy(Sequence[Solution]):
    """Solutions at given betas, each computed when it is read first."""

    def __init__(self, betas: FloatArray, solve_at: Callable[[float], Solution]) -> None:
        self._betas, self._solve_at = betas, solve_at
        self._known: dict[int, Solution] = {}

    def __len__(self) -> int:
        return self._betas.size

    @overload
    def __getitem__(self, index: int) -> Solution: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Solution, ...]: ...
    def __getitem__(self, index: int | slice) -> Solution | tuple[Solution, ...]:
        places = range(len(self))[index]
        if isinstance(places, range):
            return tuple(self[place] for place in places)
        if places not in self._known:
            self._known[places] = self._solve_at(float(self._betas[places]))
        return self._known[places]


Start = Any
"""What a solver keeps of a solution to start another one from."""

WarmSolver = Callable[[float, Start], tuple[Solution, Start]]
"""Solves at a beta from what was kept of the solution at another; returns the solution, and what to keep of it."""

Outcome = tuple[Certificate, Callable[[], Terms], int]


def _grid(problem: Problem, betas: FloatArray) -> Path:
    solver = _warm_solver(problem)
    solutions: list[Solution] = []
    starts: list[Start] = []
    for beta in betas:
        solution, start = solver(float(beta), starts[-1] if starts else None)
        solutions.append(solution)
        starts.append(start)
    wanting = [solution for solution in solutions if solution.status != "certified"]
    if wanting:
        worst = max(abs(solution.certificate.relative_gap) for solution in wanting)
        warnings.warn(
            f"{len(wanting)} of {betas.size} solutions are not certified within {_TOL:.0e}; "
            f"the largest relative gap is {worst:.2g}",
            ConvergenceWarning,
            stacklevel=3,
        )

    return Path(problem, betas, tuple(solutions), False, partial(_solve_next, solver, betas, starts))


def _solve_next(solver: WarmSolver, betas: FloatArray, starts: list[Start], beta: float) -> Solution:
    return solver(beta, starts[int(np.searchsorted(-betas, -beta)) - 1])[0]


def _warm_solver(problem: Problem) -> WarmSolver:
    if slopes.applies(problem):
        return partial(_warm_slopes, problem, (slopes.Segments.of(problem), None))
    if problem.loss.is_smooth and problem.n_samples < _COLUMNS_BELOW and not levels.applies(problem):
        return partial(_warm_columns, problem, _constant(problem))
    return partial(_cold, problem)


def _warm_slopes(problem: Problem, undivided: Start, beta: float, start: Start) -> tuple[Solution, Start]:
    started = time.perf_counter()
    data, knots = start or undivided
    # A copy is divided, so that a start does not depend on what else was solved from it.
    data, here = copy.copy(data), _at(problem, beta)
    spline, knots = slopes.fit_slopes(data, beta, problem.architecture, _TOL, knots)
    return _finished(here, *slopes.prove(here, spline), _TOL, started), (data, knots)


def _warm_columns(problem: Problem, constant: Candidate, beta: float, start: Start) -> tuple[Solution, Start]:
    started = time.perf_counter()
    here = _at(problem, beta)
    candidate = constant if beta >= problem.beta_max else generate(here, start or constant)
    return _certified(here, candidate, _TOL, started), candidate


def _cold(problem: Problem, beta: float, _: Start) -> tuple[Solution, Start]:
    return solve(_at(problem, beta), tol=_TOL, on_failure="ignore"), None


def _constant(problem: Problem) -> Candidate:
    constant, th = problem.constant_fit
    return Candidate([], np.zeros(0), constant, th, 0)


def _certified(problem: Problem, candidate: Candidate, tol: float, started: float) -> Solution:
    terms = candidate.features, candidate.coef, candidate.intercept + problem.rows.origin
    return _finished(problem, certified(problem, candidate), lambda: terms, candidate.n_iter, tol, started)


def _finished(
    problem: Problem, proof: Certificate, expand: Callable[[], Terms], n_iter: int, tol: float, started: float
) -> Solution:
    status = "certified" if abs(proof.relative_gap) <= tol else "not certified"
    return Solution(problem, proof, status, n_iter, time.perf_counter() - started, expand)
