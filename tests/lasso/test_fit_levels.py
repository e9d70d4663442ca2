"""Piecewise constant fits: certified for every row, whatever the data, the unit of work and the number of threads."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import convexnn as cnn
from convexnn.lasso import total_variation
from convexnn.lasso.range_penalty import fit_range
from convexnn.lasso.total_variation import fit_levels

EPS = float(np.finfo(float).eps)

# Small units, so that small data have many of them; and which way large data take.
SMALL = {"_SEGMENT": 8, "_CHUNK": 64, "_WINDOW": 8, "_FEW": 64, "_SAMPLE": 4}
WAYS = {"rows": {"_CROWDED": -1.0}, "segments": {"_CROWDED": np.inf}}
every_way = pytest.mark.parametrize("way", WAYS)


def fit_in_small_units(way, *arguments, **options):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (SMALL | WAYS[way]).items():
            patch.setattr(total_variation, name, value)
        return fit_levels(*arguments, **options)


def random_targets(kind, n, rng):
    match kind:
        case "noise":
            return rng.normal(size=n)
        case "walk":
            return np.cumsum(rng.normal(size=n))
        case "wave":
            return np.sin(np.linspace(0, 12, n)) + 0.1 * rng.normal(size=n)
        case "levels":
            return np.repeat(rng.normal(size=n // 20 + 1), 20)[:n] + 0.1 * rng.normal(size=n)
        case "integers":
            return rng.integers(-2, 3, size=n).astype(float)
        case "constant":
            return np.full(n, 0.1)
        case "alternating":
            return np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
        case "spike":
            return np.where(np.arange(n) == n // 2, 1.0, 0.0)
        case "outliers":
            return rng.normal(size=n) + 1e4 * (rng.random(n) < 0.05)
        case "smooth":
            return np.linspace(0, 1, n) ** 3
        case "tiny":
            return 1e-9 * rng.normal(size=n)
        case "offset":
            return 1e6 + rng.normal(size=n)
    raise AssertionError(kind)


KINDS = (
    *("noise", "walk", "wave", "levels", "integers", "constant"),
    *("alternating", "spike", "outliers", "smooth", "tiny", "offset"),
)
every_kind = pytest.mark.parametrize("kind", KINDS)


def random_weight(kind, n, rng):
    match kind:
        case "none":
            return None
        case "quarters":
            return rng.integers(1, 9, size=n) / 4
        case "wild":
            return np.exp(rng.uniform(-7, 7, size=n))
        case "some zero":
            return np.append(rng.integers(0, 3, size=n - 1), 1.0)
    raise AssertionError(kind)


def largest_penalty(y, weight):
    """The smallest jump penalty at which the fit is constant; 1 for constant targets."""
    w = np.ones(y.size) if weight is None else weight
    return float(np.abs(np.cumsum(w * (y - np.average(y, weights=w)))).max()) or 1.0


@st.composite
def problems(draw, max_rows=400):
    """Targets measured from the first of them, weights, and a penalty over eight decades below the constant fit."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(1, 12) | st.integers(13, max_rows))
    y = random_targets(draw(st.sampled_from(KINDS)), n, rng)
    weight = random_weight(draw(st.sampled_from(["none", "quarters", "wild", "some zero"])), n, rng)
    return y - y[0], weight, largest_penalty(y, weight) * 10.0 ** draw(st.floats(-7, 1))


def negligible(y, w, penalty):
    """An objective made of rounding alone: what levels that are off by the rounding of the sums behind them cost."""
    in_sum = EPS * (penalty + w.sum() * np.abs(y).max())
    return y.size * in_sum**2 / w[w > 0].min()


