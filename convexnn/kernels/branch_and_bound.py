"""The most robust weights under constraints that are not convex: branch and bound over a small dense linear program.

Amounts A_c >= 0 of n columns with sum A = total are to make the smallest of m margins as large as possible:

    maximise t    such that    sum_c C[mu, c] A_c - t >= b[mu]    for all mu.

A column belongs to an input, and an input has one column (its sign is given) or two (a positive and a negative part).
The constraints that are not convex: of the two columns of an input at most one is nonzero, at most `most` inputs are
nonzero, and a nonzero amount is at least `gap`. A node of the tree has columns that are zero, columns that are at least
`gap`, and inputs that are counted as nonzero; it is kept as a row of int8: one entry a column, then one an input.

The linear program of a node is solved by the dual simplex method on a dictionary: every basic variable as an affine
function of the nonbasic ones, which are at their lower bounds. A node is closed by weak duality alone: for any
multipliers l >= 0 with sum l = 1, with prices p = l C and the lower bounds L of the node,

    t <= max_c p_c (total - sum L) + sum_c L_c p_c - sum_mu l_mu b_mu,    c over the columns that may be nonzero.

This is evaluated on the data, so that errors of the dictionary cost nodes but never the proof.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

# Functions that only compiled code calls need no entry from Python, which takes longer to compile than they do.
_INNER: dict[str, Any] = {"cache": True, "nogil": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_inner = njit(**_INNER)

FREE, ZERO, RAISED = np.int8(0), np.int8(1), np.int8(2)
COUNTED = np.int8(1)

_OPTIMAL, _EMPTY, _CUT, UNFINISHED = 0, 1, 2, 3
_FEASIBILITY = 1e-9  # of a basic variable, in units of mean amount 1
_PIVOT = 1e-9
_GONE = -1_000_000_000


class Instance(NamedTuple):
    """The problem; `first` and `second` are the columns of an input, `second` being -1 if there is one only."""

    columns: np.ndarray  # (m, n)
    offsets: np.ndarray  # (m,)
    total: float
    gap: float
    most: int
    owner: np.ndarray  # (n,)
    first: np.ndarray  # (N,)
    second: np.ndarray  # (N,)


class Dictionary(NamedTuple):
    """Variables are numbered: n columns, m slacks, t. Row 0 is that of t, which is always basic."""

    slope: np.ndarray  # (n, m + 1), of every basic variable in every nonbasic one
    value: np.ndarray  # (m + 1,), of the basic variables
    basic: np.ndarray  # (m + 1,), which variable each row is
    nonbasic: np.ndarray  # (n,), the first `live` of them may enter the basis
    place: np.ndarray  # (n + m + 1,), index into nonbasic, or -1 - row, or _GONE
    lower: np.ndarray  # (n + m + 1,)
    fixed: np.ndarray  # (n + m + 1,), variables that must be 0
    live: np.ndarray  # (1,)


class Tree(NamedTuple):
    """Open nodes, a binary heap with the largest bound first. slots[size:] are the free rows of `states`."""

    keys: np.ndarray  # (capacity,)
    slots: np.ndarray  # (capacity,)
    states: np.ndarray  # (capacity, n + N)
    size: np.ndarray  # (1,)


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


@njit(cache=True, nogil=True)
def start(instance: Instance) -> Dictionary:
    """A dictionary without any decisions, in which prices are feasible: all multiplier on one margin."""
    columns, offsets, total = instance.columns, instance.offsets, instance.total
    m, n = columns.shape
    best = np.argmax(columns[0])
    slope = np.zeros((n, m + 1))
    value = np.zeros(m + 1)
    basic = np.zeros(m + 1, np.int64)
    nonbasic = np.zeros(n, np.int64)
    place = np.full(n + m + 1, _GONE, np.int64)
    basic[0] = n + m
    basic[1] = best
    for row in range(1, m):
        basic[row + 1] = n + row
    k = 0
    for c in range(n):
        if c != best:
            nonbasic[k] = c
            k += 1
    nonbasic[k] = n  # the slack of the first margin
    value[0] = columns[0, best] * total - offsets[0]
    value[1] = total
    for row in range(1, m):
        slope[n - 1, row + 1] = 1.0
        value[row + 1] = columns[row, best] * total - value[0] - offsets[row]
    for k in range(n - 1):
        c = nonbasic[k]
        slope[k, 0] = columns[0, c] - columns[0, best]
        slope[k, 1] = -1.0
        for row in range(1, m):
            slope[k, row + 1] = columns[row, c] - columns[row, best] - slope[k, 0]
    slope[n - 1, 0] = -1.0
    for k in range(n):
        place[nonbasic[k]] = k
    for row in range(m + 1):
        place[basic[row]] = -1 - row
    live = np.array([n])
    return Dictionary(slope, value, basic, nonbasic, place, np.zeros(n + m + 1), np.zeros(n + m + 1, np.bool_), live)


@_inner
def _copy(source: np.ndarray, target: np.ndarray) -> None:
    """Of vectors; assignment of slices compiles several times more slowly."""
    for i in range(target.size):
        target[i] = source[i]


@_inner
def _duplicate(source: Dictionary, target: Dictionary) -> None:
    """Make a dictionary of the same problem equal to another."""
    live = source.live[0]
    for k in range(live):
        _copy(source.slope[k], target.slope[k])
        target.nonbasic[k] = source.nonbasic[k]
    _copy(source.value, target.value)
    _copy(source.basic, target.basic)
    _copy(source.place, target.place)
    _copy(source.lower, target.lower)
    _copy(source.fixed, target.fixed)
    target.live[0] = live


@_inner
def _retire(d: Dictionary, k: int) -> None:
    """Take a nonbasic variable out of the play: it stays 0."""
    last = d.live[0] - 1
    d.place[d.nonbasic[k]] = _GONE
    if k != last:
        _copy(d.slope[last], d.slope[k])
        d.nonbasic[k] = d.nonbasic[last]
        d.place[d.nonbasic[k]] = k
    d.live[0] = last


@_inner
def _fix_at_zero(d: Dictionary, c: int) -> None:
    if not d.fixed[c]:
        d.fixed[c] = True
        if d.place[c] >= 0:
            _retire(d, d.place[c])


@_inner
def _raise_to(d: Dictionary, c: int, lower: float) -> None:
    if d.place[c] >= 0:
        step = lower - d.lower[c]
        k = d.place[c]
        for row in range(d.value.size):
            d.value[row] += step * d.slope[k, row]
    d.lower[c] = lower


@_inner
def _pivot(d: Dictionary, k: int, r: int) -> None:
    """Nonbasic k enters the basis in row r, whose variable leaves for its lower bound."""
    entering, leaving = d.nonbasic[k], d.basic[r]
    column = d.slope[k].copy()
    alpha = column[r]
    step = (d.lower[leaving] - d.value[r]) / alpha
    for row in range(column.size):
        d.value[row] += step * column[row]
    d.value[r] = d.lower[entering] + step
    column[r] = 0.0
    for other in range(d.live[0]):
        if other != k and d.slope[other, r] != 0.0:
            factor = -d.slope[other, r] / alpha
            target = d.slope[other]
            for row in range(column.size):
                target[row] += factor * column[row]
            target[r] = factor
    for row in range(column.size):
        d.slope[k, row] = column[row] / alpha
    d.slope[k, r] = 1.0 / alpha
    d.basic[r], d.nonbasic[k] = entering, leaving
    d.place[entering], d.place[leaving] = -1 - r, k
    if d.fixed[leaving]:
        _retire(d, k)


@_inner
def _leaving(d: Dictionary, smallest_index: bool) -> int:
    """The row that violates its bounds most, or that of the smallest variable among those that do; -1 for none."""
    found, worst = -1, _FEASIBILITY
    for row in range(1, d.value.size):
        v = d.basic[row]
        violation = d.lower[v] - d.value[row]
        if d.fixed[v]:
            violation = abs(violation)
        if violation > worst and not (smallest_index and found >= 0 and v > d.basic[found]):
            found = row
            if not smallest_index:
                worst = violation
    return found


@_inner
def _entering(d: Dictionary, r: int, smallest_index: bool) -> int:
    """The nonbasic variable that the dual ratio test lets in; -1 if none can mend row r."""
    side = 1.0 if d.value[r] < d.lower[d.basic[r]] else -1.0
    least = np.inf
    for k in range(d.live[0]):
        alpha = side * d.slope[k, r]
        if alpha > _PIVOT:
            least = min(least, max(-d.slope[k, 0], 0.0) / alpha)
    found = -1
    for k in range(d.live[0]):
        alpha = side * d.slope[k, r]
        if alpha > _PIVOT and max(-d.slope[k, 0], 0.0) / alpha <= least + 1e-12:
            if found < 0:
                found = k
            elif smallest_index:
                found = k if d.nonbasic[k] < d.nonbasic[found] else found
            elif alpha > side * d.slope[found, r]:
                found = k
    return found


@njit(cache=True, nogil=True)
def iterate(d: Dictionary, cutoff: float, first: int, last: int) -> int:
    """Dual simplex until the dictionary is optimal, proves the node empty, or its t falls to the cutoff.

    Iterations `first` to `last`; UNFINISHED if more are needed. Bland's rule takes over where the quicker rule might
    cycle. If rounding keeps it from an end, the dictionary is taken as it is: the bound of the node is valid all the
    same.
    """
    patience = 20 * d.value.size
    for iteration in range(first, 10 * patience):
        if iteration == last:
            return UNFINISHED
        if d.value[0] <= cutoff:
            return _CUT
        r = _leaving(d, iteration > patience)
        if r < 0:
            break
        k = _entering(d, r, iteration > patience)
        if k < 0:
            return _EMPTY
        _pivot(d, k, r)
    return _OPTIMAL


@njit(cache=True, nogil=True)
def reoptimise(d: Dictionary, cutoff: float) -> int:
    """`iterate` to the end."""
    return iterate(d, cutoff, 0, -1)


@njit(cache=True, nogil=True)
def dual_bound(instance: Instance, d: Dictionary, prices: np.ndarray) -> float:
    """The bound of the module's docstring with the dictionary's multipliers; -inf if there are no amounts."""
    columns, offsets = instance.columns, instance.offsets
    n = columns.shape[1]
    for c in range(n):
        prices[c] = 0.0
    mass, bound = 0.0, 0.0
    for k in range(d.live[0]):
        row = d.nonbasic[k] - n
        multiplier = -d.slope[k, 0]
        if row >= 0 and multiplier > 0:
            mass += multiplier
            bound -= multiplier * offsets[row]
            for c in range(n):
                prices[c] += multiplier * columns[row, c]
    if mass == 0.0:
        return np.inf
    bound /= mass
    rest, highest = instance.total, -np.inf
    for c in range(n):
        prices[c] /= mass
        if not d.fixed[c]:
            rest -= d.lower[c]
            bound += d.lower[c] * prices[c]
            highest = max(highest, prices[c])
    if rest < -_FEASIBILITY or highest == -np.inf:
        return -np.inf
    return bound + max(rest, 0.0) * highest


@_inner
def _amount(d: Dictionary, c: int) -> float:
    """Of a column; an amount within rounding of 0 is 0."""
    place = d.place[c]
    if place >= 0 or place == _GONE or d.fixed[c]:
        return 0.0 if d.fixed[c] else d.lower[c]
    value = max(d.value[-1 - place], d.lower[c])
    return value if value > _FEASIBILITY else 0.0


@njit(cache=True, nogil=True)
def push(tree: Tree, key: float, state: np.ndarray) -> None:
    """A new open node with this bound; there must be room for it."""
    i = tree.size[0]
    slot = tree.slots[i]
    _copy(state, tree.states[slot])
    tree.size[0] = i + 1
    while i > 0 and tree.keys[(i - 1) // 2] < key:
        tree.keys[i], tree.slots[i] = tree.keys[(i - 1) // 2], tree.slots[(i - 1) // 2]
        i = (i - 1) // 2
    tree.keys[i], tree.slots[i] = key, slot


@njit(cache=True, nogil=True)
def pop(tree: Tree, state: np.ndarray) -> float:
    """The key of the node with the largest bound; its decisions are written to `state`."""
    key, slot = tree.keys[0], tree.slots[0]
    _copy(tree.states[slot], state)
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


@_inner
def _zero(d: Dictionary, state: np.ndarray, c: int) -> None:
    """Column c is 0; no column (-1) is fine."""
    if c >= 0 and state[c] != ZERO:
        state[c] = ZERO
        _fix_at_zero(d, c)


@_inner
def _raise(instance: Instance, d: Dictionary, state: np.ndarray, c: int) -> None:
    """Column c is at least the gap, and so the other column of its input is 0."""
    j = instance.owner[c]
    state[c] = RAISED
    state[instance.owner.size + j] = COUNTED
    _raise_to(d, c, instance.gap)
    _zero(d, state, instance.second[j] if c == instance.first[j] else instance.first[j])


@_inner
def _restore(instance: Instance, work: Work) -> None:
    """The root's dictionary with the decisions of the state."""
    _duplicate(work.root, work.d)
    for c in range(instance.owner.size):
        if work.state[c] == ZERO:
            _fix_at_zero(work.d, c)
        elif work.state[c] == RAISED:
            _raise_to(work.d, c, instance.gap)


