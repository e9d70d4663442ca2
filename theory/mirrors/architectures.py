"""The architectures over which the theorems range."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

import convexnn as cnn

TWO_LAYERS = (
    cnn.Architecture("relu"),
    cnn.Architecture(cnn.leaky_relu(0.25)),
    cnn.Architecture(cnn.leaky_relu(-1.5, positive_slope=0.5)),
    cnn.Architecture("absolute"),
    cnn.Architecture("sign"),
    cnn.Architecture("threshold"),
)
DEEP = (
    cnn.Architecture("relu", 3),
    cnn.Architecture("relu", 4),
    cnn.Architecture("relu", 3, form="symmetrized"),
    cnn.Architecture("absolute", 3),
    cnn.Architecture("absolute", 4),
)
DEEP_STEPS = (
    cnn.Architecture("sign", 3, form="parallel", widths=(2,)),
    cnn.Architecture("sign", 4, form="tree", widths=(2, 2)),
    cnn.Architecture("threshold", 4, form="rectangular", widths=(3, 3)),
    cnn.Architecture("threshold", 3, form="tree", widths=(2,)),
)

ALL = (*TWO_LAYERS, *DEEP, *DEEP_STEPS)
any_architecture = st.sampled_from(ALL)


def one_of_each(**instance: Any) -> tuple[dict[str, Any], ...]:
    """The same instance with every architecture, so that a short run leaves none out."""
    return tuple({**instance, "architecture": architecture} for architecture in ALL)
