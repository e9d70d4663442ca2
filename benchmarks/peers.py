"""The methods that are compared: this library, and other programs that solve the same Lasso.

Peers on the dictionary get it for free: a dense matrix, centred, in units of order one. Peers in function space have
the values and slopes at the distinct inputs as unknowns. The intercept is optimised for all of them afterwards. A fit
is timed from arrays to coefficients; cvxpy's modelling is part of it, and the solver's own time is kept beside.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

import convexnn as cnn
from benchmarks.worker import clock
from convexnn.errors import ConvergenceWarning
from convexnn.lasso.function_space import has_closed_form
from convexnn.lasso.problem import Problem
from convexnn.losses import Squared
from convexnn.validation import FloatArray

MATRIX_BYTES = 2**30
ENDLESS = 10**7  # iterations: the time limit is what ends a fit
TIGHTER = tuple(10.0**-k for k in range(4, 13))


class Answer(NamedTuple):
    """What a method found.

    Attributes
    ----------
    prediction : (n,) array
        At the inputs in the caller's order, up to a constant.
    penalty : float
        beta included.
    claims : bool
        Whether the method says that it converged.
    solver_seconds : float or None
        The solver's own share of the time, where a modelling language reports it.
    """

    prediction: FloatArray
    penalty: float
    claims: bool
    solver_seconds: float | None = None


@dataclass(frozen=True)
class Method:
    """A way to solve a problem.

    Attributes
    ----------
    name : str
    packages : tuple of str
        Modules without which the method is absent.
    unsuitable : function of a Problem
        Why the method cannot take it; empty if it can.
    given : function of a Problem
        What the method gets for free.
    fit : function of a Problem, what is given, and a tolerance
        What is timed. Returns the function that makes an Answer of the result, which is not.
    tolerances : tuple of float
        In the method's own terms, to be tried one after the other.
    """

    name: str
    packages: tuple[str, ...]
    unsuitable: Callable[[Problem], str]
    given: Callable[[Problem], Any]
    fit: Callable[[Problem, Any, float], Callable[[], Answer]]
    tolerances: tuple[float, ...] = TIGHTER

    @property
    def is_absent(self) -> bool:
        """Whether a package is not installed."""
        return any(importlib.util.find_spec(package) is None for package in self.packages)


@dataclass(frozen=True)
class Recipe:
    """A problem as the function and the arguments that make it, so that every process can make its own."""

    make: Callable[..., Problem]
    arguments: tuple[Any, ...]

    def problem(self) -> Problem:
        """The problem, made anew."""
        return self.make(*self.arguments)


def prepare(name: str, recipe: Recipe, warm_up: Recipe) -> None:
    """All that is not timed: import and compile what a method needs, and form what it is given."""
    fit(name, warm_up, METHODS[name].tolerances[0])
    _given(METHODS[name].given, recipe)


def fit(name: str, recipe: Recipe, tol: float) -> float:
    """The seconds that a method takes; `answer` then gives what it found."""
    global _finish
    method, problem = METHODS[name], _problem(recipe)
    given = _given(method.given, recipe)
    started = clock()
    _finish = method.fit(problem, given, tol)
    return clock() - started


def answer() -> Answer:
    """The answer of the last fit in this process."""
    return _finish()


def _no_fit_yet() -> Answer:
    raise LookupError("no method has run in this process")


_finish: Callable[[], Answer] = _no_fit_yet


@lru_cache(maxsize=2)
def _problem(recipe: Recipe) -> Problem:
    return recipe.problem()


@lru_cache(maxsize=4)
def _given(form: Callable[[Problem], Any], recipe: Recipe) -> Any:
    return form(_problem(recipe))


# The library


def _ours(problem: Problem, given: None, tol: float) -> Callable[[], Answer]:
    weight = problem.given_weight
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        # Made anew: the checks of the data are part of the time.
        again = Problem(
            problem.x, problem.y, problem.beta, problem.architecture, loss=problem.loss, sample_weight=weight
        )
        solution = cnn.solve(again, tol=tol)
    warned = any(issubclass(warning.category, ConvergenceWarning) for warning in raised)
    return lambda: Answer(
        solution.predict(problem.x), problem.beta * float(np.abs(solution.coef).sum()), claims=not warned
    )


# Peers on the dense dictionary


class _Dense(NamedTuple):
    """``min ||b - A z||^2 / 2 + beta ||z||_1`` in units of order one, and the way back."""

    A: FloatArray
    b: FloatArray
    beta: float
    columns: FloatArray
    coef_unit: float

    def answer(self, z: FloatArray, beta: float, claims: bool, solver_seconds: float | None = None) -> Answer:
        coef = z * self.coef_unit
        return Answer(self.columns @ coef, beta * float(np.abs(coef).sum()), claims, solver_seconds)


def _dense(problem: Problem) -> _Dense:
    """Centred with the weights, whose roots then multiply the rows; columns contiguous, as coordinate descent wants."""
    weight, units = problem.weight, _Units(problem)
    columns = problem.dictionary.matrix()
    columns -= weight @ columns / weight.sum()
    targets = problem.y - weight @ problem.y / weight.sum()
    root = np.sqrt(weight)
    A = np.asfortranarray(columns * (root / units.x)[:, None])
    return _Dense(A, root * targets / units.y, units.beta, columns, units.y / units.x)


class _Units:
    """Units in which the inputs span 1 and the targets vary by 1."""

    def __init__(self, problem: Problem) -> None:
        deviation = problem.y - np.average(problem.y, weights=problem.weight)
        self.x = 1.0 if problem.architecture.activation.is_step else problem.x_range or 1.0
        self.y = float(np.sqrt(np.average(deviation**2, weights=problem.weight))) or 1.0
        self.beta = problem.beta / (self.x * self.y)


def _no_matrix(problem: Problem) -> str:
    if not isinstance(problem.loss, Squared):
        return "squared loss only"
    if problem.dictionary.n_features == 0:
        return "no features"
    size = 8 * problem.n_samples * problem.dictionary.n_features
    return f"matrix of {size / 2**30:.3g} GiB" if size > MATRIX_BYTES else ""


def _converged(work: Callable[[], Any]) -> tuple[Any, bool]:
    """What scikit-learn, or a package that warns as it does, returns, and whether it did not warn."""
    from sklearn.exceptions import ConvergenceWarning as Unconverged

    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        value = work()
    return value, not any(issubclass(warning.category, Unconverged) for warning in raised)


def _estimator(package: str, problem: Problem, given: _Dense, tol: float) -> Callable[[], Answer]:
    """A Lasso estimator of scikit-learn's interface, whose loss is a mean."""
    if package == "sklearn":
        from sklearn.linear_model import Lasso
    elif package == "celer":
        from celer import Lasso
    else:
        from skglm import Lasso
    model = Lasso(alpha=given.beta / given.b.size, fit_intercept=False, tol=tol, max_iter=ENDLESS)
    _, claims = _converged(lambda: model.fit(given.A, given.b))
    return lambda: given.answer(model.coef_, problem.beta, claims)


