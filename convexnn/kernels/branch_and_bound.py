"""The most robust weights under constraints that are not convex: branch and bound over a small dense linear program.

The program is that of `dual_simplex`: amounts of columns are to make the smallest margin as large as possible. A column
belongs to an input, and an input has one column (its sign is given) or two (a positive and a negative part). The
constraints that are not convex: of the two columns of an input at most one is nonzero, at most `most` inputs are
nonzero, and a nonzero amount is at least `gap`. A node of the tree has columns that are zero, columns that are at least
`gap`, and inputs that are counted as nonzero; it is kept as a row of int8: one entry a column, then one an input. It is
closed by `dual_bound` alone, so that errors of its dictionary cost nodes but never the proof.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from convexnn.kernels.dual_simplex import (
    CUT,
    EMPTY,
    FEASIBILITY,
    PIVOT,
    Dictionary,
    Instance,
    amount,
    dual_bound,
    duplicate,
    fix_at_zero,
    raise_to,
    reoptimise,
)
from convexnn.kernels.inner_functions import copy_vector, inner
from convexnn.kernels.open_nodes import Tree, pop, push

FREE, ZERO, RAISED = np.int8(0), np.int8(1), np.int8(2)
COUNTED = np.int8(1)


class Incumbent(NamedTuple):
    """The best amounts so far and their smallest margin; a node whose bound is at most the cutoff is closed."""

    amounts: np.ndarray  # (n,)
    margin: np.ndarray  # (1,)
    tolerance: np.ndarray  # (1,)
    cutoff: np.ndarray  # (1,), margin + tolerance
    closed: np.ndarray  # (1,), the largest bound of a closed node
    nodes: np.ndarray  # (1,), linear programs solved


class Work(NamedTuple):
    """The dictionary of the root, that of the node, one to try in, and what else is used again and again."""

    root: Dictionary
    d: Dictionary
    trial: Dictionary
    state: np.ndarray  # (n + N,)
    sibling: np.ndarray  # (n + N,)
    prices: np.ndarray  # (n,)
    losses: np.ndarray  # (N,)
    paused: np.ndarray  # (1,), the bound of a dive that is to go on from `state` and `d`; -inf if there is none


@inner
def _zero(d: Dictionary, state: np.ndarray, c: int) -> None:
    """Column c is 0; no column (-1) is fine."""
    if c >= 0 and state[c] != ZERO:
        state[c] = ZERO
        fix_at_zero(d, c)


@inner
def _raise(instance: Instance, d: Dictionary, state: np.ndarray, c: int) -> None:
    """Column c is at least the gap, and so the other column of its input is 0."""
    j = instance.owner[c]
    state[c] = RAISED
    state[instance.owner.size + j] = COUNTED
    raise_to(d, c, instance.gap)
    _zero(d, state, instance.second[j] if c == instance.first[j] else instance.first[j])


@inner
def _restore(instance: Instance, work: Work) -> None:
    """The root's dictionary with the decisions of the state."""
    duplicate(work.root, work.d)
    for c in range(instance.owner.size):
        if work.state[c] == ZERO:
            fix_at_zero(work.d, c)
        elif work.state[c] == RAISED:
            raise_to(work.d, c, instance.gap)


@inner
def _solve(instance: Instance, d: Dictionary, prices: np.ndarray, best: Incumbent) -> float:
    """A bound of the node; the dictionary is optimal if the bound is above the cutoff."""
    best.nodes[0] += 1
    cutoff = best.cutoff[0]
    outcome = reoptimise(d, cutoff)
    bound = dual_bound(instance, d, prices)
    if outcome == CUT and bound > cutoff:
        outcome = reoptimise(d, -np.inf)
        bound = dual_bound(instance, d, prices)
    if outcome == EMPTY:
        _close(best, bound)
        return -np.inf
    return bound


@inner
def _close(best: Incumbent, bound: float) -> None:
    best.closed[0] = max(best.closed[0], bound)


@inner
def _is_nonzero(instance: Instance, d: Dictionary, j: int) -> bool:
    second = instance.second[j]
    return amount(d, instance.first[j]) > 0 or (second >= 0 and amount(d, second) > 0)