@_inner
def _solve(instance: Instance, d: Dictionary, prices: np.ndarray, best: Incumbent) -> float:
    """A bound of the node; the dictionary is optimal if the bound is above the cutoff."""
    best.nodes[0] += 1
    cutoff = best.cutoff[0]
    outcome = reoptimise(d, cutoff)
    bound = dual_bound(instance, d, prices)
    if outcome == _CUT and bound > cutoff:
        outcome = reoptimise(d, -np.inf)
        bound = dual_bound(instance, d, prices)
    if outcome == _EMPTY:
        _close(best, bound)
        return -np.inf
    return bound


@_inner
def _close(best: Incumbent, bound: float) -> None:
    best.closed[0] = max(best.closed[0], bound)


@_inner
def _is_nonzero(instance: Instance, d: Dictionary, j: int) -> bool:
    second = instance.second[j]
    return _amount(d, instance.first[j]) > 0 or (second >= 0 and _amount(d, second) > 0)


@_inner
def _record(instance: Instance, d: Dictionary, best: Incumbent) -> None:
    """Keep the amounts if their smallest margin, evaluated on the data, is the largest so far."""
    m, n = instance.columns.shape
    amounts = np.zeros(n)
    for c in range(n):
        amounts[c] = _amount(d, c)
    smallest = np.inf
    for row in range(m):
        margin = -instance.offsets[row]
        for c in range(n):
            margin += instance.columns[row, c] * amounts[c]
        smallest = min(smallest, margin)
    if smallest > best.margin[0]:
        best.margin[0] = smallest
        best.cutoff[0] = smallest + best.tolerance[0]
        _copy(amounts, best.amounts)


