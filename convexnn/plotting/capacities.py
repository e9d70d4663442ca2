"""Pictures of the capacity of a neuron that stores associations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from convexnn.errors import InputError
from convexnn.plotting.style import BLUE, STYLE, figure_of, legend_above
from convexnn.validation import FloatArray, as_vector, one_of

if TYPE_CHECKING:
    from convexnn.associative.replica import Capacity


def plot_capacity(
    curve: Capacity, over: str, values: ArrayLike, *, goal: str = "load", axes: Sequence[Axes] | None = None
) -> Figure:
    """Load, or robustness, and sparsity at capacity over one parameter, one above the other.

    The lines are dashed where the theory is not exact, and the load or the robustness is an upper bound.

    Parameters
    ----------
    curve : Capacity
        On a grid of one dimension.
    over : str
        The name of the parameter, such as "gap".
    values : (k,) array
        The parameter's values.
    goal : {"load", "robustness"}
        What is as large as possible: the load in a result of `capacity`, the robustness in a result of `robustness`.
    axes : sequence of two Axes, optional
        Where to draw; by default a new figure with one x axis.

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        For another `goal`, if the grid of `curve` does not have the shape of `values`, or if `axes` are not two.
    """
    one_of("goal", goal, ("load", "robustness"))
    places = as_vector("values", values)
    if curve.points.shape != places.shape:
        raise InputError(f"curve and values must have one shape, got {curve.points.shape} and {places.shape}")
    if axes is not None and len(axes) != 2:
        raise InputError(f"axes must be two, for {goal} and sparsity, got {len(axes)}")
    panels = _two_axes() if axes is None else axes
    with plt.rc_context(STYLE):
        for quantity, ax in zip((goal, "sparsity"), panels, strict=True):
            draw_capacity(places, getattr(curve, quantity), curve.is_upper_bound, f"the {goal} is an upper bound", ax)
            ax.set(xlabel=over.replace("_", " "), ylabel=quantity)
            ax.set_ylim(bottom=0.0)
        if axes is None:
            panels[0].set_xlabel("")
        legend_above(panels[0])
    return figure_of(panels[0])


def draw_capacity(x: FloatArray, y: FloatArray, inexact: NDArray[np.bool_], caveat: str, ax: Axes) -> None:
    """A line, dashed where there is a caveat."""
    if not inexact.all():
        ax.plot(x, np.where(inexact, np.nan, y), color=BLUE, label="exact")
    if inexact.any():
        # The dashed line goes on to where the solid one begins.
        reached = inexact | np.append(inexact[1:], False) | np.append(False, inexact[:-1])
        ax.plot(x, np.where(reached, y, np.nan), color=BLUE, linestyle=(0, (4, 2)), label=caveat)


def _two_axes() -> Sequence[Axes]:
    figure = plt.figure(figsize=(5.5, 4.0), layout="constrained")
    with plt.rc_context(STYLE):
        panels: Sequence[Axes] = figure.subplots(2, sharex=True)
    return panels