def assert_certified(found, y, weight, jump_penalty, tol=1e-9):
    """Primal, dual and gap are those of the fit and of a dual point that is feasible, all from the definitions."""
    w = np.ones(y.size) if weight is None else weight
    assert found.starts[0] == 0
    assert (np.diff(found.starts, append=y.size) > 0).all()
    assert (np.diff(found.values) != 0).all()
    u, th = found.fit(), found.dual_point()
    in_value = 64 * EPS * y.size * float(w @ y**2)
    in_sum = 64 * EPS * y.size * (jump_penalty + np.abs(th).sum())
    assert found.primal == pytest.approx(
        w @ (y - u) ** 2 / 2 + jump_penalty * np.abs(np.diff(u)).sum(), rel=1e-12, abs=in_value
    )
    assert abs(th.sum()) <= in_sum
    assert np.abs(np.cumsum(th)).max() <= jump_penalty + in_sum
    used = w > 0
    assert (th[~used] == 0).all()
    value = th @ y - np.sum(th[used] ** 2 / w[used]) / 2
    assert found.dual == pytest.approx(value, rel=1e-11, abs=in_value + in_sum * np.abs(y).max())
    assert found.gap == pytest.approx(found.primal - found.dual, abs=4 * EPS * found.primal)
    assert 0 <= found.gap <= tol * found.primal + negligible(y, w, jump_penalty)


@given(problems())
@example((np.zeros(1), None, 1.0))
@example((np.array([0.0, 1.0]), None, 0.5))
@example((np.array([0.0, 1.0, -1.0]), np.array([0.0, 1.0, 0.0]), 0.1))
def test_every_fit_is_certified(problem):
    assert_certified(fit_levels(*problem), *problem)


@every_way
@given(problem=problems())
def test_every_fit_in_small_units_is_certified_and_the_same(way, problem):
    y, weight, _ = problem
    w = np.ones(y.size) if weight is None else weight
    found, string = fit_in_small_units(way, *problem), fit_levels(*problem)
    assert_certified(found, *problem)
    # The objective is strongly convex: two fits are no further apart than their gaps allow.
    distance = np.sqrt(w @ (found.fit() - string.fit()) ** 2)
    scale = np.sqrt(w.sum()) * np.abs(y).max()
    assert distance <= np.sqrt(2 * found.gap) + np.sqrt(2 * string.gap) + 1e-9 * scale


@every_way
@every_kind
def test_results_do_not_depend_on_the_number_of_threads(way, kind):
    rng = np.random.default_rng(3)
    y = random_targets(kind, 1000, rng)
    for weight in (None, random_weight("quarters", y.size, rng)):
        penalty = 0.01 * largest_penalty(y, weight)
        one, *others = (fit_in_small_units(way, y, weight, penalty, n_threads=k) for k in (1, 2, 3))
        for other, field in ((other, field.name) for other in others for field in fields(one)):
            np.testing.assert_array_equal(getattr(one, field), getattr(other, field))


def test_the_tolerance_ends_the_rounds():
    y = random_targets("wave", 5000, np.random.default_rng(4))
    penalty = 0.01 * largest_penalty(y, None)
    rough, fine = (fit_in_small_units("segments", y, None, penalty, tol=tol) for tol in (1e-3, 1e-12))
    assert rough.n_rounds < fine.n_rounds
    assert 1e-12 < rough.gap / rough.primal <= 1e-3
    assert_certified(rough, y, None, penalty, tol=1e-3)
    assert_certified(fine, y, None, penalty, tol=1e-12)


def test_wrong_guesses_of_jumps_are_dropped():
    rng = np.random.default_rng(5)
    right = wrong = 0
    for _ in range(20):
        y, penalty = random_targets("noise", 1000, rng), 2.0
        found = fit_in_small_units("rows", y, None, penalty)
        assert_certified(found, y, None, penalty)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in SMALL.items():
                patch.setattr(total_variation, name, value)
            guesses = total_variation._guesses(total_variation._Data(y, np.empty(0), penalty, n_threads=1))
        known = np.isin([guess.row for guess in guesses], found.starts)
        right, wrong = right + known.sum(), wrong + (~known).sum()
    assert right > 0
    assert wrong > 0


@pytest.mark.parametrize("kind", ["noise", "wave", "walk", "levels"])
def test_a_million_rows_are_certified_in_their_own_units(kind):
    y = random_targets(kind, 10**6, np.random.default_rng(6))
    y -= y[0]
    penalty = {"noise": 0.5, "levels": 0.5}.get(kind, 1e-3 * largest_penalty(y, None))
    one, two = (fit_levels(y, None, penalty, n_threads=k) for k in (1, 2))
    assert (one.n_rounds > 1) == (kind in ("wave", "walk"))
    assert one.gap <= 1e-9 * one.primal
    np.testing.assert_array_equal(one.starts, two.starts)
    np.testing.assert_array_equal(one.values, two.values)
    assert one.gap == two.gap