@_inner
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
        if work.state[c] == FREE and reached <= best.cutoff[0] and _amount(work.d, c) == 0.0:
            _close(best, reached)
            _zero(work.d, work.state, c)


@_inner
def _within_gap(instance: Instance, d: Dictionary) -> tuple[int, int]:
    """The column to branch on among those with 0 < A_c < gap, and how many there are.

    The losses of both branches are bounded by those of the first pivot; their product is to be large.
    """
    found, best, count = -1, -1.0, 0
    for row in range(1, d.value.size):
        c = d.basic[row]
        if c >= instance.owner.size or _amount(d, c) == 0.0 or d.value[row] >= instance.gap - _FEASIBILITY:
            continue
        count += 1
        down, up = np.inf, np.inf
        for k in range(d.live[0]):
            alpha = d.slope[k, row]
            if alpha < -_PIVOT:
                down = min(down, d.slope[k, 0] / alpha)
            elif alpha > _PIVOT:
                up = min(up, -d.slope[k, 0] / alpha)
        down, up = min(down * d.value[row], 1e9), min(up * (instance.gap - d.value[row]), 1e9)
        score = max(down, 1e-6) * max(up, 1e-6)
        if score > best:
            found, best = c, score
    return found, count


@_inner
def _branch_on_gap(instance: Instance, work: Work, tree: Tree, best: Incumbent, bound: float, c: int) -> float:
    """Column c is 0, or at least the gap: go on with the branch of the larger bound, and keep the other."""
    _copy(work.state, work.sibling)
    _duplicate(work.d, work.trial)
    _zero(work.d, work.state, c)
    _raise(instance, work.trial, work.sibling, c)
    low = min(bound, _solve(instance, work.d, work.prices, best))
    high = min(bound, _solve(instance, work.trial, work.prices, best))
    if high > low:
        _keep(tree, best, low, work.state)
        _copy(work.sibling, work.state)
        _duplicate(work.trial, work.d)
        return high
    _keep(tree, best, high, work.sibling)
    return low


