"""Executable theorems: every statement comes with instances of its hypotheses and a twin that must fail.

Run ``python -m theory``, or ``theory.verify("mirrors/reflections-are-necessary")``.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "Evidence": "statement",
    "Falsification": "statement",
    "Report": "verification",
    "Theorem": "statement",
    "theorem": "statement",
    "theorems": "verification",
    "verify": "verification",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    # Looked up where it is used first: hypothesis and the solvers take a second to import.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
