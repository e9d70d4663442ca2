"""How many units an optimal network needs."""

from __future__ import annotations

from functools import partial

import cvxpy as cp
import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import convexnn as cnn
from theory.instances import fractions_of_beta_max, inputs, sized, targets
from theory.mirrors.architectures import any_architecture, one_of_each
from theory.mirrors.minimum_norm import least_l1
from theory.statement import Evidence, Falsification, theorem


def interior_point_iterate(columns: NDArray, f: NDArray) -> NDArray:
    """The same linear program by an interior-point method, which stops before any coefficient is exactly zero."""
    z, intercept = cp.Variable(columns.shape[1]), cp.Variable()
    cp.Problem(cp.Minimize(cp.norm1(z)), [columns @ z + intercept == f]).solve(solver=cp.CLARABEL)
    return np.asarray(z.value)


def _count(x: NDArray, y: NDArray, architecture: cnn.Architecture, interior: bool = False) -> Evidence:
    columns = cnn.dictionary(x, architecture).matrix()
    z = interior_point_iterate(columns, y) if interior else least_l1(columns, y)[1]
    return Evidence.at_most("interpolation: nonzero coefficients", np.count_nonzero(z), len(x) - 1)


@theorem(
    key="mirrors/sparsity",
    title="N - 1 units suffice for an optimal network",
    statement=(
        r"For every convex loss and \beta>0 some optimal z has at most N-1 nonzeros; a vertex of the linear program "
        r"\min\|z\|_1, Az+\xi=f is one."
    ),
    reference="Caratheodory's theorem; arXiv:2403.01046",
    kind="tight bound",
    spec="T20",
    instances=sized(
        3, 6, x=inputs, y=targets, share=lambda n: fractions_of_beta_max, architecture=lambda n: any_architecture
    ),
    examples=one_of_each(x=np.array([0.0, 2, 6, 7, 11]), y=np.array([0.0, 3, -1, 3, 0]), share=0.1),
    falsify=Falsification(
        "a vertex (counting |z| > 0 of an interior-point iterate)",
        sized(4, 6, x=inputs, y=targets, architecture=lambda n: st.just(cnn.Architecture("absolute", 3))),
        partial(_count, interior=True),
    ),
)
def sparsity(x: NDArray, y: NDArray, share: float, architecture: cnn.Architecture) -> Evidence:
    beta = share * cnn.Problem(x, y, 1.0, architecture).beta_max
    evidence = _count(x, y, architecture)
    for loss in ("squared", "absolute", "huber"):
        solution = cnn.solve(cnn.Problem(x, y, beta, architecture, loss=loss), tol=1e-8, on_failure="raise")
        evidence &= Evidence.at_most(f"{loss} loss: features", len(solution.features), len(x) - 1)
    return evidence
