"""Narrow absolute-value networks: mirror images and midpoints of the data at depth 3, sums of more data beyond.

The unit is F(x) = |...||x - c_1| - c_2|... - c_{L-1}|. Its corners are c_1 +- c_2 +- ..., and a unit that correlates
most has L - 1 data points on corners. The witnesses are small integers, checked without rounding.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fractions import Fraction
from functools import partial

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import convexnn as cnn
from theory.instances import Instances, dual, inputs, integer_dual, integer_inputs, sized
from theory.mirrors.units import ABSOLUTE, Maximum, evaluate, largest_correlation, narrow, rounding
from theory.statement import Evidence, Falsification, theorem

MIRROR_IMAGES = "reflection"
MIDPOINTS = "midpoint"


def _largest_without(x: NDArray, dual: NDArray, origins: Collection[str]) -> float:
    """The largest correlation of a depth-3 feature none of whose corners has one of the `origins`."""
    features = cnn.dictionary(x, cnn.Architecture("absolute", 3))
    kept = [j for j, feature in enumerate(features) if not set(origins) & set(feature.origins)]
    return float(np.abs(dual @ features.evaluate(x, kept)).max())


def _three_layers(x: NDArray, dual: NDArray, without: Collection[str] = ()) -> Evidence:
    units = largest_correlation(x, dual, narrow(ABSOLUTE, 3)).value
    tol = rounding(x, dual)
    n, features = len(x), cnn.dictionary(x, cnn.Architecture("absolute", 3))
    evidence = (
        Evidence.equal("number of features", features.n_features, n * (3 * n - 1) // 2)
        & Evidence.equal("largest column", _largest_without(x, dual, without), units, tol)
        & Evidence.equal("max_correlation", features.max_correlation(dual)[0], units, tol)
    )
    for tag, origin in (("a mirror image", MIRROR_IMAGES), ("a midpoint", MIDPOINTS)):
        evidence = evidence.note(tag, _largest_without(x, dual, [origin]) < units - tol)
    return evidence


_MIRROR_WITNESS = (1, 2, 7, 8), (-2, 3, -3, 2)
_MIDPOINT_WITNESS = (1, 4, 5, 8), (-1, 3, -3, 1)
_FOURTH_LAYER_WITNESS = (1, 2, 3, 6, 7), (-1, 2, -2, 2, -1)


def _as_floats(x: Iterable[int], dual: Iterable[int]) -> dict[str, NDArray]:
    return {"x": np.array(x, dtype=float), "dual": np.array(dual, dtype=float)}


@theorem(
    key="mirrors/absolute-depth-3",
    title="A narrow absolute-value unit of depth 3 has its corners at data, mirror images of data and midpoints",
    statement=(
        r"\max_{c_1,c_2}|\lambda'\,||x-c_1|-c_2|\,| is attained with (c_1,c_2) = (x_i,0), (x_i,|x_j-x_i|) or "
        r"((x_i+x_j)/2,|x_i-x_j|/2), for every \lambda with 1'\lambda=0: N(3N-1)/2 features."
    ),
    reference="arXiv:2403.01046, reflections at depth 3",
    kind="equality",
    spec="T7",
    instances=sized(3, 7, x=inputs, dual=dual),
    examples=(_as_floats(*_MIRROR_WITNESS), _as_floats(*_MIDPOINT_WITNESS)),
    falsify=(
        Falsification(
            "mirror images",
            sized(4, 7, x=inputs, dual=dual),
            partial(_three_layers, without=[MIRROR_IMAGES]),
        ),
        Falsification(
            "midpoints",
            sized(4, 7, x=inputs, dual=dual) | st.just(_as_floats(*_MIDPOINT_WITNESS)),
            partial(_three_layers, without=[MIDPOINTS]),
        ),
    ),
    uses=("a mirror image", "a midpoint"),
)
def absolute_depth_3(x: NDArray, dual: NDArray) -> Evidence:
    return _three_layers(x, dual)


def _moved(x: Iterable[int], dual: Iterable[int]) -> Instances:
    """A witness shifted, scaled and mirrored, and its dual vector scaled; `unit` is what correlations are scaled by."""
    return st.builds(
        lambda size, sign, shift, factor: {
            "x": sign * size * np.array(x) + shift,
            "dual": factor * np.array(dual),
            "unit": size * abs(factor),
        },
        st.integers(1, 5),
        st.sampled_from([1, -1]),
        st.integers(-20, 20),
        st.sampled_from([1, -1, 2, -3]),
    )


def _exact_value(maximum: Maximum, x: NDArray, dual: NDArray) -> Fraction:
    """The correlation of the best unit with its offsets rounded to fractions.

    On integer data every vertex solves a system with entries 0, +1, -1 in at most three unknowns, whose determinant is
    at most 4 in modulus. So the values at vertices are fractions with denominators up to 4: the region programs, which
    tell such values apart, prove that no unit correlates more.
    """
    biases = [Fraction(c).limit_denominator(4) for c in maximum.biases]
    column = evaluate(np.array([Fraction(int(v)) for v in x]), maximum.signs, biases, (ABSOLUTE,) * len(biases))
    return abs(sum((int(d) * u for d, u in zip(dual, column, strict=True)), Fraction(0)))


def _all_units(x: NDArray, dual: NDArray, depth: int, value: int) -> Evidence:
    units = largest_correlation(x, dual, narrow(ABSOLUTE, depth))
    return Evidence.equal(f"a unit of depth {depth}, exactly", _exact_value(units, x, dual), value) & Evidence.at_most(
        f"all units of depth {depth}", units.value, value, rounding(x, dual)
    )


def _is_needed(x: NDArray, dual: NDArray, origin: str) -> Evidence:
    units = largest_correlation(x, dual, narrow(ABSOLUTE, 3)).value
    without = _largest_without(x, dual, [origin])
    return Evidence.true(f"less without: {origin}", without < units - rounding(x, dual))


@theorem(
    key="mirrors/reflections-are-necessary",
    title="Absolute-value networks of depth 3 need mirror images",
    statement=(
        r"There are x and \lambda with 1'\lambda=0 such that \max_u|\lambda'u(x)| is attained only by a feature with "
        r"a corner at 2x_i-x_j: x=(1,2,7,8), \lambda=(-2,3,-3,2) gives 9, and 5 without mirror images."
    ),
    reference="arXiv:2403.01046; witness derived in this project",
    kind="counterexample",
    spec="T8",
    instances=_moved(*_MIRROR_WITNESS),
    falsify=Falsification(
        "a fourth data point",
        sized(3, 3, x=integer_inputs, dual=integer_dual),
        partial(_is_needed, origin=MIRROR_IMAGES),
    ),
)
def reflections_are_necessary(x: NDArray, dual: NDArray, unit: int) -> Evidence:
    without = Evidence.equal("without mirror images", _largest_without(x, dual, [MIRROR_IMAGES]), 5 * unit)
    return _all_units(x, dual, 3, 9 * unit) & without & _is_needed(x, dual, MIRROR_IMAGES)


@theorem(
    key="mirrors/midpoints-are-necessary",
    title="Absolute-value networks of depth 3 need midpoints",
    statement=(
        r"There are x and \lambda with 1'\lambda=0 such that \max_u|\lambda'u(x)| is attained only by a feature with "
        r"a corner at (x_i+x_j)/2: x=(1,4,5,8), \lambda=(-1,3,-3,1) gives 6, and 4 without midpoints."
    ),
    reference="arXiv:2403.01046; witness derived in this project",
    kind="counterexample",
    spec="T8",
    instances=_moved(*_MIDPOINT_WITNESS),
    falsify=Falsification(
        "a fourth data point",
        sized(3, 3, x=integer_inputs, dual=integer_dual),
        partial(_is_needed, origin=MIDPOINTS),
    ),
)
def midpoints_are_necessary(x: NDArray, dual: NDArray, unit: int) -> Evidence:
    without = Evidence.equal("without midpoints", _largest_without(x, dual, [MIDPOINTS]), 4 * unit)
    return _all_units(x, dual, 3, 6 * unit) & without & _is_needed(x, dual, MIDPOINTS)


def _four_layers(x: NDArray, dual: NDArray, feature_depth: int) -> Evidence:
    units = largest_correlation(x, dual, narrow(ABSOLUTE, 4)).value
    tol = rounding(x, dual)
    features = cnn.dictionary(x, cnn.Architecture("absolute", feature_depth))
    listed = Evidence.equal("largest column", np.abs(dual @ features.matrix()).max(), units, tol)
    oracle = Evidence.equal("max_correlation", features.max_correlation(dual)[0], units, tol)
    three_layers = cnn.dictionary(x, cnn.Architecture("absolute", 3)).max_correlation(dual)[0]
    return (listed & oracle).note("the fourth layer", units > three_layers + tol)


@theorem(
    key="mirrors/absolute-depth-4",
    title="A narrow absolute-value unit of depth 4 correlates most when three data points lie on its corners",
    statement=(
        r"\max_c|\lambda'\,|||x-c_1|-c_2|-c_3|\,| is attained at a c that solves three independent equations x_n = "
        r"c_1\pm c_2\pm\dots\pm c_l, l\le 3, for every \lambda with 1'\lambda=0."
    ),
    reference="arXiv:2403.01046, arbitrary depth; the kink systems are derived in this project",
    kind="equality",
    spec="T9",
    instances=sized(3, 5, x=inputs, dual=dual),
    examples=(_as_floats(*_FOURTH_LAYER_WITNESS),),
    falsify=Falsification(
        "kink systems (features of depth 3 only)",
        st.just(_as_floats(*_FOURTH_LAYER_WITNESS)),
        partial(_four_layers, feature_depth=3),
    ),
    uses=("the fourth layer",),
)
def absolute_depth_4(x: NDArray, dual: NDArray) -> Evidence:
    return _four_layers(x, dual, feature_depth=4)


def _fourth_layer_gains(x: NDArray, dual: NDArray) -> Evidence:
    deep, shallow = (largest_correlation(x, dual, narrow(ABSOLUTE, depth)).value for depth in (4, 3))
    return Evidence.true("depth 4 correlates more", deep > shallow + rounding(x, dual))


@theorem(
    key="mirrors/fourth-layer-is-necessary",
    title="Absolute-value networks of depth 4 see more than those of depth 3",
    statement=(
        r"There are x and \lambda with 1'\lambda=0 such that \max_u|\lambda'u(x)| is larger at depth 4 than at depth "
        r"3: x=(1,2,3,6,7), \lambda=(-1,2,-2,2,-1) gives 6 at c=(2,1,3), and 4."
    ),
    reference="arXiv:2403.01046; witness derived in this project",
    kind="counterexample",
    spec="T9",
    instances=_moved(*_FOURTH_LAYER_WITNESS),
    falsify=Falsification(
        "a fifth data point",
        sized(3, 4, x=integer_inputs, dual=integer_dual),
        _fourth_layer_gains,
    ),
)
def fourth_layer_is_necessary(x: NDArray, dual: NDArray, unit: int) -> Evidence:
    features = cnn.dictionary(x, cnn.Architecture("absolute", 3)).matrix()
    three_layers = Evidence.equal("largest column of depth 3", np.abs(dual @ features).max(), 4 * unit)
    return _all_units(x, dual, 4, 6 * unit) & _all_units(x, dual, 3, 4 * unit) & three_layers
