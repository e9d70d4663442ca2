"""Data of order one, which gradient descent wants, and the way back: the training problem has scaling symmetries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from convexnn.errors import InputError
from convexnn.network.network import Layer, Network
from convexnn.validation import FloatArray, as_positive, as_vector, as_vector_like, one_of


@dataclass(frozen=True)
class OrderOne:
    """The same training problem in units of order one.

    Attributes
    ----------
    x : (n_samples,) array
        From -1 to 1.
    y : (n_samples,) array
        Of mean 0 and standard deviation 1; labels stay as they are.
    beta : float
        The weight of the penalty that belongs to them.
    x_shift, x_scale, y_shift, y_scale : float
        The given data are ``x_shift + x_scale x`` and ``y_shift + y_scale y``.
    """

    x: FloatArray
    y: FloatArray
    beta: float
    x_shift: float
    x_scale: float
    y_shift: float
    y_scale: float

    @property
    def objective_scale(self) -> float:
        """What objectives are multiplied by to be those of the given problem; relative gaps are the same."""
        return self.y_scale**2

    def restore(self, network: Network) -> Network:
        """The network in the units of the given data, where its objective is `objective_scale` times as large.

        Parameters
        ----------
        network : Network
            Narrow, of an activation without jumps.
        """
        size = (self.y_scale / self.x_scale) ** (1 / network.architecture.depth)
        scale, layers = self.x_scale, []
        for layer in network.layers:
            scale *= size
            layers.append(Layer(size * layer.weights, scale * layer.biases))
        first = layers[0]
        layers[0] = Layer(first.weights, first.biases - first.weights[:, :, 0] * self.x_shift)
        intercept = self.y_shift + self.y_scale * network.intercept
        return Network(network.architecture, tuple(layers), size * network.alpha, None, intercept)


def order_one(x: ArrayLike, y: ArrayLike, beta: float, *, loss: str = "squared") -> OrderOne:
    """Shift and scale a training problem.

    Parameters
    ----------
    x, y : (n_samples,) arrays
    beta : float
        Of ``sum loss + (beta / L) sum |w|^L``, with units that are homogeneous of degree one.
    loss : str
        "squared" or "logistic".

    Raises
    ------
    InputError
        For data that are no finite vectors, inputs that are all equal, or targets that are with squared loss.
    """
    points = as_vector("x", x)
    targets = as_vector_like("y", y, "x", points)
    low, high = float(points.min()), float(points.max())
    if not 0 < high - low < np.inf:
        raise InputError(f"x must take two values at least, in a finite range, got [{low}, {high}]")
    x_shift, x_scale = low + (high - low) / 2, (high - low) / 2
    y_shift, y_scale = 0.0, 1.0
    if one_of("loss", loss, ("squared", "logistic")) == "squared":
        with np.errstate(over="ignore", invalid="ignore"):
            in_order = np.sort(targets)  # so that sums round alike, however the rows come
            y_shift, y_scale = float(in_order.mean()), float(in_order.std())
        if not 0 < y_scale < np.inf:
            raise InputError(f"y must take two values at least, in a finite range; its deviation is {y_scale}")
    return OrderOne(
        (points - x_shift) / x_scale,
        (targets - y_shift) / y_scale,
        as_positive("beta", beta) / (x_scale * y_scale),
        x_shift,
        x_scale,
        y_shift,
        y_scale,
    )
