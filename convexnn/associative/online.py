"""Learning one association at a time, with a gap: the online sparse learning rule.

arXiv:2409.04946, Supplementary Equation 47. Each step pushes the weights towards one violated association (perceptron
step), pulls their mean absolute value to 1 (l1 step) and clears the gap: a weight that was brought into it becomes zero
mostly, and is thrown to one of the ends of the gap sometimes (gap step). Learning ends when everything that was asked
for holds. The rule proves nothing when it does not: other weights might have it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convexnn.associative.associations import Associations, as_associations, as_scalar
from convexnn.associative.learned import Constraints, Learned
from convexnn.errors import InputError
from convexnn.kernels.online_rule import FAR, RECORDED, Rule, pack, run, run_all
from convexnn.validation import FloatArray, as_generator, as_integer, as_number, as_positive

_EPS = float(np.finfo(np.float64).eps)
NORM_TOLERANCE = 1e-3
STORED, NOT_STORED = "stored", "not stored"

# All sums of weights are exact as long as N mean |J| stays below 2^53 multiples of the grid. The weights start with a
# mean of (1 + gap) / 2 or 1 + gap, and pushes and pulls balance at a mean of 1 + push / pull: this is the room above.
_HEADROOM = 16

_MOST_RECORDS = 10**7  # 400 MB a run


@dataclass(frozen=True, eq=False)
class History:
    """What the weights were like on the way, after the steps in `step`.

    Attributes
    ----------
    step : (k,) array
    error_rate : (k,) array
        The fraction of associations that are less robust than was asked for.
    gap_violations : (k,) array
        The fraction of weights that the gap step of this step found in the gap; after it, there are none.
    mean_size : (k,) array
        Mean |J|.
    sparsity : (k,) array
        The fraction of zero weights.
    """

    step: FloatArray
    error_rate: FloatArray
    gap_violations: FloatArray
    mean_size: FloatArray
    sparsity: FloatArray


@dataclass(frozen=True, eq=False, repr=False)
class LearnedOnline(Learned):
    """Weights that the online rule found, which need not have all that was asked for: see `status` and `check()`.

    `bound` comes from a mixture of associations, each weighted by how often the rule chose it.

    Attributes
    ----------
    associations, constraints, weights, bound, status, target, norm_tolerance
        As of `Learned`.
    n_steps : int
        Steps made.
    history : History or None
        If it was asked for.
    """

    n_steps: int = 0
    history: History | None = None


def learn_online(
    associations: Associations,
    *,
    robustness: float,
    gap: float | None,
    threshold: float = 0.0,
    signs: ArrayLike | None = None,
    n_steps: int,
    rng: np.random.Generator,
    push: float = 0.1,
    pull: float = 0.1,
    reactivation: float = 0.02,
    record_every: int | None = None,
) -> LearnedOnline:
    """Store associations with a given robustness by the online sparse learning rule.

    Parameters
    ----------
    associations : Associations
    robustness : float
        kappa / (w sqrt(N)) >= 0, which every association is to have.
    gap : float or None
        Smallest absolute value of a nonzero weight; None or 0 is no constraint. It is rounded up to the grid of the
        weights, by less than 1e-10 of 1 + gap for N up to 10000.
    threshold : float
        h / (N w).
    signs : (N,) array of -1 and 1, optional
        Weights have this sign or are zero. If not given, any sign.
    n_steps : int
        The largest number of steps.
    rng : numpy.random.Generator
        Draws the weights to start from, unless `signs` give them, and the key of the random numbers of all steps.
    push : float
        beta_mu > 0: how far the perceptron step moves a weight. As published by default, like the next two.
    pull : float
        beta_w, above 0 and at most 1: the rate of the l1 step.
    reactivation : float
        1 - p_delta, at most 1/2: the probability with which a weight in the gap goes to one end of it, and also that
        for the other end. The noise of reactivated weights grows with N. With gaps of 5 and more and N of 500 and more,
        2 / N stores loads that the published 0.02 does not.
    record_every : int, optional
        Record the state of the weights after every so many steps.

    Returns
    -------
    LearnedOnline
        The weights at the end. Mean |J| is within 1e-3 of 1 if all was reached; weights are never rescaled.

    Raises
    ------
    InputError
        For values out of range.
    InfeasibleError
        If no weights satisfy the constraints.
    """
    n = as_associations(associations).n_inputs
    task = _Task.of(n, robustness, gap, threshold, signs, n_steps, push, pull, reactivation, record_every)
    arrays = task.start(associations, rng)
    return task.finish(associations, arrays, run(*arrays, *task.shared))


def learn_online_many(
    associations: Sequence[Associations],
    *,
    robustness: float,
    gap: float | None,
    threshold: float = 0.0,
    signs: ArrayLike | None = None,
    n_steps: int,
    rng: np.random.Generator,
    push: float = 0.1,
    pull: float = 0.1,
    reactivation: float = 0.02,
    record_every: int | None = None,
) -> list[LearnedOnline]:
    """`learn_online` for many sets of associations in parallel.

    The result does not depend on the number of threads: with ``rngs = rng.spawn(len(associations))``, run k is that of
    ``learn_online(associations[k], rng=rngs[k], ...)``, bit by bit.

    Parameters
    ----------
    associations : sequence of Associations
        One run each, all with the same N and m; the same may occur several times.
    robustness, gap, threshold, signs, n_steps, push, pull, reactivation, record_every
        As for `learn_online`.
    rng : numpy.random.Generator
        Spawns the generator of each run.

    Returns
    -------
    list of LearnedOnline

    Raises
    ------
    InputError
        As `learn_online` does, and for associations of different shapes.
    InfeasibleError
        If no weights satisfy the constraints.
    """
    if isinstance(associations, Associations):
        raise InputError("associations must be a sequence of Associations, got one; write [associations]")
    shapes = {as_associations(one).inputs.shape for one in associations}
    if len(shapes) != 1:
        found = f"the shapes {', '.join(map(str, sorted(shapes)))}" if shapes else "none"
        raise InputError(f"associations must be at least one, all of the same shape, got {found}")
    task = _Task.of(
        associations[0].n_inputs, robustness, gap, threshold, signs, n_steps, push, pull, reactivation, record_every
    )
    rngs = as_generator(rng).spawn(len(associations))
    runs = [task.start(one, its) for one, its in zip(associations, rngs, strict=True)]
    stacked: list[Any] = [np.stack(parts) for parts in zip(*runs, strict=True)]
    arguments: list[Any] = [*stacked, *task.shared]
    steps = run_all(*arguments)
    return [
        task.finish(one, _Arrays(*(part[k] for part in stacked)), int(steps[k])) for k, one in enumerate(associations)
    ]


class _Arrays(NamedTuple):
    """What differs from run to run, in the order of the kernel's arguments."""

    words: NDArray[np.uint64]
    side: NDArray[np.int64]
    required: NDArray[np.int64]
    key: np.uint64
    weights: NDArray[np.int64]
    pushes: NDArray[np.int64]
    history: FloatArray


