"""The library of features: every feature of every dictionary on the data x = (0, 1, 3.5).

Each cell is one feature, over a range that shows all kinks of its dictionary; the ticks below it are the three data.
Within a dictionary all cells have one scale; unbounded arms are cut off. Marks tell where a kink comes from: a datum, a
point between two data, a midpoint, the mirror image 2 b - a of one datum about another, or a longer signed sum of data.
Units of depth 2 bend at data. Narrow ReLU units of every depth >= 3 are ramps between data. Sign and threshold units
switch between data at every depth. Mirror images belong to absolute-value units of depth >= 3 and to symmetrized ReLU.

Parameters: minimal listings; leaky ReLU with slope 0.2; "parallel" with a first hidden layer of 2 neurons, so that a
unit switches at most twice; symmetrized ReLU with tied weights (kappa = 1). Slopes are 0, 1 and -1 (leaky: 0.2, 1 and
their negatives). A list may hold a function twice, as the output of different units; it is drawn once.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import convexnn as cnn
from convexnn.plotting import curves, solutions, style

DATA = (0.0, 1.0, 3.5)
ARCHITECTURES = {
    "ReLU, depth 2": cnn.Architecture("relu"),
    "absolute value, depth 2": cnn.Architecture("absolute"),
    "ReLU, depth 3 and more": cnn.Architecture("relu", 3),
    "leaky ReLU, depth 2": cnn.Architecture(cnn.leaky_relu(0.2)),
    "sign, depth 3, parallel": cnn.Architecture("sign", 3, form="parallel", widths=(2,)),
    "sign, depth 2": cnn.Architecture("sign"),
    "threshold, depth 2": cnn.Architecture("threshold"),
    "absolute value, depth 3": cnn.Architecture("absolute", 3),
    "symmetrized ReLU, depth 3": cnn.Architecture("relu", 3, form="symmetrized"),
    "absolute value, depth 4": cnn.Architecture("absolute", 4),
}
# The sheet, in inches.
WIDTH, PER_ROW, CELL, ROW, HEADING, LEGEND = 6.3, 9, (0.58, 0.34), 0.46, 0.22, 0.3


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """All features as polylines; nothing is drawn at random."""
    return {"data": DATA, "dictionaries": {name: _listing(kind) for name, kind in ARCHITECTURES.items()}}


def _listing(architecture: cnn.Architecture) -> dict[str, Any]:
    listed = list(cnn.dictionary(DATA, architecture))
    knots = [*DATA, *(knot for feature in listed for knot in feature.knots)]
    margin = 0.08 * (max(knots) - min(knots))
    over = min(knots) - margin, max(knots) + margin
    drawn = [curves.feature_curve(feature, 1.0, feature.label, over) for feature in dict.fromkeys(listed)]
    return {"n_features": len(listed), "curves": drawn}


def draw(table: dict[str, Any]) -> Figure:
    """A sheet of cells, one dictionary after the other."""
    sizes = {name: len(listing["curves"]) for name, listing in table["dictionaries"].items()}
    places, height = _layout(sizes)
    with plt.rc_context(style.STYLE):
        figure = Figure(figsize=(WIDTH, height + LEGEND))
        ax = figure.add_axes((0.0, 0.0, 1.0, height / (height + LEGEND)))
        ax.set(xlim=(0, WIDTH), ylim=(height, 0))
        ax.set_axis_off()
        for name, listing in table["dictionaries"].items():
            _draw_listing(name, listing, table["data"], places[name], ax)
        handles = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
        order = [look["label"] for look in style.MARKS.values()]
        figure.legend([handles[label] for label in order], order, loc="upper left", ncols=len(order), markerscale=1.8)
    return figure


def _layout(sizes: dict[str, int]) -> tuple[dict[str, list[tuple[float, float]]], float]:
    """The upper left corner of every cell, and the height of the sheet; dictionaries share a row where they fit."""
    places: dict[str, list[tuple[float, float]]] = {}
    column, top = 0, 0.0
    for name, size in sizes.items():
        if column + size > PER_ROW and column:
            column, top = 0, top + HEADING + ROW
        cells = [divmod(column + k, PER_ROW) for k in range(size)]
        places[name] = [(0.06 + WIDTH / PER_ROW * place, top + HEADING + ROW * row) for row, place in cells]
        column, top = cells[-1][1] + 1, top + ROW * cells[-1][0]
    return places, top + HEADING + ROW


def _draw_listing(
    name: str, listing: dict[str, Any], data: list[float], places: list[tuple[float, float]], ax: Axes
) -> None:
    drawn = [curves.Curve(**curve) for curve in listing["curves"]]
    low, high = drawn[0].x[0], drawn[0].x[-1]
    floor = min(min(curve.y) for curve in drawn)
    highest_kink = max(max(curve.heights) for curve in drawn)
    ceiling = 1.3 * highest_kink if highest_kink > 1 else max(max(curve.y) for curve in drawn)
    across, up = CELL[0] / (high - low), CELL[1] / (ceiling - floor)

    repeated = f", {len(drawn)} different" if len(drawn) < listing["n_features"] else ""
    left, top = places[0]
    ax.text(left, top - 0.06, f"{name}: {listing['n_features']} features{repeated}", fontsize=7)
    for curve, (left, top) in zip(drawn, places, strict=True):
        bottom = top + CELL[1]
        frame = Rectangle((left, bottom + 0.01), CELL[0], -CELL[1] - 0.02, transform=ax.transData)
        x, y = left + across * (np.asarray(curve.x) - low), bottom - up * (np.asarray(curve.y) - floor)
        ax.plot(x, y, color=style.BLUE, linewidth=0.9)[0].set_clip_path(frame)
        knots, heights = (
            left + across * (np.asarray(curve.knots) - low),
            bottom - up * (np.asarray(curve.heights) - floor),
        )
        solutions.mark_knots(curves.Curve("", x, y, knots, heights, curve.origins), ax, size=2.5)
        ax.plot([left, left + CELL[0]], [bottom + 0.05] * 2, color=style.GREY, linewidth=0.4)
        ax.plot(
            left + across * (np.asarray(data) - low),
            [bottom + 0.05] * len(data),
            "|",
            color=style.GREY,
            markersize=3,
        )