def _lars(problem: Problem, given: _Dense, tol: float) -> Callable[[], Answer]:
    """The homotopy, which has no tolerance."""
    from sklearn.linear_model import lars_path

    def path() -> FloatArray:
        _, _, coefs = lars_path(given.A, given.b, alpha_min=given.beta / given.b.size, method="lasso", max_iter=ENDLESS)
        return np.asarray(coefs[:, -1])

    z, claims = _converged(path)
    return lambda: given.answer(z, problem.beta, claims)


def _options(solver: str, tol: float) -> dict[str, Any]:
    if solver == "CLARABEL":
        return {"tol_gap_abs": tol, "tol_gap_rel": tol, "tol_feas": tol}
    return {"eps_abs": tol, "eps_rel": tol}


def _run(program: Any, solver: str, tol: float) -> tuple[bool, float | None]:
    """Whether the solver calls its answer optimal, and its own time."""
    program.solve(solver=solver, **_options(solver, tol))
    if program.status not in ("optimal", "optimal_inaccurate"):
        raise RuntimeError(f"{solver} ends with status {program.status}")
    return program.status == "optimal", program.solver_stats.solve_time or None


def _cvxpy_dense(solver: str, problem: Problem, given: _Dense, tol: float) -> Callable[[], Answer]:
    import cvxpy as cp

    z = cp.Variable(given.A.shape[1])
    loss = cp.sum_squares(given.b - given.A @ z) / 2
    claims, seconds = _run(cp.Problem(cp.Minimize(loss + given.beta * cp.norm1(z))), solver, tol)
    return lambda: given.answer(np.asarray(z.value), problem.beta, claims, seconds)


# Peers in function space


def _no_function_space(problem: Problem) -> str:
    if not isinstance(problem.loss, Squared):
        return "squared loss only"
    n_inputs = problem.dictionary.inputs.size
    if n_inputs == 1:
        return "one input"
    return "" if has_closed_form(problem.architecture, n_inputs) else "no norm of the function is known"


