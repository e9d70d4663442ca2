"""Penalised least squares by linear splines, exactly, by an active set of knots on segment statistics.

The penalty is that of a two-layer network with slopes a and b, ``max(TV / A, (TV + |s_1 + s_last|) / (2 M))`` with
A = |a - b| and M = max(|a|, |b|), TV the total variation of the slopes s; or that of narrow ReLU networks of depth >=
3, half the total variation of the slopes continued by zero (`bounded`). Its dual variable is a curve w on the line.
In the first case |w| <= B inside and w = v, -v at the ends, where B = beta / A - (2 M / A - 1) |v| and |v| <= beta /
(2 M); in the second |w| <= beta / 2 everywhere. A knot is active where w is on its bound; given the active knots and
their signs the knot values solve a tridiagonal system.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from convexnn.kernels.hat_functions import second_difference, solve_hats

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(cache=True, nogil=True)
def interval_moments(table: Floats, edges: Floats, left: int, right: int, moments: Floats) -> None:
    """Products of the two hat functions on the interval between two edges, and with y: aa, ab, bb, a y, b y.

    Exact, from the statistics of the segments inside. The first three are sums of positive terms.
    """
    start, length = edges[left], edges[right] - edges[left]
    moments[:] = 0.0
    for q in range(left, right):
        weight = table[q, 1]
        t = (table[q, 0] - start + table[q, 2]) / length
        s = 1.0 - t
        v = table[q, 4] / (length * length)
        z = table[q, 5] / length
        moments[0] += weight * s * s + v
        moments[1] += weight * s * t - v
        moments[2] += weight * t * t + v
        moments[3] += weight * s * table[q, 3] - z
        moments[4] += weight * t * table[q, 3] + z


@njit(cache=True, nogil=True)
def dual_curve(
    table: Floats, edges: Floats, knots: Ints, u: Floats, curve: Floats, sums: Floats, totals: Floats
) -> float:
    """The curve g(t) = sum (t - x_i)_+ th_i at the edges, th the centred residual of the spline with knot values u.

    Fills `curve` with g and `sums` with the running sum of th, at every edge before its rows; `totals` with
    sum th^2 / w and sum y th. Returns what was added to the spline to centre the residual.
    """
    shift = 0.0
    total = 0.0
    for j in range(knots.size - 1):
        left = edges[knots[j]]
        slope = (u[j + 1] - u[j]) / (edges[knots[j + 1]] - left)
        for q in range(knots[j], knots[j + 1]):
            shift += table[q, 1] * (table[q, 3] - (u[j] + slope * (table[q, 0] - left + table[q, 2])))
            total += table[q, 1]
    shift /= total
    curve[0] = sums[0] = 0.0
    squares = products = 0.0
    for j in range(knots.size - 1):
        left = edges[knots[j]]
        slope = (u[j + 1] - u[j]) / (edges[knots[j + 1]] - left)
        for q in range(knots[j], knots[j + 1]):
            weight, mean_x, mean_y, sxx = table[q, 1], table[q, 2], table[q, 3], table[q, 4]
            line = table[q, 5] / sxx if sxx > 0 else 0.0
            residual = mean_y - (u[j] + slope * (edges[q] - left + mean_x)) - shift
            steeper = line - slope
            length = edges[q + 1] - edges[q]
            squares += table[q, 6] + weight * residual * residual + sxx * steeper * steeper
            products += weight * mean_y * residual + line * steeper * sxx + table[q, 6]
            curve[q + 1] = curve[q] + sums[q] * length + weight * residual * (length - mean_x) - sxx * steeper
            sums[q + 1] = sums[q] + weight * residual
    totals[0], totals[1] = squares, products
    return shift


@njit(cache=True, nogil=True)
def penalty(kinks: Floats, spread: float, steepest: float, bounded: bool) -> float:
    """The penalty of a spline with these bends, for A = `spread` and M = `steepest`."""
    inner = np.abs(kinks[1:-1]).sum()
    if bounded:
        return 0.5 * (abs(kinks[0]) + inner + abs(kinks[-1]))
    return max(inner / spread, (inner + abs(kinks[0] - kinks[-1])) / (2.0 * steepest))


@njit(cache=True, nogil=True)
def _gram(moments: Floats) -> tuple[Floats, Floats]:
    """Diagonal and off-diagonal of the Gram matrix of the hats."""
    k = moments.shape[0] + 1
    diagonal, off = np.zeros(k), np.zeros(k - 1)
    for j in range(k - 1):
        diagonal[j] += moments[j, 0]
        diagonal[j + 1] += moments[j, 2]
        off[j] = moments[j, 1]
    return diagonal, off


@njit(cache=True, nogil=True)
def _right_side(moments: Floats, w: Floats, lengths: Floats) -> Floats:
    """The products of the hats with y, minus the second difference of the dual curve w on the knots."""
    right = np.zeros(w.size)
    for j in range(lengths.size):
        right[j] += moments[j, 3]
        right[j + 1] += moments[j, 4]
    for j in range(lengths.size):
        slope = (w[j + 1] - w[j]) / lengths[j]
        right[j] -= slope
        right[j + 1] += slope
    return right


@njit(cache=True, nogil=True)
def minimise(
    moments: Floats, lengths: Floats, signs: Floats, beta: float, spread: float, steepest: float, bounded: bool
) -> tuple[Floats, float]:
    """The best knot values if every kink keeps its sign; kinks with the wrong sign count negative.

    Returns
    -------
    u : (K,) array
    end : float
        The dual curve at the first knot, v; its bound inside follows from it. (0 if `bounded`.)
    """
    k = signs.size
    diagonal, off = _gram(moments)
    if bounded:
        w = 0.5 * beta * signs
        # A flat end takes its neighbour's equation, whatever w is there; only equal values cancel without rounding.
        w[0] = w[0] if signs[0] != 0.0 else w[1]
        w[k - 1] = w[k - 1] if signs[k - 1] != 0.0 else w[k - 2]
        right = _right_side(moments, w, lengths)
        return solve_hats(diagonal, off, right, signs[0] == 0, signs[k - 1] == 0), 0.0
    inner = signs.copy()
    inner[0] = inner[k - 1] = 0.0
    kappa, most = 2.0 * steepest / spread - 1.0, beta / (2.0 * steepest)
    best = solve_hats(diagonal, off, _right_side(moments, beta / spread * inner, lengths), False, False)
    kinks = second_difference(best, lengths)
    if abs(kinks[0] - kinks[k - 1]) <= kappa * (inner @ kinks):
        return best, 0.0

    # The ends' slopes count: the multipliers of the penalty's three linear pieces lie on an edge of their triangle. The
    # right edge is the one where dual curve and bends are aligned; objectives are too large beside their differences.
    least, best_end = np.inf, 0.0
    for piece in range(3):
        # Along the edge |s_1 + s_last| = kappa TV, with either sign of the sum; or where the second term of the
        # penalty counts alone, or its corner s_1 + s_last = 0.
        side = -1.0 if piece == 1 else 1.0
        lowest, fixed = (0.0, 0.0) if piece < 2 else (-most, most)
        direction = -kappa * inner if piece < 2 else np.zeros(k)
        direction[0], direction[k - 1] = side, -side
        response = solve_hats(diagonal, off, -second_difference(direction, lengths), False, False)
        stiffness = float(direction @ second_difference(response, lengths))
        w = (beta / spread - kappa * fixed) * inner
        u = solve_hats(diagonal, off, _right_side(moments, w, lengths), False, False)
        unclipped = -float(direction @ second_difference(u, lengths)) / stiffness
        end = min(max(unclipped, lowest), most)
        # Solved anew, and on the edge once more: a sum of a start and a multiple of the response loses all digits
        # where close knots are pulled apart and back.
        w += end * direction
        u = solve_hats(diagonal, off, _right_side(moments, w, lengths), False, False)
        kinks = second_difference(u, lengths)
        if end == unclipped:
            u -= float(direction @ kinks) / stiffness * response
            kinks = second_difference(u, lengths)
        variation, sum_ends = float(inner @ kinks), abs(kinks[0] - kinks[k - 1])
        price = beta * max(variation / spread, (variation + sum_ends) / (2.0 * steepest))
        misaligned = price - float(w @ kinks)
        if misaligned < least:
            least, best, best_end = misaligned, u, side * end
    return best, best_end


@njit(cache=True, nogil=True)
def _intervals(table: Floats, edges: Floats, knots: Ints, old_knots: Ints, old: Floats) -> tuple[Floats, Floats]:
    """Moments and lengths of the intervals between knots; those that were there before are copied."""
    k = knots.size
    moments, lengths = np.empty((k - 1, 5)), np.empty(k - 1)
    i = 0
    for j in range(k - 1):
        lengths[j] = edges[knots[j + 1]] - edges[knots[j]]
        while i < old_knots.size - 1 and old_knots[i] < knots[j]:
            i += 1
        if i < old_knots.size - 1 and old_knots[i] == knots[j] and old_knots[i + 1] == knots[j + 1]:
            moments[j] = old[i]
        else:
            interval_moments(table, edges, knots[j], knots[j + 1], moments[j])
    return moments, lengths


@njit(cache=True, nogil=True)
def optimise_active(
    table: Floats,
    edges: Floats,
    knots: Ints,
    signs: Floats,
    u: Floats,
    beta: float,
    spread: float,
    steepest: float,
    bounded: bool,
) -> tuple[Ints, Floats, Floats, float]:
    """Optimise over splines whose kinks are at the knots with the given signs; kinks that reach zero leave.

    Moves towards the best values for the signs until the first kink is zero, drops it, and repeats: the objective
    falls at every move, and the number of knots at every drop. Returns knots, signs, values, and the curve at the
    first knot.
    """
    moments, lengths = _intervals(table, edges, knots, knots[:0], np.empty((0, 5)))
    while True:
        k = knots.size
        goal, end = minimise(moments, lengths, signs, beta, spread, steepest, bounded)
        now, then = second_difference(u, lengths), second_difference(goal, lengths)
        step = 1.0
        for j in range(k):
            if signs[j] * then[j] < 0.0:
                have = max(signs[j] * now[j], 0.0)
                step = min(step, have / (have - signs[j] * then[j]))
        if step == 1.0:
            return knots, signs, goal, end
        u = u + step * (goal - u)
        kept = np.ones(k, dtype=np.bool_)
        for j in range(k):
            if signs[j] * then[j] < 0.0:
                have = max(signs[j] * now[j], 0.0)
                if have / (have - signs[j] * then[j]) <= step:
                    signs[j] = 0.0
                    kept[j] = j == 0 or j == k - 1
        old_knots, old_moments = knots, moments
        knots, signs, u = knots[kept], signs[kept], u[kept]
        moments, lengths = _intervals(table, edges, knots, old_knots, old_moments)


@njit(cache=True, nogil=True)
def _add_violators(
    edges: Floats, curve: Floats, bound: float, knots: Ints, signs: Floats, u: Floats, bounded: bool, single: bool
) -> tuple[Ints, Floats, Floats]:
    """Knots, signs and values with new knots where the curve leaves its bounds the most.

    One above and one below in every interval, or a `single` one in all; none where the curve is within the bounds.
    """
    k = knots.size
    size = 3 * k
    places, sides, values = np.empty(size, dtype=np.int64), np.empty(size), np.empty(size)
    count = 0
    limit = bound * (1.0 + 1e-13)
    largest, where, which = limit, -1, 0.0
    for j in range(k):
        places[count], sides[count], values[count] = knots[j], signs[j], u[j]
        at_end = j == 0 or j == k - 1
        if bounded and at_end and signs[j] == 0.0 and abs(curve[knots[j]]) > limit:
            if not single:
                sides[count] = np.sign(curve[knots[j]])
            elif abs(curve[knots[j]]) > largest:
                largest, where, which = abs(curve[knots[j]]), knots[j], np.sign(curve[knots[j]])
        count += 1
        if j == k - 1:
            break
        highest = lowest = -1
        top, bottom = limit, -limit
        for e in range(knots[j] + 1, knots[j + 1]):
            if curve[e] > top:
                top, highest = curve[e], e
            elif curve[e] < bottom:
                bottom, lowest = curve[e], e
        if single:
            if highest >= 0 and top > largest:
                largest, where, which = top, highest, 1.0
            if lowest >= 0 and -bottom > largest:
                largest, where, which = -bottom, lowest, -1.0
            continue
        slope = (u[j + 1] - u[j]) / (edges[knots[j + 1]] - edges[knots[j]])
        for e in (min(highest, lowest), max(highest, lowest)):
            if e >= 0:
                places[count], sides[count] = e, (1.0 if e == highest else -1.0)
                values[count] = u[j] + slope * (edges[e] - edges[knots[j]])
                count += 1
    if single and where >= 0:
        j = int(np.searchsorted(knots, where))
        if knots[j] == where:
            sides[j] = which
        else:
            for i in range(count, j, -1):
                places[i], sides[i], values[i] = places[i - 1], sides[i - 1], values[i - 1]
            slope = (u[j] - u[j - 1]) / (edges[knots[j]] - edges[knots[j - 1]])
            places[j], sides[j] = where, which
            values[j] = u[j - 1] + slope * (edges[where] - edges[knots[j - 1]])
            count += 1
    return places[:count].copy(), sides[:count].copy(), values[:count].copy()


@njit(cache=True, nogil=True)
def fit_spline(
    table: Floats,
    edges: Floats,
    knots: Ints,
    signs: Floats,
    u: Floats,
    beta: float,
    spread: float,
    steepest: float,
    bounded: bool,
    tol: float,
    max_rounds: int,
) -> tuple[Ints, Floats, Floats, Floats, Floats, Floats]:
    """The optimal spline with knots among the edges: optimise on active knots, add where the curve leaves its bounds.

    Parameters
    ----------
    table, edges : (n_segments, 7), (n_segments + 1,) arrays
        Statistics of the segments and their ends, in units of order one.
    knots, signs, u : (K,) arrays
        Where to start: active edges, the first and last among them; the signs of their kinks (0 at ends); values.
    tol : float
        Relative gap, by the curve at the edges, at which to stop.

    Returns
    -------
    knots, signs, u : (K,) arrays
    curve, sums : (n_segments + 1,) arrays
        The dual curve, measured so that its bounds are symmetric, and the running sum of th.
    numbers : (7,) array
        Primal, dual, bound of the curve, its largest violation c (1 if feasible), scale of the dual point,
        sum th^2 / w, sum y th.
    """
    n_edges = edges.size
    curve, sums, totals, numbers = np.empty(n_edges), np.empty(n_edges), np.empty(2), np.zeros(7)
    previous, single = np.inf, False
    best_knots, best_signs, best_u = knots, signs, u
    best_curve, best_sums, best_numbers = np.empty(n_edges), np.empty(n_edges), np.zeros(7)
    for _ in range(max_rounds):
        knots, signs, u, end = optimise_active(table, edges, knots, signs, u, beta, spread, steepest, bounded)
        u = u + dual_curve(table, edges, knots, u, curve, sums, totals)
        kinks = second_difference(u, edges[knots[1:]] - edges[knots[:-1]])
        low, high = curve.min(), curve.max()
        if bounded:
            bound = 0.5 * beta
            offset = -0.5 * (low + high)
            for j in range(knots.size):
                if signs[j] != 0.0:
                    offset = signs[j] * bound - curve[knots[j]]
                    break
            violation = (high - low) / beta
        else:
            bound = beta / spread - (2.0 * steepest / spread - 1.0) * abs(end)
            offset = -0.5 * curve[n_edges - 1]
            violation = (spread * max(high + offset, -low - offset) + (2.0 * steepest - spread) * abs(offset)) / beta
        curve += offset
        squares, products = totals[0], totals[1]
        primal = 0.5 * squares + beta * penalty(kinks, spread, steepest, bounded)
        scale = 0.0
        if squares > 0.0 and products > 0.0:
            scale = products / squares if violation == 0.0 else min(products / squares, 1.0 / violation)
        dual = scale * products - 0.5 * scale * scale * squares
        numbers[:] = np.array([primal, dual, bound, violation, scale, squares, products])
        if primal > previous + 1e-10 * abs(previous):
            # Knots that are too close for their equations: back, and on with a single one.
            knots, signs, u = best_knots, best_signs, best_u
            curve[:], sums[:], numbers[:] = best_curve, best_sums, best_numbers
        if numbers[0] - numbers[1] <= tol * numbers[0] or (single and primal >= previous):
            break
        single = primal >= previous
        previous = min(primal, previous)
        best_knots, best_signs, best_u = knots, signs.copy(), u
        best_curve[:], best_sums[:], best_numbers[:] = curve, sums, numbers
        bound = numbers[2]
        more_knots, more_signs, more_u = _add_violators(edges, curve, bound, knots, signs, u, bounded, single)
        if more_knots.size == knots.size and (more_signs == signs).all():
            break
        knots, signs, u = more_knots, more_signs, more_u
    return knots, signs, u, curve, sums, numbers


@njit(cache=True, nogil=True)
def suspicious(
    table: Floats, edges: Floats, knots: Ints, u: Floats, curve: Floats, bound: float
) -> tuple[Ints, Floats]:
    """Segments inside which the dual curve may exceed both its bound and its values at all edges.

    Inside a segment the curve departs from its chord by at most length / 4 sum |th| <= length / 4 sqrt(W sum th^2 / w).

    Returns
    -------
    segments : (k,) array
    lines : (k, 2) array
        The spline at the segment's first input, and its slope.
    """
    level_high, level_low = max(bound, curve.max()), min(-bound, curve.min())
    found, lines = np.empty(table.shape[0], dtype=np.int64), np.empty((table.shape[0], 2))
    count = 0
    for j in range(knots.size - 1):
        left = edges[knots[j]]
        slope = (u[j + 1] - u[j]) / (edges[knots[j + 1]] - left)
        for q in range(knots[j], knots[j + 1]):
            value = u[j] + slope * (edges[q] - left)
            residual = table[q, 3] - value - slope * table[q, 2]
            line = table[q, 5] / table[q, 4] if table[q, 4] > 0 else 0.0
            squares = table[q, 6] + table[q, 1] * residual**2 + table[q, 4] * (line - slope) ** 2
            slack = 0.25 * (edges[q + 1] - edges[q]) * np.sqrt(table[q, 1] * squares)
            if max(curve[q], curve[q + 1]) + slack > level_high or min(curve[q], curve[q + 1]) - slack < level_low:
                found[count], lines[count, 0], lines[count, 1] = q, value, slope
                count += 1
    return found[:count].copy(), lines[:count].copy()
