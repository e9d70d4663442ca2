"""The reference solvers: the Lasso, and its function-space forms, as cvxpy programs.

Clarabel solves the smooth losses; HiGHS's simplex the piecewise-linear ones and the limit beta -> 0, which are linear
programs, so that their solutions are vertices. Inputs, targets and weights are scaled to order one first. Whatever a
solver says of its own success is ignored: the certificate decides.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import cvxpy as cp
import numpy as np

from convexnn.dictionaries.feature import Feature
from convexnn.errors import InputError
from convexnn.lasso.candidate import Candidate
from convexnn.lasso.function_space import has_closed_form, recover
from convexnn.lasso.problem import Problem
from convexnn.losses import Huber, Interpolation, Logistic, Loss, Quantile, Squared
from convexnn.validation import FloatArray

_TIGHTEST = {"tol_gap_abs": 1e-13, "tol_gap_rel": 1e-13, "tol_feas": 1e-13}
_SIMPLEX = {
    "solver": "simplex",
    "presolve": "off",
    "threads": 1,
    "primal_feasibility_tolerance": 1e-10,
    "dual_feasibility_tolerance": 1e-10,
}
_NEGLIGIBLE_COEF = 1e-7


@dataclass(frozen=True)
class _Scale:
    """Units in which the inputs span 1, the targets have size 1 and the weights mean 1."""

    x: float
    y: float
    weight: float
    degree: int

    @classmethod
    def of(cls, problem: Problem) -> _Scale:
        inputs, rows = problem.dictionary.inputs, problem.rows
        x = 1.0 if problem.architecture.activation.is_step else float(np.ptp(inputs)) or 1.0
        y = float(np.abs(rows.y).max()) or 1.0
        degree = problem.loss.degree
        return cls(x, y if degree else 1.0, float(rows.weight.mean()), degree)

    def beta(self, beta: float) -> float:
        return beta / (self.x * self.weight) * self.y ** (1 - self.degree)

    def coef(self, coef: FloatArray) -> FloatArray:
        return coef * (self.y / self.x)

    def dual(self, th: FloatArray) -> FloatArray:
        return th * self.weight * self.y ** (self.degree - 1)


def solve_dictionary(problem: Problem) -> Candidate:
    """The Lasso over the whole dictionary, formed explicitly.

    Raises
    ------
    InputError
        If the dictionary is too large to be formed.
    """
    dictionary = problem.dictionary
    coef, intercept, dual, n_iter = _solve_columns(problem, dictionary.matrix(dictionary.inputs))
    kept = np.flatnonzero(np.abs(coef) > _NEGLIGIBLE_COEF * np.abs(coef).max(initial=0.0))
    return Candidate([dictionary[int(j)] for j in kept], coef[kept], intercept, dual, n_iter)


def solve_features(problem: Problem, features: list[Feature]) -> Candidate:
    """The Lasso over chosen features."""
    inputs = problem.dictionary.inputs
    columns = np.stack([feature(inputs) for feature in features], axis=1) if features else np.zeros((inputs.size, 0))
    coef, intercept, dual, n_iter = _solve_columns(problem, columns)
    return Candidate(features, coef, intercept, dual, n_iter)


def solve_function_space(problem: Problem) -> Candidate:
    """The function-space form: the unknowns are the values on the data, the penalty is a norm of the function.

    Raises
    ------
    InputError
        If no closed form of the penalty is known for the architecture.
    """
    inputs, architecture = problem.dictionary.inputs, problem.architecture
    if not has_closed_form(architecture, inputs.size):
        raise InputError(f"no function-space form is known for {architecture.label}; use solve_dictionary")
    scale = _Scale.of(problem)
    values = cp.Variable(inputs.size)
    norm = _penalty(values, inputs / scale.x, problem)
    dual, n_iter = _minimise(problem, scale, values, norm)
    f = np.asarray(values.value) * scale.y
    features, coef = recover(inputs, f, architecture)
    kept = np.flatnonzero(np.abs(coef) > _NEGLIGIBLE_COEF * np.abs(coef).max(initial=0.0))
    start = sum(z * float(feature(inputs[:1])[0]) for feature, z in zip(features, coef, strict=True))
    return Candidate([features[j] for j in kept], coef[kept], float(f[0] - start), dual, n_iter)


def _solve_columns(problem: Problem, columns: FloatArray) -> tuple[FloatArray, float, FloatArray | None, int]:
    """Coefficients, intercept, multipliers and iterations of the Lasso over columns given at the distinct inputs."""
    scale = _Scale.of(problem)
    # Constants in the columns belong to the intercept: without them the columns are better conditioned.
    centres = columns.mean(axis=0)
    up, down = (cp.Variable(columns.shape[1], nonneg=True) for _ in range(2))
    intercept = cp.Variable()
    values = ((columns - centres) / scale.x) @ (up - down) + intercept
    dual, n_iter = _minimise(problem, scale, values, cp.sum(up + down))
    coef = scale.coef(np.asarray(up.value) - np.asarray(down.value))
    return coef, float(np.asarray(intercept.value) * scale.y - centres @ coef), dual, n_iter


def _penalty(values: cp.Variable, inputs: FloatArray, problem: Problem) -> Any:
    """`function_space.penalty` as a cvxpy expression."""
    architecture = problem.architecture
    sigma = architecture.activation
    if inputs.size == 1:
        return 0.0
    if sigma.is_step:
        height = sigma.right - sigma.left
        if architecture.switches == 1:
            return cp.norm1(cp.diff(values)) / height
        return (cp.max(values) - cp.min(values)) / height
    slopes = cp.multiply(1 / np.diff(inputs), cp.diff(values))
    bends = cp.norm1(cp.diff(slopes)) if inputs.size > 2 else 0.0
    if architecture.depth > 2:
        return (cp.abs(slopes[0]) + bends + cp.abs(slopes[-1])) / 2
    ends = cp.abs(slopes[0] + slopes[-1])
    steepest = max(abs(sigma.left), abs(sigma.right))
    return cp.maximum(bends / abs(sigma.right - sigma.left), (bends + ends) / (2 * steepest))


def _minimise(problem: Problem, scale: _Scale, values: Any, norm: Any) -> tuple[FloatArray | None, int]:
    """Solve ``min loss(values) + beta norm`` in scaled units; the variables keep their values.

    Returns the multipliers of the rows, for losses that do not determine them from the prediction, and the iterations.
    """
    rows, loss = problem.rows, problem.loss.rescaled(scale.y)
    cost, link = _loss_expression(problem, loss, scale, values)
    beta = scale.beta(problem.beta)
    # Without a loss beta only multiplies the objective and its multipliers. HiGHS's simplex was seen to cycle at 0.5 to
    # 2 (absolute value of depth 3, 60 inputs), not at 0.1.
    strength = 0.1 if isinstance(loss, Interpolation) else beta
    program = cp.Problem(cp.Minimize(cost + strength * norm), [] if link is None else [link])
    _run(program, is_linear=link is not None)
    if any(variable.value is None for variable in program.variables()):
        gap = np.diff(problem.dictionary.inputs)
        raise InputError(
            f"{program.solver_stats.solver_name} found no answer (it says {program.status!r}); with distances of "
            f"neighbouring inputs from {gap.min():.2g} to {gap.max():.2g}, slopes may differ by more than float64 "
            "resolves: merge inputs that are closer than their rounding, or leave out those far away"
        )
    n_iter = int(program.solver_stats.num_iters or 0)
    if link is None:
        return None, n_iter
    dual = -np.asarray(link.dual_value)
    if isinstance(loss, Interpolation):
        # One constraint a distinct input: its multiplier goes to the first row there.
        spread = np.zeros_like(rows.y)
        spread[np.flatnonzero(np.diff(rows.group, prepend=-1))] = beta / strength * dual
        dual = spread
    return scale.dual(dual), n_iter


def _loss_expression(problem: Problem, loss: Loss, scale: _Scale, values: Any) -> tuple[Any, Any]:
    """The loss of the values at the distinct inputs, and the constraint whose multiplier is the dual point, if any."""
    rows = problem.rows
    y, weight = rows.y / scale.y, rows.weight / scale.weight
    if isinstance(loss, Squared):
        mean, total = rows.merged()
        return cp.sum_squares(cp.multiply(np.sqrt(total / scale.weight), mean / scale.y - values)) / 2, None
    if isinstance(loss, Interpolation):
        return 0.0, values == rows.merged()[0] / scale.y
    at_rows = values[rows.group]
    if isinstance(loss, Huber):
        corner: Any = loss.delta  # annotated as int in cvxpy, which takes any number
        return cp.sum(cp.multiply(weight, cp.huber(y - at_rows, corner))) / 2, None
    if isinstance(loss, Logistic):
        return cp.sum(cp.multiply(weight, cp.logistic(cp.multiply(-y, at_rows)))), None
    if not isinstance(loss, Quantile):
        raise TypeError(f"no cvxpy expression for {loss!r}")
    below, above = loss.slopes
    up, down = cp.Variable(y.size, nonneg=True), cp.Variable(y.size, nonneg=True)
    return weight @ (above * up + below * down), at_rows + up - down == y


def _run(program: cp.Problem, *, is_linear: bool) -> None:
    """Solve as accurately as the named solver can; inaccurate answers are welcome, the certificate judges them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Solution may be inaccurate")
        if is_linear:
            # HiGHS 1.15 ends some of these small programs with a solve error after its presolve, and none without.
            program.solve(solver=cp.HIGHS, highs_options=_SIMPLEX)
        else:
            program.solve(solver=cp.CLARABEL, accept_unknown=True, max_threads=1, **_TIGHTEST)
