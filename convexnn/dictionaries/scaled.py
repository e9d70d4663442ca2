"""Inputs of order one, without rounding: no length between two of them changes but for its unit."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from convexnn.validation import FloatArray


class Scaled(NamedTuple):
    """Inputs that were moved, then divided by a power of two.

    Attributes
    ----------
    x : (N,) array
        ``(inputs - origin) / 2^exponent``, exactly; within [-2, 2].
    origin : float
    exponent : int
    """

    x: FloatArray
    origin: float
    exponent: int


def scaled(inputs: FloatArray) -> Scaled:
    """Scale ascending inputs that are not all equal.

    They are moved only where they are farther from zero than from each other: then differences are exact, whereas those
    from a far input would cost the inputs near zero their last digits.
    """
    first, last = float(inputs[0]), float(inputs[-1])
    origin = first if min(abs(first), abs(last)) >= last - first else 0.0
    exponent = math.frexp(last - first)[1]
    return Scaled(np.ldexp(inputs - origin, -exponent), origin, exponent)
