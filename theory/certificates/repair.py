"""Making a feasible dual point out of any vector: the order of the steps matters."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import convexnn as cnn
from convexnn.lasso.certificate import repair
from convexnn.losses import Loss
from theory.instances import fractions_of_beta_max, inputs, targets, vector
from theory.mirrors.architectures import TWO_LAYERS
from theory.mirrors.units import largest_unit_correlation, rounding
from theory.statement import Evidence, Falsification, theorem

LOSSES: tuple[Loss, ...] = (
    cnn.losses.Squared(),
    cnn.losses.Absolute(),
    cnn.losses.Huber(0.5),
    cnn.losses.Quantile(0.3),
    cnn.losses.Logistic(),
)
_ARCHITECTURES = (*TWO_LAYERS, cnn.Architecture("relu", 3), cnn.Architecture("absolute", 3))


def problem_of(
    x: NDArray, y: NDArray, weight: NDArray, loss: Loss, share: float, architecture: cnn.Architecture
) -> cnn.Problem:
    """The problem at a share of its beta_max; logistic loss gets the labels sign(y - mean), of both classes."""
    target = np.where(y > y.mean(), 1.0, -1.0) if loss.name == "logistic" else y
    beta_max = cnn.Problem(x, target, 1.0, architecture, loss=loss, sample_weight=weight).beta_max
    beta = share * (beta_max or 1.0)  # targets whose best fit is constant at every beta have beta_max = 0
    return cnn.Problem(x, target, beta, architecture, loss=loss, sample_weight=weight)


@st.composite
def _problems(draw: st.DrawFn, losses: tuple[Loss, ...] = LOSSES) -> dict[str, object]:
    """Three or four distinct inputs, the first of them twice, and a candidate for the dual point."""
    distinct = draw(inputs(draw(st.integers(3, 4))))
    x = np.append(distinct, distinct[0])
    return {
        "x": x,
        "y": draw(targets(len(x))),
        "weight": draw(st.lists(st.integers(1, 3), min_size=len(x), max_size=len(x)).map(np.array)),
        "loss": draw(st.sampled_from(losses)),
        "share": draw(fractions_of_beta_max),
        "architecture": draw(st.sampled_from(_ARCHITECTURES)),
        "candidate": draw(vector(len(x))),
    }


def _bound(problem: cnn.Problem, th: NDArray) -> float:
    return problem.loss.dual(th, problem.rows.y, problem.rows.weight)


def _clipped_last(
    x: NDArray,
    y: NDArray,
    weight: NDArray,
    loss: Loss,
    share: float,
    architecture: cnn.Architecture,
    candidate: NDArray,
) -> Evidence:
    """The bound alone, from a point that is centred and scaled to beta before it is clipped to its box."""
    problem = problem_of(x, y, weight, loss, share, architecture)
    solution = cnn.solve(problem, tol=1e-8, on_failure="raise")
    rows = problem.rows
    centred = candidate - candidate.mean()
    point = centred * problem.beta / max(problem.largest_correlation(centred), np.finfo(float).tiny)
    clipped = np.clip(point, *loss.box(rows.y, rows.weight))
    return Evidence.at_most("bound", _bound(problem, clipped), solution.objective, 1e-9 * solution.objective)


_WITNESS = {
    "x": np.array([0.0, 1, 2]),
    "y": np.array([2.0, -3, -4]),
    "weight": np.ones(3),
    "loss": cnn.losses.Absolute(),
    "share": 0.75,
    "architecture": cnn.Architecture("absolute"),
    "candidate": np.array([1.0, -3, -2]),
}
"""The optimum is 5.5, and the point that is clipped last claims 6.17."""


@theorem(
    key="certificates/repair",
    title="Any vector, repaired, is a feasible dual point, and its value is a lower bound on the optimum",
    statement=(
        r"Shift \theta\leftarrow\mathrm{clip}(\theta-\nu w,lo,hi) to sum zero, then scale by "
        r"s\le\beta/\max_u|\theta'u(x)|, s\le 1 where there are boxes: then 1'\theta=0, lo\le\theta\le hi, "
        r"|\theta'u(x)|\le\beta for all units u, and D(\theta)\le\min P. With a smooth loss the multipliers of the "
        r"optimum attain it."
    ),
    reference="Fenchel duality; the repair is derived in this project",
    kind="tight bound",
    instances=_problems(),
    falsify=Falsification(
        "the order (centre, scale, then clip)",
        st.just(_WITNESS),
        _clipped_last,
    ),
    uses=tuple(loss.name for loss in LOSSES),
)
def repaired_points(
    x: NDArray,
    y: NDArray,
    weight: NDArray,
    loss: Loss,
    share: float,
    architecture: cnn.Architecture,
    candidate: NDArray,
) -> Evidence:
    problem = problem_of(x, y, weight, loss, share, architecture)
    solution = cnn.solve(problem, tol=1e-8, on_failure="raise")
    rows, distinct = problem.rows, problem.dictionary.inputs
    lo, hi = loss.box(rows.y, rows.weight)
    optimal = solution.predict(x)[rows.order] - rows.origin
    candidates = {
        "any vector": candidate,
        "multipliers of any fit": loss.multiplier(rows.y, candidate, rows.weight),
        "multipliers of the optimum": loss.multiplier(rows.y, optimal, rows.weight),
    }
    evidence = Evidence()
    for name, th in candidates.items():
        point = repair(problem, th)
        tol = rounding(np.ones(1), point)
        units = largest_unit_correlation(distinct, rows.totals(point), architecture)
        # The dual objective is a sum of terms of the size of the objective and of th times y.
        value_tol = 64 * np.finfo(float).eps * (solution.objective + float(np.abs(point) @ np.abs(rows.y)))
        slopes = max(abs(architecture.activation.left), abs(architecture.activation.right))
        evidence &= (
            Evidence.equal(f"{name}: sum", point.sum(), 0.0, tol)
            & Evidence.at_most(f"{name}: box above", point, hi, tol)
            & Evidence.at_most(f"{name}: box below", -point, -lo, tol)
            & Evidence.at_most(f"{name}: largest unit", units, problem.beta, rounding(x, point, max(slopes, 1.0)))
            & Evidence.at_most(f"{name}: bound", _bound(problem, point), solution.objective, value_tol)
        )
    return evidence.note(loss.name)
