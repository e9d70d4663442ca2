"""What solvers hand to each other."""

from __future__ import annotations

from dataclasses import dataclass

from convexnn.dictionaries.feature import Feature
from convexnn.validation import FloatArray


@dataclass(frozen=True)
class Candidate:
    """What a solver proposes, in solver order and measured from `rows.origin`; nothing is proved about it.

    Attributes
    ----------
    features, coef : list of Feature, (k,) array
    intercept : float
    dual : (n,) array or None
        Multipliers of the rows, from solvers that know them better than the prediction says.
    n_iter : int
    """

    features: list[Feature]
    coef: FloatArray
    intercept: float
    dual: FloatArray | None
    n_iter: int