@_inner
def _keep(tree: Tree, best: Incumbent, bound: float, state: np.ndarray) -> None:
    if bound <= best.cutoff[0]:
        _close(best, bound)
    else:
        push(tree, bound, state)


@_inner
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
            _duplicate(work.d, work.trial)
            _fix_at_zero(work.trial, instance.first[j])
            if instance.second[j] >= 0:
                _fix_at_zero(work.trial, instance.second[j])
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
        _copy(work.state, work.sibling)
        _exclude_input(instance, work.trial, work.sibling, j)
        push(tree, bound, work.sibling)
        work.state[n + j] = COUNTED
        counted += 1
    _exclude_input(instance, work.d, work.state, j)
    return bound


@_inner
def _least(values: np.ndarray) -> int:
    """The index of the smallest, the first of several."""
    found = 0
    for i in range(1, values.size):
        if values[i] < values[found]:
            found = i
    return found


@_inner
def _exclude_input(instance: Instance, d: Dictionary, state: np.ndarray, j: int) -> None:
    _zero(d, state, instance.first[j])
    _zero(d, state, instance.second[j])


@_inner
def _branch_on_parts(instance: Instance, work: Work, tree: Tree, bound: float) -> bool:
    """One of the two columns of an input is 0: go on without the smaller. False if no input has both."""
    found, most = -1, 0.0
    for j in range(instance.first.size):
        if instance.second[j] >= 0:
            part = min(_amount(work.d, instance.first[j]), _amount(work.d, instance.second[j]))
            if part > most:
                found, most = j, part
    if found < 0:
        return False
    large, small = instance.first[found], instance.second[found]
    if _amount(work.d, large) < _amount(work.d, small):
        large, small = small, large
    _copy(work.state, work.sibling)
    work.sibling[large] = ZERO
    push(tree, bound, work.sibling)
    _zero(work.d, work.state, small)
    return True


@_inner
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


@njit(cache=True, nogil=True)
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
