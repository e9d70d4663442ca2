"""The dual simplex method on a dictionary, for the linear program of the most robust weights.

Amounts A_c >= 0 of n columns with sum A = total are to make the smallest of m margins as large as possible:

    maximise t    such that    sum_c C[mu, c] A_c - t >= b[mu]    for all mu.

Columns may be fixed at 0, or have a larger lower bound. The dictionary has every basic variable as an affine function
of the nonbasic ones, which are at their lower bounds. What it proves is proved by weak duality alone: for any
multipliers l >= 0 with sum l = 1, with prices p = l C and the lower bounds L,

    t <= max_c p_c (total - sum L) + sum_c L_c p_c - sum_mu l_mu b_mu,    c over the columns that are not fixed.

This is evaluated on the data, so that errors of the dictionary make the bound weaker but never wrong.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from convexnn.kernels.inner_functions import copy_vector, inner

OPTIMAL, EMPTY, CUT, UNFINISHED = 0, 1, 2, 3
FEASIBILITY = 1e-9  # of a basic variable, in units of mean amount 1
PIVOT = 1e-9  # the smallest one
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


@njit(cache=True, nogil=True, error_model="numpy")
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


@inner
def duplicate(source: Dictionary, target: Dictionary) -> None:
    """Make `target`, a dictionary of the same problem, equal to `source`."""
    live = source.live[0]
    for k in range(live):
        copy_vector(source.slope[k], target.slope[k])
        target.nonbasic[k] = source.nonbasic[k]
    copy_vector(source.value, target.value)
    copy_vector(source.basic, target.basic)
    copy_vector(source.place, target.place)
    copy_vector(source.lower, target.lower)
    copy_vector(source.fixed, target.fixed)
    target.live[0] = live


@inner
def _retire(d: Dictionary, k: int) -> None:
    """Take a nonbasic variable out of the play: it stays 0."""
    last = d.live[0] - 1
    d.place[d.nonbasic[k]] = _GONE
    if k != last:
        copy_vector(d.slope[last], d.slope[k])
        d.nonbasic[k] = d.nonbasic[last]
        d.place[d.nonbasic[k]] = k
    d.live[0] = last


@inner
def fix_at_zero(d: Dictionary, c: int) -> None:
    """Keep a column at 0."""
    if not d.fixed[c]:
        d.fixed[c] = True
        if d.place[c] >= 0:
            _retire(d, d.place[c])


@inner
def raise_to(d: Dictionary, c: int, lower: float) -> None:
    """Raise the lower bound of a column."""
    if d.place[c] >= 0:
        step = lower - d.lower[c]
        k = d.place[c]
        for row in range(d.value.size):
            d.value[row] += step * d.slope[k, row]
    d.lower[c] = lower


@inner
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


@inner
def _leaving(d: Dictionary, smallest_index: bool) -> int:
    """The row that violates its bounds most, or that of the smallest variable among those that do; -1 for none."""
    found, worst = -1, FEASIBILITY
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


@inner
def _entering(d: Dictionary, r: int, smallest_index: bool) -> int:
    """The nonbasic variable that the dual ratio test lets in; -1 if none can mend row r."""
    side = 1.0 if d.value[r] < d.lower[d.basic[r]] else -1.0
    least = np.inf
    for k in range(d.live[0]):
        alpha = side * d.slope[k, r]
        if alpha > PIVOT:
            least = min(least, max(-d.slope[k, 0], 0.0) / alpha)
    found = -1
    for k in range(d.live[0]):
        alpha = side * d.slope[k, r]
        if alpha > PIVOT and max(-d.slope[k, 0], 0.0) / alpha <= least + 1e-12:
            if found < 0:
                found = k
            elif smallest_index:
                found = k if d.nonbasic[k] < d.nonbasic[found] else found
            elif alpha > side * d.slope[found, r]:
                found = k
    return found


@njit(cache=True, nogil=True, error_model="numpy")
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
            return CUT
        r = _leaving(d, iteration > patience)
        if r < 0:
            break
        k = _entering(d, r, iteration > patience)
        if k < 0:
            return EMPTY
        _pivot(d, k, r)
    return OPTIMAL


@njit(cache=True, nogil=True, error_model="numpy")
def reoptimise(d: Dictionary, cutoff: float) -> int:
    """`iterate` to the end."""
    return iterate(d, cutoff, 0, -1)


@njit(cache=True, nogil=True, error_model="numpy")
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
    if rest < -FEASIBILITY or highest == -np.inf:
        return -np.inf
    return bound + max(rest, 0.0) * highest


@inner
def amount(d: Dictionary, c: int) -> float:
    """Of a column; an amount within rounding of 0 is 0."""
    place = d.place[c]
    if place >= 0 or place == _GONE or d.fixed[c]:
        return 0.0 if d.fixed[c] else d.lower[c]
    value = max(d.value[-1 - place], d.lower[c])
    return value if value > FEASIBILITY else 0.0
