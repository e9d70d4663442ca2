"""Rows gathered into bins: no row is lost, bins ascend, and look-up agrees with a binary search on any spacing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convexnn.kernels.binning import bin_numbers, gather, sort_rows

KINDS = ("uniform", "log-spaced", "cluster", "few values", "one value", "huge", "two far apart")


def inputs(kind, n, rng):
    match kind:
        case "uniform":
            return rng.uniform(-2, 2, n)
        case "log-spaced":
            return 10.0 ** rng.uniform(-300, 300, n)
        case "cluster":
            return np.where(rng.random(n) < 0.5, rng.uniform(size=n), 0.5 + 1e-8 * rng.random(n))
        case "few values":
            return rng.integers(0, 4, n).astype(float)
        case "one value":
            return np.full(n, 3.0)
        case "huge":
            return rng.uniform(-8e307, 8e307, n)
        case "two far apart":
            return np.where(rng.random(n) < 0.5, 1e-320, 1.0)
    raise AssertionError(kind)


def edges_of(x, count, rng):
    return np.unique(rng.choice(x, size=count))


@pytest.mark.parametrize("compiled", [True, False])
@given(kind=st.sampled_from(KINDS), n=st.integers(1, 60), count=st.integers(1, 20), seed=st.integers(0, 2**32 - 1))
def test_look_up_is_a_binary_search(compiled, kind, n, count, seed):
    rng = np.random.default_rng(seed)
    x = inputs(kind, n, rng)
    edges = edges_of(x, count, rng)
    found = (bin_numbers if compiled else bin_numbers.py_func)(x, edges)
    np.testing.assert_array_equal(found, np.searchsorted(edges, x, side="right"))


@pytest.mark.parametrize("compiled", [True, False])
@given(
    kind=st.sampled_from(KINDS),
    n=st.integers(1, 60),
    count=st.integers(1, 20),
    seed=st.integers(0, 2**32 - 1),
    weighted=st.booleans(),
)
def test_bins_hold_all_rows_in_ascending_order(compiled, kind, n, count, seed, weighted):
    rng = np.random.default_rng(seed)
    x = inputs(kind, n, rng)
    y, weight = rng.normal(size=n), rng.exponential(size=n) if weighted else np.empty(0)
    edges = edges_of(x, count, rng)
    bins = np.searchsorted(edges, x, side="right").astype(np.uint16)
    starts, *rows = (gather if compiled else gather.py_func)(x, y, weight, bins, edges.size + 1)
    given_rows = np.array([x, y, weight] if weighted else [x, y])
    gathered = np.array(rows if weighted else rows[:2])
    np.testing.assert_array_equal(gathered[:, np.lexsort(gathered)], given_rows[:, np.lexsort(given_rows)])
    assert starts[0] == 0
    assert starts[-1] == n
    assert (np.diff(starts) > 0).all()
    there = rows[0]
    assert there[-1] == x.max()
    for begin, end in pairwise(starts):
        assert there[begin] == there[begin:end].min()
        assert end == n or there[begin:end].max() < there[end:].min()
    if np.ptp(x) > 0:
        assert there[starts[-2]] < there[-1]


@pytest.mark.parametrize("weighted", [True, False])
def test_rows_of_a_bin_are_sorted_in_place(weighted):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 5, 30).astype(float), np.arange(30.0)
    weight = y + 0.5 if weighted else np.empty(0)
    for sort in (sort_rows, sort_rows.py_func):
        rows = x.copy(), y.copy(), weight.copy()
        sort(*rows, 7, 22)
        order = np.concatenate((np.arange(7), 7 + np.argsort(x[7:22], kind="stable"), np.arange(22, 30)))
        for found, wanted in zip(rows, (x, y, weight), strict=True):
            np.testing.assert_array_equal(found, wanted[order] if wanted.size else wanted)