@every_kind
def test_fits_are_those_of_an_independent_package(kind):
    condat_tv = pytest.importorskip("condat_tv", reason="condat_tv, the peer to compare with, is not installed")
    rng = np.random.default_rng(8)
    for n in (1, 2, 3, 50, 2000):
        y = random_targets(kind, n, rng)
        for share in (1.0, 0.1, 1e-3):
            penalty = share * largest_penalty(y, None)
            found = fit_levels(y - y[0], None, penalty).fit() + y[0]
            # Its own rounding grows with the number of rows.
            atol = 64 * EPS * n * (np.abs(y).max() + penalty)
            np.testing.assert_allclose(found, condat_tv.tv_denoise(y, penalty), rtol=0, atol=atol)


def tied_problem(architecture, rng):
    """Rows with ties, weights, and a beta well below beta_max."""
    x = rng.integers(0, 7, size=12).astype(float)
    rows = {"x": x, "y": rng.normal(size=12), "sample_weight": rng.integers(1, 9, size=12) / 4}
    largest = cnn.Problem(beta=1.0, architecture=architecture, **rows).beta_max
    return cnn.Problem(beta=0.2 * largest, architecture=architecture, **rows)


def within_ties(problem):
    """What merging equal inputs leaves out of the objective."""
    mean, _ = problem.rows.merged()
    return problem.rows.weight @ (problem.rows.y - mean[problem.rows.group]) ** 2 / 2


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("activation", "share"), [("sign", 0.5), ("threshold", 1.0)])
def test_the_objective_is_that_of_the_two_layer_network(activation, share, seed):
    problem = tied_problem(cnn.Architecture(activation), np.random.default_rng(seed))
    wanted = cnn.solve(problem, tol=1e-9, solver="conic").objective
    found = fit_levels(*problem.rows.merged(), share * problem.beta)
    assert found.primal + within_ties(problem) == pytest.approx(wanted, rel=1e-9)
    assert found.dual + within_ties(problem) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("activation", "share"), [("sign", 0.5), ("threshold", 1.0)])
def test_the_objective_is_that_of_the_deep_network_with_many_switches(activation, share, seed):
    architecture = cnn.Architecture(activation, 3, form="parallel", widths=(7,))
    problem = tied_problem(architecture, np.random.default_rng(seed))
    assert architecture.switches >= problem.dictionary.inputs.size - 1
    wanted = cnn.solve(problem, tol=1e-9, solver="conic").objective
    found = fit_range(*problem.rows.merged(), share * problem.beta)
    assert found.primal + within_ties(problem) == pytest.approx(wanted, rel=1e-9)
    assert found.dual + within_ties(problem) == pytest.approx(wanted, rel=1e-9)


@given(problems(max_rows=60))
@example((np.zeros(1), None, 1.0))
@example((np.array([0.0, 1.0]), None, 0.5))
def test_every_band_is_certified(problem):
    y, weight, penalty = problem
    w = np.ones(y.size) if weight is None else weight
    used = w > 0
    found = fit_range(y, weight, penalty)
    u, th = found.fit(), found.dual_point()
    in_value = 64 * EPS * y.size * float(w @ y**2)
    in_sum = 64 * EPS * y.size * penalty
    assert found.primal == pytest.approx(w @ (y - u) ** 2 / 2 + penalty * np.ptp(u), rel=1e-12, abs=in_value)
    assert abs(th.sum()) <= in_sum
    assert np.abs(th).sum() / 2 <= penalty + in_sum
    assert (th[~used] == 0).all()
    value = th @ y - np.sum(th[used] ** 2 / w[used]) / 2
    assert found.dual == pytest.approx(value, rel=1e-11, abs=in_value + in_sum * np.abs(y).max())
    assert 0 <= found.gap <= 1e-9 * found.primal + negligible(y, w, penalty)
