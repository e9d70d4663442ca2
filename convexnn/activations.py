"""Activations as data: what a neuron does on the two sides of its kink."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convexnn.errors import InputError
from convexnn.validation import FloatArray, as_number, one_of


@dataclass(frozen=True)
class Activation:
    """A function with two pieces that meet at zero.

    Piecewise linear: ``left * t`` for t < 0 and ``right * t`` for t >= 0.
    A step (`is_step`): the constant ``left`` for t < 0 and ``right`` for t >= 0, so sign(0) = +1.

    Attributes
    ----------
    name : str
        "relu", "leaky_relu", "absolute", "sign" or "threshold".
    left, right : float
        Slopes, or levels of a step, on the two sides of zero. Only those of "leaky_relu" are free, and differ.
    is_step : bool
        Whether the function jumps instead of bending.

    Raises
    ------
    InputError
        If the name is unknown or does not fit the pieces: theorems hold for what a function is, not for its name.
    """

    name: str
    left: float
    right: float
    is_step: bool = False

    def __post_init__(self) -> None:
        one_of("activation", self.name, tuple(_PIECES))
        object.__setattr__(self, "left", as_number("left", self.left))
        object.__setattr__(self, "right", as_number("right", self.right))
        if self.left == self.right:
            raise InputError(f"an activation needs two different pieces, got {self.left} on both sides")
        given, wanted = (self.left, self.right, self.is_step), _PIECES[self.name]
        if given != wanted and (self.name != "leaky_relu" or self.is_step):
            raise InputError(f"{self.name} has left, right, is_step = {wanted}, got {given}; try leaky_relu(slope)")

    def __call__(self, t: FloatArray) -> FloatArray:
        """The activation of every entry of `t`, any shape."""
        if self.is_step:
            return np.where(t < 0, self.left, self.right)
        return np.where(t < 0, self.left * t, self.right * t) + 0.0  # no negative zeros

    @property
    def is_even(self) -> bool:
        """Whether sigma(-t) = sigma(t), so that the sign of a weight does not matter."""
        return not self.is_step and self.left == -self.right


_PIECES = {
    "relu": (0.0, 1.0, False),
    "leaky_relu": (0.01, 1.0, False),
    "absolute": (-1.0, 1.0, False),
    "sign": (-1.0, 1.0, True),
    "threshold": (0.0, 1.0, True),
}


def leaky_relu(slope: float = 0.01, *, positive_slope: float = 1.0) -> Activation:
    """Leaky ReLU: ``positive_slope * t`` for t >= 0 and ``slope * t`` for t < 0.

    Parameters
    ----------
    slope : float
        Slope for negative arguments; any number but `positive_slope`.
    positive_slope : float
        Slope for positive arguments.

    Raises
    ------
    InputError
        If a slope is not finite or the two are equal (the unit would be linear).
    """
    return Activation("leaky_relu", as_number("slope", slope), as_number("positive_slope", positive_slope))


_BY_NAME = {name: Activation(name, *pieces) for name, pieces in _PIECES.items()}
relu, absolute = _BY_NAME["relu"], _BY_NAME["absolute"]


def as_activation(activation: str | Activation) -> Activation:
    """The activation of that name, or `activation` itself."""
    if isinstance(activation, Activation):
        return activation
    return _BY_NAME[one_of("activation", activation, tuple(_BY_NAME))]
