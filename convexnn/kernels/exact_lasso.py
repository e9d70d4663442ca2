"""The Lasso on explicit columns, solved exactly by an active set with QR factors.

The columns in use carry their sign, so that their coefficients p are positive. They are kept linearly independent: a
column that depends on them enters by an exchange along the dependency. The residual comes from the optimality
conditions, ``rho = Q R^-T (beta 1) + (1 - Q Q') b``, and not from b - A p: it keeps its digits however large the
coefficients are, which is what a dual bound needs.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from convexnn.kernels.switching import best_prefixes, trace_prefix

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_EPS = 2.220446049250313e-16
_DEPENDENT = 1e-11
_MOST_ENTRIES = 100  # a column; only rounding makes one enter as often


@njit(cache=True, nogil=True)
def _dot(a: Floats, b: Floats) -> float:
    """a'b, summed in an order that is fixed and yet can be vectorised."""
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    whole = a.size - a.size % 8
    for i in range(0, whole, 8):
        s0 += a[i] * b[i]
        s1 += a[i + 1] * b[i + 1]
        s2 += a[i + 2] * b[i + 2]
        s3 += a[i + 3] * b[i + 3]
        s4 += a[i + 4] * b[i + 4]
        s5 += a[i + 5] * b[i + 5]
        s6 += a[i + 6] * b[i + 6]
        s7 += a[i + 7] * b[i + 7]
    for i in range(whole, a.size):
        s0 += a[i] * b[i]
    return ((s0 + s4) + (s1 + s5)) + ((s2 + s6) + (s3 + s7))


@njit(cache=True, nogil=True)
def _correlate(columns: Floats, vector: Floats) -> Floats:
    """Every column's product with a vector."""
    out = np.empty(columns.shape[0])
    for j in range(columns.shape[0]):
        out[j] = _dot(columns[j], vector)
    return out


@njit(cache=True, nogil=True)
def _split(q: Floats, k: int, vector: Floats) -> tuple[Floats, Floats]:
    """Coordinates of a vector in the span of k orthonormal ones, and the rest; twice, to clean up rounding."""
    inside, rest = np.zeros(k), vector.copy()
    for _ in range(2):
        coordinates = np.empty(k)
        for j in range(k):
            coordinates[j] = _dot(q[j], rest)
        for j in range(k):
            inside[j] += coordinates[j]
            for i in range(rest.size):
                rest[i] -= coordinates[j] * q[j, i]
    return inside, rest


@njit(cache=True, nogil=True)
def _solve_upper(lower: Floats, k: int, right: Floats) -> Floats:
    """R^-1 right."""
    out = right.copy()
    for i in range(k - 1, -1, -1):
        out[i] /= lower[i, i]
        for j in range(i):
            out[j] -= lower[i, j] * out[i]
    return out


@njit(cache=True, nogil=True)
def _solve_lower(lower: Floats, k: int, right: Floats) -> Floats:
    """R'^-1 right."""
    out = right.copy()
    for i in range(k):
        out[i] = (out[i] - _dot(lower[i, :i], out[:i])) / lower[i, i]
    return out


@njit(cache=True, nogil=True)
def _first_zero(p: Floats, direction: Floats, k: int) -> tuple[float, int]:
    """The longest step along a direction that keeps k coefficients nonnegative, and which becomes zero."""
    longest, place = np.inf, -1
    for j in range(k):
        if direction[j] < 0.0 and p[j] < -longest * direction[j]:
            longest, place = p[j] / -direction[j], j
    return longest, place


# The k columns in use are Q R; the rows of `q` are those of Q', and `lower` is R'. Two more rows of `lower` are
# right-hand sides, which rotations carry along: Q'b, and R'^-1 (beta 1). `rest` is (1 - Q Q') b.
_TARGET, _DUAL = -2, -1


@njit(cache=True, nogil=True)
def _leave(q: Floats, lower: Floats, rest: Floats, k: int, place: int, active: Ints, signs: Floats, p: Floats) -> int:
    """Remove one of k columns, by rotations; how many are left."""
    for j in range(place, k - 1):
        active[j], signs[j], p[j] = active[j + 1], signs[j + 1], p[j + 1]
        for i in range(j + 2):
            lower[j, i] = lower[j + 1, i]
        size = np.sqrt(lower[j, j] ** 2 + lower[j, j + 1] ** 2)
        c, s = lower[j, j] / size, lower[j, j + 1] / size
        lower[j, j], lower[j, j + 1] = size, 0.0
        for m in range(j + 2, k + 2):
            row = m if m < k else m - k + _TARGET
            a, b = lower[row, j], lower[row, j + 1]
            lower[row, j], lower[row, j + 1] = c * a + s * b, c * b - s * a
        for i in range(rest.size):
            a, b = q[j, i], q[j + 1, i]
            q[j, i], q[j + 1, i] = c * a + s * b, c * b - s * a
    for i in range(rest.size):
        rest[i] += lower[_TARGET, k - 1] * q[k - 1, i]
    return k - 1


