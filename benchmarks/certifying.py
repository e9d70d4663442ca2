"""What a certificate of a network costs on many points: ``python -m benchmarks.certifying --n 1000000``.

The networks are optimal ones, of a few dozen neurons. The first certificate on a data set solves its dual problem,
which those of other networks share. The data are y = sin(3 x) + 0.1 noise at uniform x in [-2, 2].
"""

from __future__ import annotations

import time

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import convexnn as cnn

ARCHITECTURES = (
    cnn.Architecture("relu"),
    cnn.Architecture("absolute"),
    cnn.Architecture("relu", 3),
    cnn.Architecture("sign"),
)


def main(n: int = 1_000_000, share: float = 0.1, repeats: int = 5, seed: int = 0) -> None:
    """Print two lines an architecture, for sorted and unsorted rows; beta is `share` of beta_max."""
    rng = np.random.default_rng(seed)
    unsorted = rng.uniform(-2, 2, n)
    table = Table(title=f"n = {n:,}, beta = {share} beta_max; seconds")
    for heading in ("architecture", "rows", "neurons", "first", "another (median)", "relative gap"):
        table.add_column(heading, justify="left" if heading in ("architecture", "rows") else "right")
    for architecture in ARCHITECTURES:
        for name, x in (("sorted", np.sort(unsorted)), ("unsorted", unsorted)):
            y = np.sin(3 * x) + 0.1 * rng.normal(size=n)
            beta = share * cnn.Problem(x, y, 1.0, architecture).beta_max
            network = cnn.solve(cnn.Problem(x, y, beta, architecture)).network()
            times = []
            for _ in range(1 + repeats):
                started = time.perf_counter()
                proof = cnn.certify(network, x, y, beta)
                times.append(time.perf_counter() - started)
            first, *others = times
            figures = (f"{first:.3f}", f"{np.median(others):.3f}", f"{proof.relative_gap:.1e}")
            table.add_row(architecture.label, name, str(network.n_units), *figures)
    Console(width=110).print(table)


if __name__ == "__main__":
    typer.run(main)
