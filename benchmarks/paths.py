"""Time to a path of certified fits: ``python -m benchmarks.paths``.

The data are y = sin(3 x) + 0.1 noise at sorted uniform x in [-2, 2]. A grid has 100 betas over four decades from
beta_max, which is computed before; "one by one" solves the same betas from scratch, in the same run. An exact path ends
where the table says, in shares of beta_max. Checking the data (Problem) is timed, the expansion into features is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import convexnn as cnn
from benchmarks.slopes import seconds
from convexnn.lasso.path import Path, path
from convexnn.validation import FloatArray

ARCHITECTURES = [cnn.Architecture("relu"), cnn.Architecture("absolute"), cnn.Architecture("relu", 3)]
GRIDS = [10_000, 100_000, 1_000_000]
EXACT = [(1_000, 1e-3), (10_000, 1e-2), (10_000, 1e-3)]


def data(n: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Inputs in ascending order, and targets."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(-2, 2, n))
    return x, np.sin(3 * x) + 0.1 * rng.normal(size=n)


def milliseconds(work: Callable[[], object], repeats: int) -> tuple[float, str]:
    """Median of repeated runs, and that with their range, to print."""
    times = [1e3 * t for t in seconds(work, repeats)]
    median = times[repeats // 2]
    return median, f"{median:.0f} ({times[0]:.0f} to {times[-1]:.0f})"


def largest_gap(found: Path, most: int = 30) -> str:
    """Of at most `most` solutions, evenly in the list, the last one included."""
    solutions = found.solutions[:: -max(1, len(found.solutions) // most)]
    return f"{max(abs(solution.certificate.relative_gap) for solution in solutions):.1e}"


def grid_row(x: FloatArray, y: FloatArray, architecture: cnn.Architecture, repeats: int) -> list[str]:
    """A row of the table of grids."""
    betas = cnn.Problem(x, y, 1.0, architecture).beta_max * np.geomspace(1, 1e-4, 100)

    def grid() -> Path:
        return path(cnn.Problem(x, y, 1.0, architecture), betas=betas)

    def one_by_one() -> None:
        for beta in betas:
            cnn.solve(cnn.Problem(x, y, float(beta), architecture), solver="slopes")

    times = (milliseconds(work, repeats)[1] for work in (grid, one_by_one))
    return [architecture.label, f"{x.size:,}", *times, largest_gap(grid())]


def exact_row(x: FloatArray, y: FloatArray, architecture: cnn.Architecture, share: float, repeats: int) -> list[str]:
    """A row of the table of exact paths."""
    end = share * cnn.Problem(x, y, 1.0, architecture).beta_max

    def exact() -> Path:
        return path(cnn.Problem(x, y, 1.0, architecture), beta_min=end)

    found, (median, text) = exact(), milliseconds(exact, repeats)
    count = found.betas.size - 1
    return [
        architecture.label,
        f"{x.size:,}",
        f"{share:g}",
        f"{count:,}",
        text,
        f"{median / count:.2f}",
        largest_gap(found),
    ]


def table(title: str, headings: Sequence[str]) -> Table:
    """With the first column to the left, and numbers to the right."""
    empty = Table(title=title)
    for heading in headings:
        empty.add_column(heading, justify="right" if empty.columns else "left")
    return empty


def main(repeats: int = 5, seed: int = 0) -> None:
    """Print a table of grids and one of exact paths."""
    grids = table(
        "100 betas over four decades, each certified within 1e-6",
        ("architecture", "n", "path, ms", "one by one, ms", "largest gap"),
    )
    for n in GRIDS:
        for architecture in ARCHITECTURES:
            grids.add_row(*grid_row(*data(n, seed), architecture, repeats))
    exact = table(
        "Exact paths",
        ("architecture", "n", "end / beta_max", "breakpoints", "ms", "ms a breakpoint", "largest gap"),
    )
    for n, share in EXACT:
        for architecture in ARCHITECTURES:
            exact.add_row(*exact_row(*data(n, seed), architecture, share, repeats))
    for full in (grids, exact):
        Console(width=120).print(full)


if __name__ == "__main__":
    typer.run(main)
