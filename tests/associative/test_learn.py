"""Exact learning against oracles, and what holds of every optimum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_learning import enumerated, published

from convexnn.associative import Associations, learn, learning_curve, random_associations, robustness

SOLVED = 1e-8  # the gap below which learning says "optimal"
ORACLE = 1e-6  # scipy's HiGHS is feasible to 1e-7, and a margin is sqrt(N) times a field


def associations(n_inputs, n_associations, seed, **activity):
    return random_associations(n_inputs, n_associations, **activity, rng=np.random.default_rng(seed))


CASES = {
    "l1": {},
    "sign": {"signs": True},
    "density": {"density": 0.5},
    "gap": {"gap": 1.5},
    "density and gap": {"density": 0.6, "gap": 1.2},
    "sign and density": {"signs": True, "density": 0.4},
    "sign and gap": {"signs": True, "gap": 2.0},
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def constrained(case, n_inputs, seed):
    """The case with random signs, if it has any."""
    if "signs" not in case:
        return case
    return {**case, "signs": np.random.default_rng(seed + 1000).choice([-1.0, 1.0], n_inputs)}


@every_case
@given(
    n_inputs=st.integers(1, 5),
    n_associations=st.integers(1, 12),
    threshold=st.sampled_from([0.0, 0.1, -0.3]),
    f_in=st.sampled_from([0.2, 0.5, 0.8]),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=12)
def test_the_optimum_of_all_patterns_of_signs(case, n_inputs, n_associations, threshold, f_in, seed):
    # Small loads and overloads, repeated and contradictory associations, and inputs that are always silent.
    given_associations = associations(n_inputs, n_associations, seed, f_in=f_in)
    constraints = {**constrained(case, n_inputs, seed), "threshold": threshold}
    if round(case.get("density", 1.0) * n_inputs) == 0 or case.get("gap", 0.0) > n_inputs:
        return
    found = learn(given_associations, **constraints)
    assert found.violation() is None
    assert found.status == "optimal"
    assert found.robustness == pytest.approx(enumerated(given_associations, **constraints), abs=ORACLE)


@every_case
@pytest.mark.parametrize(("n_inputs", "n_associations", "threshold"), [(16, 8, 0.0), (12, 9, 0.1), (8, 12, -0.05)])
def test_the_published_program_has_the_same_optimum(case, n_inputs, n_associations, threshold):
    instance = associations(n_inputs, n_associations, n_inputs)
    constraints = {**constrained(case, n_inputs, 0), "threshold": threshold}
    found = learn(instance, **constraints)
    assert found.check()
    assert found.status == "optimal"
    assert found.robustness == pytest.approx(published(instance, **constraints), abs=1e-5)


@every_case
@pytest.mark.parametrize("threshold", [0.0, 0.05])
@pytest.mark.parametrize("seed", range(3))
def test_as_many_tight_associations_as_free_weights(case, threshold, seed):
    instance = associations(30, 15, seed)
    found = learn(instance, threshold=threshold, **constrained(case, 30, seed))
    assert found.check()
    assert found.relative_gap <= SOLVED
    size = np.abs(found.weights)
    free = (size > 0) & (size != found.constraints.gap)
    tight = found.margins <= found.robustness + ORACLE
    # At an optimum that is not unique, or not a simple vertex, there are more tight associations than free weights.
    assert tight.sum() >= free.sum() > 0
    assert size.sum() == pytest.approx(30, rel=1e-14)


@pytest.mark.parametrize("signs", [None, True])
@pytest.mark.parametrize("seed", range(3))
def test_a_vertex_of_the_linear_program_is_simple(signs, seed):
    case = {} if signs is None else {"signs": True}
    found = learn(associations(150, 60, seed), **constrained(case, 150, seed))
    assert np.sum(found.margins <= found.robustness + ORACLE) == np.count_nonzero(found.weights)


def test_the_linear_program_agrees_with_the_theory():
    found = [learn(associations(200, 150, seed)) for seed in range(30)]
    kappa = np.array([one.robustness for one in found])
    theory = robustness(0.75)
    assert abs(kappa.mean() - theory.robustness) <= 3 * kappa.std(ddof=1) / np.sqrt(30) + 0.01
    assert np.mean([one.sparsity for one in found]) == pytest.approx(theory.sparsity, abs=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_more_freedom_is_more_robust(seed):
    instance = associations(24, 12, seed)
    free = learn(instance).robustness
    by_density = [learn(instance, density=p).robustness for p in (0.1, 0.2, 0.3, 0.5, 1.0)]
    by_gap = [learn(instance, gap=delta).robustness for delta in (8.0, 4.0, 2.0, 1.0, 0.0)]
    for ladder in (by_density, by_gap):
        assert np.all(np.diff(ladder) >= -SOLVED)
        assert ladder[-1] == pytest.approx(free, abs=SOLVED)


@every_case
def test_the_order_of_associations_and_inputs_does_not_matter(case):
    rng = np.random.default_rng(5)
    instance, constraints = associations(20, 10, 5), constrained(case, 20, 5)
    rows, columns = rng.permutation(10), rng.permutation(20)
    shuffled = Associations(instance.inputs[rows][:, columns], instance.outputs[rows])
    other = {**constraints, "signs": constraints["signs"][columns]} if "signs" in constraints else constraints
    assert learn(shuffled, **other).robustness == pytest.approx(learn(instance, **constraints).robustness, abs=SOLVED)


@every_case
def test_outputs_and_threshold_reversed(case):
    # Outputs 1 - y with the threshold -h are stored by -J.
    instance, constraints = associations(20, 10, 6), constrained(case, 20, 6)
    mirrored = {**constraints, "signs": -constraints["signs"]} if "signs" in constraints else constraints
    there = learn(instance, threshold=0.1, **constraints)
    back = learn(Associations(instance.inputs, 1 - instance.outputs), threshold=-0.1, **mirrored)
    assert back.robustness == pytest.approx(there.robustness, abs=SOLVED)


@every_case
def test_a_curve_is_what_is_learned_one_by_one(case):
    instance, constraints = associations(24, 24, 7), constrained(case, 24, 7)
    counts = [1, 4, 9, 14]
    curve = learning_curve(instance, counts, **constraints)
    for count, found in zip(counts, curve, strict=True):
        assert found.check()
        assert found.associations.n_associations == count
        assert found.robustness == pytest.approx(learn(instance.first(count), **constraints).robustness, abs=SOLVED)


def test_contradictory_associations_are_stored_at_their_threshold_only():
    inputs = np.vstack((np.eye(4)[:2], np.eye(4)[:1]))
    found = learn(Associations(inputs, [1, 0, 0]))
    assert found.robustness == pytest.approx(0, abs=1e-12)
    assert found.check()
    assert found.status == "optimal"


@pytest.mark.parametrize("case", [{}, {"density": 0.2}, {"gap": 2.0}])
def test_a_load_far_above_capacity(case):
    found = learn(associations(30, 120, 0), **case)
    assert found.status == "cannot be stored"
    assert found.robustness < 0
    assert found.bound == pytest.approx(0, abs=1e-9)
    assert found.check()
    assert "not all stored" in str(found)


def test_a_time_limit_returns_weights_and_a_bound():
    reports = []
    instance = associations(150, 90, 0)
    found = learn(instance, gap=2.0, time_limit=0.3, progress=reports.append)
    assert found.status == "time limit"
    assert found.check()
    assert found.robustness <= found.bound <= learn(instance).robustness + SOLVED
    assert found.relative_gap > 0
    bounds, best = [report.bound for report in reports], [report.robustness for report in reports]
    assert np.all(np.diff(bounds) <= 0)
    assert np.all(np.diff(best) >= 0)
    assert np.all(np.diff([report.n_nodes for report in reports]) > 0)
    assert found.bound == bounds[-1]
    assert found.robustness >= best[-1] - SOLVED


@pytest.mark.parametrize("case", [{}, {"signs": True}, {"density": 0.3}, {"gap": 2.0}])
def test_no_time_at_all(case):
    instance, constraints = associations(100, 60, 0), constrained(case, 100, 0)
    found = learn(instance, **constraints, time_limit=1e-9)
    assert found.status == "time limit"
    assert found.check()
    assert found.robustness < found.bound < np.inf
    assert "possible" in str(found)


@pytest.mark.parametrize("case", [{}, {"signs": True}])
def test_branch_and_bound_solves_what_highs_does_not(case, monkeypatch):
    instance, constraints = associations(40, 24, 0), constrained(case, 40, 0)
    expected = learn(instance, **constraints)
    monkeypatch.setattr("convexnn.associative.linear.Program.solve", lambda self, time_limit=None: None)
    for limit in (None, 1000.0):
        found = learn(instance, **constraints, time_limit=limit)
        assert found.status == "optimal"
        assert found.check()
        assert found.weights == pytest.approx(expected.weights, abs=1e-8)


@pytest.mark.parametrize("case", [{"gap": 2.0}, {"density": 0.3}])
def test_the_clock_is_looked_at_within_a_dive(case):
    # A dive has 200 to 900 nodes here, a call of the kernel 42, and as many again for a node with more branches.
    # The linear program over the rounded support makes up for the solution that the dive does not reach.
    reports = []
    found = learn(associations(400, 300, 0), **case, time_limit=0.5, progress=reports.append)
    assert np.diff([0, *(report.n_nodes for report in reports)]).max(initial=0) <= 90
    assert found.status == "time limit"
    assert found.check()
    assert found.robustness > 0.5 * found.bound > 0


@pytest.mark.parametrize("case", [{"gap": 2.0}, {"density": 0.2}, {"gap": 2.0, "density": 0.25}])
def test_a_search_in_many_calls_is_that_in_one(case, monkeypatch):
    instance = associations(24, 14, 3)
    visited = []
    for work in (1e7, 1e4):  # one call of the kernel, and calls of a few nodes, which break off dives
        reports = []
        monkeypatch.setattr("convexnn.associative.integer._WORK_OF_A_CALL", work)
        found = learn(instance, **case, progress=reports.append)
        assert found.status == "optimal"
        visited.append((len(reports) > 1, found.robustness))
    assert [several for several, _ in visited] == [False, True]
    assert visited[0][1] == pytest.approx(visited[1][1], abs=SOLVED)


def test_robustness_zero_has_no_sign():
    found = learn(Associations([[0, 1], [0, 1]], [0, 1]))
    assert str(found).startswith("optimal: robustness 0,")


def test_a_growing_tree(monkeypatch):
    monkeypatch.setattr("convexnn.associative.integer._FIRST_CAPACITY", 80)
    instance = associations(30, 18, 4)
    assert learn(instance, density=0.3).robustness == pytest.approx(2.926829268292683 / np.sqrt(30), abs=SOLVED)


def test_a_tree_that_would_not_fit(monkeypatch):
    monkeypatch.setattr("convexnn.associative.integer._FIRST_CAPACITY", 80)
    monkeypatch.setattr("convexnn.associative.integer._MAX_BYTES", 10_000)
    found = learn(associations(30, 18, 4), density=0.3)
    assert found.status == "memory limit"
    assert found.check()
    assert found.bound > 2.9268 / np.sqrt(30)
