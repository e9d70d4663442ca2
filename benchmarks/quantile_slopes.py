"""Time to a certified fit under absolute and quantile loss: ``python -m benchmarks.quantile_slopes --n 100000``.

The data are y = sin(3 x) + 0.1 noise at sorted uniform x in [-2, 2], the noise normal or Student's t with 1.5 degrees
of freedom. Timed is the processor time of the solver, from the checked problem to the certificate; beta_max and the
expansion into features are not.
"""

from __future__ import annotations

import itertools
import time
from statistics import median

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import convexnn as cnn
from convexnn.lasso.quantile_slopes import solve_quantile_slopes
from convexnn.losses import Quantile, shift_to_zero_sum

ARCHITECTURES = [cnn.Architecture("relu"), cnn.Architecture("absolute"), cnn.Architecture("relu", 3)]


def largest_beta(problem: cnn.Problem) -> float:
    """`beta_max` where no target ties with the quantile, without the search that ties would need."""
    y, weight, loss = problem.y, problem.weight, problem.loss
    constant = loss.best_intercept(y, np.zeros_like(y), weight)
    th = shift_to_zero_sum(loss.multiplier(y, np.full_like(y, constant), weight), weight, *loss.box(y, weight))
    return problem.dictionary.max_correlation(th)[0]


def main(n: int = 100_000, tol: float = 1e-6, repeats: int = 3, seed: int = 0) -> None:
    """Print one line a problem, and the median and the longest time of all."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(-2, 2, n))
    table = Table(title=f"n = {n:,}, asked for {tol:g}")
    for heading in ("architecture", "noise", "tau", "beta / beta_max", "ms (min)", "iterations", "gap", "features"):
        table.add_column(heading, justify="right")
    times: list[float] = []
    for noise, tau in itertools.product(("normal", "student"), (0.5, 0.9)):
        y = np.sin(3 * x) + 0.1 * (rng.normal(size=n) if noise == "normal" else rng.standard_t(1.5, size=n))
        for architecture in ARCHITECTURES:
            loss = Quantile(tau)
            largest = largest_beta(cnn.Problem(x, y, 1.0, architecture, loss=loss))
            for share in (0.1, 0.01, 0.001):
                problem = cnn.Problem(x, y, share * largest, architecture, loss=loss)
                taken = []
                for _ in range(repeats + (not times)):
                    started = time.process_time()
                    proof, expand, iterations = solve_quantile_slopes(problem, tol)
                    taken.append(1e3 * (time.process_time() - started))
                times.append(min(taken))
                gap, found = f"{proof.relative_gap:.1e}", len(expand()[0])
                values = architecture.label, noise, tau, share, f"{times[-1]:.0f}", iterations, gap, found
                table.add_row(*map(str, values))
    Console(width=110).print(table)
    print(f"median {median(times):.0f} ms, longest {max(times):.0f} ms")


if __name__ == "__main__":
    typer.run(main)
