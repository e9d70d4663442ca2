"""Functions that only compiled code calls: how they are compiled, and one that they share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

# They need no entry from Python, which takes longer to compile than they do.
_OPTIONS: dict[str, Any] = {
    "cache": True,
    "nogil": True,
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
inner = njit(**_OPTIONS)


@inner
def copy_vector(source: np.ndarray, target: np.ndarray) -> None:
    """Overwrite a vector with another; assignment of slices compiles several times more slowly."""
    for i in range(target.size):
        target[i] = source[i]