@inner
def _record(instance: Instance, d: Dictionary, best: Incumbent) -> None:
    """Keep the amounts if their smallest margin, evaluated on the data, is the largest so far."""
    m, n = instance.columns.shape
    amounts = np.zeros(n)
    for c in range(n):
        amounts[c] = amount(d, c)
    smallest = np.inf
    for row in range(m):
        margin = -instance.offsets[row]
        for c in range(n):
            margin += instance.columns[row, c] * amounts[c]
        smallest = min(smallest, margin)
    if smallest > best.margin[0]:
        best.margin[0] = smallest
        best.cutoff[0] = smallest + best.tolerance[0]
        copy_vector(amounts, best.amounts)


@inner
def _exclude(instance: Instance, work: Work, best: Incumbent, bound: float) -> None:
    """Columns that cannot reach the gap without the bound falling to the cutoff are 0; they are 0 already here.

    The bound must be the one that goes with the prices.
    """
    highest = -np.inf
    for c in range(work.prices.size):
        if not work.d.fixed[c]:
            highest = max(highest, work.prices[c])
    for c in range(work.prices.size):
        reached = bound - instance.gap * (highest - work.prices[c])
        if work.state[c] == FREE and reached <= best.cutoff[0] and amount(work.d, c) == 0.0:
            _close(best, reached)
            _zero(work.d, work.state, c)


@inner
def _within_gap(instance: Instance, d: Dictionary) -> tuple[int, int]:
    """The column to branch on among those with 0 < A_c < gap, and how many there are.

    The losses of both branches are bounded by those of the first pivot; their product is to be large.
    """
    found, best, count = -1, -1.0, 0
    for row in range(1, d.value.size):
        c = d.basic[row]
        if c >= instance.owner.size or amount(d, c) == 0.0 or d.value[row] >= instance.gap - FEASIBILITY:
            continue
        count += 1
        down, up = np.inf, np.inf
        for k in range(d.live[0]):
            alpha = d.slope[k, row]
            if alpha < -PIVOT:
                down = min(down, d.slope[k, 0] / alpha)
            elif alpha > PIVOT:
                up = min(up, -d.slope[k, 0] / alpha)
        down, up = min(down * d.value[row], 1e9), min(up * (instance.gap - d.value[row]), 1e9)
        score = max(down, 1e-6) * max(up, 1e-6)
        if score > best:
            found, best = c, score
    return found, count


@inner
def _branch_on_gap(instance: Instance, work: Work, tree: Tree, best: Incumbent, bound: float, c: int) -> float:
    """Column c is 0, or at least the gap: go on with the branch of the larger bound, and keep the other."""
    copy_vector(work.state, work.sibling)
    duplicate(work.d, work.trial)
    _zero(work.d, work.state, c)
    _raise(instance, work.trial, work.sibling, c)
    low = min(bound, _solve(instance, work.d, work.prices, best))
    high = min(bound, _solve(instance, work.trial, work.prices, best))
    if high > low:
        _keep(tree, best, low, work.state)
        copy_vector(work.sibling, work.state)
        duplicate(work.trial, work.d)
        return high
    _keep(tree, best, high, work.sibling)
    return low


@inner
def _keep(tree: Tree, best: Incumbent, bound: float, state: np.ndarray) -> None:
    if bound <= best.cutoff[0]:
        _close(best, bound)
    else:
        push(tree, bound, state)


@inner
def _branch_on_count(
    instance: Instance, work: Work, tree: Tree, best: Incumbent, bound: float, counted: int, max_nodes: int
) -> float:
    """More inputs are nonzero than may be: of any one more than there are places for, one is 0.

    The branches are: the first of them is 0; the first is counted and the second 0; and so on. The order is that of the
    bounds without each of them, the smallest first; an input without which the bound falls to the cutoff is counted.
    Only so many bounds are evaluated; the others are that of the node.
    """
    n = instance.owner.size
    losses = work.losses
    last = best.nodes[0] + max_nodes
    for j in range(losses.size):
        losses[j] = np.inf
        if work.state[n + j] != COUNTED and _is_nonzero(instance, work.d, j):
            if best.nodes[0] >= last:
                losses[j] = bound
                continue
            duplicate(work.d, work.trial)
            fix_at_zero(work.trial, instance.first[j])
            if instance.second[j] >= 0:
                fix_at_zero(work.trial, instance.second[j])
            losses[j] = min(bound, _solve(instance, work.trial, work.prices, best))
            if losses[j] <= best.cutoff[0]:
                _close(best, losses[j])
                work.state[n + j] = COUNTED
                counted += 1
                losses[j] = np.inf
    if counted >= instance.most:
        return bound
    while True:
        j = _least(losses)
        bound = losses[j]
        losses[j] = np.inf
        if counted == instance.most:
            break
        copy_vector(work.state, work.sibling)
        _exclude_input(instance, work.trial, work.sibling, j)
        push(tree, bound, work.sibling)
        work.state[n + j] = COUNTED
        counted += 1
    _exclude_input(instance, work.d, work.state, j)
    return bound


