"""Figure 3 of arXiv:2403.01046 (numbering of its version 2), drawn at exact optima.

Data set "opt": x = (0, 4, 5, 7, 10, 11), y = (0, 0, 0, 2, 3, 3). Narrow ReLU networks of depth 2, 3 and 4 in the limit
beta -> 0: the least ||z||_1 of all networks with f(x) = y, solved as a linear program and certified to a relative gap of
1e-9. Left: the network. Right: its features times their coefficients.

Depth 2: ||z||_1 = 2; one of several optimal networks. Depth 3: ||z||_1 = 1, and no other choice of ramps between data has
it. Depth 4: the same optimum, and a tie (dashed, and last row): the one ramp from 5 to 8, which also has ||z||_1 = 1. Its upper
end 8 is not a datum but the mirror image of 0 about 4. On the data the ramp to 8 is 2/3 of the ramp to 7 and 1/3 of the ramp to 10;
between 7 and 10 it is another function.

The authors' figure has a column more: networks trained with Adam (seed 7, beta = 1e-7 / L, 100, 500 and 100 units, 1e3,
1e5 and 1e3 epochs). Not reproduced here. They print final objectives 1.316e-6, 3.256e-6 and 2.958e-7 for L = 2, 3 and 4, which
also count a weight decay of 1e-4 and are not comparable with beta ||z||_1 = 2e-7, 1e-7 and 1e-7, and they print where f first
comes within 0.01 of 3: at 9.974, 9.434 and 7.992. The last is the mirror image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

import convexnn as cnn
from convexnn import datasets, plotting
from convexnn.validation import FloatArray
from paper_figs.interpolation import draw_depths, least_norm

# The column (s, j, k) of the published depth-4 list; j numbers the data in descending order: kinks 0 about 4, 4 and 5.
MIRRORED_RAMP = (-1, -1, 1), (5, 4, 3), 1


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """The least-norm networks; nothing is drawn at random."""
    x, y = datasets.opt()
    return {
        "data": {"x": x, "y": y},
        "depths": [least_norm(x, y, depth) for depth in (2, 3, 4)],
        "tie": _tie(x, y),
    }


def _tie(x: FloatArray, y: FloatArray) -> dict[str, Any]:
    """The network of one ramp whose end is a mirror image, with its ||z||_1."""
    listing = cnn.dictionary(x, cnn.Architecture("relu", 4), listing="published")
    ramp = listing[listing.index_of(*MIRRORED_RAMP)]
    z = np.ptp(y) / np.ptp(ramp(x))
    problem = cnn.Problem(x, y, 1.0, listing.architecture, loss="interpolation")
    curve = plotting.feature_curve(
        ramp, z, f"or {z:.4g} * ramp from 5 to 8, the mirror image of 0 about 4", (-0.44, 11.44)
    )
    return {"norm": [problem.objective(z * ramp(x), [z])], "feature": curve}


def draw(table: dict[str, Any]) -> Figure:
    """Three rows, one a depth."""
    tie = plotting.Curve(**table["tie"]["feature"])
    *shallow, deepest = table["depths"]
    depths = [*shallow, {**deepest, "features": [*deepest["features"], table["tie"]["feature"]]}]
    titles = [rf"depth {row['depth']}: $\|z\|_1$ = {row['norm'][0]:.4g}" for row in depths]
    figure = draw_depths(table["data"], depths, titles)
    ax = figure.axes[-2]
    ax.plot(tie.x, tie.y, color=plotting.VERMILION, linestyle="--", zorder=2.5)
    plotting.mark_knots(tie, ax)
    return figure
