"""Strategies for the hypotheses on a neuron that stores associations: as N -> infinity, and at finite N."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

from convexnn.associative import Associations, random_associations
from theory.instances import Instances

Model = dict[str, Any]

alike = st.floats(0.02, 0.98)
"""One activity for all inputs."""

mixed = st.lists(st.floats(0.02, 0.98), min_size=2, max_size=6).map(np.array)
"""Activities that differ from input to input."""

robustnesses = st.just(0.0) | st.floats(1e-3, 5)
gaps = st.floats(0.05, 20)
densities = st.floats(0.02, 1)
free = st.none()
signed = st.floats(0.05, 0.95)
"""Fraction of inhibitory inputs; `free` leaves the signs free."""


thresholds = st.just(0.0) | st.floats(-0.95, 0.95)
"""In units of the largest activity: thresholds that weights can meet, whatever their signs."""


@st.composite
def _model(
    draw: st.DrawFn, f_in: SearchStrategy[Any], inhibitory: SearchStrategy[float | None], reach: SearchStrategy[float]
) -> Model:
    activity = draw(f_in)
    return {
        "f_in": activity,
        "f_out": draw(st.floats(0.02, 0.98)),
        "inhibitory": draw(inhibitory),
        "threshold": draw(reach) * float(np.max(activity)),
    }


def models(
    f_in: SearchStrategy[Any] = alike | mixed,
    inhibitory: SearchStrategy[float | None] = free | signed,
    threshold: SearchStrategy[float] = thresholds,
    **more: SearchStrategy[Any],
) -> Instances:
    """Arguments of `capacity` as "model", and what else a check takes.

    Parameters
    ----------
    f_in, inhibitory, threshold : strategies
        The threshold in units of the largest activity.
    more : for each keyword, the strategy of its value.
    """
    return st.fixed_dictionaries({"model": _model(f_in, inhibitory, threshold), **more})


@dataclass(frozen=True)
class Draw:
    """Random associations, written as what reproduces them."""

    n_inputs: int
    n_associations: int
    seed: int

    def associations(self) -> Associations:
        """Inputs and outputs that are 0 as often as 1."""
        return random_associations(self.n_inputs, self.n_associations, rng=np.random.default_rng(self.seed))

    def signs(self, inhibitory: float) -> NDArray:
        """(N,) array of -1 and 1, of which ``round(inhibitory N)`` are -1, in random order."""
        signs = np.where(np.arange(self.n_inputs) < round(inhibitory * self.n_inputs), -1.0, 1.0)
        return np.random.default_rng([self.seed, 1]).permutation(signs)


def draws(n_inputs: SearchStrategy[int], load: SearchStrategy[float]) -> SearchStrategy[Draw]:
    """Random associations of `n_inputs` inputs, at least one."""
    seeds = st.integers(0, 2**32 - 1)
    return st.builds(lambda n, load, seed: Draw(n, max(1, round(load * n)), seed), n_inputs, load, seeds)
