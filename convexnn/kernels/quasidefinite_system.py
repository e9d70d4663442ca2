"""The Newton system of quantile splines: block tridiagonal and quasi-definite, solved knot by knot.

The matrix is [[G, T], [T, -S]] in knot values u and the curve w: G the weighted Gram matrix of the hats, T the second
differences, S diagonal. It is bordered by v and e, the curve's ends and how far its bounds are tightened, unless the
curve has free ends. The pairs of slack and multiplier that S and the border come from are those of `quantile_splines`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from convexnn.kernels.hat_functions import second_difference

Floats = NDArray[np.float64]

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
def empty_system(k: int, bounded: bool) -> System:
    """Room for the system of k knots, without a border if `bounded`."""
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
def factor_system(
    lengths: Floats, kappa: float, bounded: bool, slack: Floats, mult: Floats, ratios: Floats, system: System
) -> None:
    """The blocks of the Newton system that come from the pairs of the curve, its factors, and those of its border.

    Parameters
    ----------
    slack, mult : (2 K + 3,) arrays
        The pairs; multipliers of those that are not in use are negative.
    ratios : (2 K + 3,) array, written
        mult / slack where in use, elsewhere as it is.
    system : System
        G is there; all else is written.
    """
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
