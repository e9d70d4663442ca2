"""Narrow ReLU networks: from depth 3 on every unit is a clipped line, and more depth adds nothing on the data."""

from __future__ import annotations

from functools import partial

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import convexnn as cnn
from theory.instances import dual, inputs, sized
from theory.mirrors.units import ABSOLUTE, RELU, Slopes, largest_correlation, narrow, rounding
from theory.statement import Evidence, Falsification, theorem


def _largest_column(x: NDArray, dual: NDArray, architecture: cnn.Architecture, listing: str = "minimal") -> float:
    return float(np.abs(dual @ cnn.dictionary(x, architecture, listing=listing).matrix()).max())


def _three_layers(x: NDArray, dual: NDArray, feature_depth: int) -> Evidence:
    units = largest_correlation(x, dual, narrow(RELU, 3)).value
    tol = rounding(x, dual)
    minimal, two_layers = cnn.Architecture("relu", feature_depth), cnn.Architecture("relu", 2)
    published = _largest_column(x, dual, cnn.Architecture("relu", 3), "published")
    evidence = (
        Evidence.equal("largest column", _largest_column(x, dual, minimal), units, tol)
        & Evidence.equal("max_correlation", cnn.dictionary(x, minimal).max_correlation(dual)[0], units, tol)
        & Evidence.equal("largest of the 4N^2 published columns", published, units, tol)
    )
    return evidence.note("a ramp", units > _largest_column(x, dual, two_layers) + tol)


@theorem(
    key="mirrors/narrow-relu-ramps",
    title="A narrow ReLU unit of depth 3 correlates most as a ramp between two data points",
    statement=(
        r"\max_u|\lambda'u(x)| = \max_{i<j}|\lambda'\,\mathrm{clip}(x,x_i,x_j)| over units "
        r"u=(\pm((\pm(x-c_1))_+-c_2))_+, for every \lambda with 1'\lambda=0; the 4N^2 published columns give the "
        r"same."
    ),
    reference="arXiv:2403.01046, deep narrow networks; the reduction to ramps is derived in this project",
    kind="equality",
    spec="T4",
    instances=sized(3, 5, x=inputs, dual=dual),
    examples=({"x": np.array([0.0, 1, 2, 3]), "dual": np.array([-1.0, 3, -3, 1])},),
    falsify=Falsification(
        "ramps (kinks only)",
        sized(3, 5, x=inputs, dual=dual),
        partial(_three_layers, feature_depth=2),
    ),
    uses=("a ramp",),
)
def narrow_relu_ramps(x: NDArray, dual: NDArray) -> Evidence:
    return _three_layers(x, dual, feature_depth=3)


@theorem(
    key="mirrors/narrow-relu-depth",
    title="Narrow ReLU units of depth 4 and more correlate no better than those of depth 3",
    statement=(
        r"\max_{u\text{ of depth }L}|\lambda'u(x)| = \max_{i<j}|\lambda'\,\mathrm{clip}(x,x_i,x_j)| for L\ge 3 and "
        r"1'\lambda=0: a kink between two data points is on the data a convex combination of kinks at them, so the "
        r"published reflection columns of depth 4 never change the optimal value."
    ),
    reference="derived in this project; concerns the depth-4 columns of arXiv:2403.01046v1",
    kind="equality",
    spec="T5",
    instances=sized(3, 4, x=inputs, dual=dual, slopes=lambda n: st.just(RELU), depth=lambda n: st.just(4)),
    examples=(
        {"x": np.array([0.0, 2, 6]), "dual": np.array([1.0, -3, 2]), "slopes": RELU, "depth": 5},
        {"x": np.array([0.0, 2, 6, 7]), "dual": np.array([1.0, -3, 3, -1]), "slopes": RELU, "depth": 4},
    ),
    falsify=Falsification(
        "ReLU (absolute value)",
        st.just(
            {
                "x": np.array([1.0, 2, 3, 6, 7]),
                "dual": np.array([-1.0, 2, -2, 2, -1]),
                "slopes": ABSOLUTE,
                "depth": 4,
            }
        ),
    ),
)
def narrow_relu_depth(x: NDArray, dual: NDArray, slopes: Slopes, depth: int) -> Evidence:
    name = "relu" if slopes == RELU else "absolute"
    units = largest_correlation(x, dual, narrow(slopes, depth)).value
    tol = rounding(x, dual)
    shallow = Evidence.equal(
        "largest column of depth 3", _largest_column(x, dual, cnn.Architecture(name, 3)), units, tol
    )
    if slopes != RELU or depth != 4:
        return shallow
    published = _largest_column(x, dual, cnn.Architecture("relu", 4), "published")
    return (shallow & Evidence.equal("largest of the 16N^3 published columns", published, units, tol)).note(
        "published list"
    )
