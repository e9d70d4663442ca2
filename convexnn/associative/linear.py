"""Exact learning where the constraints are convex: a linear program, solved to a vertex.

Weights are differences of amounts A >= 0, two for an input whose sign is free and one for an input whose sign is given;
their sum is N. In the units of `convexnn.associative.model` and with C = s X g, g the sign of a column,

    maximise t    such that    C A - t >= s N h,    sum A = N,    A >= lower,    and robustness = t / sqrt(N).

HiGHS's dual simplex method ends in a vertex, so that weights that are zero are exactly zero, and goes on from there
when associations are added. The bound is evaluated in float64 from the multipliers, by weak duality.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convexnn.associative.associations import Associations
from convexnn.validation import FloatArray

_OPTIONS: dict[str, bool | str | int | float] = {
    "output_flag": False,
    "solver": "simplex",
    "presolve": "off",
    "threads": 1,
    "primal_feasibility_tolerance": 1e-10,
    "dual_feasibility_tolerance": 1e-10,
}
NEGLIGIBLE = 1e-9  # an amount below this is rounding: amounts are of order 1, and feasible to 1e-10


@dataclass(frozen=True, eq=False)
class Columns:
    """Which input each amount belongs to, and with which sign it enters the weight.

    Attributes
    ----------
    owner : (n,) array of int
    sign : (n,) array of -1 and 1
    n_inputs : int
    """

    owner: NDArray[np.int64]
    sign: FloatArray
    n_inputs: int

    @classmethod
    def of(cls, n_inputs: int, signs: FloatArray | None) -> Columns:
        """One column an input if the signs are given, else two: first all positive parts, then all negative ones."""
        owner = np.arange(n_inputs)
        if signs is not None:
            return cls(owner, signs, n_inputs)
        return cls(np.tile(owner, 2), np.repeat([1.0, -1.0], n_inputs), n_inputs)

    @classmethod
    def orthant(cls, weights: FloatArray) -> Columns:
        """One column for each nonzero weight, of its sign."""
        owner = np.flatnonzero(weights)
        return cls(owner, np.sign(weights[owner]), weights.size)

    def margins(self, associations: Associations) -> FloatArray:
        """(m, n) array C: what an amount of 1 in a column adds to the margins."""
        side = 2 * associations.outputs - 1
        return np.ascontiguousarray(side[:, np.newaxis] * associations.inputs[:, self.owner] * self.sign)

    def weights(self, amounts: FloatArray) -> FloatArray:
        """(N,) array J."""
        weights = np.zeros(self.n_inputs)
        np.add.at(weights, self.owner, self.sign * amounts)
        return weights

    def overlap(self, amounts: FloatArray) -> bool:
        """Whether both columns of an input are nonzero, so that sum |J| is less than the sum of the amounts."""
        return bool(np.bincount(self.owner[amounts > 0]).max(initial=0) > 1)


class Vertex(NamedTuple):
    """The (n,) amounts, and a bound on the robustness."""

    amounts: FloatArray
    bound: float


class Program:
    """The linear program over given columns; associations can be added, and `solve` goes on from the last vertex.

    Parameters
    ----------
    columns : Columns
    threshold : float
    lower : float
        Every amount is at least this.
    """

    def __init__(self, columns: Columns, threshold: float, lower: float = 0.0) -> None:
        import highspy

        self.columns, self.threshold, self.lower = columns, threshold, lower
        self._margins = np.zeros((0, columns.owner.size))
        self._offsets = np.zeros(0)
        self._infinity = highspy.kHighsInf
        self._optimal = highspy.HighsModelStatus.kOptimal
        self._time_limit = highspy.HighsModelStatus.kTimeLimit
        self._highs: Any = highspy.Highs()
        for name, value in _OPTIONS.items():
            self._highs.setOptionValue(name, value)
        n = columns.owner.size
        self._highs.addVars(n + 1, np.append(np.full(n, lower), -self._infinity), np.full(n + 1, self._infinity))
        self._highs.changeColCost(n, 1.0)
        self._highs.changeObjectiveSense(highspy.ObjSense.kMaximize)
        total = float(columns.n_inputs)
        self._highs.addRow(total, total, n, np.arange(n, dtype=np.int32), np.ones(n))

    def add(self, associations: Associations) -> None:
        """More associations to store."""
        margins = self.columns.margins(associations)
        offsets = (2 * associations.outputs - 1) * self.columns.n_inputs * self.threshold
        m = len(margins)
        full = np.column_stack((margins, np.full(m, -1.0)))
        row, column = np.nonzero(full)
        starts = np.searchsorted(row, np.arange(m)).astype(np.int32)
        values = full[row, column]
        unbounded = np.full(m, self._infinity)
        self._highs.addRows(m, offsets, unbounded, row.size, starts, column.astype(np.int32), values)
        self._margins = np.vstack((self._margins, margins))
        self._offsets = np.append(self._offsets, offsets)

    def solve(self, time_limit: float | None = None) -> Vertex | None:
        """An optimal vertex; None if HiGHS found none: see `timed_out`."""
        until = self._infinity if time_limit is None else self._highs.getRunTime() + time_limit
        self._highs.setOptionValue("time_limit", until)
        self._highs.run()
        if self._highs.getModelStatus() != self._optimal:
            return None
        solution = self._highs.getSolution()
        amounts = on_total(np.array(solution.col_value[:-1]), self.lower, self.columns.n_inputs)
        return Vertex(amounts, self.bound(np.abs(np.array(solution.row_dual[1:]))))

    @property
    def timed_out(self) -> bool:
        """Whether the last `solve` ended for lack of time."""
        return bool(self._highs.getModelStatus() == self._time_limit)

    def bound(self, multipliers: FloatArray) -> float:
        """What no weights exceed in robustness, for any multipliers >= 0 of the associations that are not all 0."""
        share = multipliers / multipliers.sum()
        prices = share @ self._margins
        rest = self.columns.n_inputs - self.lower * prices.size
        t = rest * prices.max() + self.lower * prices.sum() - share @ self._offsets
        return float(t) / math.sqrt(self.columns.n_inputs)


def on_total(amounts: FloatArray, lower: float, total: float) -> FloatArray:
    """The amounts without what is rounding: negligible ones 0, those at the lower bound at it, and the sum exact."""
    amounts = np.where(amounts <= NEGLIGIBLE, 0.0, amounts)
    parked = (amounts > 0) & (np.abs(amounts - lower) <= NEGLIGIBLE)
    amounts[parked] = lower
    free = (amounts > 0) & ~parked
    if free.any():
        amounts[free] *= (total - amounts[parked].sum()) / amounts[free].sum()
    return amounts
