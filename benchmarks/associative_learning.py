"""Exact learning against HiGHS on the published programs: ``python -m benchmarks.associative_learning``.

The peers are the mixed-integer programs of arXiv:2409.04946, in which N times a binary bounds |J|, and the linear
program as scipy solves it; the same instances in one run, one thread each.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import highspy
import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from scipy.optimize import linprog

from convexnn.associative import Associations, learn, random_associations
from convexnn.validation import FloatArray

AGREEMENT = 1e-5  # of the optima: the peer's margins are feasible to 1e-6, and sqrt(N) times a field
SMALLEST_RATIO = 1.5


@dataclass(frozen=True)
class Case:
    """Instances of one kind, and the seconds that a median or, for nine in ten, a proof may take."""

    name: str
    n_inputs: int
    load: float
    constraints: dict[str, float] = field(default_factory=dict)
    median: float = np.inf
    proof: float = np.inf

    def instance(self, seed: int) -> Associations:
        """Number `seed` of them."""
        n_associations = round(self.load * self.n_inputs)
        return random_associations(self.n_inputs, n_associations, rng=np.random.default_rng(seed))


CASES = (
    Case("l1", 400, 0.75, median=0.5),
    Case("l0, p = 0.3", 30, 0.6, {"density": 0.3}, median=0.5),
    Case("l0, p = 0.3", 40, 0.6, {"density": 0.3}, proof=60.0),
    Case("l0, p = 0.2", 40, 0.6, {"density": 0.2}),
    Case("gap 2", 30, 0.6, {"gap": 2.0}),
    Case("gap 2", 50, 0.6, {"gap": 2.0}, median=10.0),
    Case("gap 2", 60, 0.6, {"gap": 2.0}),
)


def main() -> int:
    """Solve the instances and print a table; 0 if the targets are met and all proved optima agree."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.associative_learning", description=__doc__)
    parser.add_argument("--instances", type=int, default=20, help="of each kind")
    parser.add_argument("--peer-seconds", type=float, default=10.0, help="time limit of the peer for one instance")
    arguments = parser.parse_args()

    learn(random_associations(4, 2, rng=np.random.default_rng(0)), gap=1.5)  # compiles
    table = Table("case", "N", "median s", "slowest", "total", "proved", box=box.SIMPLE)
    for column in ("peer median s", "total", "proved", "ratio of totals", "largest difference"):
        table.add_column(column)
    fine = True
    for case in CASES:
        instances = [case.instance(seed) for seed in range(arguments.instances)]
        own = [timed(partial(own_optimum, one, case.constraints)) for one in instances]
        peer = [timed(partial(peer_optimum, one, case.constraints, arguments.peer_seconds)) for one in instances]
        seconds, others = [one[0] for one in own], [one[0] for one in peer]
        both = [(a[1], b[1]) for a, b in zip(own, peer, strict=True) if np.isfinite(a[1]) and np.isfinite(b[1])]
        difference = max((abs(a - b) for a, b in both), default=0.0)
        ratio = sum(others) / sum(seconds)
        proved = [np.isfinite(one[1]) for one in own]
        others_proved = sum(np.isfinite(one[1]) for one in peer)
        in_time = np.mean([ok and spent <= case.proof for ok, (spent, _) in zip(proved, own, strict=True)])
        fine &= statistics.median(seconds) <= case.median and in_time >= 0.9 and difference <= AGREEMENT
        fine &= ratio >= SMALLEST_RATIO or not case.constraints
        table.add_row(
            case.name,
            f"{case.n_inputs}",
            f"{statistics.median(seconds):.4f}",
            f"{max(seconds):.3f}",
            f"{sum(seconds):.3f}",
            f"{sum(proved)}/{len(own)}",
            f"{statistics.median(others):.3f}",
            f"{sum(others):.1f}",
            f"{others_proved}/{len(peer)}",
            f"{'' if others_proved == len(peer) else '> '}{ratio:.1f}",
            f"{difference:.1e}",
        )
    Console(width=150).print(table)
    return 0 if fine else 1


