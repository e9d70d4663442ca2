"""Time to a certified fit by deep networks whose dictionaries are too large to list: ``python -m benchmarks.columns``.

The data are y = sin(3 x) + 0.1 noise at sorted uniform x in [-2, 2]. Checking the data (Problem) and solving are timed
together; beta_max and the expansion into features are not. Rows are in order of size, so that the peak memory of the
process is that of the row, up to what the interpreter and the compiler hold.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import convexnn as cnn
from convexnn.dictionaries.nested import largest_of_depth_four
from convexnn.dictionaries.reflection_search import largest_reflection
from convexnn.lasso.folded_reflections import solve_folded_reflections
from convexnn.lasso.reflections import solve_reflections
from convexnn.lasso.switching_patterns import solve_patterns
from convexnn.validation import FloatArray

Solver = Callable[[cnn.Problem, float], tuple[Any, Callable[[], Any], int]]


class Case(NamedTuple):
    """A solver, the architecture it is for, and what finds the largest correlation with a centred vector."""

    solver: Solver
    architecture: cnn.Architecture
    largest: Callable[[FloatArray, FloatArray], tuple[float, Any]]
    sizes: tuple[int, ...]


def cases() -> Iterator[Case]:
    """All of them."""
    thousands = (10_000, 100_000, 1_000_000)
    absolute, symmetrized = cnn.Architecture("absolute", 3), cnn.Architecture("relu", 3, form="symmetrized")
    yield Case(solve_reflections, absolute, partial(largest_reflection, tents=False), thousands)
    yield Case(solve_reflections, symmetrized, partial(largest_reflection, tents=True), thousands)
    yield Case(solve_folded_reflections, cnn.Architecture("absolute", 4), largest_of_depth_four, (50, 100, 300))
    for switches in (2, 3, 5):
        sign = cnn.Architecture("sign", 3, form="parallel", widths=(switches,))
        yield Case(solve_patterns, sign, partial(largest_pattern, sign), (10_000,))


def largest_pattern(architecture: cnn.Architecture, x: FloatArray, r: FloatArray) -> tuple[float, Any]:
    """The largest correlation of a pattern."""
    return cnn.dictionary(x, architecture).max_correlation(r)


def seconds(work: Callable[[], object], repeats: int) -> list[float]:
    """Wall-clock times of repeated runs, sorted."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return sorted(times)


def main(tol: float = 1e-6, repeats: int = 5, seed: int = 0, largest: int = 1_000_000) -> None:
    """Print one line an architecture, size and beta; sizes beyond `largest` are left out."""
    table = Table(title=f"asked for {tol:g}; seconds of {repeats} runs after one that is not counted")
    for heading in ("architecture", "n", "beta / max", "median", "min", "certified", "rounds", "nonzeros", "peak MiB"):
        table.add_column(heading, justify="left" if heading == "architecture" else "right")
    pairs = [(n, case) for case in cases() for n in case.sizes if n <= largest]
    for n, case in sorted(pairs, key=lambda pair: pair[0]):
        rng = np.random.default_rng(seed)
        x = np.sort(rng.uniform(-2, 2, n))
        y = np.sin(3 * x) + 0.1 * rng.normal(size=n)
        beta_max = case.largest(x, y - y.mean())[0]
        for share in (0.1, 0.01):

            def fit(case: Case = case, beta: float = share * beta_max) -> tuple[Any, Callable[[], Any], int]:
                return case.solver(cnn.Problem(x, y, beta, case.architecture), tol)  # noqa: B023 (called in this turn)

            proof, expand, rounds = fit()
            times = seconds(fit, repeats)
            table.add_row(
                case.architecture.label,
                f"{n:,}",
                f"{share:g}",
                f"{times[repeats // 2]:.3f}",
                f"{times[0]:.3f}",
                f"{proof.relative_gap:.1e}",
                str(rounds),
                str(len(expand()[1])),
                str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024),
            )
    Console(width=130).print(table)


if __name__ == "__main__":
    typer.run(main)
