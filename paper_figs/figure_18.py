"""Figure 18 of arXiv:2403.01046 (numbering of its version 2), drawn at exact optima.

Data set "bounce": x = (0, 2, 6, 7), y = (0, 0, 3, 7). Narrow ReLU networks of depth 2, 3 and 4 in the limit beta -> 0:
the least ||z||_1 of all networks with f(x) = y, solved as a linear program and certified to a relative gap of 1e-9.
Left: the network. Right: its features times their coefficients. The least ||z||_1 is 4 at every depth.

The authors' code solves the Lasso at beta = 1e-8, where the tolerance of its solver decides. It prints the objectives
4e-8, 4.00000004e-8 and 9e-8 for L = 2, 3 and 4, that is 4, 4 and 9 in units of beta. The titles give, in brackets, the
||z||_1 of the interpolation by the columns that it prints as selected: the kinks at 2 and 6; the ramps from 2 and from
6 to 7; and at depth 4 the kinks at 2 and 4, the latter being the mirror image of 0 about 2. That last network is exact
on the data, but costs 2.25 times the least.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from convexnn import datasets
from paper_figs.interpolation import draw_rows, least_norm, published_fit

# The authors' selections by depth: columns (s, j, k); j numbers the data in descending order.
SELECTED: dict[int, list[tuple[Any, ...]]] = {
    2: [((1,), (1,)), ((1,), (2,))],
    3: [((-1, -1), (0, 1)), ((-1, -1), (0, 2))],
    4: [((1, 1, 1), (2, 2, 3), 1), ((1, 1, 1), (3, 2, 3), 1)],
}


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """The least-norm networks, and the cost of the authors' columns; nothing is drawn at random."""
    x, y = datasets.bounce()
    networks = [
        {**least_norm(x, y, depth), "norm_of_authors_columns": published_fit(x, y, depth, columns)[2]}
        for depth, columns in SELECTED.items()
    ]
    return {"data": {"x": x, "y": y}, "networks": networks}


def draw(table: dict[str, Any]) -> Figure:
    """A row a depth."""
    titles = [
        rf"depth {row['depth']}: $\|z\|_1$ = {row['norm']:.4g} (authors' columns: {row['norm_of_authors_columns']:.4g})"
        for row in table["networks"]
    ]
    return draw_rows(table["data"], table["networks"], titles)
