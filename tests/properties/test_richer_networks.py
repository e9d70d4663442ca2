"""A richer architecture never does worse: depth for absolute values and ramps, switches for steps."""

from __future__ import annotations

import itertools

import pytest
from helpers import data, every_loss, problem_at, shares, targets
from hypothesis import given, settings

import convexnn as cnn

CHAINS = {
    "absolute": [cnn.Architecture("absolute", depth) for depth in (2, 3, 4)],
    "relu": [cnn.Architecture("relu", depth) for depth in (2, 3)],
    "symmetrized": [cnn.Architecture("relu"), cnn.Architecture("relu", 3, form="symmetrized")],
    "switches": [
        cnn.Architecture("sign"),
        cnn.Architecture("sign", 3, form="parallel", widths=(2,)),
        cnn.Architecture("sign", 4, form="tree", widths=(2, 2)),
    ],
}
SAME = {
    "ramps of any depth": [cnn.Architecture("relu", depth) for depth in (3, 4, 7)],
    "forms of two switches": [
        cnn.Architecture("sign", 3, form="parallel", widths=(2,)),
        cnn.Architecture("sign", 3, form="tree", widths=(2,)),
        cnn.Architecture("sign", 4, form="rectangular", widths=(2, 2)),
        cnn.Architecture("sign", 4, form="tree", widths=(1, 2)),
        cnn.Architecture("sign", 4, form="parallel", widths=(2, 5)),
    ],
    "one switch": [cnn.Architecture("sign", depth) for depth in (2, 3, 5)],
}


def optima(architectures, data, share, loss):
    x, y = data
    y = targets(loss, y)
    beta = problem_at(share, x, y, architectures[0], loss).beta
    return [cnn.solve(cnn.Problem(x, y, beta, a, loss=loss), tol=1e-8).objective for a in architectures]


@every_loss
@pytest.mark.parametrize("architectures", CHAINS.values(), ids=CHAINS)
@given(data=data(distinct=True), share=shares)
@settings(max_examples=8)
def test_the_optimum_falls_along_the_chain(architectures, loss, data, share):
    values = optima(architectures, data, share, loss)
    for poorer, richer in itertools.pairwise(values):
        assert richer <= poorer * (1 + 1e-10) + 1e-12


@every_loss
@pytest.mark.parametrize("architectures", SAME.values(), ids=SAME)
@given(data=data(distinct=True), share=shares)
@settings(max_examples=5)
def test_these_are_one_problem(architectures, loss, data, share):
    first, *others = optima(architectures, data, share, loss)
    assert others == pytest.approx([first] * len(others), rel=1e-12, abs=1e-14)


@every_loss
@given(data=data(distinct=True), share=shares)
@settings(max_examples=8)
def test_a_threshold_is_half_a_sign(loss, data, share):
    x, y = data
    y = targets(loss, y)
    threshold = problem_at(share, x, y, cnn.Architecture("threshold"), loss)
    sign = cnn.Problem(x, y, 2 * threshold.beta, cnn.Architecture("sign"), loss=loss)
    one, other = cnn.solve(threshold, tol=1e-8), cnn.solve(sign, tol=1e-8)
    # With z_threshold = 2 z_sign both penalties are the same: also that of interpolation.
    assert one.objective == pytest.approx(other.objective, rel=1e-9, abs=1e-12)
