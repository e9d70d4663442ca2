"""The four models of arXiv:2409.04946 and their proved optima at finite N, shared by the figures on associations."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from convexnn.associative.experiments import Exact, Summary, grid, summarise, sweep
from convexnn.plotting import style

# Beside the l1 norm. A fifth of the inputs is inhibitory; density and gap are such that they cost little.
MODELS: dict[str, dict[str, float]] = {
    "l1": {},
    "l1 + signs": {"inhibitory": 0.2},
    "l1 + l0": {"density": 0.3},
    "l1 + gap": {"gap": 2.0},
}
COLOURS = dict(zip(MODELS, (style.BLACK, style.BLUE, style.VERMILION, style.GREEN), strict=True))
MARKERS = dict(zip(MODELS, "osD^", strict=True))
BOUND = "replica symmetric, an upper bound"


def draw_seeds(rng: np.random.Generator, count: int) -> list[int]:
    """Seeds of instances."""
    return [int(seed) for seed in rng.integers(2**32, size=count)]


def exact_optima(seeds: list[int], **axes: Any) -> list[Summary]:
    """Means over random instances of proved optima, one row for each combination of the values."""
    rows = summarise(sweep(Exact(), grid(**axes, seed=seeds)))
    assert all(row.mean["proved"] == 1 for row in rows)
    return rows


def columns(rows: list[Summary]) -> dict[str, list[float]]:
    """Loads, and the robustness and the sparsity there with their errors."""
    return {
        "load": [row.point.load for row in rows],
        **{name: [row.mean[name] for row in rows] for name in ("robustness", "sparsity")},
        **{f"{name}_error": [row.error[name] for row in rows] for name in ("robustness", "sparsity")},
    }


def points(ax: Axes, x: Any, y: Any, x_error: Any = None, y_error: Any = None, **look: Any) -> None:
    """Marks with standard errors."""
    ax.errorbar(x, y, xerr=x_error, yerr=y_error, linestyle="none", markersize=3, elinewidth=0.8, **look)
