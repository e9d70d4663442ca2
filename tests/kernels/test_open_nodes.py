"""The heap of open nodes, against that of the standard library."""

from __future__ import annotations

import heapq

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from convexnn.kernels.open_nodes import Tree, pop, push


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
