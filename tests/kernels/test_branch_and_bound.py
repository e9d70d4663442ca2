"""The compiled branch and bound: its dictionary, its bound, its heap, and the whole against its Python source."""

from __future__ import annotations

import heapq
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from convexnn.kernels.branch_and_bound import Instance, Tree, dual_bound, pop, push, reoptimise, start

seeds = st.integers(0, 2**32 - 1)


def instance(seed, m=None, n_inputs=None, **limits):
    """Random margins of both signs of every input."""
    rng = np.random.default_rng(seed)
    m, n_inputs = m or int(rng.integers(1, 9)), n_inputs or int(rng.integers(1, 7))
    half = rng.choice([-1.0, 1.0], (m, 1)) * (rng.random((m, n_inputs)) < 0.5)
    owner = np.tile(np.arange(n_inputs), 2)
    offsets = rng.choice([0.0, 0.5, -1.0]) * rng.choice([-1.0, 1.0], m)
    first = np.arange(n_inputs)
    rules = {"gap": 0.0, "most": n_inputs, **limits}
    return Instance(np.hstack((half, -half)), offsets, float(n_inputs), *rules.values(), owner, first, first + n_inputs)


def optimum(given_instance):
    """The largest smallest margin, without the constraints that are not convex."""
    m, n = given_instance.columns.shape
    found = linprog(
        np.append(np.zeros(n), -1.0),
        A_ub=np.hstack((-given_instance.columns, np.ones((m, 1)))),
        b_ub=-given_instance.offsets,
        A_eq=np.append(np.ones(n), 0.0)[None],
        b_eq=[given_instance.total],
        bounds=[(0, None)] * n + [(None, None)],
    )
    return -found.fun


def assert_consistent(given_instance, d, rng):
    """Basic variables as functions of the nonbasic ones satisfy the equations that define slacks and the total."""
    m, n = given_instance.columns.shape
    x = np.zeros(n + m + 1)
    shift = rng.random(n)
    x[d.nonbasic] = d.lower[d.nonbasic] + shift
    x[d.basic] = d.value + shift @ d.slope
    amounts, slacks, t = x[:n], x[n:-1], x[-1]
    assert amounts.sum() == pytest.approx(given_instance.total, abs=1e-9)
    assert slacks == pytest.approx(given_instance.columns @ amounts - t - given_instance.offsets, abs=1e-8)


@given(seeds)
def test_the_dictionary_and_its_bound(seed):
    made, rng = instance(seed), np.random.default_rng(seed)
    d = start(made)
    assert_consistent(made, d, rng)
    best, prices = optimum(made), np.zeros(made.owner.size)
    assert np.all(d.slope[:, 0] <= 0)
    assert dual_bound(made, d, prices) >= best - 1e-8
    assert reoptimise(d, -np.inf) == 0
    assert_consistent(made, d, rng)
    assert d.value[0] == pytest.approx(best, abs=1e-8)
    assert dual_bound(made, d, prices) == pytest.approx(best, abs=1e-8)


@given(seeds)
def test_a_cutoff_stops_early(seed):
    made = instance(seed)
    best, d = optimum(made), start(made)
    if d.value[0] > best + 1e-6:
        assert reoptimise(d, best + 1e-7) == 2
        assert best - 1e-8 <= dual_bound(made, d, np.zeros(made.owner.size))


@given(st.lists(st.one_of(st.none(), st.floats(-1, 1)), max_size=60))
def test_the_heap(operations):
    tree = Tree(np.zeros(64), np.arange(64), np.zeros((64, 2), np.int8), np.zeros(1, np.int64))
    state, expected = np.zeros(2, np.int8), []
    for step, key in enumerate(operations):
        if key is not None:
            state[:] = step, 7
            push(tree, key, state)
            heapq.heappush(expected, (-key, step))
        elif expected:
            found = pop(tree, state)
            assert found == -expected[0][0]
            assert (-found, int(state[0])) in expected  # any of those that tie
            expected.remove((-found, int(state[0])))
            heapq.heapify(expected)
        assert tree.size[0] == len(expected)
        assert sorted(tree.slots) == list(range(64))


CODE = """
import numpy as np
from convexnn.associative import learn, random_associations
for seed, constraints in enumerate(({"density": 0.4}, {"gap": 2.0}, {"density": 0.3, "gap": 1.5, "threshold": 0.05})):
    found = learn(random_associations(12, 7, rng=np.random.default_rng(seed)), **constraints)
    print(found.status, *(weight.hex() for weight in found.weights.tolist()))
overloaded = learn(random_associations(5, 15, rng=np.random.default_rng(3)))
print(overloaded.status, overloaded.robustness.hex())
"""


def test_compiled_and_not():
    outputs = []
    for disabled in ("0", "1"):
        environment = {**os.environ, "NUMBA_DISABLE_JIT": disabled, "OPENBLAS_NUM_THREADS": "1"}
        run = subprocess.run(
            [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=environment, timeout=300
        )
        outputs.append(run.stdout.splitlines())
    assert len(outputs[0]) == 4
    for compiled, interpreted in zip(*outputs, strict=True):
        (status, *a), (other, *b) = compiled.split(), interpreted.split()
        assert status == other == "optimal"
        assert np.array([float.fromhex(v) for v in a]) == pytest.approx([float.fromhex(v) for v in b], abs=1e-9)
