"""Schedules: numbers that depend on the step, as plain callables."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from convexnn.errors import InputError
from convexnn.validation import FloatArray, as_integer, as_not_negative, as_number

Schedule = float | Callable[[int], float]

_RISE, _FIRST, _LAST = 0.3, 25.0, 25e4


@dataclass(frozen=True)
class OneCycle:
    """See `one_cycle`."""

    peak: float
    span: int

    def __call__(self, step: int) -> float:
        """The value in a step, counted from 0."""
        top, first, last = int(_RISE * self.span), self.peak / _FIRST, self.peak / _LAST
        if step < top:
            return _cosine(first, self.peak, step / top)
        return _cosine(self.peak, last, min((step - top) / (self.span - top), 1.0))


@dataclass(frozen=True)
class CubicSparsity:
    """See `cubic_sparsity`."""

    final: float
    span: int
    initial: float

    def __call__(self, step: int) -> float:
        """The sparsity after a step, counted from 0."""
        left = max(1.0 - step / self.span, 0.0)
        return self.final + (self.initial - self.final) * left**3


def one_cycle(peak: float, span: int) -> OneCycle:
    """Up from peak / 25 to the peak in the first 30 % of the span, down to peak / 250000 at its end, then flat.

    Both arcs are half a cosine. A span shorter than the run lets the network recover. It is the schedule of the
    regulariser and of the noise in Demon pruning (arXiv:2403.07688).

    Parameters
    ----------
    peak : float
        Not negative.
    span : int
        Number of steps, at least 1.

    Returns
    -------
    callable
        From the step, counted from 0, to the value.
    """
    return OneCycle(as_not_negative("peak", peak), as_integer("span", span))


def cubic_sparsity(final: float, span: int, *, initial: float = 0.0) -> CubicSparsity:
    """A share of removed units that grows fast at first: ``final + (initial - final) (1 - step / span)^3``.

    Parameters
    ----------
    final, initial : float
        In [0, 1].
    span : int
        Number of steps, at least 1; the final share stays after it.

    Notes
    -----
    Zhu and Gupta, "To prune, or not to prune" (2017).
    """
    for name, share in (("final", final), ("initial", initial)):
        if not 0 <= as_number(name, share) <= 1:
            raise InputError(f"{name} must be a share between 0 and 1, got {share}")
    return CubicSparsity(float(final), as_integer("span", span), float(initial))


def every_step(name: str, schedule: Schedule, n_steps: int) -> FloatArray:
    """The values of a number or schedule in all steps: (n_steps,), none of them negative.

    Raises
    ------
    InputError
        If a value is negative or not finite, or the schedule has a span longer than the run.
    """
    if not callable(schedule):
        return np.full(n_steps, as_not_negative(name, schedule))
    span = getattr(schedule, "span", 0)
    if span > n_steps:
        raise InputError(f"the schedule of {name} spans {span} steps, the run has only n_steps = {n_steps}")
    return np.array([as_not_negative(f"{name} in step {step}", schedule(step)) for step in range(n_steps)])


def _cosine(start: float, end: float, share: float) -> float:
    return end + 0.5 * (start - end) * (1.0 + math.cos(math.pi * share))
