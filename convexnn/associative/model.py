"""A neuron that stores associations of binary patterns: what is random, and what constrains its weights.

Units
-----
The neuron has N inputs X in {0, 1}, input j being 1 with probability f_in[j], and fires (y = 1) if their weighted sum
exceeds a threshold. In the units of the source (1/N) sum |J| = w, the threshold is h, and an association is stored if
``s (J.X - h) >= kappa`` with ``s = 2 y - 1``. Everything depends on four ratios only, which are the units here:

    weights J / w,    threshold h / (N w),    robustness kappa / (w sqrt(N)),    gap delta / w

So the weights have mean absolute value 1, and an association is stored if ``s (J.X / N - threshold)`` is at least
``robustness / sqrt(N)``. The load is the number of associations over N, the sparsity the fraction of zero weights.

Constraints, beside the l1 norm: signs (a fraction `inhibitory` of the inputs has weights <= 0, the others >= 0), l0 (at
most a fraction `density` of the weights is nonzero), gap (a nonzero weight is at least `gap` in absolute value).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from convexnn.errors import InfeasibleError, InputError
from convexnn.kernels.moments import Population
from convexnn.validation import FloatArray

_EPS = float(np.finfo(np.float64).eps)

# Far beyond any neuron: within these ranges all quantities of the theory are floating-point numbers.
_TINY = 1e-12

# What a parameter must be, the least and the greatest value, and these two in words.
_ALLOWED: dict[str, tuple[str, float, float, str]] = {
    "robustness": ("at least 0", 0.0, 1e50, "0 to 1e50"),
    "load": ("positive", 1e-100, np.inf, "1e-100 to infinity"),
    "threshold": ("finite", -1e50, 1e50, "-1e50 to 1e50"),
    "f_in": ("strictly between 0 and 1", _TINY, 1 - _TINY, "1e-12 to 1 - 1e-12"),
    "f_out": ("strictly between 0 and 1", _TINY, 1 - _TINY, "1e-12 to 1 - 1e-12"),
    "inhibitory": ("a fraction between 0 and 1", 0.0, 1.0, "0 to 1"),
    "density": ("above 0 and at most 1", _TINY, 1.0, "1e-12 to 1"),
    "gap": ("at least 0 and finite", 0.0, 1e12, "0 to 1e12"),
}


def as_grid(name: str, values: ArrayLike | None) -> FloatArray:
    """A float64 array of any shape, all of it in the range of the parameter `name`.

    Raises
    ------
    InputError
        If `values` is not numeric, empty, or outside the range.
    """
    try:
        array = np.asarray(values)
    except ValueError:
        raise InputError(f"{name} must be a number or an array of numbers, got a ragged sequence") from None
    if array.dtype.kind not in "iuf":
        raise InputError(f"{name} must be a number or an array of numbers, got {values!r}")
    if array.size == 0:
        raise InputError(f"{name} is empty; give at least one value")
    array = array.astype(np.float64)
    text, least, greatest, allowed = _ALLOWED[name]
    wrong = np.flatnonzero(~((array >= least) & (array <= greatest)))
    if wrong.size:
        where = tuple(map(int, np.unravel_index(wrong[0], array.shape)))
        place = f" at index {where}" if where else ""
        raise InputError(f"{name} must be {text}, got {array[where]}{place}; allowed: {allowed}")
    return array


def as_activity(values: ArrayLike) -> FloatArray:
    """The probabilities f_in as a vector: of one entry for all inputs, or of one an input."""
    array = as_grid("f_in", values)
    if array.ndim > 1:
        raise InputError(f"f_in must be one number or one number an input, got shape {array.shape}")
    return np.atleast_1d(array)


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Random associations, N -> infinity, and the constraints on the weights that are to store them.

    Attributes
    ----------
    f_in : (k,) array
        The different probabilities of an input to be 1.
    share : (k,) array
        The fraction of the inputs that has each.
    f_out : float
        Probability of an output to be 1.
    threshold : float
    inhibitory : float or None
        Fraction of the inputs whose weights are at most 0, the others' being at least 0; None leaves the signs free.
    density : float
        Largest fraction of nonzero weights; 1 is no constraint.
    gap : float
        Smallest absolute value of a nonzero weight.
    """

    f_in: FloatArray
    share: FloatArray
    f_out: float = 0.5
    threshold: float = 0.0
    inhibitory: float | None = None
    density: float = 1.0
    gap: float = 0.0

    def population(self) -> Population:
        """The inputs that may have a weight, one group a sign and activity.

        The threshold is the mean of f_j J_j. At an end of its range only the inputs at that end can have weights.

        Raises
        ------
        InfeasibleError
            If no weights of mean absolute value 1 have the threshold as the mean of f_j J_j.
        """
        excitatory, inhibitory = (1.0, 1.0) if self.inhibitory is None else (1 - self.inhibitory, self.inhibitory)
        share = np.concatenate((excitatory * self.share, inhibitory * self.share))
        allowed = share > 0
        sign = np.repeat([1.0, -1.0], self.f_in.size)[allowed]
        f = np.tile(self.f_in, 2)[allowed]
        slope = sign * f - self.threshold
        slope[np.abs(slope) <= 4 * _EPS * f] = 0.0
        if slope.min() > 0 or slope.max() < 0:
            signs = "" if self.inhibitory is None else f" and a fraction {self.inhibitory:g} of inhibitory inputs"
            raise InfeasibleError(
                f"no weights reach the threshold {self.threshold:g}: with mean |J| = 1{signs}, "
                f"the mean of f_in J lies between {(sign * f).min():g} and {(sign * f).max():g}"
            )
        kept = slice(None) if slope.min() < 0 < slope.max() else slope == 0
        return Population(sign[kept], slope[kept], np.sqrt(f * (1 - f))[kept], share[allowed][kept])
