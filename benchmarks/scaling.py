"""The comparison behind ``python -m benchmarks``: all methods on one problem, in turn, in one process."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

import convexnn as cnn
from benchmarks.peers import OURS, PEERS, Recipe
from benchmarks.race import Judge, Outcome, qualify, repeat
from benchmarks.worker import Worker, clock

FLOOR = "read pass"
_WARM_UP = (20, 0.1, 0)


@dataclass(frozen=True)
class Settings:
    """What the methods are asked for.

    Attributes
    ----------
    share : float
        beta / beta_max.
    target : float
        Certified relative gap.
    budget : float
        Seconds that a method may take at one size to be certified, and again for its repeated runs.
    repeats : int
        Runs whose median counts.
    seed : int
        Of the data.
    """

    share: float
    target: float
    budget: float
    repeats: int
    seed: int


def noisy_sine(activation: str, n: int, share: float, seed: int) -> cnn.Problem:
    """y = sin(3 x) + 0.1 noise at sorted uniform x in [-2, 2], two layers, beta being a share of beta_max."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(-2, 2, n))
    y = np.sin(3 * x) + 0.1 * rng.normal(size=n)
    architecture = cnn.Architecture(activation)
    return cnn.Problem(x, y, share * cnn.Problem(x, y, 1.0, architecture).beta_max, architecture)


def compare(worker: Worker, activation: str, n: int, settings: Settings, dropped: set[str]) -> list[Outcome]:
    """The floor and all methods at one size; those that run out of time are added to `dropped`."""
    recipe = Recipe(noisy_sine, (activation, n, settings.share, settings.seed))
    warm_up = Recipe(noisy_sine, (activation, *_WARM_UP))
    judge = Judge(recipe.problem())
    outcomes = []
    for method in (OURS, *PEERS):
        if method.name in dropped:
            outcome = Outcome(method.name, "dropped", note="out of time at a smaller size")
        else:
            outcome = qualify(worker, method, recipe, warm_up, judge, settings.target, settings.budget)
        if outcome.status == "timed out":
            dropped.add(method.name)
        print(f"{activation}, n = {n}, {method.name}: {outcome}", file=sys.stderr, flush=True)
        outcomes.append(outcome)
    repeat(worker, outcomes, recipe, warm_up, settings.repeats, settings.budget)
    return [worker.call(read_passes, recipe, settings.repeats, limit=60.0), *outcomes]


def read_passes(recipe: Recipe, repeats: int) -> Outcome:
    """The floor: reading the data once, after a pass that is not counted."""
    problem = recipe.problem()
    x, y = problem.x, problem.y
    times = []
    for _ in range(repeats + 1):
        started = clock()
        x.sum() + y.sum()
        times.append(clock() - started)
    outcome = Outcome(FLOOR, "floor")
    outcome.time(times[1:])
    return outcome
