"""The Lasso on explicit columns, solved exactly by an active set with QR factors.

The columns in use carry their sign, so that their coefficients p are positive. They are kept linearly independent; a
column that depends on them is exchanged along the dependency. The residual is formed from the optimality conditions,
``rho = Q R^-T (beta 1) + (1 - Q Q') b``, and not as b - A p: it keeps its digits however large the coefficients are,
which is what a dual bound is made of.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_EPS = 2.220446049250313e-16
_DEPENDENT = 1e-11
_LANES = 8


@njit(cache=True, nogil=True)
def _dot(a: Floats, b: Floats) -> float:
    """a'b in a fixed order that the compiler can vectorise."""
    lanes = np.zeros(_LANES)
    whole = a.size - a.size % _LANES
    for i in range(0, whole, _LANES):
        for k in range(_LANES):
            lanes[k] += a[i + k] * b[i + k]
    total = 0.0
    for k in range(_LANES):
        total += lanes[k]
    for i in range(whole, a.size):
        total += a[i] * b[i]
    return total
