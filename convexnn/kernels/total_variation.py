"""Weighted total variation by the taut string: exact, on rows or on the exact statistics of segments of rows.

``min 1/2 sum_i w_i (y_i - u_i)^2 + radius sum_i |u_{i+1} - u_i|``. Let S_i = sum_{k <= i} w_k (y_k - u_k). A piecewise
constant u is optimal if S ends at 0, never leaves [-radius, radius], and lies at -radius where u jumps up and at
+radius where it jumps down: the sums of w u are the shortest path, a taut string, through the tube of that radius
around the sums of w y (Davies and Kovac, Annals of Statistics 29, 2001).

`weight` may be empty, which means 1; otherwise it is positive.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# The rows of a table of segments: mean of y, sum of w, sum of w (y - mean)^2, and the lowest and the highest S after a
# row of the segment when S goes from START before the segment to END after it, u being constant.
MEAN, WEIGHT, SQUARES, START, END, LOW, HIGH = range(7)
N_STATISTICS = 7

_EPS = float(np.finfo(np.float64).eps)
_NEGLIGIBLE = 1e-12  # of the radius: an error in S that may go into a bound


@njit(cache=True, nogil=True)
def taut_string(
    y: Floats, weight: Floats, radius: float, left: float, right: float, starts: Ints, values: Floats
) -> int:
    """The pieces of the optimal u in O(n), by a walk with the two hulls of the tube since the string's last contact.

    Side 0 is the greatest convex minorant of the upper wall, side 1 that of the lower wall upside down. Where one side
    is down to a single facet, every first facet of the other side that it would cross belongs to the string.

    Parameters
    ----------
    y, weight : (n,) arrays
    radius : float
        Positive.
    left, right : float
        S before the first row and after the last one; 0 at the ends of the data, +-radius at a jump.
    starts, values : (n,) arrays, written
        First row and level of every piece.

    Returns
    -------
    int
        The number of pieces. Neighbouring levels differ, in the direction of the string's contact between them.
    """
    n = y.size
    weighted = weight.size > 0
    # A facet is its sum of w y, its sum of w, and the row after it. The last facet of a side stays outside its stack.
    sums, weights, ends = np.empty((2, n)), np.empty((2, n)), np.empty((2, n), np.int64)
    first, last = np.zeros(2, np.int64), np.zeros(2, np.int64)
    top, top_weight = np.array([radius + left, radius - left]), np.zeros(2)
    closing = np.array([radius + right, radius - right])
    count = start = turn = 0
    for i in range(n):
        w = weight[i] if weighted else 1.0
        for side in range(2):
            s = w * y[i] if side == 0 else -w * y[i]
            if i == n - 1:
                s -= closing[side]
            facet, facet_weight, k = top[side], top_weight[side], last[side]
            if s * facet_weight > facet * w:
                sums[side, k], weights[side, k], ends[side, k] = facet, facet_weight, i
                facet, facet_weight, k = s, w, k + 1
            else:
                facet += s
                facet_weight += w
                while k > first[side] and facet * weights[side, k - 1] <= sums[side, k - 1] * facet_weight:
                    k -= 1
                    facet += sums[side, k]
                    facet_weight += weights[side, k]
            top[side], top_weight[side], last[side] = facet, facet_weight, k
        if first[0] < last[0] and first[1] < last[1]:
            continue
        for side in range(2):
            if first[side] < last[side]:
                continue
            first[side] = last[side] = 0
            other, up = 1 - side, 2 * side - 1
            k = first[other]
            while k < last[other] and top[side] * weights[other, k] + sums[other, k] * top_weight[side] <= 0:
                level = up * sums[other, k] / weights[other, k]
                # Rounding can put equal levels in the wrong order.
                if count == 0 or (level - values[count - 1]) * turn > 0:
                    starts[count], values[count] = start, level
                    count += 1
                top[side] += sums[other, k]
                top_weight[side] -= weights[other, k]
                start, turn = ends[other, k], up
                k += 1
            first[other] = k
    for k in range(first[0], last[0]):
        top[0] += sums[0, k]
        top_weight[0] += weights[0, k]
    level = top[0] / top_weight[0]
    if count == 0 or (level - values[count - 1]) * turn > 0:
        starts[count], values[count] = start, level
        count += 1
    return count


@njit(cache=True, nogil=True)
def check_pieces(
    y: Floats, weight: Floats, radius: float, starts: Ints, values: Floats, first: int, last: int
) -> tuple[float, float, float, float]:
    """What pieces first..last - 1 contribute to the objective and to the optimality conditions.

    The dual point is the residual, shifted by a constant in every piece so that S arrives at the wall that the jump
    asks for: by nothing but the rounding of the piece's level.

    Returns
    -------
    squares, variation : float
        sum w (y - u)^2, and the jumps after these pieces.
    reach : float
        The largest |S| of the dual point, or a little more.
    shifted : float
        sum w shift^2.
    """
    weighted = weight.size > 0
    squares = variation = reach = shifted = 0.0
    for p in range(first, last):
        u = values[p]
        s = 0.0 if p == 0 else _wall(values[p - 1], u, radius)
        wall, end = 0.0, y.size
        if p + 1 < values.size:
            variation += abs(values[p + 1] - u)
            wall, end = _wall(u, values[p + 1], radius), starts[p + 1]
        before, farthest, total_weight = s, 0.0, 0.0
        for i in range(starts[p], end):
            w = weight[i] if weighted else 1.0
            residual = y[i] - u
            squares += w * residual * residual
            total_weight += w
            s += w * residual
            farthest = max(farthest, abs(s))
        excess = s - wall
        shift = excess / total_weight
        shifted += excess * shift
        if abs(excess) <= _NEGLIGIBLE * radius:
            farthest += abs(excess)
        else:
            low, _, high, _ = _extremes(y, weight, starts[p], end, before, u, shift)
            farthest = max(high, -low)
        reach = max(reach, farthest)
    return squares, variation, reach, shifted


@njit(cache=True, nogil=True)
def _wall(before: float, after: float, radius: float) -> float:
    """Where S is between two pieces."""
    return -radius if before < after else radius


@njit(cache=True, nogil=True)
def summarise(y: Floats, weight: Floats, starts: Ints, first: int, last: int, table: Floats) -> None:
    """Fill columns first..last - 1 of a table of segments, which end where the next one starts."""
    weighted = weight.size > 0
    for q in range(first, last):
        begin, end = starts[q], starts[q + 1]
        total = total_weight = 0.0
        if weighted:
            for i in range(begin, end):
                total += weight[i] * y[i]
                total_weight += weight[i]
        else:
            for i in range(begin, end):
                total += y[i]
            total_weight = float(end - begin)
        mean = total / total_weight
        s = squares = low = high = 0.0
        for i in range(begin, end):
            w = weight[i] if weighted else 1.0
            residual = y[i] - mean
            s += w * residual
            squares += w * residual * residual
            low, high = min(low, s), max(high, s)
        table[MEAN, q], table[WEIGHT, q], table[SQUARES, q] = mean, total_weight, squares
        table[START, q], table[END, q], table[LOW, q], table[HIGH, q] = 0.0, 0.0, low, high


@njit(cache=True, nogil=True)
def check_segments(
    y: Floats, weight: Floats, radius: float, starts: Ints, table: Floats, pieces: Ints, values: Floats
) -> tuple[float, float, float, float, Ints]:
    """`check_pieces` for pieces of whole segments, and the rows at which segments have to be divided.

    Only segments whose bounds do not keep S within the radius are read, and their bounds become exact. If S does leave
    it within a segment, that is divided where S is farthest out on either side.

    Parameters
    ----------
    starts : (n_segments + 1,) array
        First row of every segment, and n.
    table : (7, n_segments) array, updated
    pieces, values : (n_pieces,) arrays
        First segment and level of every piece.

    Returns
    -------
    squares, variation, reach, shifted : float
        As of `check_pieces`.
    cuts : array
        Ascending rows.
    """
    n_segments = table.shape[1]
    cuts = np.empty(2 * n_segments, np.int64)
    n_cuts = 0
    squares = variation = reach = shifted = 0.0
    for p in range(values.size):
        u = values[p]
        s = 0.0 if p == 0 else _wall(values[p - 1], u, radius)
        wall, end = 0.0, n_segments
        if p + 1 < values.size:
            variation += abs(values[p + 1] - u)
            wall, end = _wall(u, values[p + 1], radius), pieces[p + 1]
        total, total_weight = s - wall, 0.0
        for q in range(pieces[p], end):
            total += table[WEIGHT, q] * (table[MEAN, q] - u)
            total_weight += table[WEIGHT, q]
        shift = total / total_weight
        shifted += total * shift
        rounding = 16 * _EPS * (radius + total_weight * abs(u))
        for q in range(pieces[p], end):
            residual = table[MEAN, q] - u
            squares += table[SQUARES, q] + table[WEIGHT, q] * residual * residual
            after = s + table[WEIGHT, q] * (residual - shift)
            moved_up = max(s - table[START, q], after - table[END, q])
            moved_down = min(s - table[START, q], after - table[END, q])
            low, high = table[LOW, q] + moved_down, table[HIGH, q] + moved_up
            if max(high, -low) > radius + rounding and starts[q + 1] - starts[q] > 1:
                low, low_row, high, high_row = _extremes(y, weight, starts[q], starts[q + 1], s, u, shift)
                table[START, q], table[END, q], table[LOW, q], table[HIGH, q] = s, after, low, high
                low_cut = low < -radius - rounding and low_row + 1 < starts[q + 1]
                high_cut = high > radius + rounding and high_row + 1 < starts[q + 1]
                if low_cut and (not high_cut or low_row < high_row):
                    cuts[n_cuts] = low_row + 1
                    n_cuts += 1
                if high_cut:
                    cuts[n_cuts] = high_row + 1
                    n_cuts += 1
                if low_cut and high_cut and low_row > high_row:
                    cuts[n_cuts] = low_row + 1
                    n_cuts += 1
            reach = max(reach, high, -low)
            s = after
    return squares, variation, reach, shifted, cuts[:n_cuts]


@njit(cache=True, nogil=True)
def _extremes(
    y: Floats, weight: Floats, begin: int, end: int, s: float, u: float, shift: float
) -> tuple[float, int, float, int]:
    """The lowest and the highest S after rows begin..end - 1 of a piece, and after which row."""
    weighted = weight.size > 0
    low, high = np.inf, -np.inf
    low_row = high_row = begin
    for i in range(begin, end):
        s += (weight[i] if weighted else 1.0) * ((y[i] - u) - shift)
        if s < low:
            low, low_row = s, i
        if s > high:
            high, high_row = s, i
    return low, low_row, high, high_row


@njit(cache=True, nogil=True)
def divide(y: Floats, weight: Floats, starts: Ints, table: Floats, cuts: Ints) -> tuple[Ints, Floats]:
    """The starts and the table of the segments divided at `cuts`, ascending rows inside segments."""
    new_starts = np.empty(starts.size + cuts.size, np.int64)
    new_table = np.empty((N_STATISTICS, new_starts.size - 1))
    done = c = 0
    while c < cuts.size:
        q = np.searchsorted(starts, cuts[c], side="right") - 1
        new_starts[done + c : q + c + 1] = starts[done : q + 1]
        for row in range(N_STATISTICS):
            new_table[row, done + c : q + c] = table[row, done:q]
        begin = q + c
        while c < cuts.size and cuts[c] < starts[q + 1]:
            c += 1
            new_starts[q + c] = cuts[c - 1]
        new_starts[q + c + 1] = starts[q + 1]
        summarise(y, weight, new_starts, begin, q + c + 1, new_table)
        done = q + 1
    new_starts[done + c :] = starts[done:]
    new_table[:, done + c :] = table[:, done:]
    return new_starts, new_table
