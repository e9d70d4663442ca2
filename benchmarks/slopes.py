"""Time to a certified fit of many points, in read passes over the data: ``python -m benchmarks.slopes --n 1000000``.

The data are y = sin(3 x) + 0.1 noise at sorted uniform x in [-2, 2]. Checking the data (Problem) and solving are timed
together; beta_max and the expansion into features are not. A read pass is ``x.sum() + y.sum()`` in the same run.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import convexnn as cnn

ARCHITECTURES = [cnn.Architecture("relu"), cnn.Architecture("absolute"), cnn.Architecture("relu", 3)]


def seconds(work: Callable[[], object], repeats: int) -> list[float]:
    """Wall-clock times of repeated runs, sorted, after one that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return sorted(times)


def main(n: int = 1_000_000, share: float = 0.01, tol: float = 1e-6, repeats: int = 7, seed: int = 0) -> None:
    """Print one line an architecture; beta is `share` of beta_max."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(-2, 2, n))
    y = np.sin(3 * x) + 0.1 * rng.normal(size=n)
    a_pass = seconds(lambda: x.sum() + y.sum(), repeats)[repeats // 2]
    table = Table(
        title=f"n = {n:,}, beta = {share} beta_max, asked for {tol:g}; a read pass takes {1e3 * a_pass:.3f} ms"
    )
    for heading in ("architecture", "ms (median)", "min", "max", "read passes", "certified", "features"):
        table.add_column(heading, justify="left" if heading == "architecture" else "right")
    for architecture in ARCHITECTURES:
        beta = share * cnn.Problem(x, y, 1.0, architecture).beta_max

        def fit(architecture: cnn.Architecture = architecture, beta: float = beta) -> cnn.Solution:
            return cnn.solve(cnn.Problem(x, y, beta, architecture), tol=tol)

        times, solution = [1e3 * t for t in seconds(fit, repeats)], fit()
        table.add_row(
            architecture.label,
            *(f"{t:.2f}" for t in (times[repeats // 2], times[0], times[-1])),
            f"{times[repeats // 2] / (1e3 * a_pass):.1f}",
            f"{solution.certificate.relative_gap:.1e}",
            str(len(solution.features)),
        )
    Console(width=110).print(table)


if __name__ == "__main__":
    typer.run(main)
