"""The replica theory evaluated from its definitions: averages by quadrature, and the saddle-point equations.

G is a normal variable of variance 1/2. The integrands are never negative, so that small averages keep their digits,
where the published closed forms are differences of nearly equal numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convexnn.associative import Capacity

_PANELS = 24
_REACH = 7.0  # exp(-49) of a density is beyond rounding
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


def _unit_rule() -> tuple[NDArray, NDArray]:
    """Nodes and weights of the composite Gauss-Legendre rule on [0, 1]."""
    nodes = (np.arange(_PANELS)[:, np.newaxis] + (1 + _NODES) / 2) / _PANELS
    return nodes.ravel(), np.tile(_WEIGHTS / (2 * _PANELS), _PANELS)


_UNIT_NODES, _UNIT_WEIGHTS = _unit_rule()


def averages(b: ArrayLike, onset: ArrayLike = 0.0, edge: ArrayLike = 0.0) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """P(w > 0), 2 <w>, 2 <w^2> and 2 <w (w - v)> of w = max(v, edge) [v > onset], v = b - G.

    Without onset and edge, the first three are the published E(b), F(b) and D(b).

    Parameters
    ----------
    b, onset, edge : numbers or arrays that broadcast

    Returns
    -------
    four arrays
    """
    b, onset, edge = np.broadcast_arrays(*(np.asarray(part, dtype=float) for part in (b, onset, edge)))

    def integrals(low: NDArray, high: NDArray, weight: Callable[[NDArray], NDArray]) -> NDArray:
        low = np.clip(b - _REACH, low, high)
        width = (high - low)[..., np.newaxis]
        v = low[..., np.newaxis] + width * _UNIT_NODES
        density = width * _UNIT_WEIGHTS * np.exp(-((v - b[..., np.newaxis]) ** 2)) / np.sqrt(np.pi)
        w = weight(v)
        return np.array([(density * part).sum(-1) for part in (np.ones_like(v), 2 * w, 2 * w**2, 2 * w * (w - v))])

    parked = integrals(onset, edge, lambda v: np.broadcast_to(edge[..., np.newaxis], v.shape))
    moving = integrals(edge, np.maximum(edge, b) + _REACH, lambda v: v)
    nonzero, first, second, toll = parked + moving
    return nonzero, first, second, toll


def tight_fraction(found: Capacity, f_out: float) -> float:
    """The fraction of associations with exactly the required margin: E averaged over the outputs."""
    margins = [found.order_parameters["u_minus"], found.order_parameters["u_plus"]]
    return float(averages(margins)[0] @ [f_out, 1 - f_out])


def groups(model: dict[str, Any]) -> tuple[NDArray, NDArray, NDArray]:
    """(k,) arrays for the weights of every sign and activity: the sign, f, and the share of the inputs."""
    f = np.atleast_1d(model["f_in"])
    positive, negative = (1.0, 1.0) if model["inhibitory"] is None else (1 - model["inhibitory"], model["inhibitory"])
    share = np.repeat([positive, negative], f.size) / f.size
    return np.repeat([1.0, -1.0], f.size), np.tile(f, 2), share


def scaled_residuals(
    found: Capacity, model: dict[str, Any], *, gap: float = 0.0, density: float = 1.0, hole: bool = True
) -> dict[str, float]:
    """What is left of each saddle-point equation, divided by the size of its terms.

    Parameters
    ----------
    found : Capacity
    model : dict
        Arguments f_in, f_out, inhibitory and threshold of `capacity`.
    gap, density : float
    hole : bool
        Whether the law of the weights has one. Without, every weight with a positive drive is nonzero.
    """
    at = found.order_parameters
    sign, f, share = groups(model)
    threshold, f_out = model["threshold"], model["f_out"]
    sigma = np.sqrt(f * (1 - f))
    b = -(sign * f * at["z"] + at["eta"] / 2) / sigma
    edge = at["x"] + gap * sigma * at["Q"]
    onset = edge / 2 if gap > 0 else edge
    if not hole:
        edge = onset = np.zeros_like(b)
    nonzero, first, second, toll = averages(b, onset, edge)
    A, H, V, C = share @ (first / sigma), share @ (sign * f * first / sigma), share @ second, share @ toll
    tight, shortfall, _ = (part @ [f_out, 1 - f_out] for part in averages([at["u_minus"], at["u_plus"]])[:3])
    minus, plus = averages([at["u_minus"], at["u_plus"]])[1] * [f_out, 1 - f_out]
    spread = at["u_minus"] + at["u_plus"]
    scale = at["Q"] ** 2 * at["q"]
    pull = (2 * threshold * at["z"] + at["eta"]) * at["Q"] - (C if gap > 0 else 0.0)
    residuals = {
        "outputs balance": (minus - plus) / (minus + plus),
        "mean |J| is 1": A / (2 * at["Q"]) - 1,
        "mean f J is the threshold": H / A - threshold,
        "variance of the field": V / (2 * scale) - 1,
        "robustness": spread - found.robustness * np.sqrt(2 / at["q"]),
        "stiffness": pull / scale - spread * shortfall / tight,
    }
    if at["x"] > 0:
        residuals["density"] = share @ nonzero / density - 1
    return {name: float(value) for name, value in residuals.items()}
