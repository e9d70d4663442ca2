"""The largest correlation over quadratically or exponentially many features, in one sweep over the data."""

from __future__ import annotations

from functools import partial

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import convexnn as cnn
from theory.instances import Instances, integer_dual, integer_inputs, integer_vector, sized
from theory.mirrors.units import patterns_with
from theory.statement import Evidence, Falsification, theorem


def _ramp_sweep(x: NDArray, dual: NDArray, depth: int) -> Evidence:
    tails = np.cumsum(dual[::-1])[::-1]
    prefix = np.concatenate(([0], np.cumsum(np.diff(x) * tails[1:])))
    one, other = np.triu_indices(len(x), k=1)
    ramps = np.clip(x[:, None], x[one], x[other]) - x[one]
    evidence = Evidence.equal("every ramp", dual @ ramps, prefix[other] - prefix[one])
    largest = np.ptp(prefix)
    evidence &= Evidence.equal("largest of all ramps", np.abs(dual @ ramps).max(), largest)
    found, _ = cnn.dictionary(x, cnn.Architecture("relu", depth)).max_correlation(dual)
    return evidence & Evidence.equal("max_correlation", found, float(largest))


@theorem(
    key="mirrors/ramp-sweep",
    title="The largest correlation of N^2 / 2 ramps is the range of one prefix sum",
    statement=(
        r"\lambda'\mathrm{Ramp}_{x_i,x_j}=P_j-P_i with P_j=\sum_{k<j}(x_{k+1}-x_k)\sum_{n>k}\lambda_n, so that "
        r"\max_{i<j}|\lambda'\mathrm{Ramp}_{x_i,x_j}|=\max P-\min P in O(N)."
    ),
    reference="derived in this project",
    kind="equality",
    spec="T36",
    instances=sized(
        2, 12, x=integer_inputs, dual=lambda n: integer_vector(n) | integer_dual(n), depth=lambda n: st.integers(3, 6)
    ),
    falsify=Falsification(
        "depth >= 3 (two layers have no ramps)",
        sized(3, 12, x=integer_inputs, dual=integer_dual, depth=lambda n: st.just(2)),
    ),
)
def ramp_sweep(x: NDArray, dual: NDArray, depth: int) -> Evidence:
    return _ramp_sweep(x, dual, depth)


def _few_switches(x: NDArray, dual: NDArray, most: int, exactly: bool = False) -> Evidence:
    found, feature = cnn.dictionary(x, cnn.Architecture("sign", 3, form="parallel", widths=(most,))).max_correlation(
        dual
    )
    patterns = patterns_with(len(x), most)
    if exactly:
        patterns = patterns[np.count_nonzero(np.diff(patterns, axis=1), axis=1) == most]
    assert feature is not None  # the dictionary is not empty
    evidence = Evidence.equal("largest of all patterns", found, float(np.abs(patterns @ dual).max()))
    evidence &= Evidence.equal("correlation of the pattern", abs(float(feature(x) @ dual)), found)
    evidence &= Evidence.at_most("its switches", len(feature.knots), most)
    return evidence.note("fewer switches than allowed", len(feature.knots) < most)


def _patterns(low: int) -> Instances:
    return st.integers(low, 9).flatmap(
        lambda n: st.fixed_dictionaries(
            {"x": integer_inputs(n), "dual": integer_vector(n) | integer_dual(n), "most": st.integers(1, n - 1)}
        )
    )


@theorem(
    key="mirrors/switching-program",
    title="The best of all patterns with at most K switches comes from a dynamic program",
    statement=(
        r"\max\{|\lambda'h| : h\in\{-1,1\}^N \text{ with 1 to } K \text{ switches}\} is the best value of a program "
        r"over (datum, switches so far, sign) in O(NK)."
    ),
    reference="derived in this project",
    kind="equality",
    spec="T37",
    instances=_patterns(2),
    falsify=Falsification("at most K switches (exactly K)", _patterns(4), partial(_few_switches, exactly=True)),
    uses=("fewer switches than allowed",),
)
def switching_program(x: NDArray, dual: NDArray, most: int) -> Evidence:
    return _few_switches(x, dual, most)
