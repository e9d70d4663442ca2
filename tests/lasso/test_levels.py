"""Sign and threshold networks in function space: equal to the reference on small data, certified on large data."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import STEPS, assert_certified, data
from hypothesis import given, settings
from hypothesis import strategies as st

import convexnn as cnn
from convexnn.errors import InputError
from convexnn.lasso import levels

ONE_SWITCH = {"sign": cnn.Architecture("sign"), "threshold-3": cnn.Architecture("threshold", 3)}
MANY_SWITCHES = {
    "sign": cnn.Architecture("sign", 3, form="parallel", widths=(50,)),
    "threshold": cnn.Architecture("threshold", 3, form="parallel", widths=(50,)),
}
CASES = {f"{name}, one switch": a for name, a in ONE_SWITCH.items()} | {
    f"{name}, many switches": a for name, a in MANY_SWITCHES.items()
}
every_case = pytest.mark.parametrize("architecture", CASES.values(), ids=CASES)


@every_case
@settings(max_examples=40)
@given(rows=data(), share=st.floats(1e-4, 1.1), seed=st.integers(0, 2**32 - 1), weighting=st.sampled_from("nwz"))
def test_small_data_with_ties_and_weights(architecture, rows, share, seed, weighting):
    x, y = rows
    rng = np.random.default_rng(seed)
    weight = {
        "n": None,
        "w": rng.exponential(size=x.size),
        "z": np.append(rng.integers(0, 2, size=x.size - 1), 1).astype(float),
    }[weighting]
    largest = cnn.Problem(x, y, 1.0, architecture, sample_weight=weight).beta_max
    problem = cnn.Problem(x, y, share * largest or 1.0, architecture, sample_weight=weight)
    fast = cnn.solve(problem, solver="levels", tol=1e-9)
    reference = cnn.solve(problem, solver="columns", tol=1e-9)
    scale = max(reference.objective, np.ptp(y) ** 2 * 1e-12)
    assert fast.objective == pytest.approx(reference.objective, abs=1e-9 * scale)
    assert fast.objective == pytest.approx(problem.objective(fast.predict(x), fast.coef), abs=1e-9 * scale)


@every_case
@pytest.mark.parametrize("share", [1.0, 0.3, 0.01])
@pytest.mark.parametrize("tied", [False, True])
def test_every_condition_of_the_certificate(architecture, share, tied):
    rng = np.random.default_rng(1)
    x = rng.integers(0, 20, size=40) if tied else rng.permutation(40)
    rows = {"x": x / 7, "y": rng.normal(size=40), "sample_weight": rng.integers(1, 9, size=40) / 4}
    largest = cnn.Problem(beta=1.0, architecture=architecture, **rows).beta_max
    problem = cnn.Problem(beta=share * largest, architecture=architecture, **rows)
    assert levels.applies(problem)
    assert_certified(cnn.solve(problem, tol=1e-9))


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_large_unsorted_data(offset):
    rng = np.random.default_rng(2)
    n = 200_000
    x = rng.uniform(size=n)
    y = np.sin(9 * x) + 0.1 * rng.normal(size=n) + offset
    architecture = cnn.Architecture("sign")
    beta = 0.01 * cnn.Problem(x, y, 1.0, architecture).beta_max
    solution = cnn.solve(cnn.Problem(x, y, beta, architecture), tol=1e-9)
    problem, th = solution.problem, solution.certificate.dual_point
    assert solution.status == "certified"
    assert solution.objective == pytest.approx(problem.objective(solution.predict(x), solution.coef), rel=1e-9)
    # Sums of 2e5 residuals are rounded.
    assert problem.dictionary.max_correlation(th)[0] <= beta * (1 + 1e-10)
    assert problem.loss.dual(th, y - y[0], problem.weight) == pytest.approx(solution.certificate.dual, rel=1e-9)
    order = np.argsort(x)
    again = cnn.solve(cnn.Problem(x[order], y[order], beta, architecture), tol=1e-9)
    assert again.objective == pytest.approx(solution.objective, rel=1e-13)


def test_problems_it_does_not_take_are_refused():
    x, y = np.arange(9.0), np.arange(9.0) ** 2
    for architecture in (STEPS["sign-3-parallel"], cnn.Architecture("relu")):
        problem = cnn.Problem(x, y, 1.0, architecture)
        assert not levels.applies(problem)
        with pytest.raises(InputError, match='"levels" is for squared loss and sign or threshold networks'):
            cnn.solve(problem, solver="levels")
    with pytest.raises(InputError, match="got absolute loss"):
        cnn.solve(cnn.Problem(x, y, 1.0, cnn.Architecture("sign"), loss="absolute"), solver="levels")


def test_one_row_that_counts_is_fitted_exactly():
    # The jump penalty is a million times what the row weighs.
    solution = cnn.solve(cnn.Problem([0.0, 1.0], [0.6, 1e6], 1.0, cnn.Architecture("sign"), sample_weight=[1e-6, 0.0]))
    assert (solution.objective, solution.intercept, solution.status) == (0.0, 0.6, "certified")


def test_predictions_of_many_steps_at_many_points():
    rng = np.random.default_rng(4)
    x, y = np.arange(30_000.0), rng.normal(size=30_000)
    solution = cnn.solve(cnn.Problem(x, y, 1.0, cnn.Architecture("sign")))
    assert len(solution.features) > 5000
    f = solution.predict(x)
    assert solution.problem.objective(f, solution.coef) == pytest.approx(solution.objective, rel=1e-9)
    assert solution.predict(x[-2:] + 0.25)[1] == pytest.approx(f[-1], rel=1e-12)
