"""Absolute and quantile loss: what the residual of an optimal fit proves about its optimality (not enough).

Its subgradient, zero where the residual is, has entries in (1/q) Z. If repair has to shift it, a multiplier of a
nonzero residual changes, which no optimal dual point may. If not, its correlations with integer columns are in (1/q) Z
too, but an optimal dual point correlates by exactly beta with every feature of the fit. So it is not optimal unless
q beta is an integer.
"""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import convexnn as cnn
from convexnn.lasso.certificate import repair
from convexnn.losses import Loss
from theory.instances import Instances, integer_inputs, normal_vector, sized
from theory.statement import Evidence, Falsification, theorem

_LOSSES: tuple[tuple[Loss, int], ...] = (
    (cnn.losses.Absolute(), 1),
    (cnn.losses.Quantile(0.5), 2),
    (cnn.losses.Quantile(0.25), 4),
    (cnn.losses.Quantile(0.8), 5),
)
"""Losses with a q such that their multipliers at nonzero residuals are multiples of 1/q."""

_INTEGER_COLUMNS = (
    cnn.Architecture("relu"),
    cnn.Architecture("absolute"),
    cnn.Architecture("sign"),
    cnn.Architecture("relu", 3),
)


_CERTIFIED = {
    "x": np.array([0, 1, 2, 3]),
    "y": np.array([0.0, 4, 3, 4]),
    "loss": _LOSSES[0],
    "share": 0.0,
    "offset": 1.0,
    "architecture": cnn.Architecture("relu"),
}
"""At beta = 1 the fit (1, 2, 3, 4) is optimal, with objective 4; its residual's subgradient (-1, 1, 0, 0) proves it."""


def _instances(losses: tuple[tuple[Loss, int], ...]) -> Instances:
    return sized(
        4,
        6,
        x=integer_inputs,
        y=normal_vector,
        loss=lambda n: st.sampled_from(losses),
        share=lambda n: st.floats(0.0, 0.95),
        offset=lambda n: st.just(0.5),
        architecture=lambda n: st.sampled_from(_INTEGER_COLUMNS),
    )


@theorem(
    key="certificates/residual-is-not-enough",
    title="For absolute and quantile loss the residual certifies no optimum, but at exceptional beta",
    statement=(
        r"Let the inputs be integers, the columns integer, the weights 1 and the slopes of the loss multiples of "
        r"1/q. If q\beta is no integer and \beta<\beta_c, then the subgradient \theta of the loss at an optimal fit, "
        r"zero where the residual is, has after repair D(\theta)<\min P: else |\theta'a_j|=\beta on the support, and "
        r"q\theta'a_j is an integer."
    ),
    reference="derived in this project",
    kind="bound",
    instances=_instances(_LOSSES),
    falsify=(
        Falsification("corners of the loss (squares)", _instances(((cnn.losses.Squared(), 1),))),
        Falsification("q beta being no integer", st.just(_CERTIFIED)),
    ),
)
def residual_is_not_enough(
    x: NDArray, y: NDArray, loss: tuple[Loss, int], share: float, offset: float, architecture: cnn.Architecture
) -> Evidence:
    kind, q = loss
    beta_max = cnn.Problem(x, y, 1.0, architecture, loss=kind).beta_max
    beta = (np.floor(share * (q * beta_max - 1)) + offset) / q
    problem = cnn.Problem(x, y, float(beta), architecture, loss=kind)
    solution = cnn.solve(problem, tol=1e-9, on_failure="raise")
    rows = problem.rows
    residual = (y - solution.predict(x))[rows.order]
    residual[np.abs(residual) <= 1e-9 * np.ptp(y)] = 0.0

    def bound(candidate: NDArray) -> float:
        return kind.dual(repair(problem, candidate), rows.y, rows.weight)

    own = bound(kind.multiplier(residual, np.zeros_like(residual), rows.weight))
    other = bound(solution.certificate.dual_point[rows.order])
    return Evidence.true("the residual leaves a gap", own < (1 - 1e-6) * solution.objective) & Evidence.equal(
        "bound of the solver's multipliers", other, solution.objective, 1e-9 * solution.objective
    )
