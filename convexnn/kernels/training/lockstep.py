"""A step of gradient descent of eight networks at once: what `sorted_gradient` and `update` do, bit by bit.

Parameter p of the network in lane l is number 8 p + l of an array, so that all eight have it in one register. Only the
places of the kinks differ from lane to lane.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from convexnn.kernels.lanes import (
    EVERY,
    LANES,
    Index,
    above,
    add_to_pairs,
    at_least,
    fill,
    gather_pairs,
    load,
    load_pairs,
    lowest,
    store,
    store_pairs,
    where,
)
from convexnn.kernels.training.arrays import Floats, Words
from convexnn.kernels.training.losses import SQUARED, loss_and_slope
from convexnn.kernels.training.sorted_rows import move_kink
from convexnn.kernels.training.updates import Rule, adam, heavy_ball

_ZERO, _ONE = np.uint64(0), np.uint64(1)
_LANES = np.uint64(LANES)  # from one parameter to the next, and from one row to the next
_PAIRS = _LANES + _LANES  # from the sums of one row to those of the next


@njit(cache=True, nogil=True, error_model="numpy")
def step_in_lockstep(
    x: Floats,
    y: Floats,
    weight: Floats,
    loss: int,
    left: float,
    right: float,
    beta: float,
    rule: Rule,
    m: int,
    theta: Floats,
    first: Floats,
    second: Floats,
    places: Words,
    low: Floats,
    high: Floats,
    sums: Floats,
    values: Floats,
) -> None:
    """Let eight networks descend on weighted loss plus penalty.

    Parameters
    ----------
    x : (n + 2,) array
        Inputs ascending, between minus and plus infinity.
    y : (n,) array
    weight, values : (8 n,) arrays
    left, right : float
        Slopes of the activation.
    beta : float
        Of the penalty ``beta / 2`` times the sum of all squared weights, biases left out.
    rule : Rule
    m : int
        How many units each network has.
    theta, first, second : (8 (3 m + 1),) arrays
        Parameters and their moments.
    places, low, high : (8 m,) arrays
    sums : (16 (n + 1),) array
        See `Lockstep`.
    """
    n, biases = np.uint64(y.size), np.uint64(m) * _LANES
    outer, last = biases + biases, biases + biases + biases
    s, t = _add_lines(x, n, left, right, biases, theta, places, low, high, sums)
    residuals, products = _add_residuals(x, y, weight, loss, s, t, sums, values)
    if rule.adam:
        for j in range(_ZERO, biases, _LANES):
            dw, db, da = _gradients(left, right, beta, biases, j, theta, places, sums, residuals, products)
            _move_by_adam(theta, first, second, j, dw, rule)
            _move_by_adam(theta, first, second, biases + j, db, rule)
            _move_by_adam(theta, first, second, outer + j, da, rule)
        _move_by_adam(theta, first, second, last, residuals, rule)
    elif rule.momentum > 0:
        for j in range(_ZERO, biases, _LANES):
            dw, db, da = _gradients(left, right, beta, biases, j, theta, places, sums, residuals, products)
            _move_heavy_ball(theta, first, j, dw, rule)
            _move_heavy_ball(theta, first, biases + j, db, rule)
            _move_heavy_ball(theta, first, outer + j, da, rule)
        _move_heavy_ball(theta, first, last, residuals, rule)
    else:
        for j in range(_ZERO, biases, _LANES):
            dw, db, da = _gradients(left, right, beta, biases, j, theta, places, sums, residuals, products)
            _move_down(theta, j, dw, rule)
            _move_down(theta, biases + j, db, rule)
            _move_down(theta, outer + j, da, rule)
        _move_down(theta, last, residuals, rule)
    for i in range((n + _ONE) * _PAIRS):
        sums[i] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _add_lines(
    x: Floats, n: np.uint64, left: float, right: float, biases: np.uint64,
    theta: Floats, places: Words, low: Floats, high: Floats, sums: Floats,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Slope and level of the networks at minus infinity, and their changes at the kinks, which are moved first."""
    outer, jump = biases + biases, right - left
    s, t = fill(0.0), load(theta, outer + biases)
    for j in range(_ZERO, biases, _LANES):
        w, b, a = load(theta, j), load(theta, biases + j), load(theta, outer + j)
        rising = at_least(w, 0.0)
        up = above(w * load(high, j) + b, 0.0) ^ rising
        moved = up | (above(w * load(low, j) + b, 0.0) ^ rising ^ EVERY)
        while moved != _ZERO:
            lane = lowest(moved)
            unit = j + lane
            k = places[unit] // _PAIRS
            k = move_kink(x, n, theta[unit], theta[biases + unit], k, up >> lane & _ONE)
            places[unit], low[unit], high[unit] = k * _PAIRS + lane + lane, x[k], x[k + _ONE]
            moved &= moved - _ONE
        p, q = a * w, a * b
        before, change = where(rising, left, right), where(rising, jump, -jump)
        s += before * p
        t += before * q
        add_to_pairs(sums, places, j, change * p, change * q)
    return s, t


