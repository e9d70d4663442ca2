"""Training is a convex program on the values of the function, for any convex loss: no dictionary is left in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cvxpy as cp
import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import convexnn as cnn
from theory.instances import Instances, fractions_of_beta_max, inputs, targets
from theory.statement import Evidence, Falsification, theorem

Penalty = Callable[[cp.Expression, NDArray, cnn.Architecture], cp.Expression]

_ACCURACY = 1e-7
"""Relative difference of two solvers' objectives: the reference program stops near its own tolerance of 1e-9."""

_RANDOM_NETWORKS = 20


def penalty(f: cp.Expression, x: NDArray, architecture: cnn.Architecture) -> cp.Expression:
    """The least ||z||_1 of values f at ascending inputs, as a convex function of f."""
    sigma = architecture.activation
    height = abs(sigma.right - sigma.left)
    if sigma.is_step:
        return (cp.norm1(cp.diff(f)) if architecture.switches == 1 else cp.max(f) - cp.min(f)) / height
    mu = cp.multiply(cp.diff(f), 1 / np.diff(x))
    bends = cp.norm1(cp.diff(mu)) if len(x) > 2 else cp.Constant(0.0)
    if architecture.depth > 2:
        return (cp.abs(mu[0]) + bends + cp.abs(mu[-1])) / 2
    ends, steepest = cp.abs(mu[0] + mu[-1]), max(abs(sigma.left), abs(sigma.right))
    return cp.maximum(bends / height, (bends + ends) / (2 * steepest))


def _total_loss(loss: cnn.losses.Loss, f: cp.Expression, y: NDArray) -> cp.Expression:
    residual = y - f
    match loss:
        case cnn.losses.Squared():
            return cp.sum_squares(residual) / 2
        case cnn.losses.Absolute():
            return cp.norm1(residual)
        case cnn.losses.Quantile(tau=tau):
            return cp.sum(cp.maximum(tau * residual, (tau - 1) * residual))
        case cnn.losses.Huber(delta=delta):
            return cp.sum(cp.huber(residual, delta)) / 2  # type: ignore[arg-type]  # cvxpy's annotation says int
        case cnn.losses.Logistic():
            return cp.sum(cp.logistic(cp.multiply(-y, f)))
    raise AssertionError(loss)


def _program(problem: cnn.Problem, norm: Penalty) -> float:
    """The value of ``min loss(f) + beta norm(f)``."""
    f = cp.Variable(problem.n_samples)
    objective = _total_loss(problem.loss, f, problem.y) + problem.beta * norm(f, problem.x, problem.architecture)
    accuracy = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), 1e-10)
    return float(cp.Problem(cp.Minimize(objective)).solve(solver=cp.CLARABEL, **accuracy))


def _problem(
    x: NDArray, y: NDArray, share: float, architecture: cnn.Architecture, loss: cnn.losses.Loss
) -> cnn.Problem:
    if loss.name == "logistic":
        y = np.where(y > np.median(y), 1.0, -1.0)
        y[0] = -y[1:].max()  # both classes, whatever the targets
    largest = cnn.Problem(x, y, 1.0, architecture, loss=loss).beta_max
    return cnn.Problem(x, y, share * largest if largest > 0 else 1.0, architecture, loss=loss)


def _compare(
    x: NDArray,
    y: NDArray,
    share: float,
    architecture: cnn.Architecture,
    loss: cnn.losses.Loss,
    norm: Penalty = penalty,
) -> Evidence:
    problem = _problem(x, y, share, architecture, loss)
    found = cnn.solve(problem, tol=1e-8, on_failure="raise").certificate
    scale = max(found.primal, np.finfo(float).eps * np.abs(problem.y).sum())
    return Evidence.equal("Lasso and program in f", found.primal, _program(problem, norm), _ACCURACY * scale)


def _instances(low: int, architectures: st.SearchStrategy[cnn.Architecture], losses: st.SearchStrategy) -> Instances:
    return st.integers(low, 7).flatmap(
        lambda n: st.fixed_dictionaries(
            {
                "x": inputs(n),
                "y": targets(n),
                "share": fractions_of_beta_max,
                "architecture": architectures,
                "loss": losses,
            }
        )
    )


_TWO_LAYERS = st.builds(cnn.Architecture, st.sampled_from(["relu", "absolute", "leaky_relu", "sign", "threshold"]))
_DEEP = st.builds(cnn.Architecture, st.just("relu"), st.integers(3, 5)) | st.builds(
    lambda name: cnn.Architecture(name, 3, form="parallel", widths=(6,)), st.sampled_from(["sign", "threshold"])
)
_SQUARED = st.just(cnn.losses.Squared())
_OTHERS = st.sampled_from(
    [
        cnn.losses.Absolute(),
        cnn.losses.Quantile(tau=0.3),
        cnn.losses.Huber(delta=0.5),
        cnn.losses.Logistic(),
    ]
)
_X, _Y = np.array([0.0, 2, 6, 7]), np.array([0.0, 3, -1, 3])


def _without_ends(f: cp.Expression, x: NDArray, architecture: cnn.Architecture) -> cp.Expression:
    """The bends alone: what the slopes at the ends cost is left out."""
    return cp.norm1(cp.diff(cp.multiply(cp.diff(f), 1 / np.diff(x)))) / 2


