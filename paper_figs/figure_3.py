"""Figure 3 of arXiv:2403.01046 (numbering of its version 2), drawn at exact optima.

Data set "opt": x = (0, 4, 5, 7, 10, 11), y = (0, 0, 0, 2, 3, 3). Narrow ReLU networks of depth 2, 3 and 4 in the
limit beta -> 0: the least ||z||_1 of all networks with f(x) = y, solved as a linear program and certified to a relative
gap of 1e-9. Left: the network. Right: its features times their coefficients.

Depth 2: ||z||_1 = 2, one of several optimal networks. Depth 3: ||z||_1 = 1, by the only optimal choice of ramps between
data. Depth 4: the same, and in the last row a tie: the single ramp from 5 to 8, also of ||z||_1 = 1. Its upper end 8 is
not a datum but the mirror image of 0 about 4. On the data the ramp to 8 is 2/3 of the ramp to 7 and 1/3 of the ramp to
10; between 7 and 10 it is another function.

The authors' figure has one column more: networks trained with Adam (seed 7, beta = 1e-7 / L, 100, 500 and 100 units,
1e3, 1e5 and 1e3 epochs). They are not reproduced here. The authors' code prints the final objectives 1.316e-6, 3.256e-6
and 2.958e-7 for L = 2, 3 and 4; it trains with an additional weight decay of 1e-4 and a loss without the factor 1/2, so
they cannot be compared with beta ||z||_1. It prints where f first comes within 0.01 of 3: at 9.974, 9.434 and 7.992.
The last is near the mirror image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from convexnn import datasets
from convexnn.plotting import curves
from convexnn.validation import FloatArray
from paper_figs.interpolation import draw_rows, least_norm, published_fit

# The ramp from 5 to 8 as a column (s, j, k): j numbers the data in descending order, here 0 (mirrored), 4 and 5.
MIRRORED_RAMP = (-1, -1, 1), (5, 4, 3), 1


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """The least-norm networks; nothing is drawn at random."""
    x, y = datasets.opt()
    networks = [least_norm(x, y, depth) for depth in (2, 3, 4)]
    fit = networks[-1]["fit"]
    return {"data": {"x": x, "y": y}, "networks": networks, "tie": _tie(x, y, (fit.x[0], fit.x[-1]))}


def _tie(x: FloatArray, y: FloatArray, over: tuple[float, float]) -> dict[str, Any]:
    """The network of one ramp whose end is a mirror image."""
    (ramp,), (z,), norm = published_fit(x, y, 4, [MIRRORED_RAMP])
    return {
        "norm": norm,
        "fit": curves.feature_curve(ramp, z, "fit", over),  # y starts at 0, as the ramp does
        "features": [curves.feature_curve(ramp, z, f"{z:.4g} * ramp from 5 to 8 = 4 + (4 - 0)", over)],
    }


def draw(table: dict[str, Any]) -> Figure:
    """A row a depth, and one for the tie."""
    titles = [rf"depth {row['depth']}: $\|z\|_1$ = {row['norm']:.4g}" for row in table["networks"]]
    titles.append(rf"depth 4, another optimum: $\|z\|_1$ = {table['tie']['norm']:.4g}")
    return draw_rows(table["data"], [*table["networks"], table["tie"]], titles)
