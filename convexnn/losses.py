"""Convex losses and their conjugates, row by row.

For row i with target y, prediction f and weight w the loss is ``w l(y, f)``. Its dual variable is ``th = -dL/df``,
which lives in a box ``[lo, hi]``, and the concave dual objective is ``D(th) = sum_i min_f (w_i l(y_i, f) + th_i f)``.
A dual point of the training problem also sums to zero, because the intercept is free.

Every method takes and returns arrays of shape (n_samples,).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, xlogy

from convexnn.errors import InfeasibleError, InputError
from convexnn.validation import FloatArray, as_number, as_positive, as_vector_like, one_of

_EPS = float(np.finfo(float).eps)


def _zero_sum_shift(th: FloatArray, weight: FloatArray, lo: FloatArray, hi: FloatArray) -> float:
    """The nu at which ``sum clip(th - nu * weight, lo, hi)`` is zero; all weights positive.

    The sum is piecewise linear and non-increasing in nu, so nu lies between two sorted breakpoints: O(n log n).
    """
    if not np.isfinite(hi).any():
        return float(th.sum() / weight.sum())
    inside = np.clip(th, lo, hi)
    if abs(inside.sum()) <= 4 * _EPS * np.abs(inside).sum():
        return 0.0  # the search below rounds relative to the boxes, however small th is
    breaks = np.concatenate(((th - hi) / weight, (th - lo) / weight))
    order = np.argsort(breaks, kind="stable")
    breaks, slopes = breaks[order], np.cumsum(np.concatenate((-weight, weight))[order])
    sums = hi.sum() + np.concatenate(([0.0], np.cumsum(slopes[:-1] * np.diff(breaks))))
    k = max(int(np.searchsorted(-sums, 0.0)) - 1, 0)
    return float(breaks[k] - sums[k] / slopes[k] if slopes[k] < 0 else breaks[k])


def shift_to_zero_sum(th: FloatArray, weight: FloatArray, lo: FloatArray, hi: FloatArray) -> FloatArray:
    """``clip(th - nu * weight, lo, hi)`` with the `nu` for which it sums to zero, exactly up to one rounding.

    The boxes must contain zero; rows of weight zero become zero.
    """
    live = weight > 0
    shifted = np.zeros_like(th)
    nu = _zero_sum_shift(th[live], weight[live], lo[live], hi[live])
    shifted[live] = np.clip(th[live] - nu * weight[live], lo[live], hi[live])
    # The rounding residue goes to the coordinate with the most room, so that the box still holds.
    room = np.where(live, np.minimum(hi - shifted, shifted - lo), -np.inf)
    roomiest = int(np.argmax(room))
    shifted[roomiest] = np.clip(shifted[roomiest] - shifted.sum(), lo[roomiest], hi[roomiest])
    return shifted


class Loss(ABC):
    """A convex loss of a prediction.

    Attributes
    ----------
    name : str
        What the string form in `Problem` is called.
    degree : int
        l(c y, c f) = c^degree l(y, f) once the loss itself is `rescaled`; 0 where targets have no scale.
    is_smooth : bool
        Whether the dual variable is a function of the prediction.
    """

    name: ClassVar[str]
    degree: ClassVar[int]
    is_smooth: ClassVar[bool] = True

    def rescaled(self, factor: float) -> Loss:
        """The loss of targets and predictions that were divided by `factor`."""
        return self

    @abstractmethod
    def rows(self, y: FloatArray, f: FloatArray) -> FloatArray:
        """The unweighted loss of every row."""

    @abstractmethod
    def multiplier(self, y: FloatArray, f: FloatArray, weight: FloatArray) -> FloatArray:
        """The dual variable at `f`; one of the subgradients where the loss has a corner."""

    def curvature(self, y: FloatArray, f: FloatArray, weight: FloatArray) -> FloatArray:
        """The second derivative in `f` (smooth losses)."""
        raise TypeError(f"the {self.name} loss has no curvature")

    @abstractmethod
    def box(self, y: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Lower and upper bounds of the dual variable; they contain zero."""

    @abstractmethod
    def dual(self, th: FloatArray, y: FloatArray, weight: FloatArray) -> float:
        """The dual objective D(th) of a `th` inside its box."""

    def scale_cap(self, th: FloatArray, weight: FloatArray) -> float:
        """The largest s for which s * th surely stays in the box."""
        return 1.0

    def best_scale(self, th: FloatArray, y: FloatArray, weight: FloatArray, cap: float) -> float:
        """A scale in [0, cap] at which D(s * th) is largest, or near it."""
        return cap if y @ th > 0 else 0.0

    @abstractmethod
    def best_intercept(self, y: FloatArray, f: FloatArray, weight: FloatArray) -> float:
        """A constant that, added to `f`, gives the smallest total loss."""

    def total(self, y: FloatArray, f: FloatArray, weight: FloatArray) -> float:
        """The weighted sum of the rows."""
        return float(weight @ self.rows(y, f))

    def negligible(self, y: FloatArray, weight: FloatArray) -> float:
        """A value of the objective that is zero up to the rounding of targets measured from one of them."""
        return float(8 * _EPS * (weight @ np.abs(y)))


