"""Quantile smoothing splines with given knots, by a primal-dual interior point method in O(rows + knots) an iteration.

The linear program (Koenker, Ng and Portnoy, Biometrika 81, 1994, with the penalty of a network) is in its dual form

    max sum_i y_i th_i   subject to   low_i <= th_i <= high_i,   T w = H' th,   the bounds of the curve w.

H are the hat functions at the rows and T the second differences of a curve with values w at the knots, so that w is
the twofold integral of th. The multipliers of T w = H' th are the knot values u of the spline. The bounds are those of
two-layer networks, |w| <= bound - kappa e inside with w = v, -v at the ends, |v| <= e and (1 + kappa) e <= bound, or
`bounded`, |w| <= bound everywhere, those of narrow ReLU networks of depth >= 3.

Every inequality is a pair of a slack z > 0 and a multiplier m > 0 whose product goes to zero. Eliminating the rows
leaves a weighted Gram matrix of the hats, hence a block tridiagonal quasi-definite system in (u_j, w_j), bordered by v
and e. The start is feasible: th = 0, w = 0 and any u.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from convexnn.kernels.hat_functions import second_difference
from convexnn.kernels.predictor_corrector import (
    aim,
    centring,
    correct_curve,
    correct_rows,
    predict_curve,
    predict_rows,
    slack_changes,
    take_step,
)
from convexnn.kernels.quasidefinite_system import empty_system, factor_system, imbalance, newton_step

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MOST_ITERATIONS = 100
_PATIENCE = 12


@njit(cache=True, nogil=True, error_model="numpy")
def _start(
    lengths: Floats,
    starts: Ints,
    place: Floats,
    y: Floats,
    low: Floats,
    high: Floats,
    bound: float,
    kappa: float,
    bounded: bool,
    u: Floats,
    rows: Floats,
    slack: Floats,
    mult: Floats,
) -> None:
    """A feasible interior point with th = 0, w = v = 0 and knot values u; unused pairs have the multiplier -1."""
    k, m = u.size, y.size
    total = 0.0
    for j in range(k - 1):
        for i in range(starts[j], starts[j + 1]):
            rows[2, i] = y[i] - (u[j] + (u[j + 1] - u[j]) * place[i])
            total += abs(rows[2, i])
    shift = 0.3 * total / m if total > 0.0 else 1.0
    product = 0.0
    for i in range(m):
        r = rows[2, i]
        rows[0, i], rows[1, i], rows[2, i], rows[3, i] = high[i], -low[i], max(r, 0.0) + shift, max(-r, 0.0) + shift
        product += rows[0, i] * rows[2, i] + rows[1, i] * rows[3, i]

    bends = second_difference(u, lengths)
    more = product / (2 * m * bound)
    for j in range(k):
        more += abs(bends[j]) / k
    e = 0.0 if bounded else 0.5 * bound / (1.0 + kappa)
    variation = 0.0
    for j in range(k):
        slack[j] = slack[k + j] = bound - kappa * e
        mult[j], mult[k + j] = max(bends[j], 0.0) + more, max(-bends[j], 0.0) + more
        if not bounded and (j == 0 or j == k - 1):
            mult[j] = mult[k + j] = -1.0
        else:
            variation += mult[j] + mult[k + j]
    mult[2 * k :] = -1.0
    if not bounded:
        slack[2 * k] = slack[2 * k + 1] = e
        slack[2 * k + 2] = bound - (1.0 + kappa) * e
        ends = bends[0] - bends[k - 1]
        mult[2 * k + 2] = abs(ends) + more
        both = kappa * variation + (1.0 + kappa) * mult[2 * k + 2]
        mult[2 * k], mult[2 * k + 1] = 0.5 * (both + ends), 0.5 * (both - ends)


@njit(cache=True, nogil=True, error_model="numpy")
def _assemble(
    starts: Ints,
    place: Floats,
    low: Floats,
    high: Floats,
    rows: Floats,
    weight: Floats,
    diagonal: Floats,
    off: Floats,
    base: Floats,
    load: Floats,
) -> None:
    """The Gram matrix of the hats for row weights 1 / (p / z_p + q / z_q), H' (weight (p - q)) and H' th."""
    diagonal[:], base[:], load[:] = 0.0, 0.0, 0.0
    for j in range(off.size):
        ll = lr = rr = left = right = load_l = load_r = 0.0
        for i in range(starts[j], starts[j + 1]):
            t, s = place[i], 1.0 - place[i]
            above, below, p, q = rows[0, i], rows[1, i], rows[2, i], rows[3, i]
            d = 1.0 / (p / above + q / below)
            # p - q is y - f, without the rounding of f.
            pull = d * (p - q)
            th = high[i] - above if above < below else low[i] + below
            weight[i] = d
            ll += d * s * s
            lr += d * s * t
            rr += d * t * t
            left += s * pull
            right += t * pull
            load_l += s * th
            load_r += t * th
        diagonal[j] += ll
        off[j] = lr
        diagonal[j + 1] += rr
        base[j] += left
        base[j + 1] += right
        load[j] += load_l
        load[j + 1] += load_r


@njit(cache=True, nogil=True, error_model="numpy")
def _objective(
    low: Floats, high: Floats, bound: float, rows: Floats, slack: Floats, mult: Floats
) -> tuple[float, float]:
    """The sum of all products, which is the gap, and the primal objective."""
    gap = primal = 0.0
    for i in range(low.size):
        gap += rows[0, i] * rows[2, i] + rows[1, i] * rows[3, i]
        primal += high[i] * rows[2, i] - low[i] * rows[3, i]
    last = mult.size - 1
    for c in range(mult.size):
        if mult[c] >= 0.0:
            gap += slack[c] * mult[c]
            if c < last - 2 or c == last:
                primal += bound * mult[c]
    return gap, primal


@njit(cache=True, nogil=True, error_model="numpy")
def fit_quantile_spline(
    lengths: Floats,
    starts: Ints,
    place: Floats,
    y: Floats,
    low: Floats,
    high: Floats,
    bound: float,
    kappa: float,
    bounded: bool,
    u: Floats,
    tol: float,
) -> tuple[Floats, Floats, Floats, int]:
    """The optimal spline on given knots (Mehrotra's predictor and corrector, SIAM Journal on Optimization 2, 1992).

    Parameters
    ----------
    lengths : (K - 1,) array
        Distances of the knots; at least one.
    starts : (K,) array
        Rows starts[j]..starts[j + 1] - 1 lie between knots j and j + 1; at least one.
    place, y, low, high : (m,) arrays
        Place of each row in its interval, from 0 to 1; target; low < 0 < high of its multiplier.
    bound, kappa, bounded
        Of the curve, see above.
    u : (K,) array
        Knot values to start from.
    tol : float
        Gap, relative to the objective, at which to stop.

    Returns
    -------
    u : (K,) array
    th : (m,) array
        Within the box.
    w : (K,) array
        With T w = H' th up to rounding.
    n_iter : int
    """
    k, m = u.size, y.size
    n = 2 * k + 3  # pairs of the curve: above and below its bounds at the knots, e >= v, e >= -v, and the bound of e
    u, w, v = u.copy(), np.zeros(k), 0.0
    rows = np.empty((4, m))  # slacks of th above and below, their multipliers p and q with p - q = y - f
    slack, mult = np.ones(n), np.empty(n)
    _start(lengths, starts, place, y, low, high, bound, kappa, bounded, u, rows, slack, mult)
    n_pairs = 2 * m
    for c in range(n):
        n_pairs += mult[c] > 0.0
    system = empty_system(k, bounded)
    weight, affine, changes = np.empty(m), np.empty(m), np.empty((3, m))
    base, load, second, central = np.empty(k), np.empty(k), np.empty(k), np.empty(k)
    right, right_ends, step = np.zeros((2, k)), np.zeros(2), np.empty((2, k))
    change, turn, goal, ratios, sums = np.empty(n), np.zeros(n), np.zeros(n), np.zeros(n), np.empty(3)
    best_u, best_w, best_th = u.copy(), w.copy(), np.zeros(m)
    best_gap, stalled, last_step, n_iter = np.inf, 0, 1.0, 0
    while True:
        gap, primal = _objective(low, high, bound, rows, slack, mult)
        stalled = 0 if gap < 0.9 * best_gap else stalled + 1
        if gap < best_gap:
            best_gap = gap
            best_u[:], best_w[:] = u, w
            for i in range(m):
                above, below = rows[0, i], rows[1, i]
                best_th[i] = high[i] - above if above < below else low[i] + below
        if not gap > tol * primal or stalled > _PATIENCE or n_iter == _MOST_ITERATIONS:
            return best_u, best_th, best_w, n_iter
        n_iter += 1

        _assemble(starts, place, low, high, rows, weight, system.diagonal, system.off, base, load)
        base += imbalance(load, w, lengths)
        factor_system(lengths, kappa, bounded, slack, mult, ratios, system)
        # The predictor aims at products of zero.
        right[0] = base
        aim(kappa, bounded, slack, mult, turn, 0.0, 0.0, goal, right, right_ends)
        dv, de = newton_step(lengths, system, right, right_ends, step)
        slack_changes(step[1], dv, de, kappa, change)
        sums[:] = 0.0
        largest, smallest = predict_rows(starts, place, rows, weight, step[0], affine, second, central, sums)
        largest, smallest = predict_curve(slack, mult, change, turn, sums, largest, smallest)
        centre, trust = centring(sums, largest, smallest, last_step)
        # Products far below what is asked for would only cost accuracy.
        centre = max(centre, 0.1 * tol * primal) / n_pairs
        # The corrector aims at products `centre`, and at second-order accuracy.
        right[0] = base + (centre * central + trust * second)
        aim(kappa, bounded, slack, mult, turn, centre, trust, goal, right, right_ends)
        dv, de = newton_step(lengths, system, right, right_ends, step)
        slack_changes(step[1], dv, de, kappa, change)
        steps = correct_rows(starts, place, rows, weight, affine, step[0], centre, trust, changes)
        slack_step, mult_step = correct_curve(slack, mult, ratios, goal, change, turn, steps[0], steps[1])
        slack_step, mult_step = min(1.0, 0.995 * slack_step), min(1.0, 0.995 * mult_step)
        last_step = min(slack_step, mult_step)

        u += mult_step * step[0]
        w += slack_step * step[1]
        v += slack_step * dv
        if not bounded:
            w[0], w[k - 1] = v, -v
        take_step(slack, mult, change, turn, rows, changes, slack_step, mult_step)
