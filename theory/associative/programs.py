"""Learning as mixed-integer programs for a general solver, as published and in a tighter form.

Both maximise the robustness k subject to ``s (X.J / N - h) >= k / sqrt(N)`` and sum |J| = N, in the library's units.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from convexnn.associative import Associations

SOLVED = 1e-5
"""The solver's binaries may be off by 1e-6, and let weights of about N times that through."""


class Sparsity(NamedTuple):
    """At most `most` nonzero weights, none within `gap` of 0."""

    most: int
    gap: float


def _side(associations: Associations) -> NDArray:
    return 2 * associations.outputs - 1


def published(associations: Associations, threshold: float, sparsity: Sparsity, w: float = 1.0) -> float:
    """The optimum of the published program: J, W = |J|, a binary for J != 0 and one for its sign, all bounds N w.

    With mean |J| = `w`, the threshold, the gap and the robustness are in the units of `w`.
    """
    m, n = associations.inputs.shape
    one, none, column = np.eye(n), np.zeros((n, n)), np.zeros((n, 1))
    side = _side(associations)
    fields = side[:, np.newaxis] * associations.inputs / n
    others = np.zeros((m, 3 * n))
    most = n * w
    # Columns: k, J, W, c (J is not 0), t (J is positive).
    rows = [
        LinearConstraint(np.hstack([np.full((m, 1), -1 / np.sqrt(n)), fields, others]), side * threshold, np.inf),
        LinearConstraint(np.hstack([column, -one, one, none, 2 * most * one]), -np.inf, 2 * most),
        LinearConstraint(np.hstack([column, one, one, none, -2 * most * one]), -np.inf, 0),
        LinearConstraint(np.hstack([column, one, -one, none, none]), -np.inf, 0),
        LinearConstraint(np.hstack([column, -one, -one, none, none]), -np.inf, 0),
        LinearConstraint(np.hstack([column, none, one, -most * one, none]), -np.inf, 0),
        LinearConstraint(np.hstack([column, none, -one, sparsity.gap * one, none]), -np.inf, 0),
        LinearConstraint(np.repeat([0.0, 0, 1, 0, 0], [1, n, n, n, n]), most, most),
        LinearConstraint(np.repeat([0.0, 0, 0, 1, 0], [1, n, n, n, n]), 0, sparsity.most),
    ]
    lower, upper = np.repeat([-np.inf, -most, 0], [1, n, 3 * n]), np.repeat([np.inf, most, 1], [1, 2 * n, 2 * n])
    return _maximum(rows, lower, upper, integers=2 * n)


def split(associations: Associations, threshold: float, sparsity: Sparsity) -> float:
    """The same optimum: J = P - M, a binary each for P > 0 and M > 0, not both, and a bound on how many."""
    m, n = associations.inputs.shape
    one, none, column = np.eye(n), np.zeros((n, n)), np.zeros((n, 1))
    side = _side(associations)
    fields = side[:, np.newaxis] * associations.inputs / n
    most = sparsity.most if sparsity.gap == 0 else min(sparsity.most, int(n / sparsity.gap))
    # Columns: k, P, M, a (P is not 0), b (M is not 0).
    rows = [
        LinearConstraint(
            np.hstack([np.full((m, 1), -1 / np.sqrt(n)), fields, -fields, np.zeros((m, 2 * n))]),
            side * threshold,
            np.inf,
        ),
        LinearConstraint(np.hstack([column, one, none, -n * one, none]), -np.inf, 0),
        LinearConstraint(np.hstack([column, none, one, none, -n * one]), -np.inf, 0),
        LinearConstraint(np.hstack([column, one, none, -sparsity.gap * one, none]), 0, np.inf),
        LinearConstraint(np.hstack([column, none, one, none, -sparsity.gap * one]), 0, np.inf),
        LinearConstraint(np.hstack([column, none, none, one, one]), -np.inf, 1),
        LinearConstraint(np.repeat([0.0, 1, 1, 0, 0], [1, n, n, n, n]), n, n),
        LinearConstraint(np.repeat([0.0, 0, 0, 1, 1], [1, n, n, n, n]), 0, most),
    ]
    lower, upper = np.repeat([-np.inf, 0], [1, 4 * n]), np.repeat([np.inf, n, 1], [1, 2 * n, 2 * n])
    return _maximum(rows, lower, upper, integers=2 * n)


def _maximum(rows: list[LinearConstraint], lower: NDArray, upper: NDArray, integers: int) -> float:
    """The largest value of the first variable; the last `integers` variables are integers."""
    found = milp(
        -np.eye(1, lower.size)[0],
        constraints=rows,
        integrality=np.repeat([0, 1], [lower.size - integers, integers]),
        bounds=Bounds(lower, upper),
        options={"mip_rel_gap": 0.0},
    )
    if found.status != 0:
        raise ArithmeticError(f"the reference program was not solved: {found.message}")
    return -float(found.fun)


def within_the_norm(associations: Associations, threshold: float) -> float:
    """The largest robustness of weights of mean |J| at most 1, by linear programming."""
    m, n = associations.inputs.shape
    side = _side(associations)
    fields = side[:, np.newaxis] * associations.inputs / n
    found = linprog(
        np.append(-1.0, np.zeros(2 * n)),
        A_ub=np.vstack([np.hstack([np.full((m, 1), 1 / np.sqrt(n)), -fields, fields]), np.append(0.0, np.ones(2 * n))]),
        b_ub=np.append(-side * threshold, n),
        bounds=[(None, None)] + [(0, None)] * (2 * n),
        method="highs-ds",
    )
    if found.status != 0:
        raise ArithmeticError(f"the reference program was not solved: {found.message}")
    return -float(found.fun)