@njit(cache=True, nogil=True, error_model="numpy")
def _add_residuals(
    x: Floats, y: Floats, weight: Floats, loss: int, s: Floats, t: Floats, sums: Floats, values: Floats
) -> tuple[Floats, Floats]:
    """Replace the changes of slope and level by the sums of r and r x over the rows before; returns those over all."""
    n = np.uint64(y.size)
    for i in range(n):
        bend, step = load_pairs(sums, i * _PAIRS)
        s = s + bend
        t = t + step
        store(values, i * _LANES, s * x[i + _ONE] + t)
    if loss == SQUARED:
        for i in range(n):
            store(values, i * _LANES, load(values, i * _LANES) - y[i])
    else:
        for v in range(n * _LANES):
            values[v] = loss_and_slope(loss, y[v // _LANES], values[v])[1]
    residuals, products = fill(0.0), fill(0.0)
    for i in range(n):
        store_pairs(sums, i * _PAIRS, residuals, products)
        r = load(weight, i * _LANES) * load(values, i * _LANES)
        residuals += r
        products += r * x[i + _ONE]
    store_pairs(sums, n * _PAIRS, residuals, products)
    return residuals, products


# The rest is inlined and has no branches: calls would spill the registers, and branches would keep numba from omitting
# its counts of references.


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _gradients(
    left: float, right: float, beta: float, biases: np.uint64, j: Index,
    theta: Floats, places: Words, sums: Floats, residuals: Floats, products: Floats,
) -> tuple[Floats, Floats, Floats]:  # fmt: skip
    """In input weight, bias and output weight of one unit."""
    w, b, a = load(theta, j), load(theta, biases + j), load(theta, biases + biases + j)
    rising = at_least(w, 0.0)
    before, beyond = where(rising, left, right), where(rising, right, left)
    r, rx = gather_pairs(sums, places, j)
    r = before * r + beyond * (residuals - r)
    rx = before * rx + beyond * (products - rx)
    return a * rx + beta * w, a * r, w * rx + b * r + beta * a


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _move_by_adam(theta: Floats, first: Floats, second: Floats, p: Index, gradient: Floats, rule: Rule) -> None:
    value, mean, square = adam(load(theta, p), gradient, load(first, p), load(second, p), rule)
    store(theta, p, value)
    store(first, p, mean)
    store(second, p, square)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _move_heavy_ball(theta: Floats, first: Floats, p: Index, gradient: Floats, rule: Rule) -> None:
    value, moment = heavy_ball(load(theta, p), gradient, load(first, p), rule)
    store(theta, p, value)
    store(first, p, moment)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _move_down(theta: Floats, p: Index, gradient: Floats, rule: Rule) -> None:
    store(theta, p, load(theta, p) - rule.rate * gradient)
