"""Figure 18 of arXiv:2403.01046 (numbering of its version 2), drawn at exact optima.

Data set "bounce": x = (0, 2, 6, 7), y = (0, 0, 3, 7). Narrow ReLU networks of depth 2, 3 and 4 in the limit beta -> 0: the
least ||z||_1 of all networks with f(x) = y, solved as a linear program and certified to a relative gap of 1e-9. Left: the
network. Right: its features times their coefficients. The least ||z||_1 is 4 at every depth.

The authors solve the Lasso with beta = 1e-8, where the tolerance of their solver decides. They print the objectives 4e-8,
4.00000004e-8 and 9e-8 for L = 2, 3 and 4, that is 4, 4 and 9 in units of beta. The titles give the ||z||_1 of the columns
that they print as selected: the two kinks at 2 and 6; the two ramps from 2 and 6 to 7; and at depth 4 the kinks at 2 and
4, where 4 is the mirror image of 0 about 2: a network of 2.25 times the least cost.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from convexnn import datasets
from paper_figs.interpolation import cost_of_features, draw_depths, least_norm

# The authors' selections, columns (s, j, k) of the published lists; j numbers the data in descending order.
SELECTED = {
    2: (((1,), (1,)), ((1,), (2,))),
    3: (((-1, -1), (0, 1)), ((-1, -1), (0, 2))),
    4: (((1, 1, 1), (2, 2, 3), 1), ((1, 1, 1), (3, 2, 3), 1)),
}


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """The least-norm networks and the cost of the authors' features; nothing is drawn at random."""
    x, y = datasets.bounce()
    return {
        "data": {"x": x, "y": y},
        "depths": [least_norm(x, y, depth) for depth in SELECTED],
        "norm_of_authors_features": [cost_of_features(x, y, depth, columns) for depth, columns in SELECTED.items()],
    }


def draw(table: dict[str, Any]) -> Figure:
    """Three rows, one a depth."""
    titles = [
        rf"depth {row['depth']}: $\|z\|_1$ = {row['norm'][0]:.4g} (authors' columns: {theirs:.4g})"
        for row, theirs in zip(table["depths"], table["norm_of_authors_features"], strict=True)
    ]
    return draw_depths(table["data"], table["depths"], titles)
