"""Pictures of coefficients along beta."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from convexnn.dictionaries.feature import Feature
from convexnn.lasso.path import Path
from convexnn.plotting.style import BLUE, GREY, in_house_style
from convexnn.validation import FloatArray

_BETAS_SHOWN = 300
_POINTS_DRAWN = 500


def plot_path(path: Path, *, ax: Axes | None = None) -> Axes:
    """The coefficients along beta, one line a feature, from the largest beta on the left.

    Parameters
    ----------
    path : Path
        Of more than 300 betas, 300 are read.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
    """
    betas, lines = path_lines(path)
    with in_house_style(ax, 2.6) as styled:
        draw_path(betas, list(lines.values()), styled)
        styled.set(xlabel="$\\beta$", ylabel="coefficient")
        if path.is_exact:
            styled.set_title(f"{path.betas.size - 1} breakpoints")
    return styled


def path_lines(path: Path) -> tuple[FloatArray, dict[Feature, FloatArray]]:
    """Betas, and of every feature in use its coefficients there; 0 where it is not."""
    places = np.unique(np.linspace(0, path.betas.size - 1, _BETAS_SHOWN).astype(int))
    lines: dict[Feature, FloatArray] = {}
    for column, place in enumerate(places):
        solution = path.solutions[int(place)]
        for feature, z in zip(solution.features, solution.coef, strict=True):
            lines.setdefault(feature, np.zeros(places.size))[column] = z
    return path.betas[places], lines


def draw_path(betas: FloatArray, lines: Sequence[FloatArray], ax: Axes) -> list[Line2D]:
    """Lines over a logarithmic axis of descending betas, each without what lies at zero and stays there."""
    ax.axhline(0.0, color=GREY, linewidth=0.4, zorder=0)
    # Exact paths are linear in beta, which is a curve on this axis.
    fine = np.union1d(np.geomspace(betas[-1], betas[0], _POINTS_DRAWN), betas)[::-1]
    drawn = []
    for line in lines:
        values = np.interp(fine, betas[::-1], line[::-1])
        used = np.concatenate(([False], values != 0, [False]))
        values[~(used[:-2] | used[1:-1] | used[2:])] = np.nan
        drawn += ax.plot(fine, values, color=BLUE, linewidth=0.8)
    ax.set_xscale("log")
    if betas.size > 1:
        ax.set_xlim(betas[0], betas[-1])
    return drawn
