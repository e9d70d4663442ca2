"""Running theorems: draw instances, gather evidence, and look for the instance on which a twin breaks.

Runs are reproducible: hypothesis is seeded with `SEED`, keeps no database and has no deadline.
"""

from __future__ import annotations

import importlib
import random
import time
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import hypothesis
import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity

from convexnn.errors import InputError
from convexnn.validation import one_of
from theory.statement import Check, Comparison, Evidence, Falsification, Theorem, registered

SEED = 240301046

_GROUPS = (
    "mirrors.two_layers",
    "mirrors.narrow_relu",
    "mirrors.reflections",
    "mirrors.symmetrized",
    "mirrors.switching",
    "mirrors.minimum_norm",
    "mirrors.duality",
    "mirrors.networks",
    "mirrors.sparsity",
    "mirrors.ties",
    "mirrors.function_space",
    "mirrors.symmetries",
    "mirrors.oracles",
    "mirrors.paths",
    "certificates.repair",
    "certificates.residuals",
    "certificates.averaging",
    "associative.closed_forms",
    "associative.saddle_points",
    "associative.capacities",
    "associative.exact_learning",
    "associative.finite_size",
    "associative.online_rule",
    "dead_units.death",
    "dead_units.causes",
    "dead_units.wedge",
    "dead_units.pruning",
    "dead_units.optimum",
)


@dataclass(frozen=True)
class Profile:
    """How many instances are drawn for a theorem and at most for each twin, and whether a twin's instance is shrunk."""

    name: str
    max_examples: int
    twin_examples: int
    shrink_twins: bool


PROFILES = {p.name: p for p in (Profile("quick", 20, 200, False), Profile("full", 300, 2000, True))}


@dataclass(frozen=True)
class TwinReport:
    """What became of the check without one hypothesis; `instance` is None if nothing refuted it."""

    drops: str
    instance: str | None
    refuted: str | None
    error: str | None = None


@dataclass(frozen=True)
class Report:
    """The outcome of one theorem.

    Attributes
    ----------
    instances : number of instances checked, up to and including the first that fails.
    failures : why the theorem is not accepted; empty if it holds.
    counterexample : the smallest failing instance found, and the comparisons that fail on it.
    worst, worst_name : the largest deviation in units of its tolerance, and of which comparison.
    notes : on how many instances each note was made.
    """

    key: str
    title: str
    statement: str
    reference: str
    kind: str
    spec: str | None
    instances: int
    failures: tuple[str, ...]
    counterexample: str | None
    worst: float
    worst_name: str
    notes: dict[str, int]
    twins: tuple[TwinReport, ...]
    seconds: float

    @property
    def holds(self) -> bool:
        return not self.failures

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON types."""
        return {**asdict(self), "holds": self.holds, "worst": self.worst if np.isfinite(self.worst) else None}


def theorems() -> tuple[Theorem, ...]:
    """All theorems, in the order of their groups."""
    for group in _GROUPS:
        importlib.import_module(f"theory.{group}")
    return registered()


def verify(key: str, *, max_examples: int | None = None, profile: str = "quick") -> Report:
    """Check one theorem on instances of its hypotheses, and its twins until they break.

    Parameters
    ----------
    key : key of the theorem, such as "mirrors/reflections-are-necessary".
    max_examples : number of instances to draw; by default the profile's.
    profile : "quick" or "full".

    Raises
    ------
    InputError
        For an unknown key or profile.
    """
    known = {theorem.key: theorem for theorem in theorems()}
    return examine(known[one_of("theorem", key, tuple(known))], max_examples=max_examples, profile=profile)


def examine(theorem: Theorem, *, max_examples: int | None = None, profile: str = "quick") -> Report:
    """As `verify`, for a theorem that need not be registered."""
    chosen = PROFILES[one_of("profile", profile, tuple(PROFILES))]
    if max_examples is not None and max_examples < 1:
        raise InputError(f"max_examples must be positive, got {max_examples}")
    start = time.perf_counter()
    run = _Run(theorem.check)
    run.over(theorem, max_examples or chosen.max_examples)
    twins = tuple(_break(twin, theorem.check, chosen) for twin in theorem.falsify)
    return Report(
        key=theorem.key,
        title=theorem.title,
        statement=theorem.statement,
        reference=theorem.reference,
        kind=theorem.kind,
        spec=theorem.spec,
        instances=run.instances,
        failures=(*_failures(theorem, run), *_survivors(twins)),
        counterexample=run.counterexample,
        worst=run.worst.ratio if run.worst else float("nan"),
        worst_name=run.worst.name if run.worst else "",
        notes=dict(run.notes),
        twins=twins,
        seconds=time.perf_counter() - start,
    )


class _ClaimError(Exception):
    """Tells hypothesis that an instance fails, so that it looks for a smaller one."""


class _Run:
    """The evidence of all instances up to the first failure; after it, the latest (smallest) failing instance."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.instances = 0
        self.notes: Counter[str] = Counter()
        self.worst: Comparison | None = None
        self.reached = False
        self.counterexample: str | None = None

    def over(self, theorem: Theorem, max_examples: int) -> None:
        """Check the theorem's own examples, then drawn ones; stop at the first failure, made as small as possible."""
        settings = _settings(max_examples, Phase.generate, Phase.shrink)
        drawn = hypothesis.seed(SEED)(settings(hypothesis.given(theorem.instances)(self._instance)))
        try:
            for example in theorem.examples:
                self._instance(example)
            drawn()
        except Exception as error:
            if self.counterexample is None:
                self.counterexample = f"no instance could be drawn: {_describe(error)}"

    def _instance(self, instance: dict[str, Any]) -> None:
        failed_before = self.counterexample is not None
        try:
            evidence = self.check(**instance)
        except Exception as error:
            self.instances += not failed_before
            self.counterexample = f"{show(instance)}; {_describe(error)}"
            raise
        if not failed_before:
            self._add(evidence)
        if not evidence.holds:
            failing = [str(c) for c in evidence.comparisons if not c.holds] or ["nothing was compared"]
            self.counterexample = "; ".join([show(instance), *failing])
            raise _ClaimError

    def _add(self, evidence: Evidence) -> None:
        self.instances += 1
        self.notes.update(set(evidence.notes))
        self.reached |= any(c.reached for c in evidence.comparisons)
        self.worst = Evidence(evidence.comparisons + ((self.worst,) if self.worst else ())).worst


