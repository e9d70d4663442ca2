"""Dead units by several definitions, what is left of a network, and whether the dead units are the smallest ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convexnn.errors import InputError
from convexnn.network.dead_units import dead_neurons, dead_units, linear_units
from convexnn.network.network import Network
from convexnn.validation import FloatArray, as_integer, as_not_negative, as_vector, one_of

Flags = NDArray[np.bool_]

__all__ = [
    "Overlap",
    "dead_neurons",
    "dead_on_data",
    "dead_units",
    "effective_width",
    "linear_units",
    "quasi_dead",
    "smallest_norm_overlap",
    "weight_sparsity",
]


def dead_on_data(network: Network, x: ArrayLike) -> Flags:
    """Which units are zero at every input: (m,).

    For units of two layers this is the same as being zero on the whole hull of the inputs; deeper units can come alive
    between two inputs.
    """
    return (network.units(as_vector("x", x)) == 0).all(axis=1)


def quasi_dead(
    network: Network, x: ArrayLike, epsilon: float, *, by: str = "max", batch_size: int | None = None
) -> Flags:
    """Which units are small on the data: (m,).

    Parameters
    ----------
    network : Network
    x : (n,) array
    epsilon : float
        Not negative; 0 means dead.
    by : str
        "max": ``max_i |u(x_i)| <= epsilon``. "mean": ``mean_i |u(x_i)| <= epsilon``. "batch_sum": in each of the n //
        batch_size batches of consecutive inputs the sum of u is at most epsilon, rows beyond the last batch ignored.
        This is what arXiv:2403.07688 counts; it is here for comparison only, because epsilon then depends on the batch
        size and the order of the rows, and because units with negative values pass.
    batch_size : int, optional
        For "batch_sum".

    Raises
    ------
    InputError
        If epsilon is negative, or `batch_size` is missing, too large, or given without need.
    """
    points = as_vector("x", x)
    epsilon = as_not_negative("epsilon", epsilon)
    if (one_of("by", by, ("max", "mean", "batch_sum")) == "batch_sum") != (batch_size is not None):
        raise InputError('by="batch_sum" needs batch_size, and only it does')
    values = network.units(points if by == "batch_sum" else np.sort(points))
    if by == "max":
        return np.abs(values).max(axis=1) <= epsilon
    if by == "mean":
        return np.abs(values).mean(axis=1) <= epsilon
    if (size := as_integer("batch_size", batch_size)) > points.size:
        raise InputError(f"batch_size must be at most the number of samples, {points.size}, got {batch_size}")
    whole = points.size - points.size % size
    sums = values[:, :whole].reshape(network.n_units, -1, size).sum(axis=2)
    return (sums <= epsilon).all(axis=1)


def effective_width(network: Network, low: float, high: float) -> int:
    """How many units the network needs on [low, high] once the trivial ones are merged.

    Dead units and units of output weight zero count for nothing; all units that are linear on the interval add up to
    one line, which needs one unit unless it is constant.
    """
    used = network.alpha != 0
    lines = linear_units(network, low, high) & used
    bent = used & ~lines & ~dead_units(network, low, high)
    ends = network.units(np.array([low, high], dtype=float))[lines]
    return int(bent.sum()) + bool(network.alpha[lines] @ (ends[:, 1] - ends[:, 0]))


def weight_sparsity(network: Network, *, tol: float = 0.0) -> float:
    """The share of the weights, biases not counted, of absolute value at most `tol`; 1 if there are none."""
    weights = np.concatenate([network.alpha, *(layer.weights.ravel() for layer in network.layers)])
    return float((np.abs(weights) <= as_not_negative("tol", tol)).mean()) if weights.size else 1.0


@dataclass(frozen=True)
class Overlap:
    """How the dead units compare with as many units of the smallest norm.

    Attributes
    ----------
    n_dead : int
    n_common : int
        Dead units that are among the n_dead smallest.
    expected : float
        n_common for a random set of the same size.
    p_value : float
        The probability that a random set has at least n_common units in common (hypergeometric law).
    """

    n_dead: int
    n_common: int
    expected: float
    p_value: float


def smallest_norm_overlap(network: Network, dead: Flags) -> Overlap:
    """Whether the dead units are those that magnitude pruning would take.

    Parameters
    ----------
    network : Network
    dead : (m,) array of bool
        From any of the definitions of this module.

    Notes
    -----
    The norm of a unit is the product of the absolute values of its weights: its slope, however it is balanced. Equal
    norms are taken in the order of the units.
    """
    m, dead = network.n_units, np.asarray(dead)
    if dead.shape != (m,) or dead.dtype != bool:
        raise InputError(f"dead must be a bool array of shape ({m},), got {dead.dtype} of shape {dead.shape}")
    count = int(np.sum(dead))
    smallest = np.argsort(unit_norms(network), kind="stable")[:count]
    common = int(np.sum(dead[smallest]))
    ways = sum(math.comb(count, k) * math.comb(m - count, count - k) for k in range(common, count + 1))
    return Overlap(count, common, count * count / max(m, 1), ways / math.comb(m, count))


def unit_norms(network: Network) -> FloatArray:
    """The product of the absolute weights of every narrow unit: (m,)."""
    if network.architecture.widths:
        raise InputError(f"unit norms are defined for narrow networks, not for {network.architecture.label}")
    inner = np.prod([np.abs(layer.weights[:, 0, 0]) for layer in network.layers], axis=0)
    return np.abs(network.alpha) * inner
