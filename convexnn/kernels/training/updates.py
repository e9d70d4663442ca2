"""What regularisers add to a gradient, and how it moves the parameters.

Parameters are treated one by one, so that all of this serves several networks side by side as well as one.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from convexnn.kernels.training.arrays import Floats, Ints, Task

SGD, ADAM = 0, 1

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # of Adam


@njit(cache=True, nogil=True, error_model="numpy")
def _add_pull(
    theta: Floats, target: Floats, first: int, last: int, strength: float, power: int, one_sided: bool
) -> None:
    """Add the gradient of the regulariser of a block to `target`: the gradient, or the parameters themselves."""
    for p in range(first, last):
        w = max(theta[p], 0.0) if one_sided else theta[p]
        target[p] += strength * (w if power == 2 else np.sign(w))


@njit(cache=True, nogil=True, error_model="numpy")
def regularise(task: Task, step: int, starts: Ints, kinds: Ints, lanes: int, theta: Floats, gradient: Floats) -> None:
    """Add the regulariser to the gradient of `lanes` networks side by side, or let it pull at the parameters."""
    strength = task.strengths[step]
    for block in range(kinds.size):
        if task.regularised[kinds[block]]:
            first, last = lanes * starts[block], lanes * starts[block + 1]
            if task.decoupled:
                _add_pull(theta, theta, first, last, -task.rates[step] * strength, task.power, task.one_sided)
            else:
                _add_pull(theta, gradient, first, last, strength, task.power, task.one_sided)


@njit(cache=True, nogil=True, error_model="numpy")
def _sgd(theta: Floats, gradient: Floats, moments: Floats, size: int, rate: float, momentum: float) -> None:
    """Gradient descent with a heavy ball, or without one."""
    if momentum == 0:
        for p in range(np.uint64(size)):
            theta[p] -= rate * gradient[p]
        return
    for p in range(np.uint64(size)):
        moments[0, p] = momentum * moments[0, p] + gradient[p]
        theta[p] -= rate * moments[0, p]


@njit(cache=True, nogil=True, error_model="numpy")
def _adam(theta: Floats, gradient: Floats, moments: Floats, size: int, rate: float, step: int) -> None:
    """Adam (Kingma and Ba, 2015)."""
    first = rate / (1.0 - BETA_1 ** (step + 1))
    second = 1.0 / math.sqrt(1.0 - BETA_2 ** (step + 1))
    for p in range(np.uint64(size)):
        moments[0, p] = BETA_1 * moments[0, p] + (1.0 - BETA_1) * gradient[p]
        moments[1, p] = BETA_2 * moments[1, p] + (1.0 - BETA_2) * gradient[p] * gradient[p]
        theta[p] -= first * moments[0, p] / (math.sqrt(moments[1, p]) * second + EPSILON)


@njit(cache=True, nogil=True, error_model="numpy")
def update(
    optimiser: int, theta: Floats, gradient: Floats, moments: Floats, size: int, rate: float, momentum: float, step: int
) -> None:
    """Move the parameters, of which there are `size`."""
    if optimiser == SGD:
        _sgd(theta, gradient, moments, size, rate, momentum)
    else:
        _adam(theta, gradient, moments, size, rate, step)