def _failures(theorem: Theorem, run: _Run) -> list[str]:
    if run.counterexample is not None:
        return ["the claim fails"]
    failures = [f"no instance used: {tag}" for tag in theorem.uses if not run.notes[tag]]
    if theorem.kind == "tight bound" and not run.reached:
        failures.append("no instance attains the bound")
    return failures


def _survivors(twins: tuple[TwinReport, ...]) -> list[str]:
    return [f"the check cannot fail: it survives without {t.drops}" for t in twins if t.instance is None]


def _break(twin: Falsification, check: Check, profile: Profile) -> TwinReport:
    """Search the twin's instances for one that refutes the check. An error is no refutation."""
    check = twin.check or check
    phases = (Phase.generate, Phase.shrink) if profile.shrink_twins else (Phase.generate,)
    try:
        instance = hypothesis.find(
            twin.instances,
            lambda instance: check(**instance).refuted,
            settings=_settings(profile.twin_examples, *phases),
            random=random.Random(SEED),
        )
        refuted = next(c for c in check(**instance).comparisons if c.refuted)
    except hypothesis.errors.NoSuchExample:
        return TwinReport(twin.drops, None, None)
    except Exception as error:
        return TwinReport(twin.drops, None, None, _describe(error))
    return TwinReport(twin.drops, show(instance), str(refuted))


def _settings(max_examples: int, *phases: Phase) -> hypothesis.settings:
    return hypothesis.settings(
        max_examples=max_examples,
        phases=phases,
        database=None,
        deadline=None,
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        # Checks solve linear programs, so slowness is expected; a strategy that rejects its own draws is not.
        suppress_health_check=[check for check in HealthCheck if check is not HealthCheck.filter_too_much],
    )


def show(instance: dict[str, Any]) -> str:
    """An instance as text: arrays as lists, architectures by their labels."""
    return ", ".join(f"{key} = {_text(value)}" for key, value in instance.items())


def _text(value: Any) -> str:
    return str(value.tolist() if isinstance(value, np.ndarray) else getattr(value, "label", value))


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
