"""Checks at the edge of the library: every public entry point passes its arrays and numbers through here."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convexnn.errors import InputError

FloatArray = NDArray[np.float64]


def as_vector(name: str, values: ArrayLike) -> FloatArray:
    """A one-dimensional float64 array of finite numbers, at least one of them; not copied if it is one already.

    Raises
    ------
    InputError
        If `values` is not numeric, not one-dimensional, empty, or holds masked entries, NaN or infinity.
    """
    try:
        array = np.asarray(values)
    except ValueError:
        raise InputError(f"{name} must hold real numbers in one dimension, got a ragged sequence") from None
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if np.ma.is_masked(values):
        raise InputError(f"{name} has masked entries; drop them, for example with .compressed()")
    if array.ndim != 1:
        hint = "; pass one column, for example x[:, 0]" if array.ndim == 2 else ""
        raise InputError(f"{name} must be one-dimensional with shape (n_samples,), got shape {array.shape}{hint}")
    if array.size == 0:
        raise InputError(f"{name} is empty; at least one sample is needed")
    with np.errstate(all="ignore"):
        array = np.ascontiguousarray(array, dtype=np.float64)
        total = array.sum()  # one pass; finite unless an entry is not, or the sum overflows
    if np.isfinite(total):
        return array
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise InputError(
            f"{name} must be finite, got {array[bad[0]]} at row {bad[0]} ({bad.size} of {array.size} rows); "
            "drop or impute these rows"
        )
    return array


def as_vector_like(name: str, values: ArrayLike, other_name: str, other: FloatArray) -> FloatArray:
    """`as_vector`, and as long as `other`."""
    array = as_vector(name, values)
    if array.size != other.size:
        raise InputError(f"{name} and {other_name} must have the same length, got {array.size} and {other.size}")
    return array


def as_number(name: str, value: Any) -> float:
    """A finite real scalar."""
    try:
        if isinstance(value, (str, bytes, bool)):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name} must be a real number, got {value!r}") from None
    if not np.isfinite(number):
        raise InputError(f"{name} must be finite, got {number}")
    return number


def as_positive(name: str, value: Any) -> float:
    """A finite real scalar above zero."""
    number = as_number(name, value)
    if number <= 0:
        raise InputError(f"{name} must be positive, got {number}")
    return number


def as_not_negative(name: str, value: float) -> float:
    """A finite number that is not below zero."""
    number = as_number(name, value)
    if number < 0:
        raise InputError(f"{name} must not be negative, got {number}")
    return number


def as_integer(name: str, value: Any, least: int = 1, most: int = 2**63 - 1) -> int:
    """An integer from `least` to `most`."""
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or number < least:
        raise InputError(f"{name} must be an integer >= {least}, got {value!r}")
    if number > most:
        raise InputError(f"{name} must be at most {most}, got {number}")
    return number


def as_generator(rng: Any) -> np.random.Generator:
    """A generator of random numbers."""
    if not isinstance(rng, np.random.Generator):
        raise InputError(f"rng must be a numpy Generator, for example numpy.random.default_rng(0), got {rng!r}")
    return rng


def one_of(name: str, value: Any, allowed: Sequence[str]) -> str:
    """One of the `allowed` strings."""
    if value not in allowed:
        raise InputError(f"unknown {name} {value!r}; known: {', '.join(map(repr, allowed))}")
    return str(value)
