"""Networks of one variable and their dictionaries (arXiv:2403.01046); importing it registers the theorems."""

from __future__ import annotations

import importlib

GROUPS = (
    "two_layers",
    "narrow_relu",
    "reflections",
    "symmetrized",
    "switching",
    "minimum_norm",
    "duality",
    "networks",
    "sparsity",
    "ties",
)
"""Modules in the order of the report."""

for group in GROUPS:
    importlib.import_module(f"{__name__}.{group}")
