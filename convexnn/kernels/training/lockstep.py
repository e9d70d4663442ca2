"""The gradient over sorted rows of eight networks at once: what `sorted_gradient` computes, bit by bit.

Parameter p of the network in lane l is number 8 p + l of an array, so that all eight have it in one register. Only the
places of the kinks differ from lane to lane.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from convexnn.kernels.lanes import (
    EVERY,
    LANES,
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

_ZERO, _ONE = np.uint64(0), np.uint64(1)
_LANES = np.uint64(LANES)  # from one parameter to the next, and from one row to the next
_PAIRS = _LANES + _LANES  # from the sums of one row to those of the next


@njit(cache=True, nogil=True, error_model="numpy")
def lockstep_gradient(
    x: Floats,
    y: Floats,
    weight: Floats,
    loss: int,
    left: float,
    right: float,
    beta: float,
    m: int,
    theta: Floats,
    places: Words,
    low: Floats,
    high: Floats,
    sums: Floats,
    values: Floats,
    gradient: Floats,
) -> None:
    """The gradients of weighted loss plus penalty, of eight networks.

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
    m : int
        How many units each network has.
    theta, gradient : (8 (3 m + 1),) arrays
    places, low, high : (8 m,) arrays
    sums : (16 (n + 1),) array
        See `Lockstep`.
    """
    n, biases = np.uint64(y.size), np.uint64(m) * _LANES
    outer, last, jump = biases + biases, biases + biases + biases, right - left
    s, t = fill(0.0), load(theta, last)
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

    for i in range(n):
        bend, step = load_pairs(sums, i * _PAIRS)
        s += bend
        t += step
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

    for j in range(_ZERO, biases, _LANES):
        w, b, a = load(theta, j), load(theta, biases + j), load(theta, outer + j)
        rising = at_least(w, 0.0)
        before, beyond = where(rising, left, right), where(rising, right, left)
        r, rx = gather_pairs(sums, places, j)
        r = before * r + beyond * (residuals - r)
        rx = before * rx + beyond * (products - rx)
        store(gradient, j, a * rx + beta * w)
        store(gradient, biases + j, a * r)
        store(gradient, outer + j, w * rx + b * r + beta * a)
    store(gradient, last, residuals)
    for i in range((n + _ONE) * _PAIRS):
        sums[i] = 0.0
