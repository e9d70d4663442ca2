"""The largest correlation of any network unit with a dual vector, found without a dictionary.

The training problem of a parallel network is a Lasso because, for every dual vector that sums to zero,

    max over normalised units u of |dual' u(x)|  =  max over dictionary columns a of |dual' a|.

This module computes the left-hand side on its own. A narrow unit with normalised weights is

    f_0 = x,    f_l = act_l(sign_l (f_{l-1} - bias_l)),    l = 1..d,

and on a region of bias space where no pre-activation changes its sign, f_d is affine in the biases. The regions are
enumerated exhaustively and one linear program is solved on the closure of each. Completeness: the regions are split
off one data point and one layer at a time, and a half is dropped only if a linear program shows that it contains no
ball; the closures of the rest cover the space of biases, on which the correlation is continuous.

Step activations are discontinuous in the biases, and have units of finitely many patterns: `patterns_with` lists them.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import highspy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from convexnn.architecture import Architecture

Slopes = tuple[float, float]
"""Slopes of an activation left and right of zero."""

RELU: Slopes = (0, 1)
ABSOLUTE: Slopes = (-1, 1)
SYMMETRIZED: tuple[Slopes, ...] = (ABSOLUTE, RELU)
"""A mirrored pair of ReLUs whose weights are tied is an absolute value; the outer activation is a ReLU."""

# For inputs of order one to a hundred. A region that holds no larger ball is left out: its points lie in the closures
# of the others, up to a distance of this order.
_SMALLEST_RADIUS = 1e-9


def narrow(activation: Slopes, depth: int) -> tuple[Slopes, ...]:
    """The hidden layers of a narrow unit: `depth` counts the output layer too."""
    return (activation,) * (depth - 1)


def hidden_layers(architecture: Architecture) -> tuple[Slopes, ...]:
    """The hidden layers of a unit with a continuous activation."""
    sigma = architecture.activation
    return SYMMETRIZED if architecture.form == "symmetrized" else narrow((sigma.left, sigma.right), architecture.depth)


@dataclass(frozen=True)
class Maximum:
    """The largest correlation, and a unit that attains it; `value` is infinite if there is no largest one."""

    value: float
    signs: tuple[int, ...]
    biases: tuple[float, ...]
    n_regions: int


def evaluate(x: ArrayLike, signs: Iterable[int], biases: Iterable[Any], layers: Iterable[Slopes]) -> NDArray:
    """Values of one unit at `x`; exact if `x`, the biases and the slopes are integers or fractions."""
    values = np.asarray(x)
    for sign, bias, (left, right) in zip(signs, biases, layers, strict=True):
        argument = sign * (values - bias)
        values = np.where(argument > 0, right * argument, left * argument)
    return values


def rounding(x: ArrayLike, dual: ArrayLike, gain: float = 1.0) -> float:
    """What rounding may change in a correlation of units with slopes up to `gain`.

    Kinks are solutions of small systems with entries 0, +1, -1 in the data, so a unit's values carry a few eps max|x|.
    """
    return float(64 * np.finfo(float).eps * gain * np.abs(x).max() * np.abs(dual).sum())


def largest_correlation(x: ArrayLike, dual: ArrayLike, layers: Sequence[Slopes]) -> Maximum:
    """max |dual' u(x)| over all normalised units u with the given hidden layers.

    Parameters
    ----------
    x : (N,) distinct inputs, of order one to a hundred.
    dual : (N,) dual vector. If it does not sum to zero, the maximum is infinite.
    layers : slopes of each hidden layer, innermost first.

    Returns
    -------
    Maximum
        `value` is the correlation of an explicit unit, evaluated as a network, not the value of a linear program.
    """
    x, dual = np.asarray(x, dtype=float), np.asarray(dual, dtype=float)
    best = Maximum(-1.0, (), (), 0)
    n_regions = 0
    for signs in itertools.product(*[(1,) if left == -right else (1, -1) for left, right in layers]):
        for region in _regions(x, signs, layers):
            n_regions += 1
            gradient = dual @ region.outputs[:, :-1]
            for direction in (gradient, -gradient):
                biases = _maximise(direction, region.constraints)
                if biases is None:
                    return Maximum(np.inf, signs, (), n_regions)
                value = float(abs(dual @ evaluate(x, signs, biases, layers)))
                if value > best.value:
                    best = Maximum(value, signs, tuple(biases.tolist()), n_regions)
    return replace(best, n_regions=n_regions)


def patterns_with(n: int, most: int) -> NDArray:
    """All sign patterns of n points with h_n = +1 and 1 to `most` switches, one a row."""
    every = np.array([(*h, 1) for h in itertools.product((-1, 1), repeat=n - 1)])
    n_switches = np.count_nonzero(np.diff(every, axis=1), axis=1)
    return every[(n_switches > 0) & (n_switches <= most)]


def largest_unit_correlation(x: ArrayLike, dual: ArrayLike, architecture: Architecture) -> float:
    """max |dual' u(x)| over the normalised units of an architecture; `x` ascending, `dual` with sum zero."""
    sigma = architecture.activation
    if not sigma.is_step:
        return largest_correlation(x, dual, hidden_layers(architecture)).value
    # A unit is pattern * (right - left) / 2 up to sign and constant.
    patterns = patterns_with(np.size(x), architecture.switches)
    return float(np.abs(patterns @ np.asarray(dual)).max() * (sigma.right - sigma.left) / 2)


