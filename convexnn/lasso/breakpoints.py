"""What exact paths share: when they are too long, what counts as one breakpoint, and what is active at a beta."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from convexnn.errors import InputError
from convexnn.lasso.problem import Problem

SAME = 1e-11
"""Betas that differ by less, relatively, differ by rounding: events there are one breakpoint."""

_MOST_EVENTS = 10_000
_MOST_WORK = 1_000_000_000  # events times inputs

Item = TypeVar("Item")


def refuse_more_events(problem: Problem, beta: float, n_events: int) -> None:
    """Raise InputError once a path has too many events: more than 10^4, or 10^9 divided by the number of inputs."""
    most = min(_MOST_EVENTS, _MOST_WORK // problem.n_samples)
    if n_events > most:
        raise InputError(
            f"the exact path of {problem.architecture.label} on {problem.n_samples} samples has more than {most} "
            f"events: they reach down to beta = {beta:.4g}; pass a larger beta_min=, or betas= for certified solutions "
            "at betas of your choice"
        )


def active_at(
    betas: Sequence[float], segments: Sequence[Mapping[Item, float]], beta: float
) -> tuple[int, list[dict[Item, float]]]:
    """The segment that holds a beta, and what may have a magnitude there; two answers at a breakpoint.

    What leaves at a breakpoint is zero there, and is left out of the first answer. The second one keeps it: where two
    items are so close that rounding makes one take over from the other at once, neither is zero.

    Parameters
    ----------
    betas : sequence of float
        Descending ends of the segments, one more than there are segments.
    segments : sequence of mappings to signs
        What is active in each segment.
    beta : float
        At a breakpoint the segment above holds it.
    """
    place = max(int(np.searchsorted(-np.asarray(betas), -beta)) - 1, 0)
    signs = dict(segments[place])
    if beta > betas[place + 1] or place + 1 == len(segments):
        return place, [signs]
    staying = {item: sign for item, sign in signs.items() if item in segments[place + 1]}
    return place, [staying, signs] if len(staying) < len(signs) else [signs]
