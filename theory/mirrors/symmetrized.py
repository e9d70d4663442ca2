"""Symmetrized ReLU networks of depth 3: tents and wells around data and midpoints."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

import convexnn as cnn
from theory.instances import dual, inputs, sized
from theory.mirrors.units import SYMMETRIZED, largest_correlation, rounding
from theory.statement import Evidence, Falsification, theorem

_ARCHITECTURE = cnn.Architecture("relu", 3, form="symmetrized")
_WITNESS = {"x": np.array([5.0, 6, 7, 8, 9]), "dual": np.array([1.0, -3, 2, 2, -2])}


def _largest_column(x: NDArray, dual: NDArray, *, tents: bool, wells: bool) -> float:
    """Over the distances |x - x_i| and the chosen kinds: a well rises at its ends, a tent does not."""
    features = cnn.dictionary(x, _ARCHITECTURE)
    chosen = [
        j
        for j, feature in enumerate(features)
        if len(feature.knots) == 1 or (wells if feature.slopes[-1] > 0 else tents)
    ]
    return float(np.abs(dual @ features.evaluate(x, chosen)).max())


def _tents_and_wells(x: NDArray, dual: NDArray, tents: bool = True) -> Evidence:
    units = largest_correlation(x, dual, SYMMETRIZED).value
    tol = rounding(x, dual)
    n, features = len(x), cnn.dictionary(x, _ARCHITECTURE)
    evidence = (
        Evidence.equal("number of features", features.n_features, 3 * n**2 - 2 * n)
        & Evidence.equal("largest column", _largest_column(x, dual, tents=tents, wells=True), units, tol)
        & Evidence.equal("largest column but wells", _largest_column(x, dual, tents=tents, wells=False), units, tol)
        & Evidence.equal("max_correlation", features.max_correlation(dual)[0], units, tol)
    )
    ramps = cnn.dictionary(x, cnn.Architecture("relu", 3)).max_correlation(dual)[0]
    return evidence.note("more than a ramp", units > ramps + tol)


@theorem(
    key="mirrors/symmetrized-relu",
    title="A symmetrized ReLU unit correlates most as a tent, or as the distance to a data point",
    statement=(
        r"\max|\lambda'(\pm(|x-c_1|-c_2))_+| over c is attained with (c_1,c_2) = (x_i,|x_j-x_i|) or "
        r"((x_i+x_j)/2,|x_i-x_j|/2), for every \lambda with 1'\lambda=0: 3N^2-2N features that do not vanish on the "
        r"data, of which the distances |x-x_i| and the tents (sign -) suffice."
    ),
    reference="arXiv:2403.01046, symmetrized networks with tied weights counted once (kappa = 1)",
    kind="equality",
    spec="T11",
    instances=sized(3, 6, x=inputs, dual=dual),
    examples=(_WITNESS,),
    falsify=Falsification(
        "tents",
        sized(4, 6, x=inputs, dual=dual),
        partial(_tents_and_wells, tents=False),
    ),
    uses=("more than a ramp",),
)
def symmetrized_relu(x: NDArray, dual: NDArray) -> Evidence:
    return _tents_and_wells(x, dual)
