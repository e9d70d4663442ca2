"""Time to a certified fit of many points under losses other than squares: ``python -m benchmarks.losses --n 1000000``.

The inputs are sorted and uniform in [-2, 2]; each loss has targets of its own around sin(3 x). Checking the data
(Problem) and solving are timed together; beta_max and the expansion into features are not. A read pass is
the sum of two arrays of n numbers in the same run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import convexnn as cnn
from benchmarks.slopes import seconds
from convexnn.losses import Huber, Logistic, Loss

Floats = NDArray[np.float64]


class Case(NamedTuple):
    """A loss, and targets for it at inputs x."""

    label: str
    loss: Loss
    targets: Callable[[Floats, np.random.Generator], Floats]


def labels(x: Floats, rng: np.random.Generator) -> Floats:
    """-1 or +1 with log odds 3 sin(3 x)."""
    return np.where(rng.uniform(size=x.size) < 1 / (1 + np.exp(-3 * np.sin(3 * x))), 1.0, -1.0)


def noisy(x: Floats, rng: np.random.Generator) -> Floats:
    """sin(3 x) with normal noise of deviation 0.1."""
    return np.sin(3 * x) + 0.1 * rng.normal(size=x.size)


def heavy_tailed(x: Floats, rng: np.random.Generator) -> Floats:
    """sin(3 x) with noise whose variance is infinite: 0.1 times Student's t with 1.5 degrees of freedom."""
    return np.sin(3 * x) + 0.1 * rng.standard_t(1.5, size=x.size)


CASES = [
    Case("logistic", Logistic(), labels),
    Case("huber, normal noise", Huber(0.1), noisy),
    Case("huber, outliers", Huber(0.1), heavy_tailed),
]
ARCHITECTURES = [cnn.Architecture("relu"), cnn.Architecture("relu", 3)]


def main(n: int = 1_000_000, share: float = 0.01, tol: float = 1e-6, repeats: int = 7, seed: int = 0) -> None:
    """Print one line a loss and architecture; beta is `share` of beta_max."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(-2, 2, n))
    other = np.sin(x)
    a_pass = seconds(lambda: x.sum() + other.sum(), repeats)[repeats // 2]
    table = Table(
        title=f"n = {n:,}, beta = {share} beta_max, asked for {tol:g}; a read pass takes {1e3 * a_pass:.3f} ms"
    )
    for heading in ("loss", "architecture", "ms (median)", "min", "max", "read passes", "certified", "features"):
        table.add_column(heading, justify="left" if heading in ("loss", "architecture") else "right")
    for case in CASES:
        y = case.targets(x, rng)
        for architecture in ARCHITECTURES:
            beta = share * cnn.Problem(x, y, 1.0, architecture, loss=case.loss).beta_max

            def fit(
                y: Floats = y, architecture: cnn.Architecture = architecture, beta: float = beta, case: Case = case
            ) -> cnn.Solution:
                return cnn.solve(cnn.Problem(x, y, beta, architecture, loss=case.loss), tol=tol)

            times, solution = [1e3 * t for t in seconds(fit, repeats)], fit()
            table.add_row(
                case.label,
                architecture.label,
                *(f"{t:.1f}" for t in (times[repeats // 2], times[0], times[-1])),
                f"{times[repeats // 2] / (1e3 * a_pass):.0f}",
                f"{solution.certificate.relative_gap:.1e}",
                str(len(solution.features)),
            )
    Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
