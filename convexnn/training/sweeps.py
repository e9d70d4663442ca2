"""Demon pruning against its baselines, at equal widths and equal numbers of steps, seed by seed.

Demon pruning has no target: a sweep of its strength gives networks of different widths, and every baseline is brought
to the widths that Demon pruning left for the same seed. All of a seed's runs start from the same weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from convexnn.errors import InputError
from convexnn.training.descent import Noise, Regularisation, as_seeds
from convexnn.training.mlp import MLP, HiddenLayer, as_widths, train_mlp
from convexnn.training.mlp_pruning import (
    finished,
    gradual_pruning,
    keep_units,
    largest_units,
    magnitudes,
    scale_sizes,
    train_on,
)
from convexnn.training.schedules import Schedule, one_cycle
from convexnn.validation import FloatArray, as_integer, as_number, as_vector

DENSE, DEMON = "dense", "Demon"
MAGNITUDE, GRADUAL, RANDOM, SLIMMING = "magnitude", "gradual magnitude", "random", "l1 on scales"
_CUTS = 10  # of gradual pruning


@dataclass(frozen=True)
class Pruned:
    """One trained network of a sweep.

    Attributes
    ----------
    method : str
    strength : float
        Of the run of Demon pruning whose widths it has; 0 for the dense network.
    seed : int
    sparsity : float
        The share of the units that is gone.
    network : MLP
    """

    method: str
    strength: float
    seed: int
    sparsity: float
    network: MLP


def pruning_sweep(
    x: ArrayLike,
    y: ArrayLike,
    *,
    strengths: ArrayLike,
    sigma: float,
    removal: int,
    hidden: Sequence[int],
    learning_rate: Schedule,
    n_steps: int,
    span: float = 0.8,
    seeds: int | Sequence[int],
    normalised: bool = False,
    initial: Sequence[MLP] | None = None,
    progress: Callable[[str], None] | None = None,
    **options: Any,
) -> list[Pruned]:
    """Train dense networks, pruned ones at several strengths, and the baselines of each.

    Parameters
    ----------
    x, y : arrays
    strengths : (k,) array
        Peaks of the regulariser: the absolute scales of normalised networks, half the squared weights of others.
    sigma : float
        Peak of the noise on live units.
    removal : int
        Dead units are removed every so many steps.
    hidden : sequence of int
        Widths at the start.
    learning_rate : float or callable of the step
    n_steps : int
        Of every network, recovery after pruning included.
    span : float
        The share of the steps after which pruning ends: of the one-cycle schedules, of gradual pruning, and of the
        training before a cut.
    seeds : int or sequence of int
    normalised : bool
        Adds the baseline that cuts the smallest scales of a network whose scales were penalised.
    initial : sequence of MLP, optional
        Where to start, one a seed.
    progress : callable, optional
        Called with a line of text after every strength.
    **options
        As for `train_mlp`.

    Returns
    -------
    list of Pruned
        For every strength all methods for all seeds; first the dense networks.

    Raises
    ------
    InputError
        As `train_mlp`, if a run diverges, and if a strength is not positive or the span not between 0 and 1.

    Notes
    -----
    arXiv:2403.07688. A layer that dies completely keeps one unit. The moments of the optimiser start anew after every
    cut, and in the dense networks at the same step; Demon pruning removes units together with their moments.
    """
    taken = {"noise", "regularisation"} & set(options)
    if taken:
        raise InputError(f"pruning_sweep sets {' and '.join(sorted(taken))} itself")
    hidden, peaks = as_widths("hidden", hidden), as_vector("strengths", strengths).tolist()
    if min(peaks) <= 0:
        raise InputError(f"strengths must be positive, got {peaks}")
    if not 0 < as_number("span", span) < 1:
        raise InputError(f"span must be a share of the steps between 0 and 1, got {span}")
    numbers = as_seeds(seeds)
    task = _Task(
        x,
        y,
        hidden=hidden,
        seeds=numbers,
        initial=initial,
        cut=max(int(span * as_integer("n_steps", n_steps)), 1),
        n_steps=n_steps,
        options={"normalised": normalised, "learning_rate": learning_rate, "record_every": n_steps, **options},
    )
    half, dense = task.dense()
    found = [Pruned(DENSE, 0.0, seed, 0.0, network) for seed, network in zip(numbers, dense, strict=True)]
    for strength in peaks:
        for method, networks in task.all_methods(half, strength, sigma, removal).items():
            found += [
                Pruned(method, strength, seed, 1 - sum(_widths(network)) / sum(hidden), network)
                for seed, network in zip(numbers, networks, strict=True)
            ]
        if progress is not None:
            left = np.mean([_widths(one.network) for one in found[-len(numbers) :]], axis=0)
            progress(f"strength {strength:g}: widths {left.round(1).tolist()} on average")
    return found


@dataclass(frozen=True)
class Row:
    """A method at one strength, over the seeds.

    Attributes
    ----------
    method, strength
        As in `Pruned`.
    n : int
    sparsity : float
        Mean.
    score, half_width : float
        Mean, and half the width of its 95 % confidence interval.
    behind, behind_half_width : float
        The mean over the seeds of the score of Demon pruning at these widths minus this one, and the same; NaN for the
        dense networks.
    """

    method: str
    strength: float
    n: int
    sparsity: float
    score: float
    half_width: float
    behind: float
    behind_half_width: float


def summarise(pruned: Sequence[Pruned], scores: Sequence[float]) -> list[Row]:
    """Means over the seeds with confidence intervals of Student's t, and paired differences to Demon pruning.

    Parameters
    ----------
    pruned : sequence of Pruned
        From `pruning_sweep`.
    scores : sequence of float
        One a network, larger is better.

    Returns
    -------
    list of Row
        In the order of the sweep.

    Raises
    ------
    InputError
        If there is not one score a network.
    """
    if len(scores) != len(pruned):
        raise InputError(f"scores needs one entry a network, got {len(scores)} for {len(pruned)} networks")
    table: dict[tuple[str, float], dict[int, tuple[float, float]]] = {}
    for one, score in zip(pruned, scores, strict=True):
        table.setdefault((one.method, one.strength), {})[one.seed] = one.sparsity, float(score)
    rows = []
    for (method, strength), by_seed in table.items():
        sparsity, values = np.array(list(by_seed.values())).T
        demon = table.get((DEMON, strength), {})
        lead = np.array([demon[seed][1] for seed in by_seed]) - values if demon else np.full(values.size, math.nan)
        rows.append(Row(method, strength, values.size, float(sparsity.mean()), *_interval(values), *_interval(lead)))
    return rows


def _interval(values: FloatArray) -> tuple[float, float]:
    """Mean, and half the width of its confidence interval; NaN for one value."""
    if values.size == 1:
        return float(values[0]), math.nan
    error = values.std(ddof=1) / math.sqrt(values.size)
    return float(values.mean()), float(stdtrit(values.size - 1, 0.975) * error)


@dataclass(frozen=True)
class _Task:
    """What all runs of a sweep share; every method returns one network a seed."""

    x: ArrayLike
    y: ArrayLike
    hidden: tuple[int, ...]
    seeds: list[int]
    initial: Sequence[MLP] | None
    cut: int
    n_steps: int
    options: dict[str, Any]

    def dense(self) -> tuple[list[MLP], list[MLP]]:
        """Networks as they are when units are cut, and at the end."""
        starts = self._starts
        half = self._each_seed(lambda i: self._train(starts[i], self.hidden, 0, self.cut, i))
        return half, self._each_seed(lambda i: self._train(half[i], self.hidden, self.cut, self.n_steps, i))

    def all_methods(self, half: list[MLP], strength: float, sigma: float, removal: int) -> dict[str, list[MLP]]:
        """Demon pruning, and the baselines at its widths; `half` are dense networks at the time of the cut."""
        peak = one_cycle(strength, self.cut)
        on_scales = bool(self.options["normalised"])
        penalty = Regularisation(peak, power=1, on=("scales",)) if on_scales else Regularisation(peak)
        demon = self.demon(penalty, sigma, removal)
        widths = [_widths(network) for network in demon]
        lots = [_random_scores(network, seed) for network, seed in zip(half, self.seeds, strict=True)]
        networks = {
            DEMON: demon,
            MAGNITUDE: self.recovered(half, [magnitudes(network) for network in half], widths),
            GRADUAL: self.gradual(widths),
            RANDOM: self.recovered(half, lots, widths),
        }
        if on_scales:
            slim = self._together(self.cut, regularisation=penalty)  # neither noise nor removal
            networks[SLIMMING] = self.recovered(slim, [scale_sizes(network) for network in slim], widths)
        return networks

    def demon(self, penalty: Regularisation, sigma: float, removal: int) -> list[MLP]:
        noise = Noise(one_cycle(sigma, self.cut), "live")
        runs = self._together(self.n_steps, regularisation=penalty, noise=noise, removal=removal)
        return [_without_dead(network, self.x) for network in runs]

    def recovered(self, networks: list[MLP], scores: list[list[FloatArray]], widths: list[list[int]]) -> list[MLP]:
        """Cut to the largest scores, and trained on."""
        small = [
            keep_units(network, largest_units(score, left))
            for network, score, left in zip(networks, scores, widths, strict=True)
        ]
        return self._each_seed(lambda i: self._train(small[i], widths[i], self.cut, self.n_steps, i))

    def gradual(self, widths: list[list[int]]) -> list[MLP]:
        starts, every = self._starts, max(self.cut // _CUTS, 1)
        return self._each_seed(
            lambda i: gradual_pruning(
                self.x,
                self.y,
                hidden=self.hidden,
                widths=widths[i],
                span=self.cut,
                every=every,
                n_steps=self.n_steps,
                seed=self.seeds[i],
                initial=starts[i],
                **self.options,
            )
        )

    @property
    def _starts(self) -> Sequence[MLP | None]:
        return [None] * len(self.seeds) if self.initial is None else self.initial

    def _train(self, network: MLP | None, hidden: Sequence[int], begin: int, end: int, i: int) -> MLP:
        return train_on(self.x, self.y, network, hidden, begin, end, seed=self.seeds[i], **self.options)

    def _together(self, n_steps: int, **options: Any) -> list[MLP]:
        shared = {"hidden": self.hidden, "seeds": self.seeds, "initial": self.initial, **self.options}
        return finished(train_mlp(self.x, self.y, n_steps=n_steps, **shared, **options), self.seeds)

    def _each_seed(self, run: Callable[[int], MLP]) -> list[MLP]:
        with ThreadPoolExecutor(numba.get_num_threads()) as pool:
            return list(pool.map(run, range(len(self.seeds))))


def _widths(network: MLP) -> list[int]:
    return [layer.biases.size for layer in network.layers]


def _without_dead(network: MLP, x: ArrayLike) -> MLP:
    network = _never_empty(network)
    kept = [np.flatnonzero(~dead) if not dead.all() else np.arange(1) for dead in network.dead_units(x)]
    return keep_units(network, kept)


def _never_empty(network: MLP) -> MLP:
    """With a unit of zero weights in every layer that has lost all of its units."""
    layers, more = [], 0
    for layer in network.layers:
        weights = np.pad(layer.weights, ((0, more), (0, 0)))
        more = int(layer.biases.size == 0)
        if more:
            zero = np.zeros(1)
            statistics = () if layer.scales is None else (zero, zero, np.ones(1))
            layers.append(HiddenLayer(np.zeros((len(weights), 1)), zero, *statistics))
        else:
            layers.append(replace(layer, weights=weights))
    return MLP(network.activation, tuple(layers), np.pad(network.weights, ((0, more), (0, 0))), network.biases)


def _random_scores(network: MLP, seed: int) -> list[FloatArray]:
    rng = np.random.default_rng((seed, 1))
    return [rng.random(width) for width in _widths(network)]
