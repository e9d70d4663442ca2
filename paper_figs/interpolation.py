"""What the authors' figures on interpolation share: the least-norm network of each depth, and its features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import convexnn as cnn
from convexnn.dictionaries.indexed import PublishedList
from convexnn.lasso.function_space import recover
from convexnn.plotting import curves, solutions, style
from convexnn.validation import FloatArray


def least_norm(x: FloatArray, y: FloatArray, depth: int) -> dict[str, Any]:
    """The narrow ReLU network of that depth with f = y and the least ||z||_1, certified to 1e-9; `x` ascending."""
    problem = cnn.Problem(x, y, 1.0, cnn.Architecture("relu", depth), loss="interpolation")
    solution = cnn.solve(problem, tol=1e-9, on_failure="raise")
    # Of several optimal networks, the one that a linear program ends at depends on its release; this one does not.
    features, coef = recover(x, y, problem.architecture)
    intercept = y[0] - coef @ [feature(x)[0] for feature in features]
    chosen = replace(solution, _expand=lambda: (features, coef, intercept))
    return {
        "depth": depth,
        "norm": problem.objective(chosen.predict(x), coef),
        "lower_bound": solution.certificate.dual,
        "fit": curves.fit_curve(chosen),
        "features": curves.feature_curves(chosen),
    }


def published_fit(
    x: FloatArray, y: FloatArray, depth: int, columns: Sequence[tuple[Any, ...]]
) -> tuple[list[cnn.Feature], FloatArray, float]:
    """The interpolation of the data by columns (s, j, k) of the published list: features, coefficients and ||z||_1."""
    listing = PublishedList(x, cnn.Architecture("relu", depth))
    features = [listing[listing.index_of(*column)] for column in columns]
    design = np.column_stack([*(feature(x) for feature in features), np.ones_like(x)])
    z = np.asarray(np.linalg.lstsq(design, y)[0], dtype=float)
    problem = cnn.Problem(x, y, 1.0, listing.architecture, loss="interpolation")
    return features, z[:-1], problem.objective(design @ z, z[:-1])  # infinite if they do not interpolate


def draw_rows(data: dict[str, Any], rows: Sequence[dict[str, Any]], titles: Sequence[str]) -> Figure:
    """A row a network: on the left its output with its kinks, on the right its features times their coefficients."""
    heights = [0.6 + 0.35 * len(row["features"]) for row in rows]
    with plt.rc_context(style.STYLE):
        figure = Figure(figsize=(6.3, 0.7 + sum(heights)), layout="constrained")
        panels = figure.subplots(len(rows), 2, sharex=True, height_ratios=heights)
        for row, title, (left, right) in zip(rows, titles, panels, strict=True):
            left.sharey(panels[0][0])
            solutions.draw_fit(data["x"], data["y"], curves.Curve(**row["fit"]), left)
            left.margins(y=0.12)
            left.set_title(title)
            left.set_ylabel("output $f(x)$")
            left.locator_params(axis="y", nbins=4)
            solutions.draw_features([curves.Curve(**curve) for curve in row["features"]], right)
        for ax in panels[-1]:
            ax.set_xlabel("input $x$")
        panels[0][1].set_title("features times their coefficients")
        found = [pair for ax in panels.flat for pair in zip(*ax.get_legend_handles_labels(), strict=True)]
        handles = {label: handle for handle, label in reversed(found)}
        order = [
            label for label in ("data", "fit", *(look["label"] for look in style.MARKS.values())) if label in handles
        ]
        figure.legend([handles[label] for label in order], order, loc="outside upper left", ncols=len(order))
    return figure
