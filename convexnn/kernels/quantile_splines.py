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

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MOST_ITERATIONS = 100
_PATIENCE = 12
_RIDGE = 1e-12
_REFINEMENTS = 2


class System(NamedTuple):
    """The Newton system [[G, T], [T, -S]] in (u, w), bordered by v and e, with its factors.

    Attributes
    ----------
    diagonal, off : (K,), (K - 1,) arrays
        G, which is tridiagonal.
    curvature : (K,) array
        S, which is diagonal; negative where w is held at zero.
    lean : (K,) array
        The column of e in the rows of w.
    corner : (2, 2) array
        The block of v and e.
    inverses : (K, 3) array
        Factors of the part without border.
    border : (2, 2, K) array
        Solutions for the columns of v and e; (0, 2, K) if w has free ends.
    """

    diagonal: Floats
    off: Floats
    curvature: Floats
    lean: Floats
    corner: Floats
    inverses: Floats
    border: Floats


@njit(cache=True, nogil=True, error_model="numpy")
def _empty_system(k: int, bounded: bool) -> System:
    return System(
        diagonal=np.empty(k),
        off=np.empty(k - 1),
        curvature=np.empty(k),
        lean=np.zeros(k),
        corner=np.zeros((2, 2)),
        inverses=np.empty((k, 3)),
        border=np.empty((0 if bounded else 2, 2, k)),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def second_difference(values: Floats, lengths: Floats) -> Floats:
    """T applied to values at the knots: first slope, changes of slope, minus the last slope."""
    out = np.zeros(values.size)
    for j in range(lengths.size):
        slope = (values[j + 1] - values[j]) / lengths[j]
        out[j] += slope
        out[j + 1] -= slope
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def imbalance(load: Floats, w: Floats, lengths: Floats) -> Floats:
    """load - T w, by the small difference of w from the twofold sum of `load`: T w itself may be large and rounded."""
    k = w.size
    difference = np.zeros(k)
    total, curve = load[0], w[0]
    for j in range(1, k):
        curve += lengths[j - 1] * total
        difference[j] = curve - w[j]
        total += load[j]
    out = second_difference(difference, lengths)
    out[k - 1] += total
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def factor(diagonal: Floats, off: Floats, lengths: Floats, curvature: Floats, inverses: Floats) -> None:
    """Eliminate [[G, T], [T, -S]] knot by knot, G tridiagonal (`diagonal`, `off`), S diagonal (`curvature`).

    A negative curvature fixes the knot's w at zero. `inverses` receives the inverse pivot blocks (uu, uw, ww).
    """
    k = diagonal.size
    uu = uw = ww = 0.0
    for j in range(k):
        fixed = curvature[j] < 0.0
        a, c = diagonal[j], -1.0 if fixed else -curvature[j]
        b = 0.0
        if not fixed:
            b -= 1.0 / lengths[j - 1] if j > 0 else 0.0
            b -= 1.0 / lengths[j] if j < k - 1 else 0.0
        if j > 0:
            g = off[j - 1]
            left = 0.0 if curvature[j - 1] < 0.0 else 1.0 / lengths[j - 1]
            right = 0.0 if fixed else 1.0 / lengths[j - 1]
            a -= uu * g * g + 2.0 * uw * g * left + ww * left * left
            b -= (uu * g + uw * left) * right
            c -= uu * right * right
        det = a * c - b * b
        uu, uw, ww = c / det, -b / det, a / det
        inverses[j, 0], inverses[j, 1], inverses[j, 2] = uu, uw, ww


@njit(cache=True, nogil=True, error_model="numpy")
def substitute(inverses: Floats, off: Floats, lengths: Floats, curvature: Floats, u: Floats, w: Floats) -> None:
    """Solve with the factors in place: (u, w) enter as right sides and leave as the solution."""
    k = u.size
    for j in range(1, k):
        g = off[j - 1]
        left = 0.0 if curvature[j - 1] < 0.0 else 1.0 / lengths[j - 1]
        right = 0.0 if curvature[j] < 0.0 else 1.0 / lengths[j - 1]
        s = inverses[j - 1, 0] * u[j - 1] + inverses[j - 1, 1] * w[j - 1]
        t = inverses[j - 1, 1] * u[j - 1] + inverses[j - 1, 2] * w[j - 1]
        u[j] -= g * s + left * t
        w[j] -= right * s
    for j in range(k - 1, -1, -1):
        s, t = u[j], w[j]
        if j < k - 1:
            left = 0.0 if curvature[j] < 0.0 else 1.0 / lengths[j]
            right = 0.0 if curvature[j + 1] < 0.0 else 1.0 / lengths[j]
            s -= off[j] * u[j + 1] + right * w[j + 1]
            t -= left * u[j + 1]
        u[j] = inverses[j, 0] * s + inverses[j, 1] * t
        w[j] = inverses[j, 1] * s + inverses[j, 2] * t


@njit(cache=True, nogil=True, error_model="numpy")
def _slack_changes(w: Floats, v: float, e: float, kappa: float, changes: Floats) -> None:
    """How the slacks of the curve's bounds change with w, v and e: above, below, and the three of the ends."""
    k = w.size
    for j in range(k):
        changes[j] = -w[j] - kappa * e
        changes[k + j] = w[j] - kappa * e
    changes[2 * k] = e - v
    changes[2 * k + 1] = e + v
    changes[2 * k + 2] = -(1.0 + kappa) * e


@njit(cache=True, nogil=True, error_model="numpy")
def newton_step(
    lengths: Floats, system: System, right: Floats, right_ends: Floats, step: Floats
) -> tuple[float, float]:
    """Solve the bordered system for `step` (u, w), and v and e, with iterative refinement.

    Parameters
    ----------
    right, right_ends : (2, K), (2,) arrays
        Right sides (u, w) and (v, e).
    """
    diagonal, off, curvature, inverses = system.diagonal, system.off, system.curvature, system.inverses
    lean, corner, border = system.lean, system.corner, system.border
    k = diagonal.size
    bordered = border.shape[0] > 0
    first, last = 1.0 / lengths[0], 1.0 / lengths[k - 2]
    schur = corner.copy()
    for c in range(border.shape[0]):
        u, w = border[c, 0], border[c, 1]
        schur[0, c] -= first * (u[1] - u[0]) + last * (u[k - 1] - u[k - 2])
        for j in range(k):
            schur[1, c] -= lean[j] * w[j]
    det = schur[0, 0] * schur[1, 1] - schur[0, 1] * schur[1, 0]
    v = e = 0.0
    rest, curve = right.copy(), np.empty(k)
    step[:] = 0.0
    for refinement in range(_REFINEMENTS + 1):
        r0, r1 = right_ends
        if refinement > 0:
            curve[:] = step[1]
            if bordered:
                curve[0], curve[k - 1] = v, -v
            pull, bends = second_difference(curve, lengths), second_difference(step[0], lengths)
            for j in range(k):
                rest[0, j] = right[0, j] - diagonal[j] * step[0, j] - pull[j]
                if j > 0:
                    rest[0, j] -= off[j - 1] * step[0, j - 1]
                if j < k - 1:
                    rest[0, j] -= off[j] * step[0, j + 1]
                rest[1, j] = right[1, j] - bends[j] + curvature[j] * step[1, j] - lean[j] * e
                if curvature[j] < 0.0:
                    rest[1, j] = 0.0
                r1 -= lean[j] * step[1, j]
            r0 -= bends[0] - bends[k - 1] + corner[0, 0] * v + corner[0, 1] * e
            r1 -= corner[1, 0] * v + corner[1, 1] * e
        substitute(inverses, off, lengths, curvature, rest[0], rest[1])
        more_v = more_e = 0.0
        if bordered:
            u, w = rest[0], rest[1]
            r0 -= first * (u[1] - u[0]) + last * (u[k - 1] - u[k - 2])
            for j in range(k):
                r1 -= lean[j] * w[j]
            more_v = (schur[1, 1] * r0 - schur[0, 1] * r1) / det
            more_e = (schur[0, 0] * r1 - schur[1, 0] * r0) / det
        for c in range(2):
            for j in range(k):
                step[c, j] += rest[c, j]
                if bordered:
                    step[c, j] -= more_v * border[0, c, j] + more_e * border[1, c, j]
        v += more_v
        e += more_e
    return v, e


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
def _predict(
    starts: Ints,
    place: Floats,
    rows: Floats,
    weight: Floats,
    du: Floats,
    affine: Floats,
    second: Floats,
    central: Floats,
    sums: Floats,
) -> tuple[float, float]:
    """Changes of th if all products were to vanish, and the right sides of the corrector: `second` and `central`.

    A pair that loses the share s of its slack loses 1 - s of its multiplier. `sums` gains the products, and the
    products times s and s^2. Returns the largest and the smallest s.
    """
    second[:], central[:] = 0.0, 0.0
    largest = smallest = 0.0
    sums0 = sums1 = sums2 = 0.0
    for j in range(starts.size - 1):
        left, rise = du[j], du[j + 1] - du[j]
        second_l = second_r = central_l = central_r = 0.0
        for i in range(starts[j], starts[j + 1]):
            t = place[i]
            above, below, p, q = rows[0, i], rows[1, i], rows[2, i], rows[3, i]
            d = weight[i]
            dth = d * (p - q - (left + rise * t))
            inverse_above, inverse_below = 1.0 / above, 1.0 / below
            s0, s1 = dth * inverse_above, -dth * inverse_below
            largest = max(largest, s0, s1)
            smallest = min(smallest, s0, s1)
            sums0 += p * above + q * below
            sums1 += p * above * s0 + q * below * s1
            sums2 += p * above * s0 * s0 + q * below * s1 * s1
            affine[i] = dth
            square = d * (p * s0 * (1.0 - s0) - q * s1 * (1.0 - s1))
            pull = d * (inverse_below - inverse_above)
            second_l += (1.0 - t) * square
            second_r += t * square
            central_l += (1.0 - t) * pull
            central_r += t * pull
        second[j] += second_l
        second[j + 1] += second_r
        central[j] += central_l
        central[j + 1] += central_r
    sums[0] += sums0
    sums[1] += sums1
    sums[2] += sums2
    return largest, smallest


@njit(cache=True, nogil=True, error_model="numpy")
def _correct(
    starts: Ints,
    place: Floats,
    rows: Floats,
    weight: Floats,
    affine: Floats,
    du: Floats,
    centre: float,
    trust: float,
    changes: Floats,
) -> tuple[float, float]:
    """Changes of th, p and q towards products `centre`; the steps that keep slacks and multipliers positive.

    `trust` weighs the second-order terms of the predictor.
    """
    slack_step = mult_step = 1.0
    for j in range(starts.size - 1):
        left, rise = du[j], du[j + 1] - du[j]
        for i in range(starts[j], starts[j + 1]):
            above, below, p, q = rows[0, i], rows[1, i], rows[2, i], rows[3, i]
            inverse_above, inverse_below = 1.0 / above, 1.0 / below
            s0, s1 = affine[i] * inverse_above, -affine[i] * inverse_below
            goal0 = centre * inverse_above - trust * p * s0 * (1.0 - s0)
            goal1 = centre * inverse_below - trust * q * s1 * (1.0 - s1)
            dth = weight[i] * (p - q - (left + rise * place[i]) - goal0 + goal1)
            dp = goal0 - p + p * inverse_above * dth
            dq = goal1 - q - q * inverse_below * dth
            changes[0, i], changes[1, i], changes[2, i] = dth, dp, dq
            if above - slack_step * dth < 0.0:
                slack_step = above / dth
            if below + slack_step * dth < 0.0:
                slack_step = -below / dth
            if p + mult_step * dp < 0.0:
                mult_step = -p / dp
            if q + mult_step * dq < 0.0:
                mult_step = -q / dq
    return slack_step, mult_step


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
def _factor_system(
    lengths: Floats, kappa: float, bounded: bool, slack: Floats, mult: Floats, ratios: Floats, system: System
) -> None:
    """The blocks of the Newton system that come from the pairs of the curve, its factors, and those of its border."""
    k, n = lengths.size + 1, slack.size
    curvature, lean, corner, border = system.curvature, system.lean, system.corner, system.border
    for c in range(n):
        if mult[c] > 0.0:
            ratios[c] = mult[c] / slack[c]
    sum_ratios = 0.0
    for j in range(k):
        curvature[j] = ratios[j] + ratios[k + j] if mult[j] > 0.0 else -1.0
        lean[j] = -kappa * (ratios[j] - ratios[k + j])
        sum_ratios += ratios[j] + ratios[k + j]
    factor((1.0 + _RIDGE) * system.diagonal, system.off, lengths, curvature, system.inverses)
    if bounded:
        return
    one, two, three = ratios[n - 3], ratios[n - 2], ratios[n - 1]
    corner[0, 0] = -(one + two)
    corner[0, 1] = corner[1, 0] = one - two
    corner[1, 1] = -(one + two + kappa**2 * sum_ratios + (1.0 + kappa) ** 2 * three)
    border[:] = 0.0
    border[0, 0, 0] -= 1.0 / lengths[0]
    border[0, 0, 1] += 1.0 / lengths[0]
    border[0, 0, k - 2] -= 1.0 / lengths[k - 2]
    border[0, 0, k - 1] += 1.0 / lengths[k - 2]
    border[1, 1] = lean
    for c in range(2):
        substitute(system.inverses, system.off, lengths, curvature, border[c, 0], border[c, 1])


@njit(cache=True, nogil=True, error_model="numpy")
def _aim(
    kappa: float,
    bounded: bool,
    slack: Floats,
    mult: Floats,
    turn: Floats,
    centre: float,
    trust: float,
    goal: Floats,
    right: Floats,
    right_ends: Floats,
) -> None:
    """What the multipliers of the curve should become, and the right sides of w, v and e that lead there.

    Products of slacks and multipliers should become `centre`; `turn` are the predictor's shares of the slacks lost.
    """
    k, n = right.shape[1], slack.size
    for c in range(n):
        if mult[c] > 0.0:
            goal[c] = centre / slack[c] - trust * mult[c] * turn[c] * (1.0 - turn[c])
    sum_goals = 0.0
    for j in range(k):
        right[1, j] = mult[k + j] - mult[j] + goal[j] - goal[k + j]
        sum_goals += goal[j] + goal[k + j]
    if not bounded:
        right_ends[0] = mult[n - 2] - mult[n - 3] + goal[n - 3] - goal[n - 2]
        right_ends[1] = kappa * sum_goals + (1.0 + kappa) * goal[n - 1] - goal[n - 3] - goal[n - 2]


@njit(cache=True, nogil=True, error_model="numpy")
def _predict_pairs(
    slack: Floats, mult: Floats, change: Floats, turn: Floats, sums: Floats, largest: float, smallest: float
) -> tuple[float, float]:
    """`_predict` for the pairs of the curve: their shares into `turn`; goes on with its sums and extremes."""
    for c in range(slack.size):
        if mult[c] > 0.0:
            turn[c] = -change[c] / slack[c]
            largest, smallest = max(largest, turn[c]), min(smallest, turn[c])
            product = slack[c] * mult[c]
            sums[0] += product
            sums[1] += product * turn[c]
            sums[2] += product * turn[c] ** 2
    return largest, smallest


@njit(cache=True, nogil=True, error_model="numpy")
def _centring(sums: Floats, largest: float, smallest: float, last_step: float) -> tuple[float, float]:
    """The sum of all products to aim at, by Mehrotra's rule, and how far to trust second-order terms."""
    a, b = 1.0 / max(largest, 1.0), 1.0 / max(1.0 - smallest, 1.0)
    after = (1.0 - b) * sums[0] + (b - (1.0 - b) * a) * sums[1] - a * b * sums[2]
    sigma = min(max(after / sums[0], 0.0), 1.0) ** 3
    if last_step < 0.3:
        sigma = max(sigma, 0.3)
    # Short steps tell that products differ too much: the corrector then evens them out.
    return sigma * sums[0], 1.0 if min(a, b) > 0.1 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _correct_pairs(
    slack: Floats,
    mult: Floats,
    ratios: Floats,
    goal: Floats,
    change: Floats,
    turn: Floats,
    slack_step: float,
    mult_step: float,
) -> tuple[float, float]:
    """`_correct` for the pairs of the curve: changes of multipliers into `turn`; the steps that keep all positive."""
    for c in range(slack.size):
        if mult[c] > 0.0:
            turn[c] = goal[c] - mult[c] - ratios[c] * change[c]
            if slack[c] + slack_step * change[c] < 0.0:
                slack_step = -slack[c] / change[c]
            if mult[c] + mult_step * turn[c] < 0.0:
                mult_step = -mult[c] / turn[c]
    return slack_step, mult_step


@njit(cache=True, nogil=True, error_model="numpy")
def _move_pairs(
    slack: Floats,
    mult: Floats,
    change: Floats,
    turn: Floats,
    rows: Floats,
    changes: Floats,
    slack_step: float,
    mult_step: float,
) -> None:
    """A step of all slacks and multipliers."""
    for c in range(slack.size):
        if mult[c] > 0.0:
            slack[c] += slack_step * change[c]
            mult[c] += mult_step * turn[c]
    for i in range(rows.shape[1]):
        rows[0, i] -= slack_step * changes[0, i]
        rows[1, i] += slack_step * changes[0, i]
        rows[2, i] += mult_step * changes[1, i]
        rows[3, i] += mult_step * changes[2, i]


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
    system = _empty_system(k, bounded)
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
        _factor_system(lengths, kappa, bounded, slack, mult, ratios, system)
        # The predictor aims at products of zero.
        right[0] = base
        _aim(kappa, bounded, slack, mult, turn, 0.0, 0.0, goal, right, right_ends)
        dv, de = newton_step(lengths, system, right, right_ends, step)
        _slack_changes(step[1], dv, de, kappa, change)
        sums[:] = 0.0
        largest, smallest = _predict(starts, place, rows, weight, step[0], affine, second, central, sums)
        largest, smallest = _predict_pairs(slack, mult, change, turn, sums, largest, smallest)
        centre, trust = _centring(sums, largest, smallest, last_step)
        # Products far below what is asked for would only cost accuracy.
        centre = max(centre, 0.1 * tol * primal) / n_pairs
        # The corrector aims at products `centre`, and at second-order accuracy.
        right[0] = base + (centre * central + trust * second)
        _aim(kappa, bounded, slack, mult, turn, centre, trust, goal, right, right_ends)
        dv, de = newton_step(lengths, system, right, right_ends, step)
        _slack_changes(step[1], dv, de, kappa, change)
        steps = _correct(starts, place, rows, weight, affine, step[0], centre, trust, changes)
        slack_step, mult_step = _correct_pairs(slack, mult, ratios, goal, change, turn, steps[0], steps[1])
        slack_step, mult_step = min(1.0, 0.995 * slack_step), min(1.0, 0.995 * mult_step)
        last_step = min(slack_step, mult_step)

        u += mult_step * step[0]
        w += slack_step * step[1]
        v += slack_step * dv
        if not bounded:
            w[0], w[k - 1] = v, -v
        _move_pairs(slack, mult, change, turn, rows, changes, slack_step, mult_step)
