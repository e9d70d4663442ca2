"""Writing a picture, always with the same bytes."""

from __future__ import annotations

import io
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convexnn.errors import InputError
from convexnn.files import write_bytes
from convexnn.plotting.style import STYLE, figure_of

_STAMPS = {".pdf": "CreationDate", ".png": "Software", ".svg": "Date"}


def save(picture: Figure | Axes, path: str | os.PathLike[str]) -> None:
    """Write a picture as PDF, PNG or SVG. The same one gives the same bytes; the file appears complete or not at all.

    Parameters
    ----------
    picture : Figure or Axes
        Axes stand for their figure.
    path : path
        Its ending names the format.

    Raises
    ------
    InputError
        For another ending, or if the file cannot be written.
    """
    ending = Path(path).suffix.lower()
    if ending not in _STAMPS:
        raise InputError(f"the name of a picture must end with {', '.join(_STAMPS)}; got {os.fspath(path)}")
    figure = picture if isinstance(picture, Figure) else figure_of(picture)
    buffer = io.BytesIO()
    # Before it writes anything, savefig draws once without output to lay the axes out.
    laid_out = figure.canvas.mpl_connect("draw_event", lambda _: _round_positions(figure))
    with plt.rc_context(STYLE):
        figure.savefig(buffer, format=ending[1:], metadata={_STAMPS[ending]: None})
    figure.canvas.mpl_disconnect(laid_out)
    write_bytes(path, buffer.getvalue())


def _round_positions(figure: Figure) -> None:
    """Forget the last digits of where axes are: constrained layout adds in the order of memory addresses."""
    for ax in figure.axes:
        is_in_layout = ax.get_in_layout()
        ax.set_position(tuple(np.round(ax.get_position(original=True).bounds, 9)))
        ax.set_in_layout(is_in_layout)  # set_position takes it out