def timed(solve: Callable[[], float]) -> tuple[float, float]:
    """Processor seconds, and the optimum, NaN if it was not proved."""
    started = time.process_time()
    value = solve()
    return time.process_time() - started, value


def own_optimum(instance: Associations, constraints: dict[str, float]) -> float:
    """The robustness that `learn` proves."""
    found = learn(instance, density=constraints.get("density"), gap=constraints.get("gap"), time_limit=120.0)
    return found.robustness if found.status == "optimal" and found.check() else np.nan


def peer_optimum(instance: Associations, constraints: dict[str, float], seconds: float) -> float:
    """The robustness by the published program."""
    return published_optimum(instance, seconds, **constraints) if constraints else linear_optimum(instance)


def linear_optimum(instance: Associations) -> float:
    """Maximise kappa over positive and negative parts of the weights."""
    m, n = instance.inputs.shape
    fields = (2 * instance.outputs - 1)[:, np.newaxis] * instance.inputs / n
    found = linprog(
        np.append(np.zeros(2 * n), -1.0),
        A_ub=np.hstack((-fields, fields, np.full((m, 1), 1 / np.sqrt(n)))),
        b_ub=np.zeros(m),
        A_eq=np.append(np.ones(2 * n), 0.0)[np.newaxis],
        b_eq=[n],
        bounds=[(0, None)] * (2 * n) + [(None, None)],
        method="highs-ds",
    )
    return float(-found.fun)


def published_optimum(
    instance: Associations, seconds: float, *, density: float | None = None, gap: float | None = None
) -> float:
    """Maximise kappa over J, W = |J| and two binaries an input: whether J is nonzero, and whether it is positive."""
    m, n = instance.inputs.shape
    fields = (2 * instance.outputs - 1)[:, np.newaxis] * instance.inputs / n
    eye, none, column = np.eye(n), np.zeros((n, n)), np.zeros((n, 1))
    zeros = np.zeros((m, n))
    rows: list[tuple[FloatArray, float, float]] = [
        (np.hstack((np.full((m, 1), -1 / np.sqrt(n)), fields, zeros, zeros, zeros)), 0.0, np.inf),
        (np.hstack((column, -eye, eye, none, 2 * n * eye)), -np.inf, 2.0 * n),
        (np.hstack((column, eye, eye, none, -2 * n * eye)), -np.inf, 0.0),
        (np.hstack((column, eye, -eye, none, none)), -np.inf, 0.0),
        (np.hstack((column, -eye, -eye, none, none)), -np.inf, 0.0),
        (np.hstack((column, none, eye, -n * eye, none)), -np.inf, 0.0),
        (np.concatenate((np.zeros(n + 1), np.ones(n), np.zeros(2 * n)))[np.newaxis], float(n), float(n)),
    ]
    if gap is not None:
        rows.append((np.hstack((column, none, -eye, gap * eye, none)), -np.inf, 0.0))
    if density is not None:
        count = np.concatenate((np.zeros(2 * n + 1), np.ones(n), np.zeros(n)))[np.newaxis]
        rows.append((count, float(round(density * n)), float(round(density * n))))
    lower = np.concatenate(([-np.inf], np.full(n, -n), np.zeros(3 * n)))
    upper = np.concatenate(([np.inf], np.full(2 * n, n), np.ones(2 * n)))
    highs: Any = highspy.Highs()
    options = {"output_flag": False, "threads": 1, "time_limit": seconds, "mip_rel_gap": 0.0}
    for name, value in options.items():
        highs.setOptionValue(name, value)
    highs.addVars(4 * n + 1, lower, upper)
    highs.changeColCost(0, 1.0)
    highs.changeObjectiveSense(highspy.ObjSense.kMaximize)
    for j in range(2 * n + 1, 4 * n + 1):
        highs.changeColIntegrality(j, highspy.HighsVarType.kInteger)
    for matrix, least, most in rows:
        for row in matrix:
            index = np.flatnonzero(row)
            highs.addRow(least, most, index.size, index.astype(np.int32), row[index])
    highs.run()
    proved = highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return float(highs.getInfo().objective_function_value) if proved else np.nan


if __name__ == "__main__":
    sys.exit(main())