def _cvxpy_sparse(solver: str, problem: Problem, given: None, tol: float) -> Callable[[], Answer]:
    """l1 trend filtering, or total variation, as a sparse program; equal inputs are merged first.

    The slopes are unknowns of their own: dividing by spacings would square the conditioning. What is returned is the
    function with these slopes, so that its penalty does not suffer from the rounding of its values.
    """
    import cvxpy as cp

    architecture, units, rows = problem.architecture, _Units(problem), problem.rows
    mean, weight = rows.merged()
    steps = np.ones(mean.size - 1) if architecture.activation.is_step else np.diff(problem.dictionary.inputs) / units.x
    values, slopes = cp.Variable(mean.size), cp.Variable(mean.size - 1)
    loss = cp.sum_squares(cp.multiply(np.sqrt(weight), mean / units.y - values)) / 2
    program = cp.Problem(
        cp.Minimize(loss + units.beta * _norm(slopes, problem, cp)), [cp.diff(values) == cp.multiply(steps, slopes)]
    )
    claims, seconds = _run(program, solver, tol)

    def finish() -> Answer:
        found = np.asarray(slopes.value)
        f = np.concatenate(([0.0], np.cumsum(steps * found))) * units.y
        penalty = problem.beta * float(_norm(found, problem, np)) * units.y / units.x
        return Answer(rows.to_caller(f[rows.group]), penalty, claims, seconds)

    return finish


def _norm(slopes: Any, problem: Problem, xp: Any) -> Any:
    """The penalty of a function with these slopes (for steps: jumps), as a number (numpy) or an expression (cvxpy)."""
    sigma = problem.architecture.activation
    if sigma.is_step:
        return xp.sum(xp.abs(slopes)) / (sigma.right - sigma.left)
    bends = xp.sum(xp.abs(xp.diff(slopes))) if slopes.size > 1 else 0.0
    if problem.architecture.depth > 2:
        return (xp.abs(slopes[0]) + bends + xp.abs(slopes[-1])) / 2
    ends = xp.abs(slopes[0] + slopes[-1])
    steepest = max(abs(sigma.left), abs(sigma.right))
    return xp.maximum(bends / abs(sigma.right - sigma.left), (bends + ends) / (2 * steepest))


def _no_total_variation(problem: Problem) -> str:
    sigma = problem.architecture.activation
    if not (isinstance(problem.loss, Squared) and sigma.is_step and problem.architecture.switches == 1):
        return "total variation only"
    if problem.given_weight is not None:
        return "no weights"
    return "no ties" if problem.dictionary.inputs.size < problem.n_samples else ""


def _condat(problem: Problem, given: None, tol: float) -> Callable[[], Answer]:
    """Exact, and has no tolerance."""
    from condat_tv import tv_denoise

    sigma, rows = problem.architecture.activation, problem.rows
    jump = problem.beta / (sigma.right - sigma.left)
    u = tv_denoise(rows.y, jump)
    return lambda: Answer(rows.to_caller(u), jump * float(np.abs(np.diff(u)).sum()), True)


def _nothing(problem: Problem) -> None:
    return None


def _takes_all(problem: Problem) -> str:
    return ""


OURS = Method("convexnn", (), _takes_all, _nothing, _ours)
PEERS = (
    Method("scikit-learn Lasso", ("sklearn",), _no_matrix, _dense, partial(_estimator, "sklearn")),
    Method("scikit-learn lars_path", ("sklearn",), _no_matrix, _dense, _lars, (0.0,)),
    Method("celer", ("celer",), _no_matrix, _dense, partial(_estimator, "celer")),
    Method("skglm", ("skglm",), _no_matrix, _dense, partial(_estimator, "skglm")),
    Method("cvxpy dense, Clarabel", ("cvxpy", "clarabel"), _no_matrix, _dense, partial(_cvxpy_dense, "CLARABEL")),
    Method("cvxpy dense, PIQP", ("cvxpy", "piqp"), _no_matrix, _dense, partial(_cvxpy_dense, "PIQP")),
    Method(
        "cvxpy sparse, Clarabel",
        ("cvxpy", "clarabel"),
        _no_function_space,
        _nothing,
        partial(_cvxpy_sparse, "CLARABEL"),
    ),
    Method("cvxpy sparse, PIQP", ("cvxpy", "piqp"), _no_function_space, _nothing, partial(_cvxpy_sparse, "PIQP")),
    Method("condat_tv", ("condat_tv",), _no_total_variation, _nothing, _condat, (0.0,)),
)
METHODS = {method.name: method for method in (OURS, *PEERS)}
