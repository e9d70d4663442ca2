"""How the optimum moves with beta."""

from __future__ import annotations

from functools import partial

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import convexnn as cnn
from theory.instances import Instances, inputs, sized, targets
from theory.mirrors.architectures import DEEP_STEPS, TWO_LAYERS
from theory.statement import Evidence, Falsification, theorem

_GAP = 1e-10
"""Certified relative gap asked of the solver that does not know the path."""

_RANGE = 20.0
_ARCHITECTURES = (*TWO_LAYERS, cnn.Architecture("relu", 3), cnn.Architecture("absolute", 3), DEEP_STEPS[0])


def _fit(x: NDArray, y: NDArray, beta: float, architecture: cnn.Architecture, loss: str) -> NDArray:
    problem = cnn.Problem(x, y, beta, architecture, loss=loss)
    return cnn.solve(problem, tol=_GAP, solver="conic", on_failure="ignore").predict(x)


def _check(
    x: NDArray,
    y: NDArray,
    share: float,
    architecture: cnn.Architecture,
    loss: str = "squared",
    skips_breakpoints: bool = False,
) -> Evidence:
    problem = cnn.Problem(x, y, 1.0, architecture)
    path = cnn.path(problem, beta_min=problem.beta_max / _RANGE)
    betas = path.betas[[0, -1]] if skips_breakpoints else path.betas
    piece = int(share * (len(betas) - 1))
    upper, lower = betas[piece], betas[piece + 1]
    beta = share * upper + (1 - share) * lower
    ends = [_fit(x, y, end, architecture, loss) for end in (upper, lower)]
    # The support is exact, so a fit is the solution of a small linear system, here of a condition below 1e5.
    scale = 1e-9 * max(1.0, float(np.abs(y).max()))
    evidence = Evidence.equal(
        "fit between two breakpoints",
        _fit(x, y, beta, architecture, loss),
        share * ends[0] + (1 - share) * ends[1],
        scale,
    )
    norms = np.array([np.abs(solution.coef).sum() for solution in path.solutions])
    losses = np.array([np.sum((y - solution.predict(x)) ** 2) / 2 for solution in path.solutions])
    rounding = 1e-9 * max(norms.max(), losses.max(), 1.0)
    evidence &= Evidence.at_most("penalty, as beta falls", norms[:-1], norms[1:], rounding)
    evidence &= Evidence.at_most("loss, as beta falls", losses[1:], losses[:-1], rounding)
    path_fit = path.at(float(beta)).predict(x)
    if loss == "squared" and not skips_breakpoints:
        evidence &= Evidence.equal(
            "fit of the path and of the solver", path_fit, _fit(x, y, beta, architecture, loss), scale
        )
    return evidence.note("several breakpoints", len(path.betas) > 3)


def _instances(low: int) -> Instances:
    return sized(
        low,
        6,
        x=inputs,
        y=targets,
        share=lambda n: st.floats(0.05, 0.95),
        architecture=lambda n: st.sampled_from(_ARCHITECTURES),
    )


_X, _Y = np.array([0.0, 2, 6, 7, 9]), np.array([0.0, 3, -1, 3, 1])


@theorem(
    key="mirrors/solution-path",
    title="The optimal fit is unique and piecewise linear in beta; the penalty falls and the loss rises with it",
    statement=(
        r"With squared loss f^*(\beta) is unique, continuous and linear between finitely many breakpoints; "
        r"\|z^*\|_1 does not increase and the loss does not decrease with \beta."
    ),
    reference="Rosset and Zhu, Annals of Statistics 35, 2007; arXiv:2403.01046 for the dictionary",
    kind="equality",
    spec="T31",
    instances=_instances(3),
    examples=tuple({"x": _X, "y": _Y, "share": 0.4, "architecture": architecture} for architecture in _ARCHITECTURES),
    falsify=(
        Falsification(
            "the breakpoints (one line from beta_max)", _instances(5), partial(_check, skips_breakpoints=True)
        ),
        Falsification("squared loss (Huber)", _instances(5), partial(_check, loss="huber")),
    ),
    uses=("several breakpoints",),
)
def solution_path(x: NDArray, y: NDArray, share: float, architecture: cnn.Architecture) -> Evidence:
    return _check(x, y, share, architecture)