@inner
def _least(values: np.ndarray) -> int:
    """The index of the smallest, the first of several."""
    found = 0
    for i in range(1, values.size):
        if values[i] < values[found]:
            found = i
    return found


@inner
def _exclude_input(instance: Instance, d: Dictionary, state: np.ndarray, j: int) -> None:
    _zero(d, state, instance.first[j])
    _zero(d, state, instance.second[j])


@inner
def _branch_on_parts(instance: Instance, work: Work, tree: Tree, bound: float) -> bool:
    """One of the two columns of an input is 0: go on without the smaller. False if no input has both."""
    found, most = -1, 0.0
    for j in range(instance.first.size):
        if instance.second[j] >= 0:
            part = min(amount(work.d, instance.first[j]), amount(work.d, instance.second[j]))
            if part > most:
                found, most = j, part
    if found < 0:
        return False
    large, small = instance.first[found], instance.second[found]
    if amount(work.d, large) < amount(work.d, small):
        large, small = small, large
    copy_vector(work.state, work.sibling)
    work.sibling[large] = ZERO
    push(tree, bound, work.sibling)
    _zero(work.d, work.state, small)
    return True


@inner
def _dive(instance: Instance, work: Work, tree: Tree, best: Incumbent, bound: float, last: int, max_nodes: int) -> None:
    """From the node of the state down to a solution or a closed node, keeping what is passed by, until node `last`."""
    n, n_inputs = instance.owner.size, instance.first.size
    while True:
        if best.nodes[0] >= last:
            work.paused[0] = bound
            return None
        own = _solve(instance, work.d, work.prices, best)
        bound = min(bound, own)
        if bound <= best.cutoff[0]:
            return _close(best, bound)
        if tree.keys.size - tree.size[0] <= n_inputs:
            return push(tree, bound, work.state)
        counted, nonzero = 0, 0
        for j in range(n_inputs):
            counted += work.state[n + j]
            nonzero += _is_nonzero(instance, work.d, j)
        if counted > instance.most:
            return None
        if counted == instance.most and nonzero > counted:
            for j in range(n_inputs):
                if work.state[n + j] != COUNTED:
                    _exclude_input(instance, work.d, work.state, j)
            continue
        c, within = -1, 0
        if instance.gap > 0:
            _exclude(instance, work, best, own)
            c, within = _within_gap(instance, work.d)
        if nonzero - within > instance.most:
            bound = _branch_on_count(instance, work, tree, best, bound, counted, max_nodes)
        elif within > 0:
            bound = _branch_on_gap(instance, work, tree, best, bound, c)
        elif not _branch_on_parts(instance, work, tree, bound):
            _record(instance, work.d, best)
            return _close(best, bound)


@njit(cache=True, nogil=True, error_model="numpy")
def search(instance: Instance, work: Work, tree: Tree, best: Incumbent, max_nodes: int) -> None:
    """Dive from the most promising open nodes until none or no room for new ones is left, or for so many nodes.

    A dive that is broken off goes on with the next call, so that the search does not depend on `max_nodes` but for
    nodes with more branches than that.
    """
    last = best.nodes[0] + max_nodes
    while best.nodes[0] < last:
        bound = work.paused[0]
        if bound > -np.inf:
            work.paused[0] = -np.inf
        else:
            if tree.size[0] == 0 or tree.keys.size - tree.size[0] <= instance.first.size:
                return
            bound = pop(tree, work.state)
            if bound <= best.cutoff[0]:
                _close(best, bound)
                continue
            _restore(instance, work)
        _dive(instance, work, tree, best, bound, last, max_nodes)
