"""Structured pruning of multilayer perceptrons: which units to keep, and cutting them while training goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convexnn.errors import InputError
from convexnn.training.mlp import MLP, HiddenLayer, MLPRuns, as_widths, train_mlp
from convexnn.training.schedules import Schedule, cubic_sparsity
from convexnn.validation import FloatArray, as_integer

Units = NDArray[np.int64]


def keep_units(network: MLP, kept: Sequence[Units]) -> MLP:
    """The network with some of its units.

    Parameters
    ----------
    network : MLP
    kept : sequence of arrays of int
        For every hidden layer, which units to keep; they stay in the order that they have in the network.

    Raises
    ------
    InputError
        If there is not one array a layer, or an entry is no number of a unit.
    """
    if len(kept) != len(network.layers):
        raise InputError(f"there are {len(network.layers)} hidden layers, got units of {len(kept)}")
    layers, before = [], np.arange(network.layers[0].weights.shape[0])
    for layer, units in zip(network.layers, kept, strict=True):
        units = np.unique(units)
        if units.dtype.kind not in "iu" or not np.isin(units, np.arange(layer.biases.size)).all():
            raise InputError(f"units must be integers from 0 to {layer.biases.size - 1}, got {units}")
        statistics = (layer.biases, layer.scales, layer.means, layer.deviations)
        cut = (None if part is None else part[units] for part in statistics)
        layers.append(HiddenLayer(layer.weights[np.ix_(before, units)], *cut))  # type: ignore[arg-type]  # biases exist
        before = units
    return MLP(network.activation, tuple(layers), network.weights[before], network.biases)


def largest_units(scores: Sequence[FloatArray], widths: Sequence[int]) -> list[Units]:
    """The units of the largest scores, so many a hidden layer.

    Raises
    ------
    InputError
        If there is not one width a layer, or a layer has fewer units.
    """
    if len(widths) != len(scores):
        raise InputError(f"there are {len(scores)} hidden layers, got {len(widths)} widths")
    for score, width in zip(scores, widths, strict=True):
        if as_integer("each width", width) > score.size:
            raise InputError(f"a layer of {score.size} units cannot keep {width}")
    return [np.argsort(-score, kind="stable")[:width] for score, width in zip(scores, widths, strict=True)]


def magnitudes(network: MLP) -> list[FloatArray]:
    """The norm of every unit's incoming weights times that of its outgoing weights, layer by layer.

    Normalised layers count with the weights that they have after training, the scale and the deviation included, so
    that a unit's magnitude does not depend on how its function is split between its weights.
    """
    gains = [
        layer.weights
        if layer.scales is None or layer.deviations is None
        else layer.weights * (layer.scales / layer.deviations)
        for layer in network.layers
    ]
    outgoing = [*gains[1:], network.weights]
    return [
        np.linalg.norm(into, axis=0) * np.linalg.norm(out, axis=1) for into, out in zip(gains, outgoing, strict=True)
    ]


def scale_sizes(network: MLP) -> list[FloatArray]:
    """The absolute scales of the units, which network slimming ranks them by (Liu et al., 2017).

    Raises
    ------
    InputError
        If layers are not normalised.
    """
    scales = [layer.scales for layer in network.layers if layer.scales is not None]
    if len(scales) < len(network.layers):
        raise InputError("units are ranked by scales in normalised networks only; train with normalised=True")
    return [np.abs(scale) for scale in scales]


def gradual_pruning(
    x: ArrayLike,
    y: ArrayLike,
    *,
    hidden: Sequence[int],
    widths: Sequence[int],
    span: int,
    every: int,
    n_steps: int,
    learning_rate: Schedule,
    seed: int,
    initial: MLP | None = None,
    **options: Any,
) -> MLP:
    """Train one network while its smallest units are cut, many at first and few later.

    Parameters
    ----------
    x, y : arrays
    hidden : sequence of int
        Widths at the start.
    widths : sequence of int
        Widths at the end.
    span : int
        After so many steps the last units are cut; below `n_steps`, so that the network recovers.
    every : int
        Units are cut every so many steps.
    n_steps : int
    learning_rate : float or callable of the step
    seed : int
    initial : MLP, optional
    **options
        As for `train_mlp`.

    Returns
    -------
    MLP

    Raises
    ------
    InputError
        As `train_mlp`, if the run diverges, if the span is not below n_steps, and for widths above those at the start.

    Notes
    -----
    The schedule is that of Zhu and Gupta (2017), for units by their magnitude instead of weights. The moments of the
    optimiser start anew at every cut.
    """
    if not as_integer("every", every) <= as_integer("span", span) < as_integer("n_steps", n_steps):
        raise InputError(f"every <= span < n_steps is needed, got every={every}, span={span} and n_steps={n_steps}")
    hidden, widths = as_widths("hidden", hidden), as_widths("widths", widths)
    if len(widths) != len(hidden) or any(end > start for start, end in zip(hidden, widths, strict=True)):
        raise InputError(f"widths must hold one width a hidden layer, none above {hidden}, got {widths}")
    schedules = [cubic_sparsity(1 - end / start, span) for start, end in zip(hidden, widths, strict=True)]
    network, begin, now = initial, 0, list(hidden)
    for cut in [*range(every, span, every), span]:
        network = train_on(x, y, network, now, begin, cut, learning_rate=learning_rate, seed=seed, **options)
        now = [start - round(start * schedule(cut)) for start, schedule in zip(hidden, schedules, strict=True)]
        network = keep_units(network, largest_units(magnitudes(network), now))
        begin = cut
    return train_on(x, y, network, now, begin, n_steps, learning_rate=learning_rate, seed=seed, **options)


def train_on(
    x: ArrayLike,
    y: ArrayLike,
    network: MLP | None,
    hidden: Sequence[int],
    begin: int,
    end: int,
    *,
    learning_rate: Schedule,
    seed: int,
    **options: Any,
) -> MLP:
    """The steps from `begin` to `end` of a longer run: at its learning rates, with batches of their own.

    Raises
    ------
    InputError
        As `train_mlp`, and if the run diverges.
    """
    drawn = seed if begin == 0 else int(np.random.SeedSequence((seed, begin)).generate_state(1, np.uint64)[0])
    runs = train_mlp(
        x,
        y,
        hidden=tuple(hidden),
        learning_rate=(lambda step: learning_rate(begin + step)) if callable(learning_rate) else learning_rate,
        n_steps=end - begin,
        seeds=[drawn],
        initial=None if network is None else [network],
        **options,
    )
    return finished(runs, [seed])[0]


def finished(runs: MLPRuns, seeds: Sequence[int]) -> list[MLP]:
    """The trained networks.

    Raises
    ------
    InputError
        If a run diverged.
    """
    networks = []
    for network, seed in zip(runs.networks, seeds, strict=True):
        if network is None:
            raise InputError(f"the run of seed {seed} diverged; try a smaller learning rate")
        networks.append(network)
    return networks
