"""Weights that were learned, what they were to satisfy, and whether they do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from convexnn.associative.associations import Associations, as_scalar
from convexnn.errors import InfeasibleError, InputError
from convexnn.validation import FloatArray, as_vector

_EPS = float(np.finfo(np.float64).eps)
OPTIMAL_GAP = 1e-8  # of weights that are called optimal: the tolerances of the solvers are 1e-10


@dataclass(frozen=True, eq=False)
class Constraints:
    """What the weights of N inputs must satisfy, beside mean |J| = 1.

    Attributes
    ----------
    n_inputs : int
    threshold : float
    signs : (N,) array of -1 and 1, or None
        J_j has this sign or is 0; None leaves the signs free.
    max_nonzero : int
        At most this many weights are nonzero; N is no constraint.
    gap : float
        A nonzero weight is at least this in absolute value; 0 is no constraint.
    """

    n_inputs: int
    threshold: float
    signs: FloatArray | None
    max_nonzero: int
    gap: float

    @classmethod
    def of(
        cls,
        n_inputs: int,
        threshold: float = 0.0,
        signs: ArrayLike | None = None,
        density: float | None = None,
        gap: float | None = None,
    ) -> Constraints:
        """The constraints from arguments as a user gives them.

        Raises
        ------
        InputError
            For values out of range, or `signs` of the wrong length.
        InfeasibleError
            If no weights satisfy the constraints.
        """
        allowed = n_inputs if density is None else round(as_scalar("density", density) * n_inputs)
        smallest = 0.0 if gap is None else as_scalar("gap", gap)
        if signs is not None:
            signs = as_vector("signs", signs)
            if signs.size != n_inputs:
                raise InputError(f"signs must have one entry an input ({n_inputs}), got {signs.size}")
            wrong = np.flatnonzero(np.abs(signs) != 1)
            if wrong.size:
                raise InputError(f"signs must be -1 or 1, got {signs[wrong[0]]:g} at index {wrong[0]}")
        if allowed == 0:
            raise InfeasibleError(
                f"a density of {density:g} leaves none of {n_inputs} weights nonzero, but their mean |J| is 1; "
                f"allow at least one with a density of {1 / n_inputs:.3g}"
            )
        if smallest > n_inputs:
            raise InfeasibleError(
                f"no weights have a gap of {smallest:g}: with mean |J| = 1, none of {n_inputs} exceeds {n_inputs}"
            )
        return cls(n_inputs, as_scalar("threshold", threshold), signs, allowed, smallest)

    @property
    def are_convex(self) -> bool:
        """Whether neither the number of nonzero weights nor a gap is constrained."""
        return self.gap == 0 and self.max_nonzero >= self.n_inputs

    def violation(self, weights: FloatArray) -> str | None:
        """Which constraint the weights violate, in words, or None; the l1 norm and the threshold are not looked at."""
        size = np.abs(weights)
        active = size > 0
        if not np.all(np.isfinite(weights)):
            return "weights are not finite"
        if self.signs is not None and np.any(self.signs * weights < 0):
            return f"{np.count_nonzero(self.signs * weights < 0)} weights have the wrong sign"
        if np.count_nonzero(active) > self.max_nonzero:
            return f"{np.count_nonzero(active)} weights are nonzero, {self.max_nonzero} allowed"
        if np.any(size[active] < self.gap):
            return f"a weight of {size[active].min():.6g} is within the gap of {self.gap:g}"
        return None


@dataclass(frozen=True, eq=False, repr=False)
class Learned:
    """Weights that store associations, with the proof of how good they are.

    Attributes
    ----------
    associations : Associations
    constraints : Constraints
    weights : (N,) array
        J, of mean absolute value 1.
    bound : float
        No weights that satisfy the constraints are more robust than this.
    status : str
        How learning ended.
    target : float
        The robustness that was asked for; -inf if the largest was.
    norm_tolerance : float
        How far mean |J| may be from 1.
    """

    associations: Associations
    constraints: Constraints
    weights: FloatArray
    bound: float
    status: str
    target: float = -math.inf
    norm_tolerance: float = 64 * _EPS

    @cached_property
    def margins(self) -> FloatArray:
        """(m,) array of sqrt(N) s (J.X / N - threshold): the smallest of them is the robustness."""
        n = self.associations.n_inputs
        field = self.associations.inputs @ self.weights / n - self.constraints.threshold
        margins: FloatArray = math.sqrt(n) * (2 * self.associations.outputs - 1) * field
        return margins + 0.0  # -0 is 0

    @property
    def robustness(self) -> float:
        """kappa: the smallest margin. If it is negative, not all associations are stored."""
        return float(self.margins.min())

    @property
    def relative_gap(self) -> float:
        """How far the bound is above the robustness, relative to the bound, or to 1 if that is larger."""
        if math.isinf(self.bound):
            return math.inf
        return max(self.bound - self.robustness, 0.0) / max(abs(self.bound), 1.0)

    @property
    def sparsity(self) -> float:
        """S: the fraction of weights that are zero, exactly."""
        return float(np.mean(self.weights == 0))

    def check(self) -> bool:
        """Whether the weights have everything that was asked for, looked at anew in float64.

        The signs, the number of nonzero weights, the gap and the robustness are compared exactly, mean |J| with 1 up to
        `norm_tolerance`; and no robustness may exceed the bound by more than rounding.
        """
        return self.violation() is None

    def violation(self) -> str | None:
        """The first thing that the weights do not have, in words; None if there is none."""
        found = self.constraints.violation(self.weights)
        if found is not None:
            return found
        norm = float(np.abs(self.weights).mean())
        if not abs(norm - 1) <= self.norm_tolerance:
            return f"mean |J| is {norm!r}, not within {self.norm_tolerance:.2g} of 1"
        if self.robustness < self.target:
            return f"the robustness is {self.robustness:.6g}, {self.target:.6g} was asked for"
        n = self.associations.n_inputs
        rounding = n * _EPS * math.sqrt(n) * (1 + abs(self.constraints.threshold))
        if self.robustness > self.bound + rounding:
            return f"the robustness {self.robustness!r} exceeds the bound {self.bound!r}"
        return None

    def __repr__(self) -> str:
        return f"Learned({self})"

    def __str__(self) -> str:
        stored = "" if self.robustness >= 0 else ", not all stored"
        gap = f", at most {self.bound:.6g} possible" if OPTIMAL_GAP < self.relative_gap < math.inf else ""
        return f"{self.status}: robustness {self.robustness:.6g}{gap}{stored}, sparsity {self.sparsity:.4g}"
