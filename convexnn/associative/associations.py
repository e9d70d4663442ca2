"""Associations at finite N: binary patterns of the inputs, and the output that each of them is to cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from convexnn.associative.model import as_activity, as_grid
from convexnn.errors import InputError
from convexnn.validation import FloatArray, as_generator, as_integer


@dataclass(frozen=True, eq=False)
class Associations:
    """Patterns of the inputs and the outputs that go with them.

    Parameters
    ----------
    inputs : (m, N) array of 0 and 1
        One row an association.
    outputs : (m,) array of 0 and 1

    Attributes
    ----------
    inputs : (m, N) array
    outputs : (m,) array

    Raises
    ------
    InputError
        For entries other than 0 and 1, no rows, no columns, or shapes that do not match.
    """

    inputs: FloatArray
    outputs: FloatArray

    def __post_init__(self) -> None:
        inputs, outputs = _binary("inputs", self.inputs, 2), _binary("outputs", self.outputs, 1)
        if len(inputs) != len(outputs):
            raise InputError(
                f"inputs and outputs must have one row an association, got {len(inputs)} and {len(outputs)}"
            )
        object.__setattr__(self, "inputs", inputs)
        object.__setattr__(self, "outputs", outputs)

    @property
    def n_inputs(self) -> int:
        """N."""
        return self.inputs.shape[1]

    @property
    def n_associations(self) -> int:
        """m."""
        return self.inputs.shape[0]

    @property
    def load(self) -> float:
        """alpha = m / N."""
        return self.n_associations / self.n_inputs

    def first(self, count: int) -> Associations:
        """The first `count` of them.

        Parameters
        ----------
        count : int

        Returns
        -------
        Associations

        Raises
        ------
        InputError
            If `count` is not an integer from 1 to the number of associations.
        """
        if as_integer("count", count) > self.n_associations:
            raise InputError(f"count must be at most the {self.n_associations} associations, got {count}")
        return Associations(self.inputs[:count], self.outputs[:count])

    def __repr__(self) -> str:
        return f"Associations({self.n_associations} of {self.n_inputs} inputs)"


def random_associations(
    n_inputs: int, n_associations: int, *, f_in: ArrayLike = 0.5, f_out: float = 0.5, rng: np.random.Generator
) -> Associations:
    """Independent random patterns and outputs.

    Parameters
    ----------
    n_inputs : int
        N >= 1.
    n_associations : int
        m >= 1.
    f_in : float or (N,) array
        Probability of an input to be 1: the same for all, or one an input.
    f_out : float
        Probability of an output to be 1.
    rng : numpy.random.Generator

    Returns
    -------
    Associations

    Raises
    ------
    InputError
        For counts below 1, probabilities that are not strictly between 0 and 1, or an `f_in` of the wrong length.
    """
    shape = as_integer("n_associations", n_associations), as_integer("n_inputs", n_inputs)
    activity = as_activity(f_in)
    if activity.size not in (1, n_inputs):
        raise InputError(f"f_in must be one number or one number an input ({n_inputs}), got {activity.size} numbers")
    as_generator(rng)
    probability = as_scalar("f_out", f_out)
    inputs = rng.random(shape) < activity
    return Associations(inputs.astype(np.float64), (rng.random(n_associations) < probability).astype(np.float64))


def as_scalar(name: str, value: Any) -> float:
    """One number in the range of the parameter `name`.

    Raises
    ------
    InputError
        If it is not one number, or outside the range.
    """
    grid = as_grid(name, value)
    if grid.ndim:
        raise InputError(f"{name} must be one number, got an array of shape {grid.shape}")
    return float(grid)


def as_associations(associations: Any) -> Associations:
    """Associations.

    Raises
    ------
    InputError
        If they are something else.
    """
    if not isinstance(associations, Associations):
        raise InputError(f"associations must be Associations, got {type(associations).__name__}")
    return associations


def _binary(name: str, values: Any, ndim: int) -> FloatArray:
    try:
        array = np.asarray(values)
    except ValueError:
        raise InputError(f"{name} must be an array of 0 and 1, got a ragged sequence") from None
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} must be an array of 0 and 1, got dtype {array.dtype}")
    if array.ndim != ndim or array.size == 0:
        wanted = "(n_associations, n_inputs)" if ndim == 2 else "(n_associations,)"
        raise InputError(f"{name} must have shape {wanted} and not be empty, got shape {array.shape}")
    wrong = np.flatnonzero((array != 0) & (array != 1))
    if wrong.size:
        where = tuple(map(int, np.unravel_index(wrong[0], array.shape)))
        raise InputError(f"{name} must be 0 or 1, got {array[where]} at index {where}")
    return np.ascontiguousarray(array, dtype=np.float64)
