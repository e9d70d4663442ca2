"""What the authors' figures on interpolation share: the least-norm network of each depth, and its features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import convexnn as cnn
from convexnn import plotting
from convexnn.validation import FloatArray


def least_norm(x: FloatArray, y: FloatArray, depth: int) -> dict[str, Any]:
    """The narrow ReLU network of that depth with f = y and the least ||z||_1, certified to 1e-9."""
    problem = cnn.Problem(x, y, 1.0, cnn.Architecture("relu", depth), loss="interpolation")
    solution = cnn.solve(problem, tol=1e-9, on_failure="raise")
    return {
        "depth": depth,
        "norm": [solution.objective],
        "fit": plotting.fit_curve(solution),
        "features": plotting.feature_curves(solution),
    }


def cost_of_features(x: FloatArray, y: FloatArray, depth: int, columns: Sequence[tuple[Any, ...]]) -> float:
    """||z||_1 of the interpolation of the data by columns (s, j, k) of the published list; infinite if there is none."""
    listing = cnn.dictionary(x, cnn.Architecture("relu", depth), listing="published")
    features = np.column_stack([listing[listing.index_of(*column)](x) for column in columns])
    design = np.column_stack((features, np.ones_like(x)))
    z = np.linalg.lstsq(design, y)[0]
    return cnn.Problem(x, y, 1.0, listing.architecture, loss="interpolation").objective(design @ z, z[:-1])


def draw_depths(data: dict[str, Any], depths: Sequence[dict[str, Any]], titles: Sequence[str]) -> Figure:
    """A row a depth: the prediction with its kinks on the left, the features times their coefficients on the right."""
    rows = [len(row["features"]) for row in depths]
    with plt.rc_context(plotting.STYLE):
        figure = Figure(figsize=(6.3, 0.9 + sum(0.55 + 0.35 * n for n in rows)), layout="constrained")
        panels = figure.subplots(len(depths), 2, sharex=True, height_ratios=[1 + 0.64 * n for n in rows])
        for row, title, (left, right) in zip(depths, titles, panels, strict=True):
            _draw_depth(data, row, title, left, right)
        for ax in panels[-1]:
            ax.set_xlabel("input $x$")
        panels[0][1].set_title("its features times their coefficients")
        handles = {
            label: handle for ax in panels.flat for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
        }
        figure.legend(handles.values(), handles.keys(), loc="outside upper left", ncols=len(handles))
    return figure


def _draw_depth(data: dict[str, Any], row: dict[str, Any], title: str, left: Axes, right: Axes) -> None:
    plotting.draw_fit(data["x"], data["y"], plotting.Curve(**row["fit"]), left)
    left.set_title(title)
    left.set_ylabel("output $f(x)$")
    plotting.draw_features([plotting.Curve(**curve) for curve in row["features"]], right)
