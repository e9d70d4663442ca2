"""``python -m benchmarks``: time to a certified relative gap, this library and its peers on the same data.

The data are y = sin(3 x) + 0.1 noise at sorted uniform x in [-2, 2]; the networks have two layers, of ReLU (l1 trend
filtering) and of sign (total variation). All methods run in one process, in turn, on the same number of threads. A
peer's tolerance is tightened until this library's certificate of its answer, with the best dual point known, is within
the target; the time is the median of repeated runs with that tolerance. A peer that has not finished when its budget is
spent is stopped, and dropped from larger sizes. The floor is ``x.sum() + y.sum()``.
"""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import plots
from benchmarks.race import Outcome
from benchmarks.scaling import Settings, compare
from benchmarks.worker import Worker, limit_threads
from convexnn.files import write_text
from convexnn.plotting import save

ACTIVATIONS = ("relu", "sign")
SIZES = [100, 300, 1000, 3000, 10_000, 100_000, 1_000_000]
PACKAGES = ("numpy", "numba", "scikit-learn", "celer", "skglm", "cvxpy", "clarabel", "piqp", "condat_tv")


def main(
    sizes: Annotated[list[int], typer.Option("--n", help="Numbers of samples; give the option once for each.")] = SIZES,
    share: Annotated[float, typer.Option(help="beta / beta_max.")] = 0.01,
    target: Annotated[float, typer.Option(help="Certified relative gap.")] = 1e-6,
    budget: Annotated[float, typer.Option(help="Seconds a method and size, and again for the repeated runs.")] = 30.0,
    repeats: Annotated[int, typer.Option(help="Runs whose median counts.")] = 7,
    threads: Annotated[int, typer.Option(help="Threads of every method.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the data.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder of scaling.json, .png and .pdf.")] = Path("build/benchmarks"),
) -> None:
    """Print, write and draw the table."""
    out.mkdir(parents=True, exist_ok=True)
    limit_threads(threads)
    settings = Settings(share, target, budget, repeats, seed)
    runs: list[tuple[str, int, list[Outcome]]] = []
    with Worker() as worker:
        for activation in ACTIVATIONS:
            dropped: set[str] = set()
            for n in sorted(sizes):
                runs.append((activation, n, compare(worker, activation, n, settings, dropped)))
    records = [{"activation": a, "n": n, **asdict(outcome)} for a, n, outcomes in runs for outcome in outcomes]
    table = {"machine": _machine(threads), "settings": asdict(settings), "results": records}
    write_text(out / "scaling.json", json.dumps(table, indent=1) + "\n")
    for ending in ("png", "pdf"):
        save(plots.draw_scaling(table), out / f"scaling.{ending}")
    for activation in ACTIVATIONS:
        columns = {n: outcomes for a, n, outcomes in runs if a == activation}
        title = f"{activation}: milliseconds to a certified relative gap of {target:g}"
        Console(width=200).print(_shown(columns, title))
    print(f"{out / 'scaling'}.json, .png, .pdf")


def _machine(threads: int) -> dict[str, Any]:
    """What the times depend on."""
    return {
        "cores": os.cpu_count(),
        "threads": threads,
        "platform": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _shown(columns: dict[int, list[Outcome]], title: str) -> Table:
    """Methods against sizes."""
    table = Table("method", *(f"n = {n:,}" for n in columns), box=box.SIMPLE, title=title)
    for row in zip(*columns.values(), strict=True):
        table.add_row(row[0].method, *map(str, row))
    return table


if __name__ == "__main__":
    typer.run(main)
