"""The training problem as a Lasso: data, architecture, loss and beta, checked once."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linprog

from convexnn.architecture import Architecture, as_architecture
from convexnn.dictionaries.base import Dictionary
from convexnn.dictionaries.choose import dictionary
from convexnn.dictionaries.feature import Feature
from convexnn.errors import InputError
from convexnn.kernels.order import is_increasing
from convexnn.losses import Interpolation, Loss, as_loss, as_sample_weight, check_loss_fits
from convexnn.validation import FloatArray, as_positive, as_vector, as_vector_like

SMALLEST, LARGEST = 1e-120, 1e120
"""Of inputs, targets and weights: products of two such numbers stay well within the range of float64."""

_ALLOWED = f"[{SMALLEST:.0e}, {LARGEST:.0e}]"


def _is_extreme(size: float) -> bool:
    return size > 0 and not SMALLEST <= size <= LARGEST


def _flows(size: float) -> str:
    return "overflows float64" if size > LARGEST else "underflows float64"


class Rows:
    """The data as solvers see them: sorted, with equal inputs grouped and targets measured from the first row.

    Sorting by (x, y, weight) makes every result independent of the order in which the rows were given.

    Attributes
    ----------
    order : (n,) array of int
        ``order[i]`` is the caller's row that stands i-th.
    group : (n,) array of int
        Which distinct input each row has.
    y, weight : (n,) arrays
    origin : float
        What was subtracted from the targets (0 for losses whose targets are labels).
    """

    def __init__(self, x: FloatArray, y: FloatArray, weight: FloatArray, loss: Loss) -> None:
        self.order = _sorted_rows(x, y, weight)
        self._starts = np.flatnonzero(np.diff(x[self.order], prepend=-np.inf) > 0)
        self.group = np.repeat(np.arange(self._starts.size), np.diff(np.concatenate((self._starts, [x.size]))))
        self.origin = float(y[self.order[0]]) if loss.degree else 0.0
        self.y = y[self.order] - self.origin
        self.weight = weight[self.order]

    def totals(self, rows: FloatArray) -> FloatArray:
        """Sums over equal inputs: (n,) to (N,)."""
        return np.add.reduceat(rows, self._starts)

    def to_caller(self, rows: FloatArray) -> FloatArray:
        """The same entries in the caller's order."""
        values = np.empty_like(rows)
        values[self.order] = rows
        return values

    def merged(self) -> tuple[FloatArray, FloatArray]:
        """Weighted mean target and weight of every distinct input (what squared loss may be reduced to)."""
        weight = self.totals(self.weight)
        mean = np.divide(self.totals(self.weight * self.y), weight, out=np.zeros_like(weight), where=weight > 0)
        return mean, weight


def _sorted_rows(x: FloatArray, y: FloatArray, weight: FloatArray) -> NDArray[np.int64]:
    """The order of rows by (x, y, weight): O(n) for increasing inputs, one sort of the inputs for distinct ones."""
    if is_increasing(x):
        return np.arange(x.size)
    order = np.argsort(x, kind="stable")
    equal = np.diff(x[order]) == 0
    tied = np.append(equal, False) | np.append(False, equal)
    rows = order[tied]
    order[tied] = rows[np.lexsort((weight[rows], y[rows], x[rows]))]
    return order


