"""The global optimum of a training problem, as features with coefficients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from convexnn.dictionaries.feature import Feature, weighted_sum
from convexnn.lasso.certificate import Certificate
from convexnn.lasso.problem import Problem
from convexnn.network.network import Network
from convexnn.network.realise import realise
from convexnn.validation import FloatArray, as_vector

Terms = tuple[list[Feature], FloatArray, float]
"""Features, their coefficients, and the intercept."""

# Up to here features are added one by one, which rounds less than the sum of their pieces.
_MANY_VALUES = 10_000_000


@dataclass(frozen=True, eq=False)
class Solution:
    """A solution of a `Problem` with its certificate.

    Attributes
    ----------
    problem : Problem
    certificate : Certificate
    status : {"certified", "not certified"}
        Whether the certified relative gap is within the tolerance that was asked for.
    n_iter : int
        Iterations of the solver and of the refinement together.
    seconds : float
        Wall-clock time of the call.
    """

    problem: Problem
    certificate: Certificate
    status: str
    n_iter: int
    seconds: float
    _expand: Callable[[], Terms] = field(repr=False)

    @cached_property
    def _terms(self) -> Terms:
        return self._expand()

    def __getstate__(self) -> dict[str, Any]:
        """For pickles: the terms instead of the function that computes them."""
        known = {**vars(self), "_terms": self._terms}
        return {name: value for name, value in known.items() if name != "_expand"}

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """The features with a coefficient."""
        return tuple(self._terms[0])

    @property
    def coef(self) -> FloatArray:
        """One coefficient a feature, none of them zero: (k,)."""
        return self._terms[1]

    @property
    def intercept(self) -> float:
        """The free constant."""
        return self._terms[2]

    @property
    def objective(self) -> float:
        """Loss plus beta times the l1 norm of the coefficients, constants of tied inputs included."""
        return self.certificate.primal

    def predict(self, x: ArrayLike) -> FloatArray:
        """The fitted function.

        Parameters
        ----------
        x : (n_new,) array

        Returns
        -------
        (n_new,) array
        """
        points = as_vector("x", x)
        if points.size * len(self.features) > _MANY_VALUES:
            return self.intercept + weighted_sum(self.features, self.coef)(points)
        values = np.full_like(points, self.intercept)
        for feature, z in zip(self.features, self.coef, strict=True):
            values += z * feature(points)
        return values

    def network(self) -> Network:
        """A network of the problem's architecture with this objective and these values, on and off the data."""
        return realise(self.problem.architecture, self.features, self.coef, self.intercept)

    def __str__(self) -> str:
        count = f"{len(self.features)} feature{'' if len(self.features) == 1 else 's'}"
        shown = ", ".join(feature.label for feature in self.features[:3]) + (", ..." if len(self.features) > 3 else "")
        listed = f"{count}: {shown}" if shown else count
        only = "" if self.status == "certified" else " only"
        return (
            f"{self.problem.architecture.label}: {listed}; objective {self.objective:.10g}, "
            f"certified{only} within {self.certificate.relative_gap:.1g} (relative) of the global optimum"
        )
