"""Features ``| | |x - c_1| - c_2 | - c_3 |`` whose c_1 is no datum: which correlate most with a vector.

Three data fix such a feature by lying on its kinks: on those of the second layer, c_1 +- c_2, or on its zeros. In every
family x_j < x_k are a pair and x_i stands alone; m = (x_j + x_k) / 2, u = (x_k - x_j) / 2, and v = |x_i - m|.

- shifted: x_j and x_k are zeros, c_1 = x_i +- u, c_2 = u, c_3 = ||x_j - c_1| - u|, where x_j <= c_1 <= x_k;
- balanced: x_j and x_k are zeros, x_i and m the kinks: c_1 = (x_i + m) / 2, c_2 = v / 2, c_3 = u, where v >= 2 u;
- about a midpoint, c_1 = m: all three are zeros, c_2 = (u + v) / 2, c_3 = |u - v| / 2; or the pair are the kinks,
  c_2 = u, c_3 = |v - u|; or x_i is a kink, c_2 = v, c_3 = |u - v|.

With a vector th that sums to zero a feature correlates by values of ``H(t) = sum_i |x_i - t| th_i`` at up to seven
places, which are linear in the three data. The search divides boxes of indices, by the bounds of `reflection_pricing`.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from convexnn.kernels.distance_moment import BLOCK, first_at_least, moment_at, rise_and_fall

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SHIFTED, _BALANCED, _ZEROS, _PAIR, _ALONE = range(5)
# A case: its family; how H counts at x_i, x_j, x_k, at three more places and at c_1; these places as combinations of
# (x_i, x_j, x_k); combinations that must not be negative. Each has a mirror image, with x_i on the other side of m (of
# c_1, if shifted). Features with c_3 > c_2 are cases of their own: they have two zeros less.
_CASES = [
    (
        _SHIFTED,
        (-1, 1, 1, 1, 1, -1, -1),
        ((2, -2, 1), (2, -1, 0), (1, -1, 1), (1, -0.5, 0.5)),
        ((1, -1.5, 0.5), (-1, 0.5, 0.5)),
    ),
    (
        _BALANCED,
        (-1, 1, 1, 1, 1, -1, -1),
        ((1, -0.5, 0.5), (1, 0.5, -0.5), (0, 0.5, 0.5), (0.5, 0.25, 0.25)),
        ((1, 0.5, -1.5), (0, 0, 0)),
    ),
    (
        _ZEROS,
        (1, 1, 1, 1, -1, -1, -1),
        ((-1, 1, 1), (0.5, 0, 0.5), (-0.5, 1, 0.5), (0, 0.5, 0.5)),
        ((1, -0.5, -0.5), (0, 0, 0)),
    ),
    (
        _PAIR,
        (1, -1, -1, 1, 1, 1, -1),
        ((-1, 1, 1), (-1, 0, 2), (1, 1, -1), (0, 0.5, 0.5)),
        ((1, -0.5, -0.5), (-1, -0.5, 1.5)),
    ),
    (_PAIR, (1, -1, -1, 1, 0, 0, 1), ((-1, 1, 1), (1, 0, 0), (1, 0, 0), (0, 0.5, 0.5)), ((1, 0.5, -1.5), (0, 0, 0))),
    (
        _ALONE,
        (-1, 1, 1, -1, 1, 1, -1),
        ((-1, 1, 1), (2, 0, -1), (-2, 1, 2), (0, 0.5, 0.5)),
        ((1, -0.25, -0.75), (0, 0, 0)),
    ),
    (
        _ALONE,
        (-1, 1, 1, -1, 0, 0, 1),
        ((-1, 1, 1), (1, 0, 0), (1, 0, 0), (0, 0.5, 0.5)),
        ((1, -0.5, -0.5), (-1, 0.25, 0.75)),
    ),
]
_MIRRORED = [0, 2, 1]
_FAMILIES = np.array([case[0] for case in _CASES] * 2)
_COUNTS = np.array([case[1] for case in _CASES] * 2, dtype=np.float64)
_PLACES = np.array([case[2] for case in _CASES], dtype=np.float64)
_PLACES = np.concatenate((_PLACES, _PLACES[..., _MIRRORED]))
_PLACES = np.concatenate((np.broadcast_to(np.eye(3), (len(_PLACES), 3, 3)), _PLACES), axis=1)
_CONDITIONS = np.array([case[3] for case in _CASES], dtype=np.float64)
_CONDITIONS = np.concatenate((_CONDITIONS, -_CONDITIONS[..., _MIRRORED]))
_RUNS = 8
_DEEPEST = 3 * 64


@njit(cache=True, nogil=True)
def price_triples(
    x: Floats, moment: Floats, slopes: Floats, tree: Floats, floor: float, slack: float, share: float
) -> tuple[Floats, Floats]:
    """The largest correlations in all families.

    Parameters
    ----------
    x, moment, slopes, tree
        The data, and what `distance_moment` and `range_tree` say of them.
    floor, slack, share : float
        As in `reflection_pricing.price`; a tile is an eighth of the data for each of i, j and k.

    Returns
    -------
    values : (k,) array
    offsets : (k, 3) array
        c_1, c_2, c_3.
    """
    size = (x.size + _RUNS - 1) // _RUNS
    values, offsets = np.empty(len(_COUNTS) * _RUNS**3), np.empty((len(_COUNTS) * _RUNS**3, 3))
    boxes = np.empty((_DEEPEST, 3, 2), dtype=np.int64)
    found, bar = 0, floor
    for case in range(len(_COUNTS)):
        for run in range(_RUNS**3):
            boxes[0, 0, 0], boxes[0, 1, 0], boxes[0, 2, 0] = run // _RUNS**2, run // _RUNS % _RUNS, run % _RUNS
            boxes[0, :, 0] *= size
            boxes[0, :, 1] = np.minimum(boxes[0, :, 0] + size, x.size) - 1
            best = bar
            depth = int((boxes[0, :, 0] <= boxes[0, :, 1]).all())
            while depth > 0:
                depth -= 1
                box = boxes[depth]
                if not _possible(x, case, box):
                    continue
                reach, value, axis = _bound(x, moment, slopes, tree, case, box)
                if value > best:
                    middle = (box[:, 0] + box[:, 1]) // 2
                    if _possible(x, case, np.stack((middle, middle), axis=1)):
                        best = value
                        one, low, high = x[middle[0]], x[middle[1]], x[middle[2]]
                        place = _PLACES[case, -1]
                        c_1 = place[0] * one + place[1] * low + place[2] * high
                        offsets[found] = _offsets(_FAMILIES[case], c_1, one, low, high)
                if axis >= 0 and reach > best + slack:
                    half = (box[axis, 0] + box[axis, 1]) // 2
                    boxes[depth + 1] = box
                    boxes[depth, axis, 1], boxes[depth + 1, axis, 0] = half, half + 1
                    depth += 2
            if best > bar:
                values[found] = best
                bar = max(bar, floor + share * (best - floor))
                found += 1
    return values[:found].copy(), offsets[:found].copy()


@njit(cache=True, nogil=True)
def _offsets(family: int, c_1: float, one: float, low: float, high: float) -> tuple[float, float, float]:
    """c_1, c_2, c_3 of a feature."""
    u, v = 0.5 * (high - low), abs(one - 0.5 * (low + high))
    if family == _SHIFTED:
        return c_1, u, abs(abs(low - c_1) - u)
    if family == _BALANCED:
        return c_1, 0.5 * v, u
    if family == _ZEROS:
        return c_1, 0.5 * (u + v), 0.5 * abs(u - v)
    return c_1, u if family == _PAIR else v, abs(u - v)


@njit(cache=True, nogil=True)
def _possible(x: Floats, case: int, box: Ints) -> bool:
    """Whether a triple of the box may satisfy the conditions of a case (if there is one only: whether it does)."""
    if box[1, 0] >= box[2, 1]:
        return False
    for condition in _CONDITIONS[case]:
        largest = 0.0
        for axis in range(3):
            largest += condition[axis] * x[box[axis, 1] if condition[axis] > 0.0 else box[axis, 0]]
        if largest < 0.0:
            return False
    return True


@njit(cache=True, nogil=True)
def _bound(x: Floats, moment: Floats, slopes: Floats, tree: Floats, case: int, box: Ints) -> tuple[float, float, int]:
    """What the correlation can reach in a box, what it is in the middle, and which axis to divide (-1: none)."""
    largest = least = value = 0.0
    steep_i = flat_i = steep_j = flat_j = steep_k = flat_k = 0.0
    i, j, k = (box[:, 0] + box[:, 1]) // 2
    for term in range(7):
        sign, (a, b, c) = _COUNTS[case, term], _PLACES[case, term]
        if sign == 0.0:
            continue
        if term < 3:
            first, last = box[term]
            at_middle = moment[(first + last) // 2]
        else:
            low = high = 0.0
            for axis in range(3):
                weight = (a, b, c)[axis]
                low += weight * x[box[axis, 0] if weight > 0.0 else box[axis, 1]]
                high += weight * x[box[axis, 1] if weight > 0.0 else box[axis, 0]]
            place = a * x[i] + b * x[j] + c * x[k]
            first = first_at_least(x, low, 0, x.size)
            last = first_at_least(x, high, first, x.size)
            at_middle = moment_at(x, moment, slopes, place, first_at_least(x, place, first, last))
            first -= 1
        h_high, h_low, s_high, s_low = _ranges(moment, slopes, tree, first, last)
        value += sign * at_middle
        if sign > 0.0:
            largest, least = largest + h_high, least + h_low
        else:
            largest, least = largest - h_low, least - h_high
            a, b, c = -a, -b, -c
        steep_i, flat_i = steep_i + max(a * s_high, a * s_low), flat_i + min(a * s_high, a * s_low)
        steep_j, flat_j = steep_j + max(b * s_high, b * s_low), flat_j + min(b * s_high, b * s_low)
        steep_k, flat_k = steep_k + max(c * s_high, c * s_low), flat_k + min(c * s_high, c * s_low)
    rise_i, fall_i = rise_and_fall(steep_i, flat_i, x[box[0, 1]] - x[i], x[i] - x[box[0, 0]])
    rise_j, fall_j = rise_and_fall(steep_j, flat_j, x[box[1, 1]] - x[j], x[j] - x[box[1, 0]])
    rise_k, fall_k = rise_and_fall(steep_k, flat_k, x[box[2, 1]] - x[k], x[k] - x[box[2, 0]])
    reach = max(min(largest, value + (rise_i + rise_j + rise_k)), -max(least, value - (fall_i + fall_j + fall_k)))
    widest, axis = -1.0, -1
    if box[0, 0] < box[0, 1]:
        widest, axis = rise_i + fall_i, 0
    if box[1, 0] < box[1, 1] and rise_j + fall_j > widest:
        widest, axis = rise_j + fall_j, 1
    if box[2, 0] < box[2, 1] and rise_k + fall_k > widest:
        axis = 2
    return reach, abs(value), axis


@njit(cache=True, nogil=True)
def _ranges(moment: Floats, slopes: Floats, tree: Floats, first: int, last: int) -> tuple[float, float, float, float]:
    """max H, min H, max H', min H' from datum `first` to datum `last`; -1 and n stand for what lies beyond."""
    n = moment.size
    high, low, steep, flat = -np.inf, np.inf, -np.inf, np.inf
    if first < 0 or last == n or first == last:
        steep = flat = 0.0
    first, last = max(first, 0), min(last, n - 1)
    i = first
    while i <= last:
        if i % BLOCK == 0 and i + BLOCK <= last:
            node = (i // BLOCK) + tree.shape[0] // 2
            span = BLOCK
            while node % 2 == 0 and i + 2 * span <= last:
                node, span = node // 2, 2 * span
            high, low = max(high, tree[node, 0]), min(low, tree[node, 1])
            steep, flat = max(steep, tree[node, 2]), min(flat, tree[node, 3])
            i += span
            continue
        high, low = max(high, moment[i]), min(low, moment[i])
        if i < last:
            steep, flat = max(steep, slopes[i + 1]), min(flat, slopes[i + 1])
        i += 1
    return high, low, steep, flat
