"""The picture of the table that ``python -m benchmarks`` writes."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from convexnn.plotting.style import BLACK, BLUE, GREY, PURPLE, STYLE, VERMILION

SKY, ORANGE = "#56B4E9", "#E69F00"
LOOKS = {
    "read pass": (GREY, "none", ":"),
    "convexnn": (BLACK, "o", "-"),
    "scikit-learn Lasso": (ORANGE, "s", "-"),
    "scikit-learn lars_path": (ORANGE, "D", "--"),
    "celer": (PURPLE, "^", "-"),
    "skglm": (PURPLE, "v", "--"),
    "cvxpy dense, Clarabel": (SKY, "P", "--"),
    "cvxpy dense, PIQP": (SKY, "X", "-"),
    "cvxpy sparse, Clarabel": (BLUE, "P", "--"),
    "cvxpy sparse, PIQP": (BLUE, "X", "-"),
    "condat_tv": (VERMILION, "d", "-"),
}
"""Colour, marker and line of every method."""
MISSED = "not certified"
TITLES = {"relu": "two-layer ReLU", "sign": "two-layer sign (total variation)"}


def draw_scaling(table: dict[str, Any]) -> Figure:
    """Time to the certified gap against the number of samples: one panel an activation.

    A cross is the best answer of a method that was not certified, at the time it took.
    """
    with plt.rc_context(STYLE):
        figure = Figure(figsize=(6.8, 3.2), layout="constrained")
        panels = figure.subplots(1, len(TITLES), sharey=True)
        for ax, (activation, title) in zip(panels, TITLES.items(), strict=True):
            _draw_panel([record for record in table["results"] if record["activation"] == activation], ax)
            ax.set(xscale="log", yscale="log", xlabel="samples $n$", title=title)
        exponent = f"{np.log10(table['settings']['target']):.3g}"
        panels[0].set_ylabel(f"seconds to a certified relative gap of $10^{{{exponent}}}$")
        drawn = {line.get_label() for ax in panels for line in ax.lines}
        looks = {method: look for method, look in {**LOOKS, MISSED: (GREY, "x", "none")}.items() if method in drawn}
        figure.legend(handles=[_line(method, look) for method, look in looks.items()], loc="outside right center")
    return figure


def _line(label: str, look: tuple[Any, Any, Any]) -> Line2D:
    color, marker, style = look
    return Line2D([], [], color=color, marker=marker, linestyle=style, label=label)


def _draw_panel(records: list[dict[str, Any]], ax: Axes) -> None:
    for method in dict.fromkeys(record["method"] for record in records):
        color, marker, style = LOOKS[method]
        timed = [record for record in records if record["method"] == method and record["seconds"] is not None]
        reached = [record for record in timed if record["status"] in ("certified", "floor")]
        missed = [record for record in timed if record not in reached]
        for part, label, look in ((reached, method, (marker, style)), (missed, MISSED, ("x", "none"))):
            if part:
                n, seconds = ([record[key] for record in part] for key in ("n", "seconds"))
                ax.plot(n, seconds, color=color, marker=look[0], linestyle=look[1], label=label)