class Problem:
    """Training a network of an architecture: ``min sum_i w_i l(y_i, f(x_i)) + (beta / L) sum |weights|^L``.

    This equals the Lasso ``min sum_i w_i l(y_i, (A z + xi)_i) + beta ||z||_1`` over the architecture's dictionary A
    with a free intercept xi (arXiv:2403.01046).

    Parameters
    ----------
    x, y : (n_samples,) arrays
        Inputs and targets, in any order; inputs may repeat. Arrays of float64 are not copied.
    beta : float
        Weight of the penalty, positive; the loss is a sum over samples, not a mean.
    architecture : Architecture
    loss : str or Loss
        "squared", "absolute", "huber", "quantile", "logistic" (labels -1 and +1), "interpolation" (the limit
        beta -> 0: least penalty with f = y), or an object of `convexnn.losses`.
    sample_weight : (n_samples,) array, optional
        Nonnegative, not all zero; 1 by default.

    Attributes
    ----------
    x, y : (n_samples,) arrays
        In the caller's order.
    given_weight : (n_samples,) array or None
    beta : float
    architecture : Architecture
    loss : Loss
    dictionary : Dictionary

    Raises
    ------
    InputError
        For arrays that are empty, not finite, not one-dimensional or of different lengths; beta that is not a
        positive number; weights that are negative or all zero; targets outside the loss's domain; ranges of x (but
        of sign and threshold networks), ranges of y (quadratic losses) and sums of weights outside [1e-120, 1e120].
    InfeasibleError
        Interpolation of different targets at one input.
    """

    def __init__(
        self,
        x: ArrayLike,
        y: ArrayLike,
        beta: float,
        architecture: Architecture,
        *,
        loss: str | Loss = "squared",
        sample_weight: ArrayLike | None = None,
    ) -> None:
        self.x = as_vector("x", x)
        self.y = as_vector_like("y", y, "x", self.x)
        self.beta = as_positive("beta", beta)
        self.architecture = as_architecture(architecture)
        self.loss = as_loss(loss)
        self.given_weight = None if sample_weight is None else as_sample_weight(sample_weight, self.x, self.loss)
        check_loss_fits(self.loss, self.x, self.y, self.given_weight)
        self._refuse_extremes()

    def _refuse_extremes(self) -> None:
        """Measure the ranges of the data, and refuse numbers whose products would leave float64."""
        if not SMALLEST**2 <= self.beta <= LARGEST**2:
            raise InputError(f"beta must lie in [{SMALLEST**2:.0e}, {LARGEST**2:.0e}], got {self.beta:.2g}; rescale y")
        with np.errstate(over="ignore"):
            x_range, y_range = self.x.max() - self.x.min(), self.y.max() - self.y.min()
            total = self.n_samples if self.given_weight is None else self.given_weight.sum()
            overflows = not np.isfinite(total * y_range)
        self.x_range, self.y_range = float(x_range), float(y_range)
        if not np.isfinite(x_range) or (not self.architecture.activation.is_step and _is_extreme(x_range)):
            raise InputError(f"the range of x {_flows(x_range)}; rescale x to one within {_ALLOWED}, got {x_range:.2g}")
        if overflows or (self.loss.degree == 2 and _is_extreme(y_range)):
            raise InputError(
                f"the loss of these targets {_flows(y_range)} (their range is {y_range:.2g}); rescale y to one within "
                f"{_ALLOWED}"
            )
        if _is_extreme(total):
            raise InputError(f"the sum of sample_weight {_flows(total)}; rescale it to be within {_ALLOWED}")

    def __repr__(self) -> str:
        return (
            f"<Problem: {self.architecture.label}, {self.loss.name} loss, {self.n_samples} samples, beta {self.beta:g}>"
        )

    @cached_property
    def weight(self) -> FloatArray:
        """The weight of every sample."""
        return np.ones_like(self.x) if self.given_weight is None else self.given_weight

    @property
    def n_samples(self) -> int:
        """How many rows there are, ties counted."""
        return self.x.size

    @cached_property
    def dictionary(self) -> Dictionary:
        """The features of the architecture on these inputs."""
        return dictionary(self.x, self.architecture)

    @cached_property
    def rows(self) -> Rows:
        """The data in the order in which solvers take them."""
        return Rows(self.x, self.y, self.weight, self.loss)

    def objective(self, prediction: ArrayLike, coef: ArrayLike) -> float:
        """Loss of a prediction plus beta times the l1 norm of the coefficients.

        Parameters
        ----------
        prediction : (n_samples,) array
            At `x`, in the caller's order.
        coef : (k,) array
            Coefficients of any number of features.
        """
        f = as_vector_like("prediction", prediction, "x", self.x)[self.rows.order] - self.rows.origin
        return self.row_loss(f) + self.beta * float(np.abs(np.asarray(coef, dtype=float)).sum())

    def row_loss(self, f: FloatArray) -> float:
        """Total loss of a prediction in solver order, measured from `rows.origin`."""
        return self.loss.total(self.rows.y, f, self.rows.weight)

    @cached_property
    def constant_fit(self) -> tuple[float, FloatArray]:
        """The best constant (measured from `rows.origin`) and the dual point there with the smallest correlations."""
        rows, loss = self.rows, self.loss
        constant = loss.best_intercept(rows.y, np.zeros_like(rows.y), rows.weight)
        if loss.is_smooth or isinstance(loss, Interpolation):
            return constant, loss.multiplier(rows.y, np.full_like(rows.y, constant), rows.weight)
        return constant, self._least_correlated(constant)

    @cached_property
    def beta_max(self) -> float:
        """The smallest beta at which the best network is constant.

        The largest correlation of a feature with the dual variable at the best constant; where that variable is not
        unique (absolute and quantile loss with ties at the quantile), the smallest such value. Infinite for
        interpolation of targets that are not constant.
        """
        if self.dictionary.inputs.size == 1 or self.y_range == 0:
            return 0.0
        if isinstance(self.loss, Interpolation):
            return np.inf
        th = self.constant_fit[1]
        value = self.largest_correlation(th)
        # Where equal inputs balance each other out the correlations cancel, down to their rounding.
        lo, hi = self.loss.box(self.rows.y, self.rows.weight)
        size = np.abs(th).sum() if self.loss.is_smooth else (hi - lo).sum()
        return value if value > 16 * np.finfo(float).eps * size * self.column_range else 0.0

    @property
    def column_range(self) -> float:
        """How far a feature can vary over the data."""
        sigma = self.architecture.activation
        if sigma.is_step:
            return sigma.right - sigma.left
        return self.x_range * max(abs(sigma.left), abs(sigma.right))

    def largest_correlation(self, th: FloatArray) -> float:
        """The largest absolute correlation of a feature with a row vector in solver order."""
        if self.dictionary.inputs.size == 1:
            return 0.0
        return self.dictionary.max_input_correlation(self.rows.totals(th))[0]

    def _least_correlated(self, constant: float) -> FloatArray:
        """The subgradient at the constant that minimises the largest correlation, by cutting planes.

        Rows off the constant have one subgradient; those on it may take any in their box, as long as the sum is zero.
        Each round adds the feature that the oracle finds, until the linear program says what the oracle says.
        """
        rows = self.rows
        lo, hi = self.loss.box(rows.y, rows.weight)
        tied = (rows.y == constant) & (rows.weight > 0)
        th = np.where(rows.y > constant, hi, np.where(rows.y < constant, lo, 0.0))
        rest = -th.sum()
        th[tied] = np.clip(rest * rows.weight[tied] / rows.weight[tied].sum(), lo[tied], hi[tied])
        best, least, cuts = th.copy(), np.inf, []
        seen: set[Feature] = set()
        while self.dictionary.inputs.size > 1:
            value, feature = self.dictionary.max_input_correlation(rows.totals(th))
            if value < least:
                best, least = th.copy(), value
            if feature in seen or value == 0:
                break
            seen.add(feature)
            column = feature(self.dictionary.inputs)[rows.group] / self.column_range
            fixed = column[~tied] @ th[~tied]
            cuts += [[*(s * column[tied]), -1.0, -s * fixed] for s in (1.0, -1.0)]
            table = np.array(cuts)
            # minimise t subject to |<column, th>| <= t for every cut
            program = linprog(
                [*np.zeros(table.shape[1] - 2), 1.0],
                A_ub=table[:, :-1],
                b_ub=table[:, -1],
                A_eq=[[*np.ones(table.shape[1] - 2), 0.0]],
                b_eq=[rest],
                bounds=[*zip(lo[tied], hi[tied], strict=True), (0.0, None)],
                method="highs-ds",
            )
            if program.x is None:
                break
            th[tied] = np.clip(program.x[:-1], lo[tied], hi[tied])
        return best
