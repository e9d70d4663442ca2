"""What a theorem is here: a statement, instances of its hypotheses, a check, and a way to make the check fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

Kind = Literal["equality", "bound", "tight bound", "counterexample", "conjecture"]
Check = Callable[..., "Evidence"]


@dataclass(frozen=True)
class Comparison:
    """One named comparison. It holds if `deviation` is at most `tolerance`; a NaN neither holds nor refutes.

    `reached` says that an upper bound was attained within its tolerance.
    """

    name: str
    relation: str
    got: Any
    want: Any
    deviation: float
    tolerance: float
    reached: bool = False

    @property
    def holds(self) -> bool:
        return self.deviation <= self.tolerance

    @property
    def refuted(self) -> bool:
        return self.deviation > self.tolerance

    @property
    def ratio(self) -> float:
        """Deviation over tolerance; of an exact comparison 0 or infinity."""
        if self.tolerance > 0:
            return self.deviation / self.tolerance
        return 0.0 if self.deviation == 0 else self.deviation * np.inf

    def __str__(self) -> str:
        shown = f"{self.name}: {_short(self.got)} {self.relation} {_short(self.want)}"
        return shown if self.relation == "is" else f"{shown}, off by {self.deviation:.3g}, allowed {self.tolerance:.3g}"


@dataclass(frozen=True)
class Evidence:
    """A conjunction of comparisons, and notes on what the instance really used.

    Examples
    --------
    >>> Evidence.equal("sum", 0.1 + 0.2, 0.3, tol=1e-15) & Evidence.at_most("depth", 3, 4)
    """

    comparisons: tuple[Comparison, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def equal(cls, name: str, got: Any, want: Any, tol: float = 0) -> Evidence:
        """`got` equals `want` within `tol`: numbers or arrays of one shape; integers and fractions without rounding."""
        return cls((_compare(name, "=", got, want, tol, np.abs),))

    @classmethod
    def at_most(cls, name: str, got: Any, bound: Any, tol: float = 0) -> Evidence:
        """`got` exceeds `bound` by at most `tol`."""
        return cls((_compare(name, "<=", got, bound, tol, lambda excess: np.maximum(excess, 0)),))

    @classmethod
    def true(cls, name: str, ok: bool) -> Evidence:
        """Something without a size holds."""
        return cls((Comparison(name, "is", bool(ok), True, 0.0 if ok else 1.0, 0.0),))

    def note(self, tag: str, applies: bool | np.bool = True) -> Evidence:
        """The same evidence, noting that its instance used `tag`."""
        return Evidence(self.comparisons, (*self.notes, tag)) if applies else self

    def __and__(self, other: Evidence) -> Evidence:
        return Evidence(self.comparisons + other.comparisons, self.notes + other.notes)

    @property
    def holds(self) -> bool:
        """Whether something was compared and every comparison holds."""
        return bool(self.comparisons) and all(c.holds for c in self.comparisons)

    @property
    def refuted(self) -> bool:
        """Whether a comparison fails; evidence that is empty or NaN neither holds nor refutes."""
        return any(c.refuted for c in self.comparisons)

    @property
    def worst(self) -> Comparison | None:
        """The comparison with the largest deviation in units of its tolerance, a NaN first."""
        return max(self.comparisons, key=lambda c: np.nan_to_num(c.ratio, nan=np.inf), default=None)


@dataclass(frozen=True)
class Falsification:
    """The twin of a theorem: the same check where one hypothesis is missing. It must be refuted by some instance.

    Attributes
    ----------
    drops : the hypothesis that is missing.
    instances : strategy of keyword arguments without that hypothesis.
    check : the check with the hypothesis removed; None where the theorem's own check can be handed the instances.
    """

    drops: str
    instances: SearchStrategy[dict[str, Any]]
    check: Check | None = None


@dataclass(frozen=True)
class Theorem:
    """A statement that can be run.

    Attributes
    ----------
    key : a path such as "mirrors/reflections-are-necessary".
    title : one sentence for the report.
    statement : the claim, in LaTeX.
    reference : where it is stated or derived.
    kind : "equality", "bound", "tight bound" (some instance must attain it), "counterexample" or "conjecture".
    instances : strategy of keyword arguments that satisfy the hypotheses.
    check : the claim on one instance.
    falsify : twins, each of which must be refuted.
    examples : instances that are always checked, before the drawn ones.
    uses : notes that some instance must carry, so that the claim is not checked on trivial cases only.
    spec : number of the statement, such as "T7", unique in its folder.
    """

    key: str
    title: str
    statement: str
    reference: str
    kind: Kind
    instances: SearchStrategy[dict[str, Any]]
    check: Check
    falsify: tuple[Falsification, ...]
    examples: tuple[dict[str, Any], ...] = ()
    uses: tuple[str, ...] = ()
    spec: str | None = None


_REGISTRY: dict[str, Theorem] = {}


def theorem(*, falsify: Falsification | tuple[Falsification, ...], **attributes: Any) -> Callable[[Check], Theorem]:
    """Register the decorated check as a `Theorem` with these attributes.

    Raises
    ------
    ValueError
        If the key is taken or there is no twin.
    """

    def register(check: Check) -> Theorem:
        twins = (falsify,) if isinstance(falsify, Falsification) else falsify
        new = Theorem(check=check, falsify=twins, **attributes)
        if not twins:
            raise ValueError(f"{new.key}: a theorem needs a twin that its check refutes")
        if new.key in _REGISTRY:
            raise ValueError(f"two theorems have the key {new.key!r}")
        _REGISTRY[new.key] = new
        return new

    return register


def registered() -> tuple[Theorem, ...]:
    """The theorems of all modules imported so far, in order of definition."""
    return tuple(_REGISTRY.values())


def _compare(
    name: str, relation: str, got: Any, want: Any, tol: float, measure: Callable[[NDArray], NDArray]
) -> Comparison:
    if not 0 <= tol < np.inf:
        raise ValueError(f"{name}: a tolerance is finite and not negative, got {tol}")
    got, want = np.asarray(got), np.asarray(want)
    if got.shape != want.shape:
        raise ValueError(f"{name}: compared shapes differ, {got.shape} and {want.shape}")
    if got.size == 0:
        return Comparison(name, relation, "nothing", "nothing", np.nan, tol)
    with np.errstate(invalid="ignore"):  # the difference of two infinities is a NaN, which neither holds nor refutes
        difference = np.atleast_1d(got - want)
    deviations = measure(difference).astype(float)
    worst = int(np.argmax(deviations))  # a NaN counts as the largest
    reached = relation == "<=" and bool(np.any(np.abs(difference) <= tol))
    return Comparison(
        name, relation, got.flat[worst], want.flat[worst], float(deviations.flat[worst]), float(tol), reached
    )


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
