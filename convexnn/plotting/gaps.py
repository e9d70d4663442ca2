"""Pictures of trained networks and their distance from the global optimum."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from convexnn.plotting.style import BLUE, GREY, STYLE
from convexnn.validation import FloatArray


def plot_gaps(gaps: FloatArray, against: Mapping[str, FloatArray], *, tol: float) -> Figure:
    """How far trained networks are from the global optimum: all in ascending order, and against what they are like.

    Parameters
    ----------
    gaps : (r,) array
        Certified relative gaps.
    against : mapping of str to (r,) array
        Numbers of every network, by name.
    tol : float
        Where a line is drawn.

    Returns
    -------
    Figure
    """
    # A gap below rounding has no place on a logarithmic axis.
    heights = np.maximum(gaps, np.finfo(float).eps)
    share = (np.argsort(np.argsort(heights, kind="stable")) + 1) / max(heights.size, 1)
    panels = {"share of the networks": share, **against}
    with plt.rc_context(STYLE):
        figure = Figure(figsize=(0.4 + 2 * len(panels), 2.2), layout="constrained")
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for ax, (label, values) in zip(axes, panels.items(), strict=True):
            ax.semilogy(values, heights, "o", color=BLUE, markersize=3)
            ax.axhline(tol, color=GREY, linewidth=0.8, linestyle="--")
            if values.dtype.kind == "i":
                ax.xaxis.set_major_locator(MaxNLocator(integer=True))
            ax.set_xlabel(label)
        axes[0].set_ylabel("certified relative gap")
    return figure
