"""Seconds to a certified optimum against the number of samples: this library and its peers.

Data: y = sin(3 x) + 0.1 noise at sorted uniform x in [-2, 2], beta = 0.01 beta_max, one thread, processor time. The
table was measured by ``python -m benchmarks``, which says how; it holds the machine, the versions, the time budget and
the number of repeats. A method has a mark where its answer is certified to a relative gap of 1e-6 by the certificate of
this library, whatever the method says of itself; a cross is its best answer where it is not. The dotted line is one
read of the data.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.plots import draw_scaling

MEASURED = Path(__file__).parents[1] / "benchmarks" / "results" / "scaling.json"


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """What was measured last; nothing is drawn at random, and no time is measured here."""
    table: dict[str, Any] = json.loads(MEASURED.read_text(encoding="utf-8"))
    return {"data": {"n": sorted({float(record["n"]) for record in table["results"]})}, **table}


def draw(table: dict[str, Any]) -> Figure:
    """Two panels: two-layer ReLU, and two-layer sign."""
    return draw_scaling(table)