@dataclass(frozen=True)
class _Region:
    """Biases c with constraints @ (c, 1) >= 0, where u(x_n) = outputs[n] @ (c, 1); `interior` is one of them."""

    constraints: NDArray
    outputs: NDArray
    interior: NDArray

    def split(self, n: int, argument: NDArray, slopes: Slopes) -> Iterator[_Region]:
        """The parts on which the pre-activation `argument` of data point n is negative and positive."""
        normal = argument / np.linalg.norm(argument[:-1])
        inside = normal @ np.append(self.interior, 1.0)
        for side, slope in zip((-1.0, 1.0), slopes, strict=True):
            constraints = np.vstack([self.constraints, side * normal])
            interior = self.interior if side * inside > _SMALLEST_RADIUS else _interior_point(constraints)
            if interior is not None:
                outputs = self.outputs.copy()
                outputs[n] = slope * argument
                yield _Region(constraints, outputs, interior)


def _regions(x: NDArray, signs: Sequence[int], layers: Sequence[Slopes]) -> list[_Region]:
    """All regions of bias space with a nonempty interior on which every unit output is affine in the biases."""
    n_layers = len(layers)
    outputs = np.zeros((len(x), n_layers + 1))
    outputs[:, -1] = x
    regions = [_Region(np.empty((0, n_layers + 1)), outputs, np.zeros(n_layers))]
    for layer, (sign, slopes) in enumerate(zip(signs, layers, strict=True)):
        bias = np.eye(n_layers + 1)[layer]
        for n in range(len(x)):
            regions = [part for r in regions for part in r.split(n, sign * (r.outputs[n] - bias), slopes)]
    return regions


def _interior_point(constraints: NDArray) -> NDArray | None:
    """Centre of a ball of radius at most one inside the polyhedron; None if it holds no ball."""
    rows = np.column_stack([constraints[:, :-1], -np.ones(len(constraints)), constraints[:, -1]])
    at_most_one = np.append(np.zeros(rows.shape[1] - 2), [-1.0, 1.0])
    point = _maximise(-at_most_one[:-1], np.vstack([rows, at_most_one]))
    return None if point is None or point[-1] <= _SMALLEST_RADIUS else point[:-1]


@functools.cache
def _solver() -> highspy.Highs:
    """HiGHS, set up for many small programs: a vertex by the simplex method, feasible to 1e-10 (its smallest)."""
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("presolve", "off")
    solver.setOptionValue("solver", "simplex")
    solver.setOptionValue("primal_feasibility_tolerance", 1e-10)
    solver.setOptionValue("dual_feasibility_tolerance", 1e-10)
    return solver


def _maximise(gradient: NDArray, constraints: NDArray) -> NDArray | None:
    """A vertex that maximises gradient' c subject to constraints @ (c, 1) >= 0; None if there is no maximum."""
    n_rows, n_variables = constraints.shape[0], constraints.shape[1] - 1
    free = np.full(n_variables, np.inf)
    program = highspy.HighsLp()
    program.num_row_, program.num_col_ = n_rows, n_variables
    program.col_cost_, program.col_lower_, program.col_upper_ = -gradient, -free, free
    program.row_lower_, program.row_upper_ = -constraints[:, -1], np.full(n_rows, np.inf)
    program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    program.a_matrix_.start_ = np.arange(n_rows + 1) * n_variables
    program.a_matrix_.index_ = np.tile(np.arange(n_variables), n_rows)
    program.a_matrix_.value_ = constraints[:, :-1].ravel()
    solver = _solver()
    solver.passModel(program)
    solver.run()
    status = solver.getModelStatus()
    if status == highspy.HighsModelStatus.kUnbounded:
        return None
    if status != highspy.HighsModelStatus.kOptimal:
        raise RuntimeError(f"HiGHS stopped with {solver.modelStatusToString(status)}")
    return np.array(solver.getSolution().col_value)