class _Shared(NamedTuple):
    """What is the same for all runs, in the order of the kernel's arguments."""

    signs: NDArray[np.int64]
    rule: Rule
    n_steps: int
    every: int


@dataclass(frozen=True, eq=False)
class _Task:
    """What is asked for, checked."""

    robustness: float
    constraints: Constraints
    shared: _Shared
    records: bool

    @classmethod
    def of(
        cls,
        n_inputs: int,
        robustness: float,
        gap: float | None,
        threshold: float,
        signs: ArrayLike | None,
        n_steps: int,
        push: float,
        pull: float,
        reactivation: float,
        record_every: int | None,
    ) -> _Task:
        constraints = Constraints.of(n_inputs, threshold=threshold, signs=signs, gap=gap)
        rule = _rule(n_inputs, constraints.gap, push, pull, reactivation)
        every = as_integer("record_every", record_every) if record_every is not None else 1
        free = np.zeros(n_inputs) if constraints.signs is None else constraints.signs
        shared = _Shared(free.astype(np.int64), rule, as_integer("n_steps", n_steps), every)
        if record_every is not None and shared.n_steps // every > _MOST_RECORDS:
            least = math.ceil(shared.n_steps / _MOST_RECORDS)
            raise InputError(
                f"record_every must be at least {least} for {shared.n_steps} steps, got {every}; "
                f"at most {_MOST_RECORDS} states are recorded"
            )
        return cls(as_scalar("robustness", robustness), constraints, shared, record_every is not None)

    def start(self, associations: Associations, rng: np.random.Generator) -> _Arrays:
        """The arrays of a run that has not begun."""
        rng = as_generator(rng)
        m, n = associations.inputs.shape
        side = 2 * associations.outputs - 1
        scale = math.sqrt(n) * self.robustness + n * abs(self.constraints.threshold)
        # A little more than asked, lest rounding elsewhere violates it.
        required = math.sqrt(n) * self.robustness + n * self.constraints.threshold * side + 8 * _EPS * scale
        size = 1 + self.constraints.gap
        weights = size * (rng.uniform(-1, 1, n) if self.constraints.signs is None else self.constraints.signs)
        grid = self.shared.rule.grid
        return _Arrays(
            words=pack(associations.inputs != 0),
            side=side.astype(np.int64),
            required=np.clip(np.ceil(required / grid), -FAR, FAR).astype(np.int64),
            key=rng.integers(2**64, dtype=np.uint64),
            weights=np.round(weights / grid).astype(np.int64),
            pushes=np.zeros(m, dtype=np.int64),
            history=np.zeros((self.shared.n_steps // self.shared.every if self.records else 0, RECORDED)),
        )

    def finish(self, associations: Associations, arrays: _Arrays, n_steps: int) -> LearnedOnline:
        """What a run has found, looked at anew."""
        recorded = arrays.history[: n_steps // self.shared.every]
        found = LearnedOnline(
            associations=associations,
            constraints=self.constraints,
            weights=self.shared.rule.grid * arrays.weights.astype(np.float64),
            bound=self._bound(associations, arrays.pushes),
            status=STORED,
            target=self.robustness,
            norm_tolerance=NORM_TOLERANCE,
            n_steps=n_steps,
            history=History(*recorded.T) if self.records else None,
        )
        return found if found.check() else replace(found, status=NOT_STORED)

    def _bound(self, associations: Associations, pushes: NDArray[np.int64]) -> float:
        """No robustness exceeds the best margin of a mixture of the associations, which one weight alone attains.

        Two mixtures are tried: the associations that the rule chose, which are hard to store, and all of them.
        """
        side = 2 * associations.outputs - 1
        signs = self.constraints.signs
        bound = math.inf
        for share in (pushes, np.ones_like(pushes)):
            if share.any():
                mixture = share / share.sum() * side
                slope = mixture @ associations.inputs
                steepest = float(np.max(np.abs(slope) if signs is None else signs * slope))
                norm = 1 + math.copysign(NORM_TOLERANCE, steepest)
                bound = min(bound, norm * steepest - self.constraints.threshold * float(mixture.sum()))
        return math.sqrt(associations.n_inputs) * bound


def _rule(n_inputs: int, gap: float, push: float, pull: float, reactivation: float) -> Rule:
    """The constants of the rule on the grid of the weights."""
    push, pull = as_positive("push", push), as_positive("pull", pull)
    if pull > 1:
        raise InputError(f"pull must be at most 1, got {pull}; above, the l1 step overshoots")
    if push > 1e12 * pull:
        raise InputError(f"push must be at most 1e12 times pull, got {push} and {pull}")
    if not 0 <= as_number("reactivation", reactivation) <= 0.5:
        raise InputError(f"reactivation must be between 0 and 1/2, got {reactivation}")
    grid = 2.0 ** (math.ceil(math.log2(_HEADROOM * n_inputs * (1 + gap + push / pull))) - 53)
    if push < grid:
        raise InputError(f"push must be at least {grid:.2g}, the grid of the weights, got {push}")
    return Rule(round(push / grid), pull, math.ceil(gap / grid), reactivation, NORM_TOLERANCE, grid)
