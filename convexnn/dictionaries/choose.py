"""The dictionary of an architecture."""

from __future__ import annotations

from numpy.typing import ArrayLike

from convexnn.architecture import Architecture, as_architecture
from convexnn.dictionaries.base import Dictionary
from convexnn.dictionaries.indexed import PublishedList
from convexnn.dictionaries.kink_systems import KinkSystems
from convexnn.dictionaries.kinks import Kinks
from convexnn.dictionaries.ramps import Ramps
from convexnn.dictionaries.reflections import AbsoluteReflections, SymmetrizedReflections
from convexnn.dictionaries.steps import SwitchingPatterns
from convexnn.validation import one_of


def dictionary(x: ArrayLike, architecture: Architecture, *, listing: str = "minimal") -> Dictionary:
    """The features whose Lasso is equivalent to training a network of this architecture on inputs `x`.

    Parameters
    ----------
    x : (n_samples,) array
        Inputs in any order; equal inputs are merged.
    architecture : Architecture
    listing : {"minimal", "published"}
        "minimal" leaves out columns that vanish or repeat another up to sign and constant. "published" is the (s, j,
        k) list of the paper, for narrow ReLU of depth 2 to 4.

    Returns
    -------
    Dictionary
        A sequence of `Feature`, with `matrix`, `evaluate`, `correlations` and `max_correlation`.

    Raises
    ------
    InputError
        If `x` is not a finite vector, or there is no such listing.

    Notes
    -----
    Source: arXiv:2403.01046. With N distinct inputs the minimal listing has 2N - 3 features for two-layer ReLU, 2N
    for leaky ReLU, N for absolute value, N - 1 for sign and threshold, N(N-1)/2 for narrow ReLU of depth >= 3,
    N(3N-1)/2 for absolute value of depth 3, 3N^2 - 2N for symmetrized ReLU, and all patterns of at most K switches
    for deep sign and threshold.
    """
    as_architecture(architecture)
    if one_of("listing", listing, ("minimal", "published")) == "published":
        return PublishedList(x, architecture)
    if architecture.activation.is_step:
        return SwitchingPatterns(x, architecture)
    if architecture.form == "symmetrized":
        return SymmetrizedReflections(x, architecture)
    if architecture.depth == 2:
        return Kinks(x, architecture)
    if architecture.activation.name == "relu":
        return Ramps(x, architecture)
    return AbsoluteReflections(x, architecture) if architecture.depth == 3 else KinkSystems(x, architecture)
