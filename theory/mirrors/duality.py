"""The dual problem of training: no gap, the beta beyond which networks are constant, and no network below the Lasso."""

from __future__ import annotations

from functools import partial

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize

import convexnn as cnn
from theory.instances import fractions_of_beta_max, inputs, sized, targets
from theory.mirrors.architectures import DEEP, TWO_LAYERS, any_architecture, one_of_each
from theory.mirrors.units import hidden_layers, largest_unit_correlation, rounding
from theory.statement import Evidence, Falsification, theorem

_GAP = 1e-8
"""Certified relative gap asked of the solver."""

_X, _Y = np.array([0.0, 2, 6, 7]), np.array([0.0, 3, -1, 3])


def _solve(x: NDArray, y: NDArray, share: float, architecture: cnn.Architecture) -> cnn.Solution:
    beta = share * cnn.Problem(x, y, 1.0, architecture).beta_max
    return cnn.solve(cnn.Problem(x, y, beta, architecture), tol=_GAP, on_failure="raise")


def _unit_rounding(x: NDArray, dual: NDArray, architecture: cnn.Architecture) -> float:
    sigma = architecture.activation
    return rounding(np.ones(1) if sigma.is_step else x, dual, max(abs(sigma.left), abs(sigma.right)))


def _no_gap(x: NDArray, y: NDArray, share: float, architecture: cnn.Architecture, solved: cnn.Architecture) -> Evidence:
    solution = _solve(x, y, share, solved)
    beta, objective, dual = solution.problem.beta, solution.objective, solution.certificate.dual_point
    correlation = largest_unit_correlation(x, dual, architecture)
    residual = y - solution.predict(x)
    return (
        Evidence.equal("dual point: sum", dual.sum(), 0.0, rounding(np.ones(1), dual))
        & Evidence.at_most("dual point: largest unit", correlation, beta, _unit_rounding(x, dual, architecture))
        & Evidence.equal("dual point: value", dual @ y - dual @ dual / 2, objective, _GAP * objective)
        # The dual objective is 1-strongly concave: a gap g leaves a distance of at most sqrt(2 g).
        & Evidence.equal("residual", residual, dual, 2 * np.sqrt(2 * _GAP * objective))
    ).note(architecture.label)


@theorem(
    key="mirrors/strong-duality",
    title="The best network, the Lasso and the dual problem have the same value",
    statement=(
        r"\min_{z,\xi}\tfrac12\|y-Az-\xi\|^2+\beta\|z\|_1 = \max\{y'\theta-\tfrac12\|\theta\|^2 : 1'\theta=0,\ "
        r"|\theta'u(x)|\le\beta \text{ for all units } u\}, attained at the residual."
    ),
    reference="arXiv:2403.01046; the maximum over units is independent of the dictionary",
    kind="equality",
    spec="T15",
    instances=sized(
        3, 5, x=inputs, y=targets, share=lambda n: fractions_of_beta_max, architecture=lambda n: any_architecture
    ),
    examples=one_of_each(x=_X, y=_Y, share=0.1),
    falsify=Falsification(
        "features of depth 3 (solved with those of depth 2)",
        sized(4, 5, x=inputs, y=targets, share=lambda n: fractions_of_beta_max),
        partial(_no_gap, architecture=cnn.Architecture("absolute", 3), solved=cnn.Architecture("absolute")),
    ),
)
def strong_duality(x: NDArray, y: NDArray, share: float, architecture: cnn.Architecture) -> Evidence:
    return _no_gap(x, y, share, architecture, architecture)


def _is_constant_above(x: NDArray, y: NDArray, share: float, architecture: cnn.Architecture) -> Evidence:
    solution = _solve(x, y, share, architecture)
    tol = 64 * np.finfo(float).eps * np.abs(y).max()
    return Evidence.equal("number of features", len(solution.features), 0) & Evidence.equal(
        "intercept", solution.intercept, y.mean(), tol
    )


@theorem(
    key="mirrors/largest-beta",
    title="From beta_c on the best network is constant, below it is not",
    statement=(
        r"\beta_c=\max_u|(y-\bar y)'u(x)|: z=0, \xi=\bar y solve the training problem with squared loss if and only "
        r"if \beta\ge\beta_c."
    ),
    reference="arXiv:2403.01046; optimality conditions of the Lasso",
    kind="equality",
    spec="T16",
    instances=sized(
        3, 5, x=inputs, y=targets, share=lambda n: st.floats(1.0, 3.0), architecture=lambda n: any_architecture
    ),
    examples=one_of_each(x=_X, y=_Y, share=1.0),
    falsify=Falsification(
        "beta >= beta_c",
        sized(3, 5, x=inputs, y=targets, share=lambda n: st.floats(0.5, 0.99), architecture=lambda n: any_architecture),
        _is_constant_above,
    ),
)
def largest_beta(x: NDArray, y: NDArray, share: float, architecture: cnn.Architecture) -> Evidence:
    beta_max = cnn.Problem(x, y, 1.0, architecture).beta_max
    centred = y - y.mean()
    units = largest_unit_correlation(x, centred, architecture)
    below = _solve(x, y, 0.99, architecture)
    return (
        Evidence.equal("beta_max", beta_max, units, _unit_rounding(x, centred, architecture))
        & _is_constant_above(x, y, share, architecture)
        & Evidence.true("not constant at 0.99 beta_c", len(below.features) > 0)
    )


