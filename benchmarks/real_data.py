"""Certified fits of real data, drawn: ``python -m benchmarks.real_data --out build/real_data``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

import convexnn as cnn
from convexnn import datasets, losses
from convexnn.validation import FloatArray

COLUMNS = ("fit", "activation", "loss", "beta", "kinks", "objective", "relative gap", "status", "seconds")
KNOTS_SHOWN = 3


@dataclass(frozen=True)
class Fit:
    """One training problem on a data set of the package."""

    name: str
    data: Callable[[], tuple[FloatArray, FloatArray]]
    activation: str
    beta: float
    loss: losses.Loss

    def problem(self) -> cnn.Problem:
        """The problem, its network having two layers."""
        x, y = self.data()
        return cnn.Problem(x, y, self.beta, cnn.Architecture(self.activation), loss=self.loss)


FITS = (
    Fit("nile", datasets.nile, "sign", 2000.0, losses.Squared()),
    *(Fit(f"engel-{tau}", datasets.engel, "relu", 1000.0, losses.Quantile(tau)) for tau in (0.1, 0.5, 0.9)),
    # Heavy enough that the yearly season is not worth a kink, light enough for the trend to bend.
    Fit("co2", datasets.co2, "relu", 100.0, losses.Squared()),
)


def main() -> int:
    """Solve and draw every fit; 0 if all of them are certified."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real_data", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/real_data"), help="folder of the pictures")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)

    table = Table(*COLUMNS, box=box.SIMPLE)
    certified = True
    for fit in FITS:
        solution = cnn.solve(fit.problem())
        cnn.plotting.save(cnn.plotting.plot_solution(solution), folder / f"{fit.name}.png")
        certified &= solution.status == "certified"
        table.add_row(
            fit.name,
            fit.activation,
            str(fit.loss),
            f"{fit.beta:g}",
            kinks(solution),
            f"{solution.objective:.8g}",
            f"{solution.certificate.relative_gap:.1e}",
            solution.status,
            f"{solution.seconds:.2f}",
        )
    Console(width=140).print(table)  # one line a fit, in a pipe too
    print(f"pictures: {folder}/*.png")
    return 0 if certified else 1


def kinks(solution: cnn.Solution) -> str:
    """Where the fit bends or jumps: how many places, and the first few."""
    knots = sorted({knot for feature in solution.features for knot in feature.knots})
    shown = [f"{knot:.5g}" for knot in knots[:KNOTS_SHOWN]]
    return f"{len(knots)}: {', '.join(shown)}{', ...' if len(knots) > len(shown) else ''}"


if __name__ == "__main__":
    sys.exit(main())
