"""What gradient descent does in every step, checked once, and the run of many networks over the threads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from convexnn.errors import InputError
from convexnn.kernels.lanes import LANES
from convexnn.kernels.random import random_bits
from convexnn.kernels.training import losses, parameters
from convexnn.kernels.training.arrays import Networks, Task, workspace
from convexnn.kernels.training.loop import train_networks
from convexnn.training.schedules import Schedule, every_step
from convexnn.validation import FloatArray, as_integer, as_not_negative, as_number, one_of

LOSSES = {"squared": losses.SQUARED, "logistic": losses.LOGISTIC}
_UNITS = {"all": parameters.ALL, "live": parameters.LIVE, "dead": parameters.DEAD}
_PARAMETERS = ("weights", "biases", "scales")
_RECORDS = 100
_UPDATES = 10_000_000  # of single parameters in a call, unless a network alone has more; calls cannot be interrupted
_LOCKSTEP_ROWS = 30_000  # beyond, the caches are too small for eight (`python -m benchmarks.training --rows`)
_STREAMS = np.uint64(0), np.uint64(1)  # batches, noise


@dataclass(frozen=True)
class Noise:
    """Gaussian noise on the parameters, added after every update and not scaled by the learning rate.

    Attributes
    ----------
    sigma : float or callable of the step
        Standard deviation for every parameter.
    units : str
        "all": symmetric noise. "live": only parameters of live units, so that dead units stay dead; "dead": the others.
        A weight between two units counts as live if both are. With one input and one hidden layer a unit is dead if it
        is zero on all of the data, otherwise if it is zero on the rows of the step's batch.

    Notes
    -----
    arXiv:2403.07688 masks the noise by whether a parameter's gradient is zero. A regulariser makes every gradient
    nonzero; what counts here is the gradient of the loss, which is zero for all parameters of a dead unit.
    """

    sigma: Schedule
    units: str = "all"

    def __post_init__(self) -> None:
        one_of("units", self.units, tuple(_UNITS))


@dataclass(frozen=True)
class Regularisation:
    """A penalty that is only a means of training and no part of the objective: strength times R(parameters).

    Attributes
    ----------
    strength : float or callable of the step
    power : int
        2: R is half the sum of squares. 1: the sum of absolute values.
    on : tuple of str
        Which parameters: of "weights", "biases" and the "scales" of normalised layers. All three is what many programs
        call weight decay.
    positive_only : bool
        Whether only the positive parts count.
    decoupled : bool
        Whether its gradient bypasses the optimiser and is scaled by the learning rate alone (AdamW, Loshchilov and
        Hutter, 2019).
    """

    strength: Schedule
    power: int = 2
    on: tuple[str, ...] = ("weights",)
    positive_only: bool = False
    decoupled: bool = False

    def __post_init__(self) -> None:
        if self.power not in (1, 2):
            raise InputError(f"power must be 1 or 2, got {self.power!r}")
        if not isinstance(self.on, tuple) or not self.on:
            raise InputError(f'on must be a tuple of parameter kinds such as ("weights",), got {self.on!r}')
        for kind in self.on:
            one_of("kind of parameters", kind, _PARAMETERS)


@dataclass(frozen=True)
class History:
    """What was recorded along the runs.

    Attributes
    ----------
    steps : (k,) array of int
        After how many steps; from 0 to the last.
    objective : (r, k) array
        Infinite from where a network diverged.
    alive : (r, k, h) array of int
        How many units of every hidden layer are not zero on all of the data.
    deaths, revivals : (r, k, h) arrays of int
        How many units are dead that were alive at the recorded step before, and the other way round.
    """

    steps: NDArray[np.int64]
    objective: FloatArray
    alive: NDArray[np.int64]
    deaths: NDArray[np.int64]
    revivals: NDArray[np.int64]


def make_task(
    x: FloatArray,
    y: FloatArray,
    *,
    slopes: FloatArray,
    diagonal: bool,
    normalised: bool,
    beta: float,
    exponent: int,
    loss: str,
    optimizer: str,
    learning_rate: Schedule,
    n_steps: int,
    batch_size: int | None,
    momentum: float,
    noise: Noise | None,
    regularisation: Regularisation | None,
    removal: int | None,
    record_every: int | None,
) -> Task:
    """The options in the form that the kernel takes, after all checks that do not concern a single network.

    Parameters
    ----------
    x, y : (n, d) and (n, o) arrays
    slopes : (h, 2) array
    """
    n, n_steps = len(x), as_integer("n_steps", n_steps, 0)
    if one_of("optimizer", optimizer, ("sgd", "adam")) == "adam" and momentum != 0:
        raise InputError(f'momentum belongs to optimizer="sgd" (Adam has its own), got {momentum}')
    if not 0 <= as_number("momentum", momentum) < 1:
        raise InputError(f"momentum must be in [0, 1), got {momentum}")
    if (batch := n if batch_size is None else as_integer("batch_size", batch_size)) > n:
        raise InputError(f"batch_size must be at most the number of samples, {n}, got {batch}")
    if one_of("loss", loss, tuple(LOSSES)) == "logistic" and (wrong := y[np.abs(y) != 1]).size:
        raise InputError(f'loss "logistic" needs labels -1 and +1, got {wrong[0]:g} ({wrong.size} of {y.size} entries)')
    for name, option, kind in (("noise", noise, Noise), ("regularisation", regularisation, Regularisation)):
        if option is not None and not isinstance(option, kind):
            raise InputError(f"{name} must be a training.{kind.__name__} or None, got {option!r}")
    if regularisation is not None and regularisation.on == ("scales",) and not normalised:
        raise InputError("regularisation on scales alone needs normalised layers, which have them")
    noise = noise or Noise(0.0)
    regularisation = regularisation or Regularisation(0.0)
    every = max(n_steps // _RECORDS, 1) if record_every is None else as_integer("record_every", record_every)
    in_order = x.shape[1] == y.shape[1] == len(slopes) == 1 and exponent == 2 and not normalised
    strengths = every_step("strength of the regularisation", regularisation.strength, n_steps)
    noises = every_step("sigma of the noise", noise.sigma, n_steps)
    return Task(
        x=np.ascontiguousarray(x),
        y=np.ascontiguousarray(y),
        loss=LOSSES[loss],
        slopes=np.ascontiguousarray(slopes, dtype=float),
        diagonal=diagonal,
        normalised=normalised,
        in_order=in_order,
        lockstep=in_order and n <= _LOCKSTEP_ROWS and removal is None and not strengths.any() and not noises.any(),
        adam=optimizer == "adam",
        momentum=float(momentum),
        rates=every_step("learning_rate", learning_rate, n_steps),
        strengths=strengths,
        noises=noises,
        beta=as_not_negative("beta", beta),
        exponent=exponent,
        regularised=np.array([kind in regularisation.on for kind in _PARAMETERS]),
        power=int(regularisation.power),
        one_sided=bool(regularisation.positive_only),
        decoupled=bool(regularisation.decoupled),
        noisy=_UNITS[noise.units],
        batch_size=batch,
        remove_every=0 if removal is None else as_integer("removal", removal),
        record_at=np.unique(np.append(np.arange(0, n_steps, every), n_steps)),
    )


def as_seeds(seeds: Any) -> list[int]:
    """A count as the seeds 0, 1, ...; a sequence of seeds as it is."""
    if isinstance(seeds, Iterable) and not isinstance(seeds, (str, bytes)):
        seeds = [as_integer("each seed", seed, 0, 2**64 - 1) for seed in seeds]
        if not seeds:
            raise InputError("seeds is empty; at least one network is needed")
        return seeds
    return list(range(as_integer("seeds", seeds)))


def check_one_a_seed(initial: Any, count: int) -> None:
    """Refuse what is not a sequence of one network a seed."""
    if not isinstance(initial, Sequence):
        raise InputError(f"initial must be a sequence of one network a seed, got {type(initial).__name__}")
    if len(initial) != count:
        raise InputError(f"initial needs one network a seed, got {len(initial)} networks and {count} seeds")


def descend(task: Task, widths: Sequence[int], starts: FloatArray, seeds: Sequence[int]) -> tuple[Networks, History]:
    """Train networks of the same shape, each on the random numbers of its seed, on the threads that numba may use.

    Parameters
    ----------
    widths : sequence of int
        Inputs, units of every hidden layer, outputs.
    starts : (r, P) array
        The parameters at the start, in the order of `convexnn.kernels.training.parameters`; trained in place.

    Returns
    -------
    Networks, History
        The same numbers for any number of threads: no network sees another.
    """
    r, hidden, k = len(seeds), len(widths) - 2, task.record_at.size
    networks = Networks(
        theta=starts,
        widths=np.tile(np.array(widths, dtype=np.int64), (r, 1)),
        units=np.tile(np.arange(max(widths[1:-1])), (r, hidden, 1)),
        keys=np.array(
            [[random_bits(seed, stream) for stream in _STREAMS] for seed in map(np.uint64, seeds)],
            dtype=np.uint64,
        ),
        objective=np.empty((r, k)),
        counts=np.zeros((r, k, hidden, 3), dtype=np.int64),
        dead=np.zeros((r, hidden, max(widths[1:-1])), dtype=np.bool_),
    )
    n_threads = numba.get_num_threads()
    size = min(max(_UPDATES // (starts.shape[1] * max(task.rates.size, 1)), 1), -(-r // n_threads))
    if task.lockstep:
        size = -(-size // LANES) * LANES
    shares = [(first, min(first + size, r)) for first in range(0, r, size)]

    def run(share: tuple[int, int]) -> None:
        work = workspace(task, np.array(widths), starts.shape[1])
        train_networks(task, networks, *share, work)

    if min(n_threads, len(shares)) == 1:
        for share in shares:
            run(share)
    else:
        with ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(run, shares))
    alive, deaths, revivals = np.moveaxis(networks.counts, -1, 0)
    return networks, History(task.record_at, networks.objective, alive, deaths, revivals)
