"""Gradient descent on many small networks, each in float64 and on its own random numbers.

Random numbers are drawn by number from the stream of a key, one a network: results do not depend on threads, on
neighbours or on the order of the rows.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from convexnn.kernels.lanes import LANES
from convexnn.kernels.random import uniform
from convexnn.kernels.training.arrays import Floats, Ints, Networks, Task, Work
from convexnn.kernels.training.dense import dense_gradient
from convexnn.kernels.training.lockstep import step_in_lockstep
from convexnn.kernels.training.parameters import WEIGHTS, layout, remove, shake
from convexnn.kernels.training.sorted_rows import find_kinks, mark_alive, sorted_gradient
from convexnn.kernels.training.updates import regularise, rule_of, update

FEWEST_IN_LOCKSTEP = 5  # fewer are done sooner one by one (`python -m benchmarks.training --rows`)


@njit(cache=True, nogil=True, error_model="numpy")
def _draw(rows: Ints, batch: int, key: np.uint64, step: int) -> None:
    """Draw the first rows of a shuffle: any permutation to start from gives every subset the same chance."""
    for i in range(batch):
        other = i + int(uniform(key, np.uint64(step * batch + i)) * (rows.size - i))
        rows[i], rows[other] = rows[other], rows[i]


@njit(cache=True, nogil=True, error_model="numpy")
def _weigh(rows: Ints, batch: int, weight: Floats) -> None:
    """Let the first rows of `rows` stand for all."""
    for i in range(rows.size):
        weight[rows[i]] = rows.size / batch if i < batch else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _objective(task: Task, widths: Ints, theta: Floats, work: Work) -> float:
    """Loss on all rows plus penalty; and who is alive on all rows."""
    n = task.y.shape[0]
    if task.in_order:
        _weigh(work.rows, n, work.weight)
        left, right = task.slopes[0, 0], task.slopes[0, 1]
        x, y, m = work.fenced, task.y.reshape(-1), widths[1]
        total = sorted_gradient(
            x, y, work.weight, task.loss, left, right, task.beta, m, theta,
            work.kinks, work.slope, work.level, work.gradient,
        )  # fmt: skip
        mark_alive(left, right, x[1], x[-2], m, theta, work.alive)
    else:
        total = dense_gradient(task, widths, n, 1.0, theta, work)
    size = 0.0
    for block in range(work.kinds.size):
        if work.kinds[block] == WEIGHTS:
            for p in range(work.starts[block], work.starts[block + 1]):
                size += abs(theta[p]) ** task.exponent
    return total + task.beta / task.exponent * size


@njit(cache=True, nogil=True, error_model="numpy")
def _record(task: Task, networks: Networks, r: int, record: int, work: Work) -> bool:
    """Record the objective and the dead units of a network; returns whether it is still finite.

    Removed units have died, so that deaths are what is missing from those that lived before and the revived.
    """
    widths, units, counts = networks.widths[r], networks.units[r], networks.counts[r, record]
    before = widths[1:-1] if record == 0 else networks.counts[r, record - 1, :, 0]
    networks.objective[r, record] = _objective(task, widths, networks.theta[r], work)
    if not math.isfinite(networks.objective[r, record]):
        networks.objective[r, record:] = np.inf
        return False
    for layer in range(widths.size - 2):
        for j in range(widths[layer + 1]):
            alive, dead = work.alive[layer, j], networks.dead[r, layer, units[layer, j]]
            counts[layer, 0] += alive
            counts[layer, 2] += alive and dead
            networks.dead[r, layer, units[layer, j]] = not alive
        counts[layer, 1] = before[layer] + counts[layer, 2] - counts[layer, 0]
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _start(task: Task, widths: Ints, theta: Floats, work: Work) -> None:
    layout(widths, task.diagonal, task.normalised, work.starts, work.kinds)
    work.moments[:] = 0.0
    work.weight[:] = 1.0
    work.rows[:] = np.arange(work.rows.size)
    if task.in_order:
        find_kinks(work.fenced, widths[1], theta, work.kinks)


@njit(cache=True, nogil=True, error_model="numpy")
def _train_alone(task: Task, networks: Networks, r: int, work: Work) -> None:
    """Train one network."""
    theta, widths, keys = networks.theta[r], networks.widths[r], networks.keys[r]
    n, batch, n_steps = task.y.shape[0], task.batch_size, task.rates.size
    # Local names, and no tuples for what every step calls: passing tuples of arrays is a noticeable part of a step.
    x, y, loss, beta = work.fenced, task.y.reshape(-1), task.loss, task.beta
    left, right = task.slopes[0, 0], task.slopes[0, 1]
    gradient, kinks, slope, level, weight = work.gradient, work.kinks, work.slope, work.level, work.weight
    moments, noises, strengths = work.moments, task.noises, task.strengths
    adam, rates, momentum = task.adam, task.rates, task.momentum
    _start(task, widths, theta, work)
    drawn, record = np.uint64(0), 0
    for step in range(n_steps + 1):
        if step == task.record_at[record]:
            if not _record(task, networks, r, record, work):
                return
            record += 1
        if step == n_steps:
            return
        if batch < n:
            _draw(work.rows, batch, keys[0], step)
        if task.in_order:
            if batch < n:
                _weigh(work.rows, batch, weight)
            sorted_gradient(x, y, weight, loss, left, right, beta, widths[1], theta, kinks, slope, level, gradient)
            if noises[step] > 0:
                mark_alive(left, right, x[1], x[-2], widths[1], theta, work.alive)
        else:
            dense_gradient(task, widths, batch, n / batch, theta, work)
        if strengths[step] > 0:
            regularise(task, step, work.starts, work.kinds, theta, gradient)
        rule = rule_of(adam, rates[step], momentum, step)
        update(theta, gradient, moments, work.starts[-1], rule)
        if noises[step] > 0:
            shake(task, noises[step], keys[1], drawn, widths, theta, work)
            drawn += np.uint64(work.starts[-1])
        due = task.remove_every > 0 and (step + 1) % task.remove_every == 0
        if due and math.isfinite(_objective(task, widths, theta, work)):
            remove(task, widths, networks.units[r], theta, work)


@njit(cache=True, nogil=True, error_model="numpy")
def _align(task: Task, networks: Networks, first: int, last: int, work: Work) -> None:
    """Put the networks `first` to `last` - 1 side by side; lanes that are left over hold the last one again."""
    lanes, x = work.lockstep, work.fenced
    lanes.first[:] = lanes.second[:] = 0.0
    lanes.weight[:] = 1.0
    for lane in range(LANES):
        r = min(first + lane, last - 1)
        _start(task, networks.widths[r], networks.theta[r], work)
        lanes.theta[lane::LANES] = networks.theta[r]
        lanes.rows[lane] = work.rows
        for j in range(work.kinks.size):
            k, unit = work.kinks[j], LANES * j + lane
            lanes.places[unit] = k * np.uint64(2 * LANES) + np.uint64(2 * lane)
            lanes.low[unit], lanes.high[unit] = x[k], x[k + np.uint64(1)]


@njit(cache=True, nogil=True, error_model="numpy")
def _record_all(task: Task, networks: Networks, first: int, last: int, record: int, work: Work) -> None:
    """Copy the networks back that did not diverge earlier, and record them."""
    lanes = work.lockstep
    for lane in range(last - first):
        r = first + lane
        if record == 0 or math.isfinite(networks.objective[r, record - 1]):
            networks.theta[r] = lanes.theta[lane::LANES]
            work.kinks[:] = lanes.places[lane::LANES] // np.uint64(2 * LANES)
            _record(task, networks, r, record, work)


@njit(cache=True, nogil=True, error_model="numpy")
def _train_together(task: Task, networks: Networks, first: int, last: int, work: Work) -> None:
    """Train the networks `first` to `last` - 1, at most eight, in lockstep."""
    _align(task, networks, first, last, work)
    n, batch, n_steps = task.y.shape[0], task.batch_size, task.rates.size
    x, y, loss, beta = work.fenced, task.y.reshape(-1), task.loss, task.beta
    left, right = task.slopes[0, 0], task.slopes[0, 1]
    adam, rates, momentum = task.adam, task.rates, task.momentum
    theta, mean, square, places, low, high, sums, weight, rows, values = work.lockstep
    m = networks.widths[first, 1]
    record = 0
    for step in range(n_steps + 1):
        if step == task.record_at[record]:
            _record_all(task, networks, first, last, record, work)
            record += 1
        if step == n_steps:
            return
        if batch < n:
            for r in range(first, last):
                _draw(rows[r - first], batch, networks.keys[r, 0], step)
                _weigh(rows[r - first], batch, weight[r - first :: LANES])
        rule = rule_of(adam, rates[step], momentum, step)
        step_in_lockstep(
            x, y, weight, loss, left, right, beta, rule, m, theta, mean, square, places, low, high, sums, values
        )


@njit(cache=True, nogil=True, error_model="numpy")
def train_networks(task: Task, networks: Networks, first: int, last: int, work: Work) -> None:
    """Train the networks `first` to `last` - 1 of a collection in place, each independently of all others."""
    r = first
    while r < last:
        if task.lockstep and last - r >= FEWEST_IN_LOCKSTEP:
            _train_together(task, networks, r, min(r + LANES, last), work)
            r += LANES
        else:
            _train_alone(task, networks, r, work)
            r += 1
