"""Learning at finite N: the most robust weights that satisfy the constraints, with a proof of how good they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from convexnn.associative.associations import Associations, as_associations
from convexnn.associative.integer import Progress, hebbian, search
from convexnn.associative.learned import OPTIMAL_GAP, Constraints, Learned
from convexnn.associative.linear import Columns, Program
from convexnn.errors import InputError
from convexnn.validation import as_positive


def learn(
    associations: Associations,
    *,
    threshold: float = 0.0,
    signs: ArrayLike | None = None,
    density: float | None = None,
    gap: float | None = None,
    time_limit: float | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Learned:
    """The weights of mean absolute value 1 that store the associations most robustly.

    Parameters
    ----------
    associations : Associations
    threshold : float
        h / (N w).
    signs : (N,) array of -1 and 1, optional
        Weight j has this sign or is 0. If not given, weights have any sign.
    density : float, optional
        At most ``round(density N)`` weights are nonzero.
    gap : float, optional
        Smallest absolute value of a nonzero weight.
    time_limit : float, optional
        Seconds after which the best weights so far and the bound proved so far are returned.
    progress : callable, optional
        Called with a `Progress` now and then during branch and bound.

    Returns
    -------
    Learned
        A negative robustness means that not all associations are stored. The status is

        - "optimal": no weights are more robust, up to a relative gap of 1e-8,
        - "time limit" or "memory limit": the search ended early; the bound holds all the same,
        - "cannot be stored": the bound is 0, so that no weights store all associations robustly. How negative the
          robustness must be is then decided for small problems only, unless signs are given,
        - "rounding": the search is complete, but the relative gap is larger than 1e-8.

    Raises
    ------
    InputError
        For values out of range, or signs of the wrong length.
    InfeasibleError
        If no weights satisfy the constraints.

    Notes
    -----
    Without density and gap this is a linear program, solved to a vertex: as many associations are exactly at the
    smallest margin as weights are nonzero. With them it is a mixed-integer program: Baig and Stepanyants,
    arXiv:2409.04946, solved here by a branch and bound of its own, whose nodes are closed by dual bounds alone. Its
    time grows exponentially in N, and is longest for few weights and for loads above capacity.
    """
    return learning_curve(
        associations,
        [as_associations(associations).n_associations],
        threshold=threshold,
        signs=signs,
        density=density,
        gap=gap,
        time_limit=time_limit,
        progress=progress,
    )[0]


def learning_curve(
    associations: Associations,
    counts: Sequence[int],
    *,
    threshold: float = 0.0,
    signs: ArrayLike | None = None,
    density: float | None = None,
    gap: float | None = None,
    time_limit: float | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> list[Learned]:
    """What `learn` gives for the first associations, for growing numbers of them; each solution starts from the last.

    Parameters
    ----------
    associations : Associations
    counts : sequence of int
        How many of the first associations are to be stored, in ascending order.
    threshold, signs, density, gap, progress
        As for `learn`.
    time_limit : float, optional
        Seconds for each of them.

    Returns
    -------
    list of Learned
        One a count.

    Raises
    ------
    InputError, InfeasibleError
        As `learn` does, and for counts that do not ascend or exceed the number of associations.
    """
    constraints = Constraints.of(as_associations(associations).n_inputs, threshold, signs, density, gap)
    seconds = None if time_limit is None else as_positive("time_limit", time_limit)
    edges = [0, *_checked_counts(counts, associations)]
    columns = Columns.of(associations.n_inputs, constraints.signs)
    program = Program(columns, constraints.threshold) if constraints.are_convex else None
    found: list[Learned] = []
    for low, high in pairwise(edges):
        if program is not None:
            program.add(Associations(associations.inputs[low:high], associations.outputs[low:high]))
        last = found[-1] if found else None
        new = _most_robust(program, associations.first(high), constraints, last, seconds, progress)
        inaccurate = new.status == "optimal" and new.relative_gap > OPTIMAL_GAP
        found.append(replace(new, status="rounding") if inaccurate else new)
    return found


def _most_robust(
    program: Program | None,
    associations: Associations,
    constraints: Constraints,
    last: Learned | None,
    time_limit: float | None,
    progress: Callable[[Progress], None] | None,
) -> Learned:
    """For the associations, which are in the program if the constraints are convex; `last` is that of fewer of them."""
    start = hebbian(associations, constraints) if last is None else last.weights
    bound = math.inf if last is None else last.bound
    if program is not None:
        vertex = program.solve(time_limit)
        if vertex is None:
            bound = min(bound, program.bound(np.ones(associations.n_associations)))
            if program.timed_out:
                return Learned(associations, constraints, start, bound, "time limit")
        elif program.columns.overlap(vertex.amounts):
            # Amounts of both signs of an input cancel, so that sum |J| is too small and no weights are as robust.
            bound = min(bound, vertex.bound)
        else:
            return Learned(associations, constraints, program.columns.weights(vertex.amounts), vertex.bound, "optimal")
    return search(associations, constraints, start, bound, time_limit=time_limit, progress=progress)


def _checked_counts(counts: Sequence[int], associations: Associations) -> Sequence[int]:
    allowed = f"counts must be integers that ascend from 1 to at most {associations.n_associations}"
    if not isinstance(counts, (Sequence, np.ndarray)):
        raise InputError(f"{allowed}, got {counts!r}")
    for low, high in pairwise([0, *counts]):
        whole = isinstance(high, (int, np.integer)) and not isinstance(high, bool)
        if not whole or not low < high <= associations.n_associations:
            raise InputError(f"{allowed}, got {high!r} after {low!r}")
    return counts
