"""The online rule against the same rule in numpy: ``OPENBLAS_NUM_THREADS=1 python -m benchmarks.online_rule``.

The peer is the rule as published, each of its steps a few whole-array operations and one product of inputs and weights.
Both learn the same associations from weights of the same law, on one thread. Times are processor times, the smallest of
several runs, which end when all associations are stored. Exit code 1 if 200,000 steps at N = 1000 take more than 10 s
at a load of 0.4, or 30 s in the hard phase, at a load of 0.5 with a robustness that is out of reach.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from convexnn.associative.associations import Associations, random_associations
from convexnn.associative.online import learn_online

GAP, PUSH, PULL, REACTIVATION, TOLERANCE = 2.0, 0.1, 0.1, 0.02, 1e-3
# Inputs, load, robustness, and the most seconds for 200,000 steps.
CASES = (
    (200, 0.5, 0.1, None),
    (200, 0.5, 0.5, None),
    (500, 0.4, 0.1, None),
    (1000, 0.4, 0.1, 10.0),
    (1000, 0.5, 0.5, 30.0),
)
STEPS = 200_000


def rule_in_numpy(associations: Associations, robustness: float, n_steps: int, rng: np.random.Generator) -> int:
    """The number of steps that it made."""
    inputs = associations.inputs
    side = 2 * associations.outputs - 1
    signed = side[:, np.newaxis] * inputs
    n = inputs.shape[1]
    required = np.sqrt(n) * robustness
    weights = (1 + GAP) * rng.uniform(-1, 1, n)
    for step in range(n_steps):
        violated = np.flatnonzero(signed @ weights < required)
        size = np.abs(weights)
        if not violated.size and abs(size.mean() - 1) <= TOLERANCE and not np.any((size > 0) & (size < GAP)):
            return step
        if violated.size:
            weights += PUSH * signed[violated[rng.integers(violated.size)]]
        size = np.abs(weights)
        pull = PULL * (size.mean() - 1)
        weights -= pull * np.sign(weights) * (size != GAP)
        size = np.abs(weights)
        caught = np.flatnonzero((size > 0) & (size < GAP))
        draws = rng.random(caught.size)
        ends = (draws < REACTIVATION).astype(float) - ((draws >= REACTIVATION) & (draws < 2 * REACTIVATION))
        weights[caught] = GAP * np.sign(weights[caught]) * ends
    return n_steps


def main(seed: int = 0, repeats: int = 5, peer_steps: int = 3000) -> None:
    """Print one line a case."""
    table = Table(box=box.SIMPLE, title="microseconds a step")
    for heading in ("N", "m", "robustness", "numpy", "here", "ratio", "steps", "s for 2e5 steps", "at most"):
        table.add_column(heading, justify="right")
    fine = True
    for n, load, robustness, most_seconds in CASES:
        associations = random_associations(n, round(load * n), rng=np.random.default_rng(seed))
        options: dict[str, Any] = {"robustness": robustness, "gap": GAP, "n_steps": 20_000}
        learn_online(associations, rng=np.random.default_rng(0), **options)  # compiles
        peer, here = [], []
        for repeat in range(repeats):
            rngs = np.random.default_rng(repeat).spawn(2)
            started = time.process_time()
            steps = rule_in_numpy(associations, robustness, peer_steps, rngs[0])
            peer.append((time.process_time() - started) / steps)
            started = time.process_time()
            steps = learn_online(associations, rng=rngs[1], **options).n_steps
            here.append((time.process_time() - started) / steps)
        seconds = STEPS * min(here)
        fine &= most_seconds is None or seconds <= most_seconds
        table.add_row(
            str(n),
            str(associations.n_associations),
            f"{robustness:g}",
            f"{1e6 * min(peer):.1f}",
            f"{1e6 * min(here):.2f}",
            f"{min(peer) / min(here):.1f}",
            str(steps),
            f"{seconds:.2f}",
            f"{most_seconds:g}" if most_seconds else "",
        )
    Console(width=110).print(table)
    if not fine:
        sys.exit(1)


if __name__ == "__main__":
    typer.run(main)
