"""The open nodes of a branch and bound: a binary heap of bounds, with the decisions of every node."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from convexnn.kernels.inner_functions import copy_vector


class Tree(NamedTuple):
    """Open nodes, a binary heap with the largest bound first. slots[size:] are the free rows of `states`."""

    keys: np.ndarray  # (capacity,)
    slots: np.ndarray  # (capacity,)
    states: np.ndarray  # (capacity, n + N)
    size: np.ndarray  # (1,)


@njit(cache=True, nogil=True, error_model="numpy")
def push(tree: Tree, key: float, state: np.ndarray) -> None:
    """A new open node with this bound; there must be room for it."""
    i = tree.size[0]
    slot = tree.slots[i]
    copy_vector(state, tree.states[slot])
    tree.size[0] = i + 1
    while i > 0 and tree.keys[(i - 1) // 2] < key:
        tree.keys[i], tree.slots[i] = tree.keys[(i - 1) // 2], tree.slots[(i - 1) // 2]
        i = (i - 1) // 2
    tree.keys[i], tree.slots[i] = key, slot


@njit(cache=True, nogil=True, error_model="numpy")
def pop(tree: Tree, state: np.ndarray) -> float:
    """The key of the node with the largest bound; its decisions are written to `state`."""
    key, slot = tree.keys[0], tree.slots[0]
    copy_vector(tree.states[slot], state)
    last = tree.size[0] - 1
    tree.size[0] = last
    moved, moved_slot = tree.keys[last], tree.slots[last]
    tree.slots[last] = slot
    i = 0
    while 2 * i + 1 < last:
        child = 2 * i + 1
        if child + 1 < last and tree.keys[child + 1] > tree.keys[child]:
            child += 1
        if tree.keys[child] <= moved:
            break
        tree.keys[i], tree.slots[i] = tree.keys[child], tree.slots[child]
        i = child
    if last > 0:
        tree.keys[i], tree.slots[i] = moved, moved_slot
    return key
