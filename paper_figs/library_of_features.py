"""The library of features: every feature of every dictionary on the data x = (0, 1, 3.5).

Every cell is one feature, over a range that shows all kinks of its dictionary; the ticks below are the three data. Marks
tell where a kink comes from: a datum, a point between two data, a midpoint, the mirror image 2 b - a of one datum about
another, or (absolute value of depth 4) a longer signed sum of data. ReLU and absolute-value units of depth 2 bend at data;
narrow ReLU units of every depth >= 3 are ramps between data; sign and threshold units only switch between data, at every
depth; the mirror images belong to absolute-value units of depth >= 3 and to symmetrized ReLU. Parameters: leaky ReLU with slope 0.2 on
the left; "parallel" with a first hidden layer of 2 sign neurons, so that a unit switches at most twice; symmetrized ReLU with
tied weights (kappa = 1). Listings are the minimal ones. Slopes are 1 and -1 (leaky: and 0.2), and all cells of a
dictionary have one scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import convexnn as cnn
from convexnn import plotting

DATA = (0.0, 1.0, 3.5)
ARCHITECTURES = {
    "ReLU, depth 2": cnn.Architecture("relu"),
    "absolute, depth 2": cnn.Architecture("absolute"),
    "ReLU, depth ≥ 3": cnn.Architecture("relu", 3),
    "leaky ReLU, depth 2": cnn.Architecture(cnn.leaky_relu(0.2)),
    "sign": cnn.Architecture("sign"),
    "threshold": cnn.Architecture("threshold"),
    "absolute, depth 3": cnn.Architecture("absolute", 3),
    "sign, parallel, width 2": cnn.Architecture("sign", 3, form="parallel", widths=(2,)),
    "symmetrized ReLU, depth 3": cnn.Architecture("relu", 3, form="symmetrized"),
    "absolute, depth 4": cnn.Architecture("absolute", 4),
}
# Inches.
WIDTH, CELL, ROW, HEADING = 6.3, (0.42, 0.30), 0.44, 0.2
PER_ROW = 12


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """All features as polylines; nothing is drawn at random."""
    return {"data": DATA, "dictionaries": {name: _curves(architecture) for name, architecture in ARCHITECTURES.items()}}


def _curves(architecture: cnn.Architecture) -> list[plotting.Curve]:
    features = list(cnn.dictionary(DATA, architecture))
    knots = [*DATA, *(knot for feature in features for knot in feature.knots)]
    margin = 0.1 * (max(knots) - min(knots))
    over = min(knots) - margin, max(knots) + margin
    return [plotting.feature_curve(feature, 1.0, feature.label, over) for feature in features]


def draw(table: dict[str, Any]) -> Figure:
    """A sheet of cells, a dictionary after the other."""
    groups = {name: [plotting.Curve(**curve) for curve in curves] for name, curves in table["dictionaries"].items()}
    places, height = _layout({name: len(curves) for name, curves in groups.items()})
    with plt.rc_context(plotting.STYLE):
        figure = Figure(figsize=(WIDTH, height + 0.3))
        ax = figure.add_axes((0.0, 0.0, 1.0, height / (height + 0.3)))
        ax.set(xlim=(0, WIDTH), ylim=(height, 0))
        ax.set_axis_off()
        for name, curves in groups.items():
            _draw_group(name, curves, table["data"], places[name], ax)
        handles = dict(reversed([*zip(*reversed(ax.get_legend_handles_labels()), strict=True)]))
        order = [look["label"] for look in plotting.MARKS.values()]
        figure.legend([handles[label] for label in order], order, loc="upper left", ncols=len(order))
    return figure


def _layout(sizes: dict[str, int]) -> tuple[dict[str, list[tuple[float, float]]], float]:
    """Where the cells of each dictionary are, from the top left, and the height of the sheet."""
    pitch = WIDTH / PER_ROW
    places: dict[str, list[tuple[float, float]]] = {}
    column, top = 0, 0.0
    for name, size in sizes.items():
        if column and column + size > PER_ROW:
            column, top = 0, top + HEADING + ROW
        places[name] = [
            ((column + k % PER_ROW) * pitch + 0.06, top + HEADING + k // PER_ROW * ROW) for k in range(size)
        ]
        top += (size - 1) // PER_ROW * ROW
        column += size % PER_ROW or PER_ROW
    return places, top + HEADING + ROW


def _draw_group(
    name: str, curves: Sequence[plotting.Curve], data: Sequence[float], places: Sequence[tuple[float, float]], ax: Axes
) -> None:
    low, high = curves[0].x[0], curves[0].x[-1]
    bottom, top = min(min(curve.y) for curve in curves), max(max(curve.y) for curve in curves)
    across, up = CELL[0] / (high - low), CELL[1] / (top - bottom)
    count = f"{len(curves)} features"
    ax.text(*np.subtract(places[0], (0, 0.06)), f"{name}: {count}", fontsize=7)
    for curve, (left, above) in zip(curves, places, strict=True):

        def to_sheet(x: Any, y: Any, left: float = left, above: float = above) -> tuple[Any, Any]:
            return left + across * (np.asarray(x) - low), above + CELL[1] - up * (np.asarray(y) - bottom)

        floor = above + CELL[1] + 0.04
        ax.plot([left, left + CELL[0]], [floor, floor], color=plotting.GREY, linewidth=0.5)
        ax.plot(to_sheet(data, 0)[0], [floor] * len(data), "|", color=plotting.GREY, markersize=3)
        x, y = to_sheet(curve.x, curve.y)
        ax.plot(x, y, color=plotting.BLUE, linewidth=0.8)
        knots, heights = to_sheet(curve.knots, curve.heights)
        plotting.mark_knots(plotting.Curve("", x, y, knots, heights, curve.origins), ax, size=2.2)
