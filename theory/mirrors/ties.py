"""Equal inputs, and a single one."""

from __future__ import annotations

from functools import partial

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import convexnn as cnn
from theory.instances import Instances, dual, inputs, targets
from theory.mirrors.architectures import any_architecture, one_of_each
from theory.mirrors.units import hidden_layers, largest_correlation, rounding
from theory.statement import Evidence, Falsification, theorem

_EPS = float(np.finfo(float).eps)
_WITH_REGIONS = (cnn.Architecture("relu", 3), cnn.Architecture("absolute", 3))


@st.composite
def _tied(draw: st.DrawFn) -> dict[str, object]:
    """Inputs of which the first few occur two or three times, in shuffled rows."""
    distinct = draw(inputs(draw(st.integers(3, 4))))
    repeats = draw(st.lists(st.integers(1, 3), min_size=len(distinct), max_size=len(distinct)))
    x = np.repeat(distinct, [repeats[0] + 1, *repeats[1:]])[:7]
    return {
        "x": draw(st.permutations(list(x)).map(np.array)),
        "y": draw(targets(len(x))),
        "weight": draw(st.lists(st.integers(1, 4), min_size=len(x), max_size=len(x)).map(np.array)),
        "dual": draw(dual(len(x))),
        "share": draw(st.floats(0.05, 0.9)),
        "architecture": draw(st.sampled_from(_WITH_REGIONS)),
    }


def _merging(
    x: NDArray,
    y: NDArray,
    weight: NDArray,
    dual: NDArray,
    share: float,
    architecture: cnn.Architecture,
    constant: bool = True,
) -> Evidence:
    units = largest_correlation(x, dual, hidden_layers(architecture)).value
    features = cnn.dictionary(x, architecture).max_correlation(dual)[0]
    evidence = Evidence.equal("largest unit", features, units, rounding(x, dual))

    distinct, group = np.unique(x, return_inverse=True)
    total = np.bincount(group, weight)
    mean = np.bincount(group, weight * y) / total
    within = float(weight @ (y - mean[group]) ** 2 / 2) if constant else 0.0
    beta = share * max(cnn.Problem(x, y, 1.0, architecture, sample_weight=weight).beta_max, _EPS)
    all_rows = cnn.Problem(x, y, beta, architecture, sample_weight=weight)
    merged = cnn.Problem(distinct, mean, beta, architecture, sample_weight=total)
    objectives = [cnn.solve(p, tol=1e-9, on_failure="raise").objective for p in (all_rows, merged)]
    scale = 2e-9 * objectives[0] + 64 * _EPS * float(weight @ y**2)
    return evidence & Evidence.equal("objective", objectives[0], objectives[1] + within, scale)


@theorem(
    key="mirrors/equal-inputs",
    title="Equal inputs are one input: same units, and for squares a weighted mean and a constant",
    statement=(
        r"With repeated inputs \max_u|\lambda'u(x)| is attained in the dictionary of the distinct inputs, and the "
        r"optimum with squared loss is that of the weighted group means plus \tfrac12\sum_iw_i(y_i-\bar y_{g(i)})^2."
    ),
    reference="derived in this project",
    kind="equality",
    spec="T27",
    instances=_tied(),
    falsify=Falsification("the constant within groups", _tied(), partial(_merging, constant=False)),
)
def equal_inputs(
    x: NDArray, y: NDArray, weight: NDArray, dual: NDArray, share: float, architecture: cnn.Architecture
) -> Evidence:
    return _merging(x, y, weight, dual, share, architecture)


def _few_points(n: int) -> Instances:
    return st.fixed_dictionaries(
        {
            "x": inputs(n),
            "y": targets(n),
            "beta": st.floats(0.001, 0.1),
            "architecture": any_architecture,
        }
    )


@theorem(
    key="mirrors/one-input",
    title="With one input the best network is the constant",
    statement=r"For N=1 all centred columns vanish: z=0, \xi=y and, with squared loss, the objective is 0.",
    reference="derived in this project",
    kind="equality",
    spec="T28",
    instances=_few_points(1),
    examples=one_of_each(x=np.array([2.0]), y=np.array([-3.0]), beta=0.01),
    falsify=Falsification("N = 1 (two inputs)", _few_points(2)),
)
def one_input(x: NDArray, y: NDArray, beta: float, architecture: cnn.Architecture) -> Evidence:
    solution = cnn.solve(cnn.Problem(x, y, beta, architecture))
    return (
        Evidence.equal("features in the dictionary", solution.problem.dictionary.n_features, 0)
        & Evidence.equal("features in the solution", len(solution.features), 0)
        & Evidence.equal("intercept", solution.intercept, y[0])
        & Evidence.equal("objective", solution.objective, 0.0)
    )
