"""Which units of a network are zero, or linear, on a whole interval, in closed form.

A narrow unit is a chain of functions of one number, and each maps an interval onto an interval, whose ends come from
the ends of the interval below and from zero. Rounding is monotone, so that the statements hold for the values that
`Network` computes at every float in the interval, not only in exact arithmetic.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from convexnn.activations import Activation
from convexnn.errors import InputError
from convexnn.network.network import Network
from convexnn.validation import FloatArray, as_number

_LARGEST = float(np.finfo(float).max)


def dead_units(network: Network, low: float, high: float) -> NDArray[np.bool_]:
    """The units that are zero on all of [low, high].

    A ReLU unit ``(w x + b)_+`` is dead if ``max(w low + b, w high + b) <= 0``; its data gradient is then zero as well.

    Parameters
    ----------
    network : Network
        With one neuron a layer in each unit.
    low, high : float

    Returns
    -------
    (m,) array of bool

    Raises
    ------
    InputError
        If low > high, an end is not finite, or units have several neurons in a layer.
    """
    return dead_neurons(network, low, high)[-1]


def dead_neurons(network: Network, low: float, high: float) -> NDArray[np.bool_]:
    """The neurons that are zero on all of [low, high]: (depth - 1, m), the layer next to the input first."""
    dead = []
    for least, most, sigma in _arguments(network, low, high):
        # On either side of zero an activation vanishes everywhere or nowhere, so that the ends decide.
        dead.append((sigma(np.stack((least, most))) == 0).all(axis=0))
    return np.array(dead).reshape(len(dead), network.n_units)


def linear_units(network: Network, low: float, high: float) -> NDArray[np.bool_]:
    """The units that are linear, or constant, on all of [low, high] without being dead: no neuron bends inside.

    ReLU units of two layers among them are always on: ``min(w low + b, w high + b) >= 0``. Parameters, result and
    errors as for `dead_units`.
    """
    bent = np.zeros(network.n_units, dtype=bool)
    for least, most, sigma in _arguments(network, low, high):
        bent |= (least < 0) & ((most >= 0) if sigma.is_step else (most > 0))  # a step jumps at zero itself
    return ~bent & ~dead_units(network, low, high)


def _arguments(network: Network, low: float, high: float) -> list[tuple[FloatArray, FloatArray, Activation]]:
    """Every layer's range of arguments on [low, high], unit by unit, and its activation."""
    low, high = as_number("low", low), as_number("high", high)
    if low > high:
        raise InputError(f"an interval needs low <= high, got [{low}, {high}]")
    if network.architecture.widths:
        raise InputError(
            f"dead units are found in narrow networks only, not in architecture {network.architecture.label}"
        )
    least, most = np.full(network.n_units, low), np.full(network.n_units, high)
    ranges = []
    for layer, sigma in zip(network.layers, network.architecture.layer_activations, strict=True):
        w, b = layer.weights[:, 0, 0], layer.biases[:, 0]
        with np.errstate(over="ignore"):
            ends = np.clip((w * least + b, w * most + b), -_LARGEST, _LARGEST)
        least, most = ends.min(axis=0), ends.max(axis=0)
        ranges.append((least, most, sigma))
        values = sigma(np.stack((least, most)))
        # Where the argument changes sign inside, a continuous activation takes the value zero as well.
        inside = (least < 0) & (most > 0) & (not sigma.is_step)
        values = np.concatenate((values, np.where(inside, 0.0, values[:1])))
        least, most = values.min(axis=0), values.max(axis=0)
    return ranges
