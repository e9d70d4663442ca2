"""Mehrotra's predictor and corrector for quantile splines: how pairs of a slack and a multiplier are to change.

The pairs of the rows are a (4, m) array: the slacks of th above and below, and their multipliers p and q, with p - q =
y - f. Those of the curve are two arrays of 2 K + 3: above and below the bounds at every knot, e >= v, e >= -v, and the
bound of e; multipliers of pairs that are not in use are negative. See `quantile_splines`.

The predictor aims at products of zero: a pair that loses the share s of its slack loses 1 - s of its multiplier. The
corrector aims at equal products, and at second-order accuracy (SIAM Journal on Optimization 2, 1992).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(cache=True, nogil=True, error_model="numpy")
def slack_changes(w: Floats, v: float, e: float, kappa: float, changes: Floats) -> None:
    """How the slacks of the curve change with w, v and e; written to `changes`."""
    k = w.size
    for j in range(k):
        changes[j] = -w[j] - kappa * e
        changes[k + j] = w[j] - kappa * e
    changes[2 * k] = e - v
    changes[2 * k + 1] = e + v
    changes[2 * k + 2] = -(1.0 + kappa) * e


@njit(cache=True, nogil=True, error_model="numpy")
def aim(
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

    Parameters
    ----------
    slack, mult, turn : (2 K + 3,) arrays
        The pairs, and the shares of their slacks that the predictor found to be lost.
    centre, trust : float
        What products should become, and the weight of second-order terms.
    goal : (2 K + 3,) array, written
        The multipliers.
    right, right_ends : (2, K), (2,) arrays, written
        As in `newton_step`; the first row of `right`, which belongs to u, is left as it is.
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
def predict_rows(
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

    Parameters
    ----------
    starts, place
        As in `fit_quantile_spline`.
    rows, weight : (4, m), (m,) arrays
        The pairs, and the weights of the rows in the Gram matrix.
    du : (K,) array
        The change of u.
    affine : (m,) array, written
        The changes of th.
    second, central : (K,) arrays, written
        What second-order terms, and products of 1, add to the right side of u.
    sums : (3,) array
        To which the products, and the products times s and s^2, are added.

    Returns
    -------
    largest, smallest : float
        Of the shares s.
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
def predict_curve(
    slack: Floats, mult: Floats, change: Floats, turn: Floats, sums: Floats, largest: float, smallest: float
) -> tuple[float, float]:
    """`predict_rows` for the pairs of the curve, going on with its sums and extremes: the shares into `turn`."""
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
def centring(sums: Floats, largest: float, smallest: float, last_step: float) -> tuple[float, float]:
    """The sum of all products to aim at, by Mehrotra's rule, and how far to trust second-order terms."""
    a, b = 1.0 / max(largest, 1.0), 1.0 / max(1.0 - smallest, 1.0)
    after = (1.0 - b) * sums[0] + (b - (1.0 - b) * a) * sums[1] - a * b * sums[2]
    sigma = min(max(after / sums[0], 0.0), 1.0) ** 3
    if last_step < 0.3:
        sigma = max(sigma, 0.3)
    # Short steps tell that products differ too much: the corrector then evens them out.
    return sigma * sums[0], 1.0 if min(a, b) > 0.1 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def correct_rows(
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

    Parameters
    ----------
    starts, place, rows, weight, affine, du
        As in `predict_rows`.
    centre, trust : float
        As in `aim`.
    changes : (3, m) array, written

    Returns
    -------
    slack_step, mult_step : float
        At most 1.
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
def correct_curve(
    slack: Floats,
    mult: Floats,
    ratios: Floats,
    goal: Floats,
    change: Floats,
    turn: Floats,
    slack_step: float,
    mult_step: float,
) -> tuple[float, float]:
    """`correct_rows` for the pairs of the curve, going on with its steps: changes of multipliers into `turn`."""
    for c in range(slack.size):
        if mult[c] > 0.0:
            turn[c] = goal[c] - mult[c] - ratios[c] * change[c]
            if slack[c] + slack_step * change[c] < 0.0:
                slack_step = -slack[c] / change[c]
            if mult[c] + mult_step * turn[c] < 0.0:
                mult_step = -mult[c] / turn[c]
    return slack_step, mult_step


@njit(cache=True, nogil=True, error_model="numpy")
def take_step(
    slack: Floats,
    mult: Floats,
    change: Floats,
    turn: Floats,
    rows: Floats,
    changes: Floats,
    slack_step: float,
    mult_step: float,
) -> None:
    """Change all slacks by a share `slack_step` of their changes, and all multipliers by a share `mult_step`."""
    for c in range(slack.size):
        if mult[c] > 0.0:
            slack[c] += slack_step * change[c]
            mult[c] += mult_step * turn[c]
    for i in range(rows.shape[1]):
        rows[0, i] -= slack_step * changes[0, i]
        rows[1, i] += slack_step * changes[0, i]
        rows[2, i] += mult_step * changes[1, i]
        rows[3, i] += mult_step * changes[2, i]
