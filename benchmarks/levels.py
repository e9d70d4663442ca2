"""Two-layer sign networks, sorted rows, one run: ``python -m benchmarks.levels --rows 10000000``.

Every method gets the same targets, one after the other, again and again; medians are shown. The peer's gap is ours to
measure: from its fit, by the residual made feasible. The floor is one pass over inputs and targets.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from convexnn.lasso.total_variation import fit_levels
from convexnn.validation import FloatArray

try:
    from condat_tv import tv_denoise
except ImportError:
    tv_denoise = None

COLUMNS = ("data", "pieces", "rounds", "floor", "1 thread", "2", "condat_tv", "times 1", "times 2", "gap", "its gap")
TOL = 1e-9


@dataclass(frozen=True)
class Case:
    """Targets of sorted inputs, and the jump penalty (beta / 2)."""

    name: str
    targets: Callable[[int, np.random.Generator], FloatArray]
    jump_penalty: Callable[[FloatArray], float]


def wave(n: int, rng: np.random.Generator) -> FloatArray:
    """A sine with noise."""
    return np.sin(3 * np.linspace(-2, 2, n)) + 0.1 * rng.normal(size=n)


def thousand_levels(n: int, rng: np.random.Generator) -> FloatArray:
    """A thousand levels with noise."""
    return np.resize(np.repeat(rng.normal(size=1000), -(-n // 1000)), n) + 0.3 * rng.normal(size=n)


def noise(n: int, rng: np.random.Generator) -> FloatArray:
    """Noise alone."""
    return rng.normal(size=n)


def share_of_largest(share: float) -> Callable[[FloatArray], float]:
    """A share of the jump penalty at which the fit becomes constant."""
    return lambda y: share * float(np.abs(np.cumsum(y - y.mean())).max())


CASES = (
    *(Case(f"sine, {share:g} of the largest penalty", wave, share_of_largest(share)) for share in (0.1, 0.01, 0.001)),
    Case("1000 noisy levels", thousand_levels, lambda y: 10.0),
    Case("1000 noisy levels, penalty / 8", thousand_levels, lambda y: 1.25),
    Case("n / 2 pieces", noise, lambda y: 0.5),
)


def seconds(job: Callable[[], Any]) -> float:
    """How long a job takes."""
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


def relative_gap(y: FloatArray, u: FloatArray, jump_penalty: float) -> float:
    """The certified relative gap of any fit: its residual, centred and scaled, is a dual point."""
    residual = y - u
    residual -= residual.mean()
    reach = np.abs(np.cumsum(residual)).max()
    scale = min(jump_penalty / reach, residual @ y / (residual @ residual)) if reach > 0 else 0.0
    primal = (y - u) @ (y - u) / 2 + jump_penalty * np.abs(np.diff(u)).sum()
    dual = scale * (residual @ y) - scale**2 * (residual @ residual) / 2
    return float((primal - dual) / primal)


def run(case: Case, n: int, repeats: int) -> tuple[str, ...]:
    """One row of the table."""
    rng = np.random.default_rng(0)
    y = case.targets(n, rng)
    y -= y[0]
    x, jump_penalty = np.linspace(-2, 2, n), case.jump_penalty(y)
    jobs: dict[str, Callable[[], Any]] = {
        "floor": lambda: x.sum() + y.sum(),
        "one": lambda: fit_levels(y, None, jump_penalty, TOL, n_threads=1),
        "two": lambda: fit_levels(y, None, jump_penalty, TOL, n_threads=2),
    }
    if tv_denoise is not None:
        jobs["peer"] = lambda: tv_denoise(y, jump_penalty)
    fits = {name: job() for name, job in jobs.items()}  # compiled, and in memory
    times = np.array([[seconds(job) for job in jobs.values()] for _ in range(repeats)])
    ms = dict(zip(jobs, 1e3 * np.median(times, axis=0), strict=True))
    levels = fits["two"]
    shown = [
        case.name,
        str(levels.starts.size),
        str(levels.n_rounds),
        *(f"{ms[name]:.1f}" for name in ("floor", "one", "two")),
    ]
    gap = f"{levels.gap / levels.primal:.1e}"
    if tv_denoise is None:
        return *shown, "absent", "", "", gap, ""
    faster = np.median(times[:, [-1]] / times, axis=0)
    ratios = (f"{faster[list(jobs).index(name)]:.2f}" for name in ("one", "two"))
    return *shown, f"{ms['peer']:.1f}", *ratios, gap, f"{relative_gap(y, fits['peer'], jump_penalty):.1e}"


def main() -> None:
    """Measure and print every case."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.levels", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    table = Table(*COLUMNS, box=box.SIMPLE, title=f"{options.rows} rows, milliseconds")
    for case in CASES:
        table.add_row(*run(case, options.rows, options.repeats))
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