def _quadratic_norm(th: FloatArray, weight: FloatArray) -> float:
    """``sum th^2 / w``; a square of its own could overflow where the quotient does not."""
    live = weight > 0
    return float(th[live] @ (th[live] / weight[live]))


def _quadratic_dual(th: FloatArray, y: FloatArray, weight: FloatArray) -> float:
    return float(th @ y) - 0.5 * _quadratic_norm(th, weight)


def _quadratic_scale(th: FloatArray, y: FloatArray, weight: FloatArray, cap: float) -> float:
    square = _quadratic_norm(th, weight)
    return float(np.clip(th @ y / square, 0.0, cap)) if square > 0 else 0.0


@dataclass(frozen=True)
class Squared(Loss):
    """Half the squared residual, ``(y - f)^2 / 2``."""

    name: ClassVar[str] = "squared"
    degree: ClassVar[int] = 2

    def rows(self, y: FloatArray, f: FloatArray) -> FloatArray:
        return 0.5 * (y - f) ** 2

    def multiplier(self, y: FloatArray, f: FloatArray, weight: FloatArray) -> FloatArray:
        return weight * (y - f)

    def curvature(self, y: FloatArray, f: FloatArray, weight: FloatArray) -> FloatArray:
        return weight

    def box(self, y: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
        return np.full(y.size, -np.inf), np.full(y.size, np.inf)

    def dual(self, th: FloatArray, y: FloatArray, weight: FloatArray) -> float:
        return _quadratic_dual(th, y, weight)

    def scale_cap(self, th: FloatArray, weight: FloatArray) -> float:
        return np.inf

    def best_scale(self, th: FloatArray, y: FloatArray, weight: FloatArray, cap: float) -> float:
        return _quadratic_scale(th, y, weight, cap)

    def best_intercept(self, y: FloatArray, f: FloatArray, weight: FloatArray) -> float:
        return float(weight @ (y - f) / weight.sum())

    def negligible(self, y: FloatArray, weight: FloatArray) -> float:
        return float(8 * _EPS**2 * (weight @ y**2))


@dataclass(frozen=True)
class Huber(Loss):
    """``r^2 / 2`` for |r| <= delta, else ``delta |r| - delta^2 / 2``, with r = y - f.

    Parameters
    ----------
    delta : float
        Where the loss turns from quadratic to linear, in units of y; positive.
    """

    delta: float = 1.0
    name: ClassVar[str] = "huber"
    degree: ClassVar[int] = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "delta", as_positive("delta", self.delta))

    def rescaled(self, factor: float) -> Huber:
        return Huber(self.delta / factor)

    def rows(self, y: FloatArray, f: FloatArray) -> FloatArray:
        r = np.abs(y - f)
        return np.where(r <= self.delta, 0.5 * r**2, self.delta * r - 0.5 * self.delta**2)

    def multiplier(self, y: FloatArray, f: FloatArray, weight: FloatArray) -> FloatArray:
        return weight * np.clip(y - f, -self.delta, self.delta)

    def curvature(self, y: FloatArray, f: FloatArray, weight: FloatArray) -> FloatArray:
        # Zero where the loss is linear; a little more keeps Newton's matrices regular where all rows of a feature are.
        return np.where(np.abs(y - f) <= self.delta, weight, 1e-10 * weight)

    def box(self, y: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
        return -self.delta * weight, self.delta * weight

    def dual(self, th: FloatArray, y: FloatArray, weight: FloatArray) -> float:
        return _quadratic_dual(th, y, weight)

    def scale_cap(self, th: FloatArray, weight: FloatArray) -> float:
        moved = th != 0
        return float(np.min(self.delta * weight[moved] / np.abs(th[moved]), initial=np.inf))

    def best_scale(self, th: FloatArray, y: FloatArray, weight: FloatArray, cap: float) -> float:
        return _quadratic_scale(th, y, weight, cap)

    def best_intercept(self, y: FloatArray, f: FloatArray, weight: FloatArray) -> float:
        live = weight > 0
        lo, hi = self.box(y, weight)
        return _zero_sum_shift((weight * (y - f))[live], weight[live], lo[live], hi[live])

    def negligible(self, y: FloatArray, weight: FloatArray) -> float:
        return float(8 * _EPS**2 * (weight @ y**2))


@dataclass(frozen=True)
class Quantile(Loss):
    """``tau r`` for r >= 0 and ``(tau - 1) r`` for r < 0, with r = y - f: the fit of the tau-quantile.

    Parameters
    ----------
    tau : float
        The quantile, strictly between 0 and 1.
    """

    tau: float = 0.5
    name: ClassVar[str] = "quantile"
    degree: ClassVar[int] = 1
    is_smooth: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "tau", as_number("tau", self.tau))
        if not 0 < self.tau < 1:
            raise InputError(f"tau must lie strictly between 0 and 1, got {self.tau}")

    @property
    def slopes(self) -> tuple[float, float]:
        """Cost of a unit residual below (f > y) and above (f < y)."""
        return 1 - self.tau, self.tau

    def rows(self, y: FloatArray, f: FloatArray) -> FloatArray:
        below, above = self.slopes
        return np.maximum(above * (y - f), below * (f - y))

    def multiplier(self, y: FloatArray, f: FloatArray, weight: FloatArray) -> FloatArray:
        below, above = self.slopes
        return weight * np.where(y > f, above, np.where(y < f, -below, 0.0))

    def box(self, y: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
        below, above = self.slopes
        return -below * weight, above * weight

    def dual(self, th: FloatArray, y: FloatArray, weight: FloatArray) -> float:
        return float(th @ y)

    def best_intercept(self, y: FloatArray, f: FloatArray, weight: FloatArray) -> float:
        below, above = self.slopes
        r = (y - f)[weight > 0]
        order = np.argsort(r, kind="stable")
        cumulated = np.cumsum(weight[weight > 0][order])
        # The first residual at which the slope of the total, -above * W + cumulated * (above + below), is not negative.
        k = np.searchsorted(cumulated * (above + below), above * cumulated[-1] * (1 - 4 * _EPS))
        return float(r[order][k])


@dataclass(frozen=True)
class Absolute(Quantile):
    """``|y - f|``: twice the median's quantile loss."""

    tau: float = field(default=0.5, init=False, repr=False)
    name: ClassVar[str] = "absolute"

    @property
    def slopes(self) -> tuple[float, float]:
        return 1.0, 1.0


@dataclass(frozen=True)
class Logistic(Loss):
    """``log(1 + exp(-y f))`` with labels y = -1 or +1."""

    name: ClassVar[str] = "logistic"
    degree: ClassVar[int] = 0

    def rows(self, y: FloatArray, f: FloatArray) -> FloatArray:
        return np.logaddexp(0.0, -y * f)

    def multiplier(self, y: FloatArray, f: FloatArray, weight: FloatArray) -> FloatArray:
        return weight * y * expit(-y * f)

    def curvature(self, y: FloatArray, f: FloatArray, weight: FloatArray) -> FloatArray:
        return weight * expit(f) * expit(-f)

    def box(self, y: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
        return np.where(y > 0, 0.0, -weight), np.where(y > 0, weight, 0.0)

    def dual(self, th: FloatArray, y: FloatArray, weight: FloatArray) -> float:
        u = np.divide(y * th, weight, out=np.zeros_like(th), where=weight > 0)
        return float(-weight @ (xlogy(u, u) + xlogy(1 - u, 1 - u)))

    def best_scale(self, th: FloatArray, y: FloatArray, weight: FloatArray, cap: float) -> float:
        return cap

    def best_intercept(self, y: FloatArray, f: FloatArray, weight: FloatArray) -> float:
        if np.ptp(f) == 0:
            positive = weight[y > 0].sum()
            return float(np.log(positive) - np.log(weight.sum() - positive) - f[0])
        # Newton on a monotone gradient, kept inside a bracket.
        best = self.best_intercept(y, np.zeros_like(f), weight)
        low, high = best - f.max(), best - f.min()
        c = 0.5 * (low + high)
        for _ in range(100):
            slope, curvature = self.multiplier(y, f + c, weight).sum(), self.curvature(y, f + c, weight).sum()
            low, high = (c, high) if slope > 0 else (low, c)
            step = c + slope / curvature if curvature > 0 else np.inf
            step = step if low < step < high else 0.5 * (low + high)
            if abs(step - c) <= 2 * _EPS * max(abs(c), 1.0):
                break
            c = step
        return float(c)

    def negligible(self, y: FloatArray, weight: FloatArray) -> float:
        return 0.0


@dataclass(frozen=True)
class Interpolation(Loss):
    """Zero if the prediction equals the target, infinite otherwise: the limit beta -> 0 of every loss.

    The training problem becomes ``min beta ||z||_1`` subject to f = y, a linear program. Predictions count as equal
    within 1e-9 of the range of the targets.
    """

    name: ClassVar[str] = "interpolation"
    degree: ClassVar[int] = 1
    is_smooth: ClassVar[bool] = False

    def rows(self, y: FloatArray, f: FloatArray) -> FloatArray:
        return np.where(np.abs(y - f) <= 1e-9 * np.ptp(y), 0.0, np.inf)

    def multiplier(self, y: FloatArray, f: FloatArray, weight: FloatArray) -> FloatArray:
        return np.zeros_like(y)

    def box(self, y: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
        return np.full(y.size, -np.inf), np.full(y.size, np.inf)

    def dual(self, th: FloatArray, y: FloatArray, weight: FloatArray) -> float:
        return float(th @ y)

    def scale_cap(self, th: FloatArray, weight: FloatArray) -> float:
        return np.inf

    def best_intercept(self, y: FloatArray, f: FloatArray, weight: FloatArray) -> float:
        return float(np.mean(y - f))

    def total(self, y: FloatArray, f: FloatArray, weight: FloatArray) -> float:
        return float(self.rows(y, f).max())

    def negligible(self, y: FloatArray, weight: FloatArray) -> float:
        return 0.0


_BY_NAME: dict[str, Loss] = {
    loss.name: loss for loss in (Squared(), Absolute(), Huber(), Quantile(), Logistic(), Interpolation())
}


def as_loss(loss: str | Loss) -> Loss:
    """The loss of that name with its default parameter, or `loss` itself."""
    if isinstance(loss, Loss):
        return loss
    return _BY_NAME[one_of("loss", loss, tuple(_BY_NAME))]


def as_sample_weight(sample_weight: ArrayLike | None, x: FloatArray, loss: Loss) -> FloatArray:
    """Checked weights, 1 by default.

    Raises
    ------
    InputError
        If a weight is negative, all are zero, or the loss takes none.
    """
    if sample_weight is None:
        return np.ones_like(x)
    if isinstance(loss, Interpolation):
        raise InputError('loss "interpolation" has no weights: every target is met exactly; leave out sample_weight')
    weight = as_vector_like("sample_weight", sample_weight, "x", x)
    if (weight < 0).any():
        row = int(np.argmax(weight < 0))
        raise InputError(f"sample_weight must be nonnegative, got {weight[row]} at row {row}")
    if not weight.any():
        raise InputError("sample_weight must not be zero everywhere")
    return weight


def check_loss_fits(loss: Loss, x: FloatArray, y: FloatArray, weight: FloatArray | None) -> None:
    """Refuse targets for which the training problem has no solution; no weight means 1.

    Raises
    ------
    InputError
        Labels outside the loss's domain; a logistic problem with one class only (its intercept runs to infinity).
    InfeasibleError
        Interpolation of different targets at one input.
    """
    if isinstance(loss, Logistic):
        _check_labels(y, weight)
    if isinstance(loss, Interpolation):
        _check_one_target_an_input(x, y)


def _check_labels(y: FloatArray, weight: FloatArray | None) -> None:
    wrong = np.flatnonzero(np.abs(y) != 1)
    if wrong.size:
        values = np.unique(y)
        shown = ", ".join(map(str, values[:4])) + (", ..." if values.size > 4 else "")
        hint = "; pass 2 * y - 1" if set(values) <= {0.0, 1.0} else ""
        raise InputError(
            f'loss "logistic" needs labels -1 and +1, got values {{{shown}}} (first at row {wrong[0]}){hint}'
        )
    labels = y if weight is None else y[weight > 0]
    if (labels == labels[0]).all():
        raise InputError(
            f'loss "logistic" needs both classes, got only label {labels[0]:+g}: the best intercept is infinite'
        )


def _check_one_target_an_input(x: FloatArray, y: FloatArray) -> None:
    order = np.lexsort((y, x))
    clash = np.flatnonzero((np.diff(x[order]) == 0) & (np.diff(y[order]) != 0))
    if clash.size:
        i, j = order[clash[0]], order[clash[0] + 1]
        raise InfeasibleError(
            f'loss "interpolation" needs one target an input, got y = {y[i]} and {y[j]} at x = {x[i]} (rows {i}, {j})'
        )
