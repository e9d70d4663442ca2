"""The gradient of a network of any shape: O(n) work for every weight."""

from __future__ import annotations

import math

from numba import njit

from convexnn.kernels.training.arrays import Floats, Ints, Task, Work
from convexnn.kernels.training.losses import loss_and_slope
from convexnn.kernels.training.parameters import WEIGHTS

SMALLEST_VARIANCE = 1e-5  # added to the variance of a normalised unit


@njit(cache=True, nogil=True, error_model="numpy")
def _dot(a: Floats, b: Floats, n: int) -> float:
    """Sum of the products of the first n entries: four sums in turn, so that it does not wait for each addition."""
    s, t, u, v = 0.0, 0.0, 0.0, 0.0
    whole = n - n % 4
    for i in range(0, whole, 4):
        s += a[i] * b[i]
        t += a[i + 1] * b[i + 1]
        u += a[i + 2] * b[i + 2]
        v += a[i + 3] * b[i + 3]
    for i in range(whole, n):
        s += a[i] * b[i]
    return (s + t) + (u + v)


@njit(cache=True, nogil=True, error_model="numpy")
def _standardise(z: Floats, n: int, ones: Floats, standard: Floats) -> float:
    """Give a unit mean 0 and variance 1 (up to `SMALLEST_VARIANCE`) over n rows; returns what it was divided by."""
    mean = _dot(z, ones, n) / n
    for i in range(n):
        standard[i] = z[i] - mean
    deviation = math.sqrt(_dot(standard, standard, n) / n + SMALLEST_VARIANCE)
    for i in range(n):
        standard[i] /= deviation
    return deviation


@njit(cache=True, nogil=True, error_model="numpy")
def dense_forward(task: Task, widths: Ints, n: int, theta: Floats, work: Work) -> None:
    """The values of all units on the first n rows of ``work.rows``, and which of them are not zero on all of these."""
    hidden, per_layer = widths.size - 2, 3 if task.normalised else 2
    for k in range(widths[0]):
        for i in range(n):
            work.values[0, k, i] = task.x[work.rows[i], k]
    for layer in range(hidden + 1):
        block = per_layer * layer
        weights, biases = work.starts[block], work.starts[block + 1]
        diagonal = task.diagonal and 0 < layer < hidden
        for j in range(widths[layer + 1]):
            z = work.arguments[layer, j]
            for i in range(n):
                z[i] = 0.0
            for k in range(j if diagonal else 0, j + 1 if diagonal else widths[layer]):
                if layer == 0 or work.alive[layer - 1, k]:
                    w = theta[weights + (j if diagonal else k * widths[layer + 1] + j)]
                    h = work.values[layer, k]
                    for i in range(n):
                        z[i] += w * h[i]
            scale = 1.0
            if task.normalised and layer < hidden:
                work.deviation[layer, j] = _standardise(z, n, work.weight, work.standard[layer, j])
                scale = theta[work.starts[block + 2] + j]
                for i in range(n):
                    z[i] = scale * work.standard[layer, j, i]
            for i in range(n):
                z[i] += theta[biases + j]
            if layer < hidden:
                left, right = task.slopes[layer, 0], task.slopes[layer, 1]
                h, alive = work.values[layer + 1, j], False
                for i in range(n):
                    h[i] = (right if z[i] > 0 else left) * z[i]
                    alive |= h[i] != 0.0
                work.alive[layer, j] = alive


@njit(cache=True, nogil=True, error_model="numpy")
def _penalise(task: Task, theta: Floats, work: Work) -> None:
    """Add the gradient of ``beta / exponent sum |w|^exponent`` over all weights."""
    for block in range(work.kinds.size):
        if work.kinds[block] == WEIGHTS:
            for p in range(work.starts[block], work.starts[block + 1]):
                work.gradient[p] += task.beta * theta[p] * abs(theta[p]) ** (task.exponent - 2)


@njit(cache=True, nogil=True, error_model="numpy")
def dense_gradient(task: Task, widths: Ints, n: int, weight: float, theta: Floats, work: Work) -> float:
    """The weighted loss on the first n rows of ``work.rows``, and the gradient of loss plus penalty."""
    hidden, per_layer, gradient = widths.size - 2, 3 if task.normalised else 2, work.gradient
    dense_forward(task, widths, n, theta, work)
    total = 0.0
    for j in range(widths[hidden + 1]):
        for i in range(n):
            value, r = loss_and_slope(task.loss, task.y[work.rows[i], j], work.arguments[hidden, j, i])
            total += weight * value
            work.delta[hidden, j, i] = weight * r
    for layer in range(hidden, -1, -1):
        block = per_layer * layer
        weights, biases = work.starts[block], work.starts[block + 1]
        diagonal = task.diagonal and 0 < layer < hidden
        if layer > 0:
            for k in range(widths[layer]):
                for i in range(n):
                    work.delta[layer - 1, k, i] = 0.0
        for j in range(widths[layer + 1]):
            delta = work.delta[layer, j]
            if layer < hidden:
                left, right = task.slopes[layer, 0], task.slopes[layer, 1]
                z = work.arguments[layer, j]
                for i in range(n):
                    delta[i] *= right if z[i] > 0 else left
            gradient[biases + j] = _dot(delta, work.weight, n)
            if task.normalised and layer < hidden:
                standard, scales = work.standard[layer, j], work.starts[block + 2]
                gradient[scales + j] = _dot(delta, standard, n)
                # The part of the gradient that a shift or a stretch of the unit would undo does not pass.
                mean, product = gradient[biases + j] / n, gradient[scales + j] / n
                stretch = theta[scales + j] / work.deviation[layer, j]
                for i in range(n):
                    delta[i] = stretch * (delta[i] - mean - standard[i] * product)
            for k in range(j if diagonal else 0, j + 1 if diagonal else widths[layer]):
                p = weights + (j if diagonal else k * widths[layer + 1] + j)
                if layer > 0 and not work.alive[layer - 1, k]:
                    gradient[p] = 0.0
                else:
                    gradient[p] = _dot(work.values[layer, k], delta, n)
                if layer > 0:
                    w, below = theta[p], work.delta[layer - 1, k]
                    for i in range(n):
                        below[i] += w * delta[i]
    if task.beta > 0:
        _penalise(task, theta, work)
    return total
