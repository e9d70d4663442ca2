"""What every test shares: folders of its own for compiled code, no windows, and the hypothesis profiles."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import settings

# Set before anything imports numba or matplotlib. Concurrent writers of one numba cache can crash, so each
# worker has its own, kept from run to run.
worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
os.environ["NUMBA_CACHE_DIR"] = str(Path(__file__).parents[1] / "build" / "numba" / worker)
os.environ["MPLBACKEND"] = "Agg"

settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=10)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
