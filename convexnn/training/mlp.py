"""Multilayer perceptrons of any shape, trained many at once by the same kernel: what the theory does not cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convexnn.activations import Activation, as_activation
from convexnn.errors import InputError
from convexnn.kernels.training.dense import SMALLEST_VARIANCE
from convexnn.training.descent import History, Noise, Regularisation, as_seeds, check_one_a_seed, descend, make_task
from convexnn.training.schedules import Schedule
from convexnn.validation import FloatArray, as_integer


@dataclass(frozen=True)
class HiddenLayer:
    """``activation(s * (x weights - m) / d + biases)`` with scales s, means m, deviations d; without them 1, 0, 1.

    Attributes
    ----------
    weights : (fan_in, width) array
    biases : (width,) array
    scales, means, deviations : (width,) arrays or None
        Means and deviations are those over the training data.
    """

    weights: FloatArray
    biases: FloatArray
    scales: FloatArray | None = None
    means: FloatArray | None = None
    deviations: FloatArray | None = None

    def arguments(self, values: FloatArray) -> FloatArray:
        """What the activation is applied to: (n, fan_in) to (n, width)."""
        z = values @ self.weights
        if self.scales is not None and self.means is not None and self.deviations is not None:
            z = self.scales * (z - self.means) / self.deviations
        return z + self.biases


@dataclass(frozen=True)
class MLP:
    """A fully connected network.

    Attributes
    ----------
    activation : Activation
    layers : tuple of HiddenLayer
    weights : (width, n_outputs) array
        Of the output layer.
    biases : (n_outputs,) array
    """

    activation: Activation
    layers: tuple[HiddenLayer, ...]
    weights: FloatArray
    biases: FloatArray

    def __call__(self, x: ArrayLike) -> FloatArray:
        """The outputs (n_new, n_outputs) at inputs (n_new, n_inputs).

        Raises
        ------
        InputError
            For arrays that are no finite matrix of so many columns.
        """
        return self.hidden(x)[-1] @ self.weights + self.biases

    def hidden(self, x: ArrayLike) -> list[FloatArray]:
        """The values of the units of every hidden layer: arrays (n_new, width)."""
        values, found = as_matrix("x", x), []
        if values.shape[1] != len(self.layers[0].weights):
            raise InputError(f"the network has {len(self.layers[0].weights)} inputs, got x of shape {values.shape}")
        for layer in self.layers:
            values = self.activation(layer.arguments(values))
            found.append(values)
        return found

    def dead_units(self, x: ArrayLike) -> list[NDArray[np.bool_]]:
        """Which units of every hidden layer are zero on all of the data.

        For ReLU units of the first layer this holds on the convex hull of the data as well, because their arguments are
        affine; deeper layers can come alive between the points.
        """
        return [(values == 0).all(axis=0) for values in self.hidden(x)]


@dataclass(frozen=True)
class MLPRuns:
    """Trained perceptrons, as they are after the last step.

    Attributes
    ----------
    networks : tuple of MLP or None
        One a seed, removed units absent; None where a run diverged.
    units : tuple of tuple of arrays
        For every network and hidden layer, which of the units at the start are left.
    history : History
    """

    networks: tuple[MLP | None, ...]
    units: tuple[tuple[NDArray[np.int64], ...], ...]
    history: History

    @property
    def objective(self) -> FloatArray:
        """Loss plus penalty of every network, (r,); infinite where a run diverged."""
        return self.history.objective[:, -1]

    @property
    def diverged(self) -> NDArray[np.bool_]:
        """Which runs left the finite numbers, (r,)."""
        return ~np.isfinite(self.objective)


def train_mlp(
    x: ArrayLike,
    y: ArrayLike,
    *,
    hidden: Sequence[int],
    activation: str | Activation = "relu",
    normalised: bool = False,
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
    initial: Sequence[MLP] | None = None,
    record_every: int | None = None,
) -> MLPRuns:
    """Train fully connected networks of any input dimension from several seeds.

    The objective is the loss, summed over samples and outputs, plus ``beta / 2`` times the sum of the squared weights.
    Weights start normal with variance 2 / fan_in (He et al., 2015), scales at 1, biases at 0.

    Parameters
    ----------
    x : (n_samples, n_inputs) array
    y : (n_samples, n_outputs) or (n_samples,) array
        With logistic loss labels -1 and +1, each output a classifier of its own.
    hidden : sequence of int
        Widths of the hidden layers.
    activation : str or Activation
        ReLU, leaky ReLU or absolute value.
    normalised : bool
        Whether units are standardised over the batch, then scaled (batch normalisation, Ioffe and Szegedy, 2015). The
        trained network is standardised by the means and deviations over all training data.
    beta : float
        Weight of the penalty; 0 for none.
    loss, optimizer, learning_rate, n_steps, batch_size, momentum, noise, regularisation, removal, seeds, record_every
        As for `train`.
    initial : sequence of MLP, optional
        Where to start, one a seed, of the same shape.

    Returns
    -------
    MLPRuns

    Raises
    ------
    InputError
        For arrays that are no finite matrices of as many rows, activations without gradient, batches of one row with
        normalised layers, and for options as `train`.
    """
    inputs, outputs = as_matrix("x", x), as_matrix("y", y, vector_is_column=True)
    if len(inputs) != len(outputs):
        raise InputError(f"x and y must have the same length, got {len(inputs)} and {len(outputs)}")
    sigma = as_activation(activation)
    if sigma.is_step:
        raise InputError(f"{sigma.name} has no gradient to train by; use relu, leaky_relu or absolute")
    hidden = as_widths("hidden", hidden)
    if normalised and 1 in (batch_size, len(inputs)):
        raise InputError("normalised layers need batches of 2 rows at least: a single row has no deviation")
    widths = (inputs.shape[1], *hidden, outputs.shape[1])
    order = np.lexsort((*outputs.T, *inputs.T[::-1]))
    task = make_task(
        inputs[order],
        outputs[order],
        slopes=np.array([(sigma.left, sigma.right)] * len(hidden)),
        diagonal=False,
        normalised=bool(normalised),
        beta=beta,
        exponent=2,
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
        initial = [_draw(sigma, widths, normalised, seed) for seed in numbers]
    _check_initial(initial, sigma, widths, normalised, len(numbers))
    starts = np.array([_to_vector(network) for network in initial])
    trained, history = descend(task, widths, starts, numbers)
    finite = np.isfinite(history.objective[:, -1])
    return MLPRuns(
        tuple(
            _from_vector(sigma, left, normalised, vector, inputs[order]) if fine else None
            for fine, left, vector in zip(finite, trained.widths, trained.theta, strict=True)
        ),
        tuple(
            tuple(unit[:m].copy() for unit, m in zip(units, left[1:-1], strict=True))
            for units, left in zip(trained.units, trained.widths, strict=True)
        ),
        history,
    )


def as_matrix(name: str, values: ArrayLike, *, vector_is_column: bool = False) -> FloatArray:
    """A two-dimensional float64 array of finite numbers, at least one row and one column."""
    try:
        array = np.asarray(values)
    except ValueError:
        raise InputError(f"{name} must hold real numbers in rows of equal length") from None
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} must hold real numbers, got dtype {array.dtype}")
    array = array.astype(float)
    if vector_is_column and array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.size == 0:
        raise InputError(f"{name} must have shape (n_samples, n_columns), neither of them 0, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise InputError(f"{name} must be finite, got {(~np.isfinite(array)).sum()} entries that are not")
    return array


def as_widths(name: str, widths: Any) -> tuple[int, ...]:
    """The widths of the hidden layers, at least one."""
    if not isinstance(widths, (tuple, list)) or not widths:
        raise InputError(f"{name} must hold the width of at least one hidden layer, such as (100, 100), got {widths!r}")
    return tuple(as_integer("each width", width) for width in widths)


def _draw(activation: Activation, widths: Sequence[int], normalised: bool, seed: int) -> MLP:
    rng = np.random.default_rng(seed)
    *inner, last = [rng.normal(size=shape) * np.sqrt(2 / shape[0]) for shape in pairwise(widths)]
    ones = [np.ones(width) if normalised else None for width in widths[1:-1]]
    layers = (HiddenLayer(w, np.zeros(w.shape[1]), scales) for w, scales in zip(inner, ones, strict=True))
    return MLP(activation, tuple(layers), last, np.zeros(widths[-1]))


def _check_initial(
    initial: Sequence[MLP], activation: Activation, widths: Sequence[int], normalised: bool, count: int
) -> None:
    check_one_a_seed(initial, count)
    for network in initial:
        if not isinstance(network, MLP):
            raise InputError(f"initial must hold networks of train_mlp, got {type(network).__name__}")
        shapes = [layer.weights.shape for layer in network.layers] + [network.weights.shape]
        scaled = {layer.scales is not None for layer in network.layers}
        same = network.activation == activation and scaled == {bool(normalised)}
        if not same or shapes != [*pairwise(widths)]:
            raise InputError(f"initial networks must have widths {tuple(widths)}, the activation and the normalisation")


def _to_vector(network: MLP) -> FloatArray:
    """Weights by input, biases and scales of every layer, output weights, output biases."""
    parts = [part for layer in network.layers for part in (layer.weights.ravel(), layer.biases, layer.scales)]
    return np.concatenate([part for part in (*parts, network.weights.ravel(), network.biases) if part is not None])


def _from_vector(
    activation: Activation, widths: NDArray[np.int64], normalised: bool, vector: FloatArray, x: FloatArray
) -> MLP:
    position, layers, values = 0, [], x

    def take(*shape: int) -> FloatArray:
        nonlocal position
        position += int(np.prod(shape))
        return vector[position - int(np.prod(shape)) : position].reshape(shape).copy()

    for fan_in, width in pairwise(widths[:-1]):
        weights, biases = take(fan_in, width), take(width)
        z = values @ weights
        deviations = np.sqrt(z.var(axis=0) + SMALLEST_VARIANCE)
        statistics = (take(width), z.mean(axis=0), deviations) if normalised else ()
        layers.append(HiddenLayer(weights, biases, *statistics))
        values = activation(layers[-1].arguments(values))
    return MLP(activation, tuple(layers), take(widths[-2], widths[-1]), take(widths[-1]))
