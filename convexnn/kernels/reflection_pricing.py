"""Which reflected feature correlates most with a vector: branch and bound over pairs of data, complete and exact.

For a vector th that sums to zero let ``H(t) = sum_i |x_i - t| th_i``. It is linear between data and constant beyond
them. A feature with centre c and feet a <= b, c = (a + b) / 2, has with th the correlation

    phi = foot * (H(a) + H(b)) - H(c),

where foot = 1 for ``||x - c| - (b - a) / 2|`` and foot = 1/2 for the tent ``((b - a) / 2 - |x - c|)_+``. Two of a, b, c
are data: both feet (MIDWAY, the centre is their middle), or one foot and the centre (MIRRORED, the other foot is the
first one's mirror image). A node of the search is a pair of index intervals of equal length, one for each datum. What
phi can reach on it is bounded twice: by the ranges of H on the three intervals, and by the ranges of H' there, from the
value at the middle of the node (the mean value theorem), which is exact where H is a line.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MIDWAY, MIRRORED = 0, 1
BLOCK = 8


@njit(cache=True, nogil=True)
def distance_moment(x: Floats, th: Floats) -> tuple[Floats, Floats]:
    """H at the data and its slopes, in one sweep.

    Parameters
    ----------
    x, th : (n,) arrays
        x ascending; th sums to zero.

    Returns
    -------
    moment : (n,) array
    slopes : (n + 1,) array
        ``slopes[k]`` is that between x[k - 1] and x[k]; zero beyond the data.
    """
    n = x.size
    moment, slopes = np.empty(n), np.zeros(n + 1)
    total = height = moment[0] = 0.0
    for i in range(1, n):
        total += 2.0 * th[i - 1]
        height += total * (x[i] - x[i - 1])
        slopes[i] = total
        moment[i] = height
    for i in range(n):
        moment[i] -= 0.5 * height
    return moment, slopes


@njit(cache=True, nogil=True)
def range_table(moment: Floats, slopes: Floats) -> Floats:
    """Extremes of H and H' on runs of 2^l blocks of data, for every l and every first block: O(n log n / BLOCK).

    A block is widened by the neighbours of its first and last datum, so that a run holds all of H between data of it
    and their neighbours.

    Returns
    -------
    (levels, blocks, 4) array
        Entry (l, q): max H, min H, max H', min H' on the blocks q, ..., q + 2^l - 1, as far as they exist.
    """
    n = moment.size
    n_blocks = (n + BLOCK - 1) // BLOCK
    levels = 1
    while 1 << (levels - 1) < n_blocks:
        levels += 1
    table = np.empty((levels, n_blocks, 4))
    for q in range(n_blocks):
        first, last = BLOCK * q, min(BLOCK * q + BLOCK, n)
        high = low = moment[first]
        for i in range(max(first - 1, 0), min(last + 1, n)):
            high, low = max(high, moment[i]), min(low, moment[i])
        steep = flat = slopes[first]
        for i in range(first, last + 1):
            steep, flat = max(steep, slopes[i]), min(flat, slopes[i])
        table[0, q, 0], table[0, q, 1], table[0, q, 2], table[0, q, 3] = high, low, steep, flat
    for level in range(1, levels):
        half = 1 << (level - 1)
        for q in range(n_blocks):
            r = min(q + half, n_blocks - 1)
            for k in range(0, 4, 2):
                table[level, q, k] = max(table[level - 1, q, k], table[level - 1, r, k])
                table[level, q, k + 1] = min(table[level - 1, q, k + 1], table[level - 1, r, k + 1])
    return table


@njit(cache=True, nogil=True)
def _first_at_least(x: Floats, t: float, low: int, high: int) -> int:
    """The first index k in [low, high) with x[k] >= t, or `high`."""
    while low < high:
        middle = (low + high) // 2
        if x[middle] < t:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def _height(x: Floats, moment: Floats, slopes: Floats, t: float, k: int) -> float:
    """H(t), where k is the first index with x[k] >= t, or n."""
    if k < x.size:
        return moment[k] - slopes[k] * (x[k] - t)
    return moment[k - 1]


@njit(cache=True, nogil=True)
def _pull(high: float, low: float, ahead: float, behind: float) -> float:
    """How far a function can rise within steps of at most `ahead` and `behind` if its slope is in [low, high]."""
    return max(high * ahead, -low * behind, 0.0)


@njit(cache=True, nogil=True)
def _bound(
    x: Floats,
    moment: Floats,
    slopes: Floats,
    table: Floats,
    foot: float,
    kind: int,
    level: int,
    one: int,
    two: int,
    low: int,
    high: int,
) -> tuple[float, float, int, int, int, int]:
    """What |phi| can reach on a node, and what it is in the middle.

    A node pairs the `one`-th and `two`-th run of 2^level blocks. For MIDWAY they hold the feet; for MIRRORED the foot
    and the centre. The third position lies between data `low` and `high`.

    Returns
    -------
    reach, middle : float
    i, j : int
        The pair in the middle.
    low, high : int
        Narrower bounds of the third position: its first data at or after its least and its largest value.
    """
    n = x.size
    size = BLOCK << level
    i_first, i_last = one * size, min((one + 1) * size, n) - 1
    j_first, j_last = two * size, min((two + 1) * size, n) - 1
    i, j = (i_first + i_last) // 2, (j_first + j_last) // 2
    if kind == MIDWAY:
        least, largest = 0.5 * (x[i_first] + x[j_first]), 0.5 * (x[i_last] + x[j_last])
        third = 0.5 * (x[i] + x[j])
    else:
        least, largest = 2.0 * x[j_first] - x[i_last], 2.0 * x[j_last] - x[i_first]
        third = 2.0 * x[j] - x[i]
    low = _first_at_least(x, least, low, high)
    high = _first_at_least(x, largest, low, high)
    at_third = _height(x, moment, slopes, third, _first_at_least(x, third, low, high))

    block = min(low, n - 1) // BLOCK
    run = max(max(high - 1, 0) // BLOCK, block) - block + 1
    power = math.frexp(run)[1] - 1
    head, tail = table[power, block], table[power, block + run - (1 << power)]
    a, b = table[level, one << level], table[level, two << level]
    c_high, c_low = max(head[0], tail[0]), min(head[1], tail[1])
    c_steep, c_flat = max(head[2], tail[2]), min(head[3], tail[3])
    ahead_i, behind_i = x[i_last] - x[i], x[i] - x[i_first]
    ahead_j, behind_j = x[j_last] - x[j], x[j] - x[j_first]
    if kind == MIDWAY:
        middle = foot * (moment[i] + moment[j]) - at_third
        up = foot * (a[0] + b[0]) - c_low
        down = foot * (a[1] + b[1]) - c_high
        i_steep, i_flat = foot * a[2] - 0.5 * c_flat, foot * a[3] - 0.5 * c_steep
        j_steep, j_flat = foot * b[2] - 0.5 * c_flat, foot * b[3] - 0.5 * c_steep
    else:
        middle = foot * (moment[i] + at_third) - moment[j]
        up = foot * (a[0] + c_high) - b[1]
        down = foot * (a[1] + c_low) - b[0]
        i_steep, i_flat = foot * (a[2] - c_flat), foot * (a[3] - c_steep)
        j_steep, j_flat = 2.0 * foot * c_steep - b[3], 2.0 * foot * c_flat - b[2]
    rise = _pull(i_steep, i_flat, ahead_i, behind_i) + _pull(j_steep, j_flat, ahead_j, behind_j)
    fall = _pull(-i_flat, -i_steep, ahead_i, behind_i) + _pull(-j_flat, -j_steep, ahead_j, behind_j)
    reach = max(min(up, middle + rise), -max(down, middle - fall))
    return reach, abs(middle), i, j, low, high


@njit(cache=True, nogil=True)
def _leaf(
    x: Floats,
    moment: Floats,
    slopes: Floats,
    foot: float,
    kind: int,
    one: int,
    two: int,
    low: int,
    high: int,
) -> tuple[float, int, int]:
    """The largest |phi| over all pairs of two blocks, and its pair."""
    n = x.size
    best, best_i, best_j = -1.0, 0, 0
    for i in range(one * BLOCK, min(one * BLOCK + BLOCK, n)):
        k = low
        first = i if kind == MIDWAY and one == two else two * BLOCK
        for j in range(first, min(two * BLOCK + BLOCK, n)):
            third = 0.5 * (x[i] + x[j]) if kind == MIDWAY else 2.0 * x[j] - x[i]
            k = _first_at_least(x, third, k, high)
            at_third = _height(x, moment, slopes, third, k)
            if kind == MIDWAY:
                value = abs(foot * (moment[i] + moment[j]) - at_third)
            else:
                value = abs(foot * (moment[i] + at_third) - moment[j])
            if value > best:
                best, best_i, best_j = value, i, j
    return best, best_i, best_j


@njit(cache=True, nogil=True)
def price(
    x: Floats,
    moment: Floats,
    slopes: Floats,
    table: Floats,
    foot: float,
    floor: float,
    slack: float,
    tile: int,
) -> tuple[Floats, Ints, int]:
    """The largest |phi| of every tile in which it exceeds `floor`, over data, mirror images and midpoints.

    Parameters
    ----------
    x, moment, slopes, table
        The data and what `distance_moment` and `range_table` say of them.
    foot : float
        1 or 1/2.
    floor : float
        Smaller values are of no interest.
    slack : float
        No |phi| exceeds its tile's value (or `floor`) by more.
    tile : int
        A tile is a pair of runs of 2^tile blocks; at most `levels - 1` of `table`, which is all pairs of a kind.

    Returns
    -------
    values : (k,) array
    features : (k, 3) array
        Kind and two data: two feet of MIDWAY (equal ones for ``|x - x_i|``), foot and centre of MIRRORED.
    visited : int
        Nodes of the search, for those who measure it.
    """
    top = table.shape[0] - 1
    per_axis = (table.shape[1] + (1 << tile) - 1) >> tile
    values = np.empty(2 * per_axis**2)
    features = np.empty((2 * per_axis**2, 3), dtype=np.int64)
    found = visited = 0
    nodes = np.empty((4 * top + 4, 5), dtype=np.int64)  # level, the two runs, bounds of the third position
    reaches = np.empty(4 * top + 4)
    for kind in range(2):
        reach, best, best_i, best_j, low, high = _bound(x, moment, slopes, table, foot, kind, top, 0, 0, 0, x.size)
        nodes[0, 0], nodes[0, 1], nodes[0, 2], nodes[0, 3], nodes[0, 4] = top, 0, 0, low, high
        reaches[0] = reach
        best, depth = floor, 1
        while depth > 0:
            depth -= 1
            level, one, two, low, high = nodes[depth]
            if level >= tile:
                if best > floor:
                    values[found] = best
                    features[found, 0], features[found, 1], features[found, 2] = kind, best_i, best_j
                    found += 1
                best = floor
            if reaches[depth] <= best + slack:
                continue
            if level == 0:
                value, i, j = _leaf(x, moment, slopes, foot, kind, one, two, low, high)
                if value > best:
                    best, best_i, best_j = value, i, j
                continue
            bottom = depth
            for child in range(4):
                child_one, child_two = 2 * one + child // 2, 2 * two + child % 2
                if max(child_one, child_two) << (level - 1) >= table.shape[1]:
                    continue
                if kind == MIDWAY and child_two < child_one:
                    continue
                visited += 1
                reach, value, i, j, child_low, child_high = _bound(
                    x, moment, slopes, table, foot, kind, level - 1, child_one, child_two, low, high
                )
                if level <= tile and value > best:
                    best, best_i, best_j = value, i, j
                if reach <= best + slack:
                    continue
                place = depth
                while place > bottom and reaches[place - 1] > reach:
                    nodes[place], reaches[place] = nodes[place - 1], reaches[place - 1]
                    place -= 1
                nodes[place, 0], nodes[place, 1], nodes[place, 2] = level - 1, child_one, child_two
                nodes[place, 3], nodes[place, 4] = child_low, child_high
                reaches[place] = reach
                depth += 1
        if best > floor:
            values[found] = best
            features[found, 0], features[found, 1], features[found, 2] = kind, best_i, best_j
            found += 1
    return values[:found].copy(), features[:found].copy(), visited


@njit(cache=True, nogil=True)
def hinges(x: Floats, features: Ints) -> tuple[Floats, Ints]:
    """Where columns bend.

    Parameters
    ----------
    x : (n,) array
    features : (k, 3) array of int
        As `price` lists them.

    Returns
    -------
    places : (k, 3, 2) array
        Anchor and shift of left foot, centre and right foot.
    cuts : (k, 3) array of int
        The first datum at or after each.
    """
    k = features.shape[0]
    places, cuts = np.zeros((k, 3, 2)), np.empty((k, 3), dtype=np.int64)
    for f in range(k):
        kind, i, j = features[f]
        foot, other = x[i], x[j]
        if kind == MIDWAY:
            places[f, 0, 0], places[f, 1, 0], places[f, 2, 0] = foot, foot, other
            places[f, 1, 1] = 0.5 * (other - foot)
        else:
            near, far = (0, 2) if i < j else (2, 0)
            places[f, near, 0], places[f, 1, 0], places[f, far, 0] = foot, other, other
            places[f, far, 1] = other - foot
        for side in range(3):
            low, high = 0, x.size
            while low < high:
                middle = (low + high) // 2
                if x[middle] - places[f, side, 0] < places[f, side, 1]:
                    low = middle + 1
                else:
                    high = middle
            cuts[f, side] = low
    return places, cuts
