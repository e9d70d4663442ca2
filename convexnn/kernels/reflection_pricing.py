"""Which reflected features correlate most with a vector: branch and bound over pairs of data, complete and exact.

For a vector th that sums to zero let ``H(t) = sum_i |x_i - t| th_i``. It is linear between data and constant beyond
them. A feature with centre c and feet a <= b, c = (a + b) / 2, has with th the correlation

    phi = foot * (H(a) + H(b)) - H(c),

where foot = 1 for ``||x - c| - (b - a) / 2|`` and foot = 1/2 for the tent ``((b - a) / 2 - |x - c|)_+``. Two of a, b, c
are data: both feet (MIDWAY, the centre is their middle), or one foot and the centre (MIRRORED, the other foot is the
first one's mirror image).

The search divides pairs of index intervals, one for each datum. What phi can reach on a pair is bounded twice: by the
ranges of H on the three intervals, and by the value in the middle and the ranges of H' (the mean value theorem), which
is exact where H is a line. The interval that matters more in the second bound is the one to divide.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from convexnn.kernels.distance_moment import (
    BLOCK,
    distance_moment,
    first_at_least,
    moment_at,
    range_tree,
    rise_and_fall,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MIDWAY, MIRRORED = 0, 1
_EVERYTHING = 62  # a level that no tree has


@njit(cache=True, nogil=True)
def price(
    x: Floats,
    moment: Floats,
    slopes: Floats,
    tree: Floats,
    foot: float,
    floor: float,
    slack: float,
    tile: int,
    share: float,
) -> tuple[Floats, Ints]:
    """The largest |phi| of every tile in which it exceeds `floor`, over data, mirror images and midpoints.

    Parameters
    ----------
    x, moment, slopes, tree
        The data, and what `distance_moment` and `range_tree` say of them.
    foot : float
        1 or 1/2.
    floor : float
        Smaller values are of no interest.
    slack : float
        How much a tile's largest |phi| may exceed the value found in it.
    tile : int
        A tile is a pair of runs of 2^tile blocks (all pairs, if there are no more).
    share : float
        In [0, 1]: a tile is of no interest either if its excess over `floor` is a smaller share of that of a tile
        before it. No |phi| exceeds the largest value found, or `floor` if there is none, by more than `slack`.

    Returns
    -------
    values : (k,) array
    features : (k, 3) array of int
        Kind and two data: the left and right foot (MIDWAY), the foot and the centre (MIRRORED). Equal data stand for
        ``|x - x_i|``, which is MIDWAY.
    """
    n, n_nodes = x.size, tree.shape[0]
    top = _level(1, n_nodes)
    tile = min(tile, top)
    most = 2 << (2 * (top - tile))
    values, features = np.empty(most), np.empty((most, 3), dtype=np.int64)
    found, bar = 0, floor
    # The stack: two nodes, which of them to divide, and bounds of the third position.
    pairs, reaches = np.empty((2 * (top + BLOCK) + 2, 5), dtype=np.int64), np.empty(2 * (top + BLOCK) + 2)
    for kind in range(2):
        pairs[0, 0], pairs[0, 1], pairs[0, 2], pairs[0, 3], pairs[0, 4] = 1, 1, 0, 0, n
        reaches[0] = np.inf
        depth, best, best_i, best_j = 1, bar, 0, 0
        while True:
            depth -= 1
            if depth < 0 or _level(max(pairs[depth, 0], pairs[depth, 1]), n_nodes) >= tile:
                if best > bar:
                    values[found] = best
                    if kind == MIDWAY and best_j < best_i:
                        best_i, best_j = best_j, best_i
                    features[found, 0] = kind if best_i != best_j else MIDWAY
                    features[found, 1], features[found, 2] = best_i, best_j
                    found += 1
                    bar = max(bar, floor + share * (best - floor))
                best = bar
            if depth < 0:
                break
            if reaches[depth] <= best + slack:
                continue
            one, two, axis, low, high = pairs[depth]
            level_one, level_two = _level(one, n_nodes), _level(two, n_nodes)
            if max(level_one, level_two) <= 0:
                value, i, j = _enumerate(x, moment, slopes, n_nodes, foot, kind, one, two, low, high)
                if value > best:
                    best, best_i, best_j = value, i, j
                continue
            if max(level_one, level_two) > tile:
                axis = 0 if level_one >= level_two else 1
            elif min(level_one, level_two) < 0:
                axis = 0 if level_two < 0 else 1
            first, last = _children(one if axis == 0 else two, n_nodes, n)
            bottom = depth
            for child in range(first, last):
                child_one, child_two = (child, two) if axis == 0 else (one, child)
                if kind == MIDWAY and _span(child_two, n_nodes, n)[1] < _span(child_one, n_nodes, n)[0]:
                    continue
                reach, value, i, j, next_axis, child_low, child_high = _bound(
                    x, moment, slopes, tree, foot, kind, child_one, child_two, low, high
                )
                if max(level_one, level_two) <= tile and value > best:
                    best, best_i, best_j = value, i, j
                if reach <= best + slack:
                    continue
                place = depth
                if depth > bottom and reaches[bottom] > reach:  # the more promising on top
                    pairs[depth], reaches[depth] = pairs[bottom], reaches[bottom]
                    place = bottom
                pairs[place, 0], pairs[place, 1], pairs[place, 2] = child_one, child_two, next_axis
                pairs[place, 3], pairs[place, 4] = child_low, child_high
                reaches[place] = reach
                depth += 1
    return values[:found].copy(), features[:found].copy()


@njit(cache=True, nogil=True)
def peaks(moment: Floats, floor: float, size: int) -> Ints:
    """Where |H| is largest in each run of `size` data in which it exceeds `floor`: how ``|x - x_i|`` correlates."""
    places = np.empty((moment.size + size - 1) // size, dtype=np.int64)
    found = 0
    for first in range(0, moment.size, size):
        best = floor
        for i in range(first, min(first + size, moment.size)):
            if abs(moment[i]) > best:
                best, places[found] = abs(moment[i]), i
        found += best > floor
    return places[:found].copy()


@njit(cache=True, nogil=True)
def price_folds(x: Floats, th: Floats, floor: float, slack: float, share: float) -> tuple[Floats, Floats]:
    """The largest correlations of ``| | |x - c_1| - c_2 | - c_3 |`` with c_1 a datum.

    For a fixed c_1 these are the features ``| |s - c_2| - c_3 |`` of the folded data s = |x - c_1|.

    Parameters
    ----------
    x, th : (n,) arrays
    floor, slack, share : float
        As in `price`, with a tile for every c_1.

    Returns
    -------
    values : (k,) array
    offsets : (k, 3) array
        c_1, c_2, c_3.
    """
    n = x.size
    values, offsets = np.empty(n), np.empty((n, 3))
    folded, folded_th = np.empty(n), np.empty(n)
    found, bar = 0, floor
    for centre in range(n):
        left, right = centre - 1, centre
        for k in range(n):
            if right == n or (left >= 0 and x[centre] - x[left] < x[right] - x[centre]):
                folded[k], folded_th[k] = x[centre] - x[left], th[left]
                left -= 1
            else:
                folded[k], folded_th[k] = x[right] - x[centre], th[right]
                right += 1
        moment, slopes = distance_moment(folded, folded_th)
        tree = range_tree(moment, slopes)
        best, features = price(folded, moment, slopes, tree, 1.0, bar, slack, _EVERYTHING, 1.0)
        if best.size > 0:  # with a share of 1 the last is the largest
            values[found] = best[-1]
            one, two = folded[features[-1, 1]], folded[features[-1, 2]]
            offsets[found, 0] = x[centre]
            offsets[found, 1] = 0.5 * (one + two) if features[-1, 0] == MIDWAY else two
            offsets[found, 2] = 0.5 * abs(two - one) if features[-1, 0] == MIDWAY else abs(two - one)
            found += 1
            bar = max(bar, floor + share * (best[-1] - floor))
    return values[:found].copy(), offsets[:found].copy()


# A node of the tree is named by its place in the heap; after these names come those of the single data.


@njit(cache=True, nogil=True)
def _level(node: int, nodes: int) -> int:
    """The level of a node: it has 2^level blocks; -1 for a single datum."""
    if node >= nodes:
        return -1
    return math.frexp(nodes)[1] - math.frexp(node)[1] - 1


@njit(cache=True, nogil=True)
def _span(node: int, nodes: int, n: int) -> tuple[int, int]:
    """The first and the last datum of a node."""
    if node >= nodes:
        return node - nodes, node - nodes
    level = _level(node, nodes)
    size = BLOCK << level
    first = (node - (nodes >> (level + 1))) * size
    return first, min(first + size, n) - 1


@njit(cache=True, nogil=True)
def _children(node: int, nodes: int, n: int) -> tuple[int, int]:
    """The first child of a node that has data, and the one after its last."""
    if node < nodes // 2:
        last = 2 * node + 1
        return 2 * node, last + (_span(last, nodes, n)[0] < n)
    first, last = _span(node, nodes, n)
    return nodes + first, nodes + last + 1


@njit(cache=True, nogil=True)
def _extremes(tree: Floats, moment: Floats, node: int) -> tuple[float, float, float, float]:
    """max H, min H, max H', min H' on a node."""
    if node >= tree.shape[0]:
        height = moment[node - tree.shape[0]]
        return height, height, 0.0, 0.0
    return tree[node, 0], tree[node, 1], tree[node, 2], tree[node, 3]


@njit(cache=True, nogil=True)
def _block_extremes(tree: Floats, first: int, last: int) -> tuple[float, float, float, float]:
    """max H, min H, max H', min H' on the blocks first, ..., last."""
    high, low, steep, flat = -np.inf, np.inf, -np.inf, np.inf
    one, two = first + tree.shape[0] // 2, last + 1 + tree.shape[0] // 2
    while one < two:
        if one & 1:
            high, low = max(high, tree[one, 0]), min(low, tree[one, 1])
            steep, flat = max(steep, tree[one, 2]), min(flat, tree[one, 3])
            one += 1
        if two & 1:
            two -= 1
            high, low = max(high, tree[two, 0]), min(low, tree[two, 1])
            steep, flat = max(steep, tree[two, 2]), min(flat, tree[two, 3])
        one >>= 1
        two >>= 1
    return high, low, steep, flat


@njit(cache=True, nogil=True)
def _bound(
    x: Floats,
    moment: Floats,
    slopes: Floats,
    tree: Floats,
    foot: float,
    kind: int,
    one: int,
    two: int,
    low: int,
    high: int,
) -> tuple[float, float, int, int, int, int, int]:
    """What |phi| can reach on a pair of nodes, and what it is in the middle.

    For MIDWAY the nodes hold the feet; for MIRRORED the foot and the centre. The third position lies between the data
    `low` and `high`.

    Returns
    -------
    reach, middle : float
    i, j : int
        The pair in the middle.
    axis : int
        Which of the two nodes to divide.
    low, high : int
        Narrower bounds of the third position: the first data at or after its least and its largest value.
    """
    i_first, i_last = _span(one, tree.shape[0], x.size)
    j_first, j_last = _span(two, tree.shape[0], x.size)
    i, j = (i_first + i_last) // 2, (j_first + j_last) // 2
    if kind == MIDWAY:
        least, largest = 0.5 * (x[i_first] + x[j_first]), 0.5 * (x[i_last] + x[j_last])
        third = 0.5 * (x[i] + x[j])
    else:
        least, largest = 2.0 * x[j_first] - x[i_last], 2.0 * x[j_last] - x[i_first]
        third = 2.0 * x[j] - x[i]
    low = first_at_least(x, least, low, high)
    high = first_at_least(x, largest, low, high)
    at_third = moment_at(x, moment, slopes, third, first_at_least(x, third, low, high))

    a_high, a_low, a_steep, a_flat = _extremes(tree, moment, one)
    b_high, b_low, b_steep, b_flat = _extremes(tree, moment, two)
    block = min(low, x.size - 1) // BLOCK
    c_high, c_low, c_steep, c_flat = _block_extremes(tree, block, max((high - 1) // BLOCK, block))
    if kind == MIDWAY:
        middle = foot * (moment[i] + moment[j]) - at_third
        largest, least = foot * (a_high + b_high) - c_low, foot * (a_low + b_low) - c_high
        i_steep, i_flat = foot * a_steep - 0.5 * c_flat, foot * a_flat - 0.5 * c_steep
        j_steep, j_flat = foot * b_steep - 0.5 * c_flat, foot * b_flat - 0.5 * c_steep
    else:
        middle = foot * (moment[i] + at_third) - moment[j]
        largest, least = foot * (a_high + c_high) - b_low, foot * (a_low + c_low) - b_high
        i_steep, i_flat = foot * (a_steep - c_flat), foot * (a_flat - c_steep)
        j_steep, j_flat = 2.0 * foot * c_steep - b_flat, 2.0 * foot * c_flat - b_steep
    i_rise, i_fall = rise_and_fall(i_steep, i_flat, x[i_last] - x[i], x[i] - x[i_first])
    j_rise, j_fall = rise_and_fall(j_steep, j_flat, x[j_last] - x[j], x[j] - x[j_first])
    reach = max(min(largest, middle + (i_rise + j_rise)), -max(least, middle - (i_fall + j_fall)))
    return reach, abs(middle), i, j, int(i_rise + i_fall <= j_rise + j_fall), low, high


@njit(cache=True, nogil=True)
def _enumerate(
    x: Floats,
    moment: Floats,
    slopes: Floats,
    nodes: int,
    foot: float,
    kind: int,
    one: int,
    two: int,
    low: int,
    high: int,
) -> tuple[float, int, int]:
    """The largest |phi| over all pairs from two nodes, and its pair."""
    i_first, i_last = _span(one, nodes, x.size)
    j_first, j_last = _span(two, nodes, x.size)
    best, best_i, best_j = -1.0, 0, 0
    for i in range(i_first, i_last + 1):
        k = low
        for j in range(j_first, j_last + 1):
            third = 0.5 * (x[i] + x[j]) if kind == MIDWAY else 2.0 * x[j] - x[i]
            k = first_at_least(x, third, k, high)
            at_third = moment_at(x, moment, slopes, third, k)
            if kind == MIDWAY:
                value = abs(foot * (moment[i] + moment[j]) - at_third)
            else:
                value = abs(foot * (moment[i] + at_third) - moment[j])
            if value > best:
                best, best_i, best_j = value, i, j
    return best, best_i, best_j