def _random_parameters(n_units: int, n_layers: int, rng: np.random.Generator, x: NDArray) -> NDArray:
    """Weights, kinks and output weights of narrow units, and the intercept, as one vector."""
    weights = rng.normal(size=(n_layers + 1, n_units))
    kinks = rng.uniform(x[0], x[-1], size=(n_layers, n_units))
    kinks[1:] -= x[0]
    return np.append(np.concatenate([weights, kinks]).ravel(), rng.normal())


def _network_objective(
    parameters: NDArray, x: NDArray, y: NDArray, beta: float, layers: tuple[tuple[float, float], ...]
) -> float:
    """1/2 ||y - f||^2 + (beta / L) sum |w|^L of a narrow network with biases -w * kink."""
    depth = len(layers) + 1
    table = parameters[:-1].reshape(2 * depth - 1, -1)
    values = np.repeat(x[None, :], table.shape[1], axis=0)
    for weight, kink, (left, right) in zip(table[: depth - 1], table[depth:], layers, strict=True):
        argument = weight[:, None] * (values - kink[:, None])
        values = np.where(argument > 0, right * argument, left * argument)
    residual = y - table[depth - 1] @ values - parameters[-1]
    return float(residual @ residual / 2 + beta / depth * (np.abs(table[:depth]) ** depth).sum())


def _networks_above(
    x: NDArray,
    y: NDArray,
    share: float,
    architecture: cnn.Architecture,
    n_units: int,
    seed: int,
    solved: cnn.Architecture | None = None,
) -> Evidence:
    lasso = _solve(x, y, share, solved or architecture)
    beta, optimum = lasso.problem.beta, lasso.objective
    layers = hidden_layers(architecture)
    start = _random_parameters(n_units, len(layers), np.random.default_rng(seed), x)
    trained = minimize(_network_objective, start, (x, y, beta, layers), method="L-BFGS-B", options={"maxiter": 30})
    network = cnn.solve(cnn.Problem(x, y, beta, architecture), tol=_GAP, on_failure="raise").network()
    return (
        Evidence.at_most(
            "Lasso, random network", optimum, _network_objective(start, x, y, beta, layers), _GAP * optimum
        )
        & Evidence.at_most("Lasso, trained network", optimum, trained.fun, _GAP * optimum)
        & Evidence.at_most("Lasso, its own network", optimum, network.objective(x, y, beta), _GAP * optimum)
        & Evidence.at_most("units of its own network", network.n_units, len(x) - 1)
    ).note("trained within 1 %", trained.fun < 1.01 * optimum)


_continuous = st.sampled_from([a for a in (*TWO_LAYERS, *DEEP) if not a.activation.is_step and a.form == "narrow"])
_any_network = {
    "y": targets,
    "share": lambda n: fractions_of_beta_max,
    "n_units": lambda n: st.integers(1, 4),
    "seed": lambda n: st.integers(0, 2**32 - 1),
}


@theorem(
    key="mirrors/no-network-below",
    title="No network of any width beats the Lasso, and one of N - 1 units attains it",
    statement=(
        r"For every m and all weights, \tfrac12\|y-f(x)\|^2+(\beta/L)\sum|w|^L \ge "
        r"\min_{z,\xi}\tfrac12\|y-Az-\xi\|^2+\beta\|z\|_1, with equality for some network of at most N-1 units."
    ),
    reference="arXiv:2403.01046; arithmetic-geometric mean inequality",
    kind="tight bound",
    spec="T19",
    instances=sized(3, 6, x=inputs, architecture=lambda n: _continuous, **_any_network),
    falsify=Falsification(
        "the same depth on both sides (networks of depth 3, Lasso of depth 2)",
        sized(3, 6, x=inputs, architecture=lambda n: st.just(cnn.Architecture("relu", 3)), **_any_network),
        partial(_networks_above, solved=cnn.Architecture("relu")),
    ),
)
def no_network_below(
    x: NDArray, y: NDArray, share: float, architecture: cnn.Architecture, n_units: int, seed: int
) -> Evidence:
    return _networks_above(x, y, share, architecture, n_units, seed)
