"""Many small networks trained at once by gradient descent, and how far each is from the global optimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convexnn.architecture import Architecture
from convexnn.errors import InputError
from convexnn.lasso.certificate import Certificate
from convexnn.lasso.certify import certify
from convexnn.lasso.problem import Problem
from convexnn.network.dead_units import dead_units
from convexnn.network.network import Layer, Network
from convexnn.training.descent import (
    LOSSES,
    History,
    Noise,
    Regularisation,
    as_seeds,
    check_one_a_seed,
    descend,
    make_task,
)
from convexnn.training.schedules import Schedule
from convexnn.validation import FloatArray, as_integer, as_not_negative, one_of

_RELU = Architecture("relu")


def train(
    x: ArrayLike,
    y: ArrayLike,
    *,
    architecture: Architecture = _RELU,
    width: int,
    beta: float = 0.0,
    loss: str = "squared",
    optimizer: str = "adam",
    learning_rate: Schedule,
    n_steps: int,
    batch_size: int | None = None,
    momentum: float = 0.0,
    noise: Noise | None = None,
    regularisation: Regularisation | None = None,
    removal: int | None = None,
    seeds: int | Sequence[int],
    initial: Sequence[Network] | None = None,
    record_every: int | None = None,
) -> Runs:
    """Train networks from several seeds on the objective of the theory, in float64.

    The objective is ``1/2 sum r^2 + (beta / L) sum |w|^L`` (or the logistic loss in place of the squares), summed over
    the samples, not averaged: learning rates of plain gradient descent are those of a mean loss divided by the number
    of samples. Neither x nor y is rescaled; gradient descent wants both of order one. At a kink the derivative is that
    of the side below zero, so that a ReLU unit that is zero on all of the data never moves by itself.

    Networks of two layers take O(n + width) a step, all others O(n width). Without noise, removal and regularisation,
    on up to 30,000 samples, eight networks of two layers train side by side, which is up to twice as fast; the results
    are the same, bit by bit.

    Parameters
    ----------
    x, y : (n_samples,) arrays
        In any order; with logistic loss y holds labels -1 and +1.
    architecture : Architecture
        ReLU, leaky ReLU or absolute value; sign and threshold have no gradient.
    width : int
        Number of parallel units.
    beta : float
        Weight of the penalty; 0 for none.
    loss : str
        "squared" or "logistic".
    optimizer : str
        "sgd" or "adam" (decay rates 0.9 and 0.999, epsilon 1e-8).
    learning_rate : float or callable of the step
    n_steps : int
    batch_size : int, optional
        Rows drawn anew, without replacement, in every step; they are weighted to stand for all. All rows by default.
    momentum : float
        Heavy ball, for "sgd".
    noise : Noise, optional
    regularisation : Regularisation, optional
        A means of training beyond the penalty of the objective; weight decay is
        ``Regularisation(strength, on=("weights", "biases"))``.
    removal : int, optional
        Units that are zero on all of the data are removed every so many steps, together with their moments; the
        network keeps its values on the data and trains faster.
    seeds : int or sequence of int
        One network a seed; a count means the seeds 0, 1, ...
    initial : sequence of Network, optional
        Where to start, one a seed. By default kinks are uniform over the range that each neuron sees, weights are
        normal, and the intercept is the mean of y (0 for logistic loss).
    record_every : int, optional
        How often the history is recorded; about 100 times by default.

    Returns
    -------
    Runs

    Raises
    ------
    InputError
        For data that `Problem` refuses, architectures without gradient, options out of range, and schedules that span
        more than the run.
    """
    width, beta = as_integer("width", width), as_not_negative("beta", beta)
    one_of("loss", loss, tuple(LOSSES))
    problem = Problem(x, y, beta if beta > 0 else 1.0, architecture, loss=loss)  # what it refuses does not train
    if architecture.activation.is_step:
        raise InputError(f"architecture {architecture.label} has no gradient to train by; solve finds its optimum")
    points, targets, order = problem.x, problem.y, problem.rows.order
    task = make_task(
        points[order, None],
        targets[order, None],
        slopes=np.array([(sigma.left, sigma.right) for sigma in architecture.layer_activations]),
        diagonal=True,
        normalised=False,
        beta=beta,
        exponent=architecture.depth,
        loss=loss,
        optimizer=optimizer,
        learning_rate=learning_rate,
        n_steps=n_steps,
        batch_size=batch_size,
        momentum=momentum,
        noise=noise,
        regularisation=regularisation,
        removal=removal,
        record_every=record_every,
    )
    numbers = as_seeds(seeds)
    if initial is None:
        # The mean of sorted targets, which is the same in any order of the rows.
        mean = problem.rows.origin + float(problem.rows.y.mean()) if loss == "squared" else 0.0
        initial = [_draw(architecture, width, points, mean, seed) for seed in numbers]
    _check_initial(initial, architecture, width, len(numbers))
    starts = np.array([_to_vector(network) for network in initial])
    networks, history = descend(task, (1, *(width,) * (architecture.depth - 1), 1), starts, numbers)
    return Runs(
        x=points,
        y=targets,
        architecture=architecture,
        width=width,
        beta=task.beta,
        loss=loss,
        seeds=tuple(numbers),
        history=history,
        _parameters=networks.theta,
        _left=networks.widths[:, 1],
        _units=networks.units[:, -1],
    )


@dataclass(frozen=True)
class Runs:
    """Trained networks, as they are after the last step.

    Attributes
    ----------
    x, y : (n_samples,) arrays
        In the caller's order.
    architecture : Architecture
    width : int
        Units at the start.
    beta : float
    loss : str
    seeds : tuple of int
    history : History
    """

    x: FloatArray
    y: FloatArray
    architecture: Architecture
    width: int
    beta: float
    loss: str
    seeds: tuple[int, ...]
    history: History
    _parameters: FloatArray
    _left: NDArray[np.int64]
    _units: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.seeds)

    @property
    def objective(self) -> FloatArray:
        """Loss plus penalty of every network, (r,); infinite where a run diverged."""
        return self.history.objective[:, -1]

    @property
    def diverged(self) -> NDArray[np.bool_]:
        """Which runs left the finite numbers, (r,)."""
        return ~np.isfinite(self.objective)

    def network(self, i: int) -> Network:
        """The i-th network; removed units are absent.

        Raises
        ------
        InputError
            If there is no such run or it diverged.
        """
        if as_integer("the index of a run", i, -len(self)) >= len(self):
            raise InputError(f"there are {len(self)} runs, got index {i}")
        if self.diverged[i]:
            raise InputError(f"run {i} (seed {self.seeds[i]}) diverged; try a smaller learning rate")
        return _from_vector(self.architecture, int(self._left[i]), self._parameters[i])

    def dead_units(self, low: float | None = None, high: float | None = None) -> NDArray[np.bool_]:
        """Which units are zero on all of [low, high]: (r, width), removed ones included; none where a run diverged.

        Parameters
        ----------
        low, high : float, optional
            The ends of the data by default.

        Raises
        ------
        InputError
            As `Network.dead_units`.
        """
        low = float(self.x.min()) if low is None else low
        high = float(self.x.max()) if high is None else high
        dead = np.zeros((len(self), self.width), dtype=bool)
        for i in np.flatnonzero(~self.diverged).tolist():
            dead[i] = True
            dead[i, self._units[i, : self._left[i]]] = dead_units(self.network(i), low, high)
        return dead

    @property
    def dead_fraction(self) -> FloatArray:
        """The share of units that are zero on the hull of the data, (r,), removed ones included; NaN where diverged."""
        return np.where(self.diverged, np.nan, self.dead_units().mean(axis=1))

    @cached_property
    def certificates(self) -> tuple[Certificate | None, ...]:
        """Proved bounds on the distances from the global optimum, computed on demand; None where a run diverged.

        The convex problem is solved once for all runs.

        Raises
        ------
        InputError
            If beta is 0: without a penalty the optimum is interpolation, and there is no bound to prove.
        """
        if self.beta == 0:
            raise InputError("certificates need a penalty; train with beta > 0")
        return tuple(
            None if self.diverged[i] else certify(self.network(i), self.x, self.y, self.beta, loss=self.loss)
            for i in range(len(self))
        )

    @property
    def relative_gap(self) -> FloatArray:
        """The relative gaps of the certificates, (r,); infinite where a run diverged."""
        return np.array([np.inf if proof is None else proof.relative_gap for proof in self.certificates])


def _check_initial(initial: Sequence[Network], architecture: Architecture, width: int, count: int) -> None:
    check_one_a_seed(initial, count)
    for network in initial:
        if not isinstance(network, Network) or network.architecture != architecture or network.n_units != width:
            raise InputError(f"initial networks must have architecture {architecture.label} and {width} units")


def _draw(architecture: Architecture, width: int, x: FloatArray, intercept: float, seed: int) -> Network:
    """A network whose neurons all bend somewhere in the range that they see."""
    rng = np.random.default_rng(seed)
    low, high = np.full(width, x.min()), np.full(width, x.max())
    values, layers = np.tile(x, (width, 1)), []
    size = 2 / np.ptp(x) if np.ptp(x) > 0 else 1.0
    for sigma in architecture.layer_activations:
        w, kink = size * rng.normal(size=width), rng.uniform(low, high)
        size = 1.0  # what the first layer returns is of order one
        layers.append(Layer(w[:, None, None], (-w * kink)[:, None]))
        values = sigma(w[:, None] * values - (w * kink)[:, None])
        low, high = values.min(axis=1), values.max(axis=1)
    return Network(architecture, tuple(layers), rng.normal(size=width) / np.sqrt(width), None, intercept)


def _to_vector(network: Network) -> FloatArray:
    """Weights and biases of every layer, output weights, intercept."""
    layers = [part.ravel() for layer in network.layers for part in (layer.weights, layer.biases)]
    return np.concatenate((*layers, network.alpha, [network.intercept]))


def _from_vector(architecture: Architecture, width: int, vector: FloatArray) -> Network:
    rows = 2 * architecture.depth - 1
    *parts, alpha = vector[: width * rows].reshape(rows, width).copy()
    layers = (
        Layer(weights[:, None, None], biases[:, None]) for weights, biases in zip(parts[::2], parts[1::2], strict=True)
    )
    return Network(architecture, tuple(layers), alpha, None, float(vector[width * rows]))
