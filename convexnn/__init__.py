"""Exact training of one-dimensional neural networks: a network is a Lasso, and every answer carries a certificate."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what type checkers and editors read; the tests compare it with the names below
    from convexnn import associative, datasets, errors, losses, plotting, training
    from convexnn.activations import Activation, leaky_relu
    from convexnn.architecture import Architecture
    from convexnn.dictionaries.base import Dictionary
    from convexnn.dictionaries.choose import dictionary
    from convexnn.dictionaries.feature import Feature
    from convexnn.lasso.certificate import Certificate
    from convexnn.lasso.certify import certify
    from convexnn.lasso.path import Path, path
    from convexnn.lasso.problem import Problem
    from convexnn.lasso.solution import Solution
    from convexnn.lasso.solve import solve
    from convexnn.network.network import Network

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "Architecture",
    "Certificate",
    "Dictionary",
    "Feature",
    "Network",
    "Path",
    "Problem",
    "Solution",
    "associative",
    "certify",
    "datasets",
    "dictionary",
    "errors",
    "leaky_relu",
    "losses",
    "path",
    "plotting",
    "solve",
    "training",
]

_HOME = {
    "Activation": "activations",
    "leaky_relu": "activations",
    "Architecture": "architecture",
    "Certificate": "lasso.certificate",
    "Dictionary": "dictionaries.base",
    "Feature": "dictionaries.feature",
    "Network": "network.network",
    "Path": "lasso.path",
    "Problem": "lasso.problem",
    "Solution": "lasso.solution",
    "certify": "lasso.certify",
    "dictionary": "dictionaries.choose",
    "path": "lasso.path",
    "solve": "lasso.solve",
}


def __getattr__(name: str) -> Any:
    # Looked up where it is used first, so that `import convexnn` loads no solver and no compiler.
    if name in _HOME:
        value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    elif name in __all__:
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted((*globals(), *__all__))