@njit(cache=True, nogil=True)
def _enter(
    q: Floats,
    lower: Floats,
    rest: Floats,
    k: int,
    active: Ints,
    signs: Floats,
    p: Floats,
    column: Floats,
    j: int,
    sign: float,
    beta: float,
    violation: float,
) -> int:
    """Add column j, given with its sign, to the k in use, in exchange for others as long as it depends on them.

    Along a dependency the fit stays and the penalty falls by `violation` a unit, until a coefficient is zero. A column
    within rounding of the others' span is not added. Returns how many columns are in use then.
    """
    size, grown = np.sqrt(_dot(column, column)), 0.0
    while True:
        inside, outside = _split(q, k, column)
        height = np.sqrt(_dot(outside, outside))
        if height > _DEPENDENT * size:
            break
        direction = -_solve_upper(lower, k, inside)
        length, place = _first_zero(p, direction, k)
        if place < 0 or length * height * height >= violation:
            break
        p[:k] += length * direction
        grown += length
        k = _leave(q, lower, rest, k, place, active, signs, p)
    if k == q.shape[0] or height <= 4.0 * _EPS * size:
        return k
    active[k], signs[k], p[k] = j, sign, grown
    lower[k, :k], lower[k, k], q[k] = inside, height, outside / height
    lower[_TARGET, k] = _dot(q[k], rest)
    lower[_DUAL, k] = (beta - _dot(inside, lower[_DUAL, :k])) / height
    rest -= lower[_TARGET, k] * q[k]
    return k + 1


@njit(cache=True, nogil=True)
def _descend(
    q: Floats, lower: Floats, rest: Floats, k: int, active: Ints, signs: Floats, p: Floats, newest: int
) -> tuple[int, bool]:
    """Go to the optimum on the k columns in use; one whose coefficient becomes zero leaves.

    Returns how many are left, and whether the newest left at once: its gain is rounding.
    """
    useless = False
    while True:
        best = _solve_upper(lower, k, lower[_TARGET, :k] - lower[_DUAL, :k])
        length, place = _first_zero(p, best - p[:k], k)
        if length >= 1.0:
            p[:k] = best
            return k, useless
        p[:k] += length * (best - p[:k])
        useless |= active[place] == newest and length == 0.0
        k = _leave(q, lower, rest, k, place, active, signs, p)


@njit(cache=True, nogil=True)
def _residual(q: Floats, lower: Floats, rest: Floats, k: int) -> Floats:
    """b - A p from the optimality conditions."""
    residual = rest.copy()
    for j in range(k):
        residual += lower[_DUAL, j] * q[j]
    return residual


@njit(cache=True, nogil=True)
def _refresh(q: Floats, lower: Floats, rest: Floats, k: int, target: Floats, beta: float) -> None:
    """Compute anew what rotations carried along, without their rounding."""
    lower[_TARGET, :k], rest[:] = _split(q, k, target)
    lower[_DUAL, :k] = _solve_lower(lower, k, np.full(k, beta))


@njit(cache=True, nogil=True)
def exact_lasso(columns: Floats, target: Floats, beta: float, start: Floats) -> tuple[Floats, Floats, Floats]:
    """``min 1/2 |A z - b|^2 + beta |z|_1``.

    Parameters
    ----------
    columns : (k, m) array
        The columns of A, as rows.
    target : (m,) array
    beta : float
    start : (k,) array
        Coefficients to start from; the fewer active columns they miss, the fewer steps.

    Returns
    -------
    coef : (k,) array
    residual : (m,) array
        b - A z, as accurate as the optimality conditions.
    correlations : (k,) array
        ``A' residual``.
    """
    n_columns, n_rows = columns.shape
    most = min(n_columns, n_rows)
    norms, barred = np.empty(n_columns), np.zeros(n_columns, dtype=np.bool_)  # barred: no gain above rounding
    for j in range(n_columns):
        norms[j] = np.sqrt(_dot(columns[j], columns[j]))
        barred[j] = norms[j] == 0.0
    size = np.sqrt(_dot(target, target))
    q, lower, rest = np.empty((most, n_rows)), np.zeros((most + 2, most)), target.copy()
    active, signs, p = np.empty(most, dtype=np.int64), np.empty(most), np.empty(most)
    k = 0
    for j in range(n_columns):
        if start[j] != 0.0:
            before = k
            sign = np.sign(start[j])
            k = _enter(q, lower, rest, k, active, signs, p, sign * columns[j], j, sign, beta, 0.0)
            if k > before:
                p[before] = abs(start[j])
    newest, fresh = -1, False
    for _ in range(_MOST_ENTRIES * (n_columns + 10)):
        k, useless = _descend(q, lower, rest, k, active, signs, p, newest)
        if useless:
            barred[newest] = True
        residual = _residual(q, lower, rest, k)
        correlations = _correlate(columns, residual)

        closed = barred.copy()
        for j in range(k):
            closed[active[j]] = True
        newest, violation = -1, 0.0
        for j in range(n_columns):
            excess = abs(correlations[j]) - beta
            rounding = 1e-12 * beta + 2.0 * _EPS * np.sqrt(k + 1.0) * norms[j] * size
            if not closed[j] and excess > max(violation, rounding):
                newest, violation = j, excess
        if newest >= 0:
            sign, fresh = np.sign(correlations[newest]), False
            k = _enter(q, lower, rest, k, active, signs, p, sign * columns[newest], newest, sign, beta, violation)
            barred[newest] = k == 0 or active[k - 1] != newest
        elif fresh:
            break
        else:
            _refresh(q, lower, rest, k, target, beta)
            fresh = True
    coef = np.zeros(n_columns)
    for j in range(k):
        coef[active[j]] = signs[j] * p[j]
    return coef, residual, correlations


