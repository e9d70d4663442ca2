"""Where the parameters of a network are, noise on them, and the removal of those of dead units.

The parameters are one vector: of every hidden layer the weights, the biases and, where the layer is normalised, the
scales; then the output weights and the output biases. Weights are stored by input, then by output; a diagonal layer has
one weight a unit. Units that are removed leave the vector, so that the rest trains faster.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from convexnn.kernels.random import normal_quantile, uniform
from convexnn.kernels.training.arrays import Floats, Ints, Task, Work

WEIGHTS, BIASES, SCALES = 0, 1, 2
ALL, LIVE, DEAD = 0, 1, 2


@njit(cache=True, nogil=True, error_model="numpy")
def layout(widths: Ints, diagonal: bool, normalised: bool, starts: Ints, kinds: Ints) -> None:
    """Where the blocks of parameters begin, where the last one ends, and whether they are weights, biases or scales."""
    position = block = 0
    last = widths.size - 2
    for layer in range(last + 1):
        fan_in = 1 if diagonal and 0 < layer < last else widths[layer]
        for kind in range(3 if normalised and layer < last else 2):
            starts[block], kinds[block] = position, kind
            position += fan_in * widths[layer + 1] if kind == WEIGHTS else widths[layer + 1]
            block += 1
    starts[block] = position


@njit(cache=True, nogil=True, error_model="numpy")
def shake(task: Task, sigma: float, key: np.uint64, drawn: np.uint64, widths: Ints, theta: Floats, work: Work) -> None:
    """Add noise to the parameters of the units that it is for; a weight is live if both its units are."""
    hidden, block = widths.size - 2, 0
    for layer in range(hidden + 1):
        width = widths[layer + 1]
        diagonal = task.diagonal and 0 < layer < hidden
        for kind in range(3 if task.normalised and layer < hidden else 2):
            first = work.starts[block]
            for p in range(first, work.starts[block + 1]):
                above, below = (p - first) % width, (p - first) // width
                live = layer == hidden or work.alive[layer, above]
                if kind == WEIGHTS and layer > 0:
                    live &= work.alive[layer - 1, above if diagonal else below]
                if task.noisy == ALL or live == (task.noisy == LIVE):
                    theta[p] += sigma * normal_quantile(uniform(key, drawn + np.uint64(p)))
            block += 1


@njit(cache=True, nogil=True, error_model="numpy")
def remove(task: Task, widths: Ints, units: Ints, theta: Floats, work: Work) -> None:
    """Take the dead units out of the parameters and their moments; the outputs on the data stay what they are."""
    hidden, block, position = widths.size - 2, 0, 0
    for layer in range(hidden):
        # A parallel unit goes as a whole, once its output is zero.
        for j in range(widths[layer + 1]):
            work.keep[layer, j] = work.alive[hidden - 1 if task.diagonal else layer, j]
    for layer in range(hidden + 1):
        width = widths[layer + 1]
        full = layer > 0 and not (task.diagonal and layer < hidden)
        for kind in range(3 if task.normalised and layer < hidden else 2):
            first = work.starts[block]
            for p in range(first, work.starts[block + 1]):
                kept = layer == hidden or work.keep[layer, (p - first) % width]
                if full and kind == WEIGHTS:
                    kept &= work.keep[layer - 1, (p - first) // width]
                if kept:
                    theta[position] = theta[p]
                    for moment in range(2):
                        work.moments[moment, position] = work.moments[moment, p]
                    position += 1
            block += 1
    for layer in range(hidden):
        left = 0
        for j in range(widths[layer + 1]):
            if work.keep[layer, j]:
                units[layer, left] = units[layer, j]
                if layer == 0:
                    work.kinks[left] = work.kinks[j]
                left += 1
        widths[layer + 1] = left
    layout(widths, task.diagonal, task.normalised, work.starts, work.kinds)
