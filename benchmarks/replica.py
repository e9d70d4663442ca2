"""The replica theory at random parameters, one call a point: ``python -m benchmarks.replica --points 10000``."""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from convexnn.associative import capacity
from convexnn.errors import InfeasibleError

COLUMNS = (
    "case",
    "threshold",
    "points",
    "feasible",
    "solved",
    "largest residual",
    "median ms",
    "90%",
    "slowest",
    "target",
)
LARGEST_RESIDUAL = 1e-9
TARGETS = {"l1": 1.0, "sign": 1.0, "l0": 5.0, "gap": 5.0, "sign + l0": 5.0, "sign + gap": 5.0}  # at threshold 0


def main() -> int:
    """Solve the points and print a table; 0 if all feasible points are solved, with medians within the targets."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replica", description=__doc__)
    parser.add_argument("--points", type=int, default=10_000, help="number of random points, all cases together")
    parser.add_argument("--seed", type=int, default=0, help="of the random points")
    arguments = parser.parse_args()

    warnings.simplefilter("error")
    capacity(density=0.5)
    rng = np.random.default_rng(arguments.seed)
    cells = [(case, reaches) for case in TARGETS for reaches in (False, True)]
    table = Table(*COLUMNS, box=box.SIMPLE)
    fine = True
    for case, with_threshold in cells:
        points = [draw(rng, case, with_threshold) for _ in range(arguments.points // len(cells))]
        feasible = sum(abs(at["threshold"]) < np.max(at["f_in"]) for at in points)
        seconds, residuals = run(points)
        target = TARGETS[case] * (10 if with_threshold else 1)
        median, slow, slowest = 1e3 * np.quantile(seconds, [0.5, 0.9, 1])
        solved = int((residuals <= LARGEST_RESIDUAL).sum())
        fine &= solved == len(seconds) == feasible and median <= target
        table.add_row(
            case,
            "random" if with_threshold else "0",
            f"{len(points)}",
            f"{feasible}",
            f"{solved}",
            f"{residuals.max():.1e}",
            f"{median:.2f}",
            f"{slow:.2f}",
            f"{slowest:.2f}",
            f"{target:g}",
        )
    Console(width=140).print(table)
    return 0 if fine else 1


def draw(rng: np.random.Generator, case: str, with_threshold: bool) -> dict[str, Any]:
    """Random parameters: half of the points have one input activity, half up to 20; thresholds may be out of reach."""
    several = rng.random() < 0.5
    at: dict[str, Any] = {
        "f_in": rng.uniform(0.03, 0.97, rng.integers(2, 21)) if several else rng.uniform(0.03, 0.97),
        "f_out": rng.uniform(0.02, 0.98),
        "robustness": 0.0 if rng.random() < 0.2 else 10 ** rng.uniform(-6, 1),
        "threshold": rng.uniform(-1, 1) if with_threshold else 0.0,
    }
    if "sign" in case:
        at["inhibitory"] = rng.uniform(0.05, 0.95)
    if "l0" in case:
        at["density"] = 10 ** rng.uniform(-2, 0)
    if "gap" in case:
        at["gap"] = 10 ** rng.uniform(-2, 1.5)
    return at


def run(points: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Seconds a call and residuals of the points that the solver does not call infeasible."""
    seconds, residuals = [], []
    for at in points:
        started = time.perf_counter()
        try:
            found = capacity(**at)
        except InfeasibleError:
            continue
        seconds.append(time.perf_counter() - started)
        residuals.append(found.residual)
    return np.array(seconds), np.array(residuals)


if __name__ == "__main__":
    sys.exit(main())
