"""Exact training of one-dimensional neural networks: a network is a Lasso, and every answer carries a certificate."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

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
_MODULES = ("associative", "datasets", "errors", "losses", "plotting", "training")

__all__ = sorted((*_HOME, *_MODULES))


def __getattr__(name: str) -> Any:
    # Looked up where it is used first, so that `import convexnn` loads no solver and no compiler.
    if name in _HOME:
        value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted((*globals(), *__all__))
