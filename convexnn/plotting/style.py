"""The house style: colours, sizes, marks of kinks, and axes that have them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convexnn.dictionaries.feature import BETWEEN, COMBINATION, DATA, MIDPOINT, REFLECTION

# From the palette of Okabe and Ito: colour-blind readers can tell them apart. Marks differ in shape as well.
BLACK, BLUE, GREEN, VERMILION, PURPLE, GREY = "#000000", "#0072B2", "#009E73", "#D55E00", "#CC79A7", "#8C8C8C"

STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-4, 7),
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "legend.columnspacing": 1.2,
    "legend.handletextpad": 0.4,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,  # outlines, which journals ask for
    "svg.hashsalt": "convexnn",
}

# How a kink is drawn, by the origin of its knot; the simplest origin first.
MARKS: dict[str, dict[str, Any]] = {
    DATA: {"label": "kink: datum", "marker": "o", "color": BLACK, "markeredgewidth": 0},
    BETWEEN: {
        "label": "switch between data",
        "marker": "o",
        "color": BLACK,
        "markerfacecolor": "white",
        "markeredgewidth": 0.8,
    },
    MIDPOINT: {"label": "midpoint", "marker": "^", "color": GREEN, "markeredgewidth": 0.8},
    REFLECTION: {"label": "mirror image", "marker": "D", "color": VERMILION, "markeredgewidth": 0},
    COMBINATION: {"label": "signed sum", "marker": "s", "color": PURPLE, "markeredgewidth": 0},
}


@contextmanager
def in_house_style(ax: Axes | None, height: float) -> Iterator[Axes]:
    """The given axes, or those of a new figure, in the house style."""
    # The figure comes first: with it pyplot loads its backend, whose settings must outlive the style's context.
    figure = plt.figure(figsize=(5.5, height), layout="constrained") if ax is None else None
    with plt.rc_context(STYLE):
        yield figure.add_subplot() if figure else ax  # type: ignore[misc]  # one of the two is there


def figure_of(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert figure is not None  # of axes that have been drawn on
    return figure


def legend_above(ax: Axes) -> None:
    """A legend in one row over the axes, where it covers nothing."""
    handles, labels = ax.get_legend_handles_labels()
    if handles:
        ax.legend(handles, labels, loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.2, ncols=len(handles))


def typeset(label: str) -> str:
    """A feature's label with the signs of printed mathematics."""
    for plain, printed in (
        ("-", "\N{MINUS SIGN}"),
        (" * ", " \N{MULTIPLICATION SIGN} "),
        (")+", ")\N{SUBSCRIPT PLUS SIGN}"),
    ):
        label = label.replace(plain, printed)
    return label
