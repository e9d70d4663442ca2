"""What the tests of the core share: the cases they range over, and what must hold of every solution."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from convexnn import Architecture, Network, Problem, Solution, leaky_relu, losses
from convexnn.losses import Loss
from convexnn.network.network import Layer

EPS = float(np.finfo(float).eps)

ARCHITECTURES = {
    "relu-2": Architecture("relu"),
    "leaky-2": Architecture(leaky_relu(0.25)),
    "leaky-2-bent-down": Architecture(leaky_relu(-1.5, positive_slope=0.5)),
    "absolute-2": Architecture("absolute"),
    "sign-2": Architecture("sign"),
    "threshold-2": Architecture("threshold"),
    "relu-3": Architecture("relu", 3),
    "relu-5": Architecture("relu", 5),
    "symmetrized-3": Architecture("relu", 3, form="symmetrized"),
    "absolute-3": Architecture("absolute", 3),
    "absolute-4": Architecture("absolute", 4),
    "sign-3": Architecture("sign", 3),
    "sign-3-parallel": Architecture("sign", 3, form="parallel", widths=(3,)),
    "sign-5-tree": Architecture("sign", 5, form="tree", widths=(2, 1, 3)),
    "threshold-4-tree": Architecture("threshold", 4, form="tree", widths=(2, 2)),
    "threshold-4-rectangular": Architecture("threshold", 4, form="rectangular", widths=(2, 2)),
}
CONTINUOUS = {name: architecture for name, architecture in ARCHITECTURES.items() if not architecture.activation.is_step}
STEPS = {name: architecture for name, architecture in ARCHITECTURES.items() if architecture.activation.is_step}
LOSSES = {
    "squared": losses.Squared(),
    "absolute": losses.Absolute(),
    "huber": losses.Huber(0.5),
    "quantile": losses.Quantile(0.3),
    "logistic": losses.Logistic(),
    "interpolation": losses.Interpolation(),
}
WEIGHTED = {name: loss for name, loss in LOSSES.items() if name != "interpolation"}

every_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
every_continuous = pytest.mark.parametrize("architecture", CONTINUOUS.values(), ids=CONTINUOUS)
every_step = pytest.mark.parametrize("architecture", STEPS.values(), ids=STEPS)
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
every_weighted_loss = pytest.mark.parametrize("loss", WEIGHTED.values(), ids=WEIGHTED)


def targets(loss: Loss, y: NDArray) -> NDArray:
    """`y`, or labels of both classes made of it where the loss wants labels."""
    if loss.name != "logistic":
        return y
    labels = np.where(y > np.median(y), 1.0, -1.0)
    labels[0] = 1.0 if (labels < 0).all() else labels[0]
    return labels


def problem_at(share: float, x: NDArray, y: NDArray, architecture: Architecture, loss: Loss, **weights) -> Problem:
    """The problem whose beta is a share of its beta_max; 1 where beta_max is 0 or infinite."""
    largest = Problem(x, y, 1.0, architecture, loss=loss, **weights).beta_max
    beta = share * largest if 0 < largest < np.inf else 1.0
    return Problem(x, y, beta, architecture, loss=loss, **weights)


def column_range(problem: Problem) -> float:
    """How far a unit can vary over the data."""
    sigma = problem.architecture.activation
    return sigma.right - sigma.left if sigma.is_step else np.ptp(problem.x) * max(abs(sigma.left), abs(sigma.right))


def distances_up_to_sign_and_constant(columns: NDArray, others: NDArray) -> NDArray:
    """For every column, how far the closest of `others` is, and of no column at all; signs and constants are free."""
    others = np.column_stack((others, np.zeros(len(others))))
    a, b = ((part - part.mean(axis=0)).T for part in (columns, others))
    return np.array([min(np.abs(column - sign * b).max(axis=1).min() for sign in (1, -1)) for column in a])


def largest_correlation(problem: Problem, th: NDArray) -> float:
    """From the explicit matrix, where it is of moderate size."""
    if problem.n_samples * problem.dictionary.n_features > 1_000_000:
        return problem.dictionary.max_correlation(th)[0]
    return np.abs(problem.dictionary.matrix().T @ th).max(initial=0.0)


def assert_certified(solution: Solution, *, kkt: float = 1e-7) -> None:
    """The certificate is what it says it is, and the solution is optimal: every condition on the explicit matrix.

    `kkt` is the largest violation of the optimality conditions, relative to their scale.
    """
    problem, proof = solution.problem, solution.certificate
    loss, y, weight, beta = problem.loss, problem.y, problem.weight, problem.beta
    f, th = solution.predict(problem.x), proof.dual_point
    size = np.abs(th).sum()
    in_correlation = 64 * EPS * size * max(column_range(problem), 1.0)
    in_value = 64 * EPS * size * np.abs(y).max()

    # The dual point is feasible, and is worth what it says.
    lo, hi = loss.box(y, weight)
    assert ((lo * (1 + 4 * EPS) <= th) & (th <= hi * (1 + 4 * EPS))).all()
    assert abs(th.sum()) <= 8 * EPS * size
    assert largest_correlation(problem, th) <= beta * (1 + 64 * EPS) + in_correlation
    origin = y[0] if loss.degree else 0.0  # th sums to zero, so that where targets are measured from is free
    assert proof.dual == pytest.approx(loss.dual(th, y - origin, weight), rel=64 * EPS, abs=in_value)

    # The primal value is that of the prediction, and the gap their difference.
    penalty = beta * np.abs(solution.coef).sum()
    assert proof.primal == solution.objective
    assert proof.primal == pytest.approx(loss.total(y, f, weight) + penalty, rel=64 * EPS, abs=in_value)
    assert 0 <= proof.gap == pytest.approx(proof.primal - proof.dual, abs=64 * EPS * proof.primal + in_value)
    assert proof.relative_gap <= 1e-8
    assert solution.status == "certified"

    # The support is minimal and exact.
    n_inputs = np.unique(problem.x).size
    assert len(solution.features) == len(set(solution.features)) == len(solution.coef) <= max(n_inputs - 1, 0)
    assert (solution.coef != 0).all()

    # Optimality: each feature in use correlates by beta, with the sign of its coefficient.
    if solution.features:
        used = np.stack([feature(problem.x) for feature in solution.features], axis=1)
        np.testing.assert_allclose(used.T @ th, beta * np.sign(solution.coef), rtol=kkt, atol=in_correlation)
    assert proof.kkt_residual <= kkt
    assert proof.most_violated is None or proof.kkt_residual > 0


def random_network(architecture: Architecture, units: int, rng: np.random.Generator) -> Network:
    """A network of some units with normal weights."""
    layers = tuple(
        Layer(rng.normal(size=(units, *shape)), rng.normal(size=(units, shape[0])))
        for shape in architecture.layer_shapes
    )
    amplitude = rng.normal(size=units) if architecture.activation.is_step else None
    return Network(architecture, layers, rng.normal(size=units), amplitude, float(rng.normal()))


@st.composite
def data(draw: st.DrawFn, *, distinct: bool = False) -> tuple[NDArray, NDArray]:
    """Two to seven inputs and targets in any order, integers or not; inputs may repeat unless `distinct`.

    Multiples of 1/128: differences of numbers are a difference or none, not a matter of rounding.
    """
    inputs, outputs = (
        st.integers(-r, r).map(float) | st.integers(-128 * r, 128 * r).map(lambda k: k / 128) for r in (9, 4)
    )
    x = draw(st.lists(inputs, min_size=2, max_size=7, unique=distinct))
    y = draw(st.lists(outputs, min_size=len(x), max_size=len(x)))
    return np.array(x), np.array(y)


any_loss = st.sampled_from([*LOSSES.values()])
any_loss_of_numbers = st.sampled_from([loss for loss in LOSSES.values() if loss.name != "logistic"])
any_weighted_loss = st.sampled_from([*WEIGHTED.values()])
shares = st.sampled_from([0.05, 0.3, 0.8])
"""Of beta_max."""
