"""Every fast solver against the reference: ``python -m benchmarks.agreement --count 5000``.

Random small problems: all architectures and losses, with and without weights (some of them 0) and ties. The reference
is the cvxpy program on the explicit dictionary, as its solver leaves it. Exit code 1 if a solver's objective exceeds
the reference's by more than 1e-8, relative.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

import convexnn as cnn
from convexnn.activations import leaky_relu
from convexnn.architecture import Architecture
from convexnn.errors import InputError
from convexnn.lasso import conic
from convexnn.lasso.problem import Problem
from convexnn.losses import Absolute, Huber, Interpolation, Logistic, Loss, Quantile, Squared
from convexnn.validation import FloatArray

Rng = np.random.Generator

SOLVERS = ("auto", "slopes", "levels", "columns")
LARGEST_DIFFERENCE = 1e-8
LARGEST_SIZE = 8


def _leaky(rng: Rng) -> Architecture:
    right = 10 ** rng.uniform(-1, 1)
    return Architecture(leaky_relu(float(right * rng.uniform(-2, 0.95)), positive_slope=float(right)))


def _step(rng: Rng) -> Architecture:
    form, depth = rng.choice(["parallel", "rectangular", "tree"]), int(rng.integers(3, 5))
    width = int(rng.integers(1, 4))
    widths = (width, width) if form == "rectangular" else (width, int(rng.integers(1, 3)))
    return Architecture(_step_name(rng), depth, form=form, widths=widths[: depth - 2])


def _step_name(rng: Rng) -> str:
    return str(rng.choice(["sign", "threshold"]))


FAMILIES: dict[str, Callable[[Rng], Architecture]] = {
    "ReLU, depth 2": lambda rng: Architecture("relu"),
    "leaky ReLU, depth 2": _leaky,
    "absolute, depth 2": lambda rng: Architecture("absolute"),
    "ReLU, depth 3 to 5": lambda rng: Architecture("relu", int(rng.integers(3, 6))),
    "symmetrized ReLU": lambda rng: Architecture("relu", 3, form="symmetrized"),
    "absolute, depth 3": lambda rng: Architecture("absolute", 3),
    "absolute, depth 4": lambda rng: Architecture("absolute", 4),
    "sign or threshold, depth 2": lambda rng: Architecture(_step_name(rng)),
    "sign or threshold, wide": _step,
}
LOSSES: dict[str, Callable[[Rng], Loss]] = {
    "squared": lambda rng: Squared(),
    "absolute": lambda rng: Absolute(),
    "quantile": lambda rng: Quantile(float(rng.uniform(0.05, 0.95))),
    "huber": lambda rng: Huber(float(10 ** rng.uniform(-1, 0.5))),
    "logistic": lambda rng: Logistic(),
    "interpolation": lambda rng: Interpolation(),
}


@dataclass(frozen=True)
class Comparison:
    """A solver's objective beside the reference's.

    Attributes
    ----------
    solver : str
    objective : float
        Of the network that the solver returned, evaluated on the data.
    reported : float
        What the solution says it is.
    reference : float
    difference : float
        By how much the objective exceeds the reference, or differs from what is reported, relative to the reference and
        to what is zero up to the rounding of the targets. The objective of a network cannot be below the optimum, so
        that a lower one only shows that the reference is not exact.
    """

    solver: str
    objective: float
    reported: float
    reference: float
    difference: float


def random_problem(rng: Rng, family: str, loss_name: str) -> Problem:
    """Two to eight samples, beta between 1e-4 and 1.1 of beta_max."""
    architecture, loss = FAMILIES[family](rng), LOSSES[loss_name](rng)
    n = int(rng.integers(2, LARGEST_SIZE + 1))
    x, y = _numbers(rng, n), _numbers(rng, n)
    if rng.random() < 0.3:
        x = rng.choice(x, n)
    weight = None if rng.random() < 0.5 else rng.exponential(size=n)
    if weight is not None and rng.random() < 0.3:
        weight[2:] *= rng.integers(0, 2, n - 2)
    if isinstance(loss, Logistic):
        y = np.where(y > np.median(y), 1.0, -1.0)
        y[:2] = -1.0, 1.0
    if isinstance(loss, Interpolation):
        x, weight = np.unique(x), None
        y = y[: x.size]
    largest = Problem(x, y, 1.0, architecture, loss=loss, sample_weight=weight).beta_max
    beta = float(largest * 10 ** rng.uniform(-4, 0.04)) if 0 < largest < np.inf else 1.0
    return Problem(x, y, beta, architecture, loss=loss, sample_weight=weight)


def _numbers(rng: Rng, n: int) -> FloatArray:
    """Integers, or normal numbers."""
    return rng.integers(-9, 10, n).astype(float) if rng.random() < 0.5 else rng.normal(size=n)


def compare(problem: Problem) -> Iterator[Comparison]:
    """Every solver that takes the problem."""
    reference = _reference(problem)
    origin = problem.y[0] if problem.loss.degree else 0.0
    size = max(reference, problem.loss.negligible(problem.y - origin, problem.weight), np.finfo(float).tiny)
    for solver in SOLVERS:
        try:
            solution = cnn.solve(problem, solver=solver, tol=1e-9, on_failure="ignore")
        except InputError:  # the reference took the data, so that it is the solver that does not
            continue
        objective = problem.objective(solution.predict(problem.x), solution.coef)
        difference = max(objective - reference, abs(objective - solution.objective)) / size
        yield Comparison(solver, objective, solution.objective, reference, difference)


def _reference(problem: Problem) -> float:
    """The objective at cvxpy's solution over the explicit dictionary, nothing being done to it afterwards."""
    found = conic.solve_dictionary(problem)
    inputs = problem.dictionary.inputs
    f = np.full(inputs.size, found.intercept)
    for feature, z in zip(found.features, found.coef, strict=True):
        f += z * feature(inputs)
    return problem.row_loss(f[problem.rows.group]) + problem.beta * float(np.abs(found.coef).sum())


def main(
    count: Annotated[int, typer.Option(help="Number of problems.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the problems.")] = 0,
) -> None:
    """Print the worst difference of every solver, by architecture and loss."""
    differences: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    cells = [(family, loss) for family in FAMILIES for loss in LOSSES]
    console = Console(width=160)
    for k in track(range(count), "problems", console=Console(stderr=True)):
        family, loss = cells[k % len(cells)]
        problem = random_problem(np.random.default_rng([seed, k]), family, loss)
        for found in compare(problem):
            differences[family, found.solver, loss].append(found.difference)
            if not found.difference <= LARGEST_DIFFERENCE:
                print(f"seed [{seed}, {k}], {family}, {loss}: {found}")
    table = Table("architecture", "solver", *LOSSES, box=box.SIMPLE, title="Worst relative difference (problems)")
    for family, solver in dict.fromkeys((family, solver) for family, solver, _ in differences):
        mine = [differences[family, solver, loss] for loss in LOSSES]
        table.add_row(family, solver, *(f"{max(part):.0e} ({len(part)})" if part else "-" for part in mine))
    console.print(table)
    raise typer.Exit(0 if all(d <= LARGEST_DIFFERENCE for part in differences.values() for d in part) else 1)


if __name__ == "__main__":
    typer.run(main)