def _two_switches_as_all(
    x: NDArray, y: NDArray, share: float, architecture: cnn.Architecture, loss: cnn.losses.Loss
) -> Evidence:
    """The range as penalty of networks with two switches, on data with more gaps."""
    return _compare(x, y, share, architecture, loss, lambda f, x, _: (cp.max(f) - cp.min(f)) / 2)


@theorem(
    key="mirrors/function-space-program",
    title="Training with squared loss is a convex program in the values of the function",
    statement=(
        r"\min_{z,\xi}\tfrac12\|y-Az-\xi\|^2+\beta\|z\|_1=\min_f\tfrac12\|y-f\|^2+\beta C(f) with C the least penalty "
        r"of given values: two layers with any slopes, narrow ReLU of any depth, sign and threshold with one switch "
        r"or at least N-1."
    ),
    reference="arXiv:2403.01046 for the Lasso; the norms are derived in this project",
    kind="equality",
    spec="T22",
    instances=_instances(2, _TWO_LAYERS | _DEEP, _SQUARED),
    examples=tuple(
        {"x": _X, "y": _Y, "share": 0.1, "architecture": architecture, "loss": cnn.losses.Squared()}
        for architecture in (
            cnn.Architecture("relu"),
            cnn.Architecture("absolute"),
            cnn.Architecture("relu", 4),
            cnn.Architecture("sign"),
            cnn.Architecture("threshold", 3, form="parallel", widths=(3,)),
        )
    ),
    falsify=(
        Falsification(
            "the slopes at the ends, for deep ReLU",
            _instances(3, st.just(cnn.Architecture("relu", 3)), _SQUARED),
            partial(_compare, norm=_without_ends),
        ),
        Falsification(
            "K >= N - 1 switches, for the range",
            _instances(5, st.just(cnn.Architecture("sign", 3, form="parallel", widths=(2,))), _SQUARED),
            _two_switches_as_all,
        ),
    ),
    uses=("two layers", "deep"),
)
def function_space_program(
    x: NDArray, y: NDArray, share: float, architecture: cnn.Architecture, loss: cnn.losses.Loss
) -> Evidence:
    evidence = _compare(x, y, share, architecture, loss)
    return evidence.note("deep" if architecture.depth > 2 else "two layers")


def _random_network_objective(problem: cnn.Problem, seed: int) -> float:
    """The least objective among random two-layer networks, each evaluated from its weights."""
    rng = np.random.default_rng(seed)
    sigma, x = problem.architecture.activation, problem.x
    least = np.inf
    for _ in range(_RANDOM_NETWORKS):
        m = rng.integers(1, 5)
        w, alpha = rng.normal(size=(2, m)) * rng.exponential(size=(2, 1))
        argument = w[:, None] * (x - rng.uniform(x[0], x[-1], size=(m, 1)))
        units = np.where(argument >= 0, sigma.right * argument, sigma.left * argument)
        f = alpha @ units + rng.normal()
        loss = np.asarray(_total_loss(problem.loss, cp.Constant(f), problem.y).value).item()
        least = min(least, loss + problem.beta / 2 * float(w @ w + alpha @ alpha))
    return least


@theorem(
    key="mirrors/other-losses",
    title="The equivalence does not depend on the loss: absolute, quantile, Huber and logistic too",
    statement=(
        r"\min_{z,\xi}\ell(Az+\xi)+\beta\|z\|_1=\min_f\ell(f)+\beta C(f) for every convex loss \ell, and no two-layer "
        r"network has a smaller \ell(f)+(\beta/2)\sum|w|^2."
    ),
    reference="arXiv:2403.01046, general convex losses; the norms are derived in this project",
    kind="equality",
    spec="T32",
    instances=_instances(3, _TWO_LAYERS | _DEEP, _OTHERS),
    examples=tuple(
        {"x": _X, "y": _Y, "share": 0.1, "architecture": cnn.Architecture("relu"), "loss": loss}
        for loss in (
            cnn.losses.Absolute(),
            cnn.losses.Quantile(tau=0.3),
            cnn.losses.Huber(delta=0.5),
            cnn.losses.Logistic(),
        )
    ),
    falsify=Falsification(
        "the slopes at the ends, for deep ReLU",
        _instances(3, st.just(cnn.Architecture("relu", 3)), _OTHERS),
        partial(_compare, norm=_without_ends),
    ),
    uses=("absolute", "quantile", "huber", "logistic", "random networks"),
)
def other_losses(
    x: NDArray, y: NDArray, share: float, architecture: cnn.Architecture, loss: cnn.losses.Loss
) -> Evidence:
    evidence = _compare(x, y, share, architecture, loss).note(loss.name)
    if architecture.depth > 2 or architecture.activation.is_step:
        return evidence
    problem = _problem(x, y, share, architecture, loss)
    found = cnn.solve(problem, tol=1e-8, on_failure="raise").certificate
    least = _random_network_objective(problem, int(1e6 * share))
    return evidence & Evidence.at_most("best of random networks", found.dual, least).note("random networks")