@njit(cache=True, nogil=True)
def exact_patterns(
    mass: Floats, means: Floats, beta: float, most: int, patterns: Ints, start: Floats
) -> tuple[Ints, Floats, Floats]:
    """``min 1/2 sum_i mass_i (means_i - f_i)^2 + beta |z|_1``, f = sum_j z_j h_j + a constant, over all patterns.

    The patterns h in {-1, 1}^m switch up to `most` times and end with +1. None is listed: a dynamic program names the
    one that violates most, and it enters.

    Parameters
    ----------
    mass, means : (m,) arrays
        Masses are positive; the weighted mean of `means` is zero.
    beta : float
    most : int
    patterns : (k, most) array
        Ascending places i, a pattern switching between i - 1 and i; those that are not used are m.
    start : (k,) array
        Coefficients to start from.

    Returns
    -------
    patterns, coef : (j, most) and (j,) arrays
    residual : (m,) array
        ``sqrt(mass) (means - f)``, as accurate as the optimality conditions.
    """
    m = mass.size
    roots, total = np.sqrt(mass), mass.sum()
    target = roots * means
    size = np.sqrt(_dot(target, target)) * np.sqrt(total)
    q, lower, rest = np.empty((m, m)), np.zeros((m + 2, m)), target.copy()
    active, signs, p = np.empty(m, dtype=np.int64), np.empty(m), np.empty(m)
    # A column in use is known by its row in `named`, which is free again when it leaves.
    named, k = np.empty((m + 1, most), dtype=np.int64), 0
    for j in range(start.size):
        if start[j] != 0.0 and k < m:
            name, before, sign = _free(active, k), k, np.sign(start[j])
            named[name] = patterns[j]
            column = sign * _pattern_column(patterns[j], roots, mass, total)
            k = _enter(q, lower, rest, k, active, signs, p, column, name, sign, beta, 0.0)
            if k > before:
                p[before] = abs(start[j])
    newest, fresh, useless = -1, False, False
    for _ in range(_MOST_ENTRIES * (m + 10)):
        k, left = _descend(q, lower, rest, k, active, signs, p, newest)
        useless = useless or left
        residual = _residual(q, lower, rest, k)
        value, sign, switches = _best_pattern(roots * residual, most)
        rounding = 1e-12 * beta + 2.0 * _EPS * np.sqrt(k + 1.0) * size
        if value - beta > rounding and not useless:
            newest, fresh = _free(active, k), False
            named[newest] = switches
            column = sign * _pattern_column(switches, roots, mass, total)
            k = _enter(q, lower, rest, k, active, signs, p, column, newest, sign, beta, value - beta)
            useless = k == 0 or active[k - 1] != newest
        elif fresh:
            break
        else:
            _refresh(q, lower, rest, k, target, beta)
            newest, fresh = -1, True
    coef = signs[:k] * p[:k]
    return named[active[:k]], coef, residual


@njit(cache=True, nogil=True)
def _free(active: Ints, k: int) -> int:
    """The least name that no active column has."""
    taken = np.zeros(k + 1, dtype=np.bool_)
    for j in range(k):
        if active[j] <= k:
            taken[active[j]] = True
    for name in range(k):
        if not taken[name]:
            return name
    return k


@njit(cache=True, nogil=True)
def _pattern_column(switches: Ints, roots: Floats, mass: Floats, total: float) -> Floats:
    """sqrt(mass) (h - mean of h)."""
    column, mean, value, place = np.empty(mass.size), 0.0, 1.0, switches.size - 1
    for i in range(mass.size - 1, -1, -1):
        while place >= 0 and switches[place] > i:
            value = -value if switches[place] < mass.size else value
            place -= 1
        column[i] = value
        mean += mass[i] * value / total
    return roots * (column - mean)


@njit(cache=True, nogil=True)
def _best_pattern(th: Floats, most: int) -> tuple[float, float, Ints]:
    """The largest |h'th|, the sign of h'th, and where h switches; th sums to zero."""
    m = th.size
    best = best_prefixes(th, most)
    last = int(best[m - 1, 1, most] >= best[m - 1, 0, most])
    switches = np.full(most, m)
    trace_prefix(best, m - 1, last, most, 0, switches)
    switches.sort()
    return best[m - 1, last, most], 2.0 * last - 1.0, switches
