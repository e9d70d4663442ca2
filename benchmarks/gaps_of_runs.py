"""No trained network is below the optimum of the Lasso: ``python -m benchmarks.gaps_of_runs``.

Networks of all architectures that train, on small data of several kinds, by gradient descent with and without momentum
and by Adam, in batches and in full, stopped early and late, from random starts and from the optimum itself. The
objective is the one that the training kernel adds up, the bound is the certificate's: neither uses the other. A gap
below zero by more than the rounding of both is printed, and would disprove one of them.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

import convexnn as cnn
from convexnn import training
from convexnn.validation import FloatArray

ARCHITECTURES = (
    cnn.Architecture("relu"),
    cnn.Architecture("leaky_relu"),
    cnn.Architecture(cnn.leaky_relu(-0.5)),
    cnn.Architecture("absolute"),
    cnn.Architecture("relu", 3),
    cnn.Architecture("relu", 3, form="symmetrized"),
    cnn.Architecture("absolute", 3),
    cnn.Architecture("relu", 4),
)
TARGETS: dict[str, Callable[[FloatArray, np.random.Generator], FloatArray]] = {
    "noisy sine": lambda x, rng: np.sin(4 * x) + 0.1 * rng.normal(size=x.size),
    "noise": lambda x, rng: rng.normal(size=x.size),
    "steps": lambda x, rng: np.floor(3 * x) + 5.0,
    "kinks": lambda x, rng: np.abs(x - 0.3) - np.maximum(2 * x, 0),
    "one outlier": lambda x, rng: np.where(np.arange(x.size) == 1, 30.0, 0.1 * rng.normal(size=x.size)),
}
SIZES, SHARES_OF_BETA_MAX = (3, 8, 20, 50), (0.9, 0.3, 0.1, 0.01, 0.001)
WIDTHS, STEPS, OPTIMISERS = (2, 8, 32, 128), (0, 10, 300, 3000), ("sgd", "momentum", "adam")
RECIPES, SEEDS = 5, 10  # trainings of every problem, networks of every training
_EPS = float(np.finfo(float).eps)


def main(runs: int = 10_000, seed: int = 0) -> None:
    """Train and certify so many networks; print a table, and exit 1 if a gap is below zero."""
    started = time.perf_counter()
    rng = np.random.default_rng(seed)
    found: dict[str, list[float]] = defaultdict(list)
    diverged = below = 0
    for _ in track(range(-(-runs // (RECIPES * SEEDS))), console=Console(stderr=True), description="training"):
        problem = draw_problem(rng)
        for options in draw_recipes(problem, rng):
            trained = train(problem, options)
            diverged += int(trained.diverged.sum())
            for i in np.flatnonzero(~trained.diverged).tolist():
                gap, rounding = gap_and_rounding(trained, i)
                found[problem.architecture.label].append(gap / trained.objective[i])
                if gap < -rounding:
                    below += 1
                    print(f"gap {gap:.2e} < -{rounding:.1e}: {problem.architecture.label}, {options}", file=sys.stderr)
    show(found)
    seconds, total = time.perf_counter() - started, sum(map(len, found.values()))
    print(
        f"{total} networks in {seconds:.0f} s, and {diverged} that diverged; {below} below zero by more than rounding"
    )
    sys.exit(below > 0)


def draw_problem(rng: np.random.Generator) -> cnn.Problem:
    """Inputs of order one, in half of the cases with ties."""
    architecture = ARCHITECTURES[rng.integers(len(ARCHITECTURES))]
    x = rng.uniform(-1, 1, rng.choice(SIZES))
    if rng.random() < 0.5:
        x = np.append(np.round(4 * x) / 4, (-1.0, 1.0))
    y = TARGETS[rng.choice(list(TARGETS))](x, rng)
    loss = "squared"
    if rng.random() < 0.3:
        loss, y = "logistic", np.where(y > np.median(y), 1.0, -1.0)
        y[:2] = -1.0, 1.0  # both classes
    beta_max = cnn.Problem(x, y, 1.0, architecture, loss=loss).beta_max
    beta = rng.choice(SHARES_OF_BETA_MAX) * beta_max if beta_max > 0 else 1.0
    return cnn.Problem(x, y, float(beta), architecture, loss=loss)


def draw_recipes(problem: cnn.Problem, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Options of `train`; the last recipe starts at the optimum and hardly moves, by every seed's own batches."""
    for last in (False,) * (RECIPES - 1) + (True,):
        optimiser, n_steps = rng.choice(OPTIMISERS), int(rng.choice(STEPS[1:] if last else STEPS))
        options: dict[str, Any] = {
            "optimizer": "adam" if optimiser == "adam" else "sgd",
            "momentum": 0.9 if optimiser == "momentum" else 0.0,
            "n_steps": n_steps,
            "batch_size": None if not last and rng.random() < 0.5 else max(problem.n_samples // 3, 1),
            "width": int(rng.choice(WIDTHS)),
            "seeds": rng.integers(2**32, size=SEEDS).tolist(),
        }
        rate = {"adam": 0.01, "sgd": 0.05 / problem.n_samples, "momentum": 0.01 / problem.n_samples}[optimiser]
        if last:
            optimum = cnn.solve(problem, tol=1e-9, on_failure="ignore").network()
            if optimum.n_units > 0:
                options |= {"width": optimum.n_units, "initial": [optimum] * SEEDS}
                rate *= 1e-4
        yield options | {"learning_rate": rate}


def train(problem: cnn.Problem, options: dict[str, Any]) -> training.Runs:
    rate, n_steps = options["learning_rate"], options["n_steps"]
    falling = {**options, "learning_rate": lambda step: rate * (1 - step / n_steps)}
    return training.train(
        problem.x, problem.y, architecture=problem.architecture, beta=problem.beta, loss=problem.loss.name, **falling
    )


def gap_and_rounding(runs: training.Runs, i: int) -> tuple[float, float]:
    """How far the objective that training ended at is above the bound, and how much of that may be rounding.

    Outputs round at eps times the sum of all terms, of which there are as many as units and points; the loss follows
    with its slope. No activation here has a slope above 1.
    """
    network, proof, objective = runs.network(i), runs.certificates[i], float(runs.objective[i])
    assert proof is not None
    size = np.abs(runs.x).max()
    for layer in network.layers:
        size = np.abs(layer.weights[:, 0, 0]) * size + np.abs(layer.biases[:, 0])
    f_size = float(np.abs(network.alpha) @ size) + abs(network.intercept) + float(np.abs(runs.y).max())
    off = 4 * _EPS * (runs.x.size + network.n_units) * f_size
    slopes = np.sqrt(2 * objective * runs.x.size) if runs.loss == "squared" else runs.x.size
    return objective - proof.dual, off * (slopes + runs.x.size * off) + 64 * _EPS * objective


def show(found: dict[str, list[float]]) -> None:
    table = Table(box=box.SIMPLE, title="relative gaps of trained networks")
    for heading in ("", "networks", "smallest", "median", "largest", "within 1e-6"):
        table.add_column(heading, justify="right" if heading else "left")
    everything = [gap for gaps in found.values() for gap in gaps]
    for label, gaps in (*sorted(found.items()), ("all", everything)):
        least, middle, most = np.quantile(gaps, [0, 0.5, 1])
        within = np.sum(np.abs(gaps) <= 1e-6)
        table.add_row(label, f"{len(gaps)}", f"{least:.1e}", f"{middle:.1e}", f"{most:.1e}", f"{within}")
    Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
