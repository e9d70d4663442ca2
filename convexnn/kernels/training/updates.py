"""How a gradient moves the parameters, and what regularisers add to it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from convexnn.kernels.lanes import root
from convexnn.kernels.training.arrays import Floats, Ints, Task

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # of Adam


class Rule(NamedTuple):
    """The optimiser in one step.

    Attributes
    ----------
    adam : bool
        Otherwise it is gradient descent, with a heavy ball if there is momentum.
    rate : float
        For Adam with the correction for the first moment's start from zero.
    momentum : float
    correction : float
        For the second moment's start from zero.
    """

    adam: bool
    rate: float
    momentum: float
    correction: float


@njit(cache=True, nogil=True, error_model="numpy")
def rule_of(adam: bool, rate: float, momentum: float, step: int) -> Rule:
    """The optimiser in a step, of number 0, 1, ..."""
    if adam:
        first, second = 1.0 - BETA_1 ** (step + 1), 1.0 - BETA_2 ** (step + 1)
        return Rule(True, rate / first, 0.0, 1.0 / math.sqrt(second))
    return Rule(False, rate, momentum, 0.0)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def heavy_ball(value: Any, gradient: Any, moment: Any, rule: Rule) -> Any:
    """A parameter and its moment after a step of gradient descent; numbers or lanes."""
    moment = rule.momentum * moment + gradient
    return value - rule.rate * moment, moment


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def adam(value: Any, gradient: Any, first: Any, second: Any, rule: Rule) -> Any:
    """A parameter and its two moments after a step of Adam (Kingma and Ba, 2015); numbers or lanes."""
    first = BETA_1 * first + (1.0 - BETA_1) * gradient
    second = BETA_2 * second + (1.0 - BETA_2) * gradient * gradient
    return value - rule.rate * first / (root(second) * rule.correction + EPSILON), first, second


@njit(cache=True, nogil=True, error_model="numpy")
def update(theta: Floats, gradient: Floats, moments: Floats, size: int, rule: Rule) -> None:
    """Move the parameters, of which there are `size`."""
    for p in range(np.uint64(size)):
        if rule.adam:
            theta[p], moments[0, p], moments[1, p] = adam(theta[p], gradient[p], moments[0, p], moments[1, p], rule)
        elif rule.momentum == 0:
            theta[p] -= rule.rate * gradient[p]
        else:
            theta[p], moments[0, p] = heavy_ball(theta[p], gradient[p], moments[0, p], rule)


@njit(cache=True, nogil=True, error_model="numpy")
def _add_pull(
    theta: Floats, target: Floats, first: int, last: int, strength: float, power: int, one_sided: bool
) -> None:
    """Add the gradient of the regulariser of a block to `target`: the gradient, or the parameters themselves."""
    for p in range(first, last):
        w = max(theta[p], 0.0) if one_sided else theta[p]
        target[p] += strength * (w if power == 2 else np.sign(w))


@njit(cache=True, nogil=True, error_model="numpy")
def regularise(task: Task, step: int, starts: Ints, kinds: Ints, theta: Floats, gradient: Floats) -> None:
    """Add the gradient of the regulariser to that of the loss, or let it pull at the parameters themselves."""
    strength = task.strengths[step]
    for block in range(kinds.size):
        if task.regularised[kinds[block]]:
            first, last = starts[block], starts[block + 1]
            if task.decoupled:
                _add_pull(theta, theta, first, last, -task.rates[step] * strength, task.power, task.one_sided)
            else:
                _add_pull(theta, gradient, first, last, strength, task.power, task.one_sided)
