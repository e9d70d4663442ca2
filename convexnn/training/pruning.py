"""Fewer units: Demon pruning during training, and the baselines that cut units from a trained network.

Fine-tuning after a cut is `train` with the cut networks as `initial`; a network trained from scratch at the same width
is `train` with that width.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from convexnn.errors import InputError
from convexnn.network.network import Layer, Network
from convexnn.training.dead_units import unit_norms
from convexnn.training.descent import Noise, Regularisation
from convexnn.training.schedules import one_cycle
from convexnn.training.train import Runs, train
from convexnn.validation import as_generator, as_integer

_SPAN = 0.87  # of the steps: 85000 of 97656 in the published runs on CIFAR-10


def demon_pruning(
    x: ArrayLike, y: ArrayLike, *, strength: float, sigma: float, removal: int, n_steps: int, **options: Any
) -> Runs:
    """Train while a regulariser kills units, noise on the live ones keeps the dead from coming back, and they go.

    Regulariser and noise follow a one-cycle schedule over the first 87 % of the steps, so that the network recovers at
    the end. Sparsity is no target: `strength` steers it, and a sweep of strengths gives the trade-off with the loss.

    Parameters
    ----------
    x, y : (n_samples,) arrays
    strength : float
        Peak of the regulariser, half the squares of the weights.
    sigma : float
        Peak of the noise.
    removal : int
        Units that are dead on the data are removed every so many steps.
    n_steps : int
    **options
        As for `train`, from `width` and `learning_rate` on.

    Returns
    -------
    Runs

    Notes
    -----
    arXiv:2403.07688. The published networks penalise the scales of normalised layers; networks of one input have none,
    and their weights take that place.
    """
    taken = {"noise", "regularisation"} & set(options)
    if taken:
        raise InputError(f"demon_pruning sets {' and '.join(sorted(taken))} itself; use train to set it")
    span = max(int(_SPAN * as_integer("n_steps", n_steps)), 1)
    return train(
        x,
        y,
        noise=Noise(one_cycle(sigma, span), "live"),
        regularisation=Regularisation(one_cycle(strength, span)),
        removal=removal,
        n_steps=n_steps,
        **options,
    )


def magnitude_pruning(network: Network, n_units: int) -> Network:
    """The network with its `n_units` largest units, by the product of the absolute weights of each.

    Parameters
    ----------
    network : Network
    n_units : int
        How many to keep.

    Returns
    -------
    Network

    Raises
    ------
    InputError
        If there are fewer units, or units have several neurons in a layer.
    """
    smallest_first = np.argsort(unit_norms(network), kind="stable")
    return _keep(network, smallest_first[network.n_units - _left(network, n_units) :])


def random_pruning(network: Network, n_units: int, *, rng: np.random.Generator) -> Network:
    """The network with `n_units` of its units, drawn at random.

    Parameters
    ----------
    network : Network
    n_units : int
        How many to keep.
    rng : numpy.random.Generator

    Returns
    -------
    Network

    Raises
    ------
    InputError
        If there are fewer units.
    """
    return _keep(network, as_generator(rng).permutation(network.n_units)[: _left(network, n_units)])


def _left(network: Network, n_units: int) -> int:
    if as_integer("n_units", n_units, 0) > network.n_units:
        raise InputError(f"n_units must be at most {network.n_units}, which the network has, got {n_units}")
    return n_units


def _keep(network: Network, units: np.ndarray) -> Network:
    """In the order that they have in the network."""
    units = np.sort(units)
    layers = tuple(Layer(layer.weights[units], layer.biases[units]) for layer in network.layers)
    amplitude = None if network.amplitude is None else network.amplitude[units]
    return Network(network.architecture, layers, network.alpha[units], amplitude, network.intercept)
