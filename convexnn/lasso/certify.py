"""How far a network that was trained anywhere is from the global optimum."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import ArrayLike

from convexnn.architecture import Architecture
from convexnn.errors import InputError
from convexnn.lasso.certificate import Certificate, certificate, repair, residual_dual
from convexnn.lasso.problem import LARGEST, Problem
from convexnn.lasso.solve import solve
from convexnn.losses import Loss
from convexnn.network.network import Network
from convexnn.validation import FloatArray


def certify(
    network: Network,
    x: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    loss: str | Loss = "squared",
    sample_weight: ArrayLike | None = None,
) -> Certificate:
    """A proved bound on how far a network is from the global optimum of its training problem.

    The bound uses the better of two dual points: the repaired residual of the network, and the dual point of the solved
    Lasso, which is computed once for a data set and shared by all networks certified on it.

    Parameters
    ----------
    network : Network
        However it was trained; its weights need not be balanced.
    x, y : (n_samples,) arrays
    beta : float
    loss : str or Loss
    sample_weight : (n_samples,) array, optional

    Returns
    -------
    Certificate
        `primal` is the network's objective as it stands, and `kkt_residual` that of its own residual.
        `most_violated` is the feature that it misses, and would still miss if its intercept were the best.

    Raises
    ------
    InputError
        As `Problem` does, or if `network` is not a `Network`, or its values on the data exceed 1e120.
    """
    if not isinstance(network, Network):
        raise InputError(
            f"certify takes a convexnn Network, got {type(network).__name__}; "
            "Network.from_torch converts a torch module"
        )
    problem = Problem(x, y, beta, network.architecture, loss=loss, sample_weight=sample_weight)
    rows = problem.rows
    f = network(problem.x)[rows.order] - rows.origin
    if (np.abs(f) > LARGEST).any():
        raise InputError(
            f"the values of this network on the data reach {np.abs(f).max():.2g}; it is certified up to {LARGEST:.0e}"
        )
    residual = residual_dual(problem, f)
    own = problem.loss.multiplier(rows.y, f, rows.weight) if problem.loss.is_smooth else repair(problem, residual)
    return certificate(problem, f, network.penalty(beta), [residual, _shared_dual(problem)[rows.order]], own)


_MOST_SHARED = 16
_shared: dict[tuple[bytes, float, Architecture, Loss], FloatArray] = {}


def _shared_dual(problem: Problem) -> FloatArray:
    """The dual point of the solved problem in the caller's order, kept for other networks on the same data."""
    data = blake2b(problem.x.tobytes() + problem.y.tobytes() + problem.weight.tobytes()).digest()
    key = (data, problem.beta, problem.architecture, problem.loss)
    if key not in _shared:
        while len(_shared) >= _MOST_SHARED:
            _shared.pop(next(iter(_shared)), None)
        _shared[key] = solve(problem, tol=1e-9, on_failure="ignore").certificate.dual_point
    return _shared[key]
