"""What every test shares: folders of its own for compiled code, no windows, and the hypothesis profiles."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import settings

# Set before anything imports numba or matplotlib. Concurrent writers of one numba cache can crash, so each
# worker has its own, kept from run to run.
root = Path(__file__).parents[1]
cache = root / "build" / "numba" / os.environ.get("PYTEST_XDIST_WORKER", "main")
os.environ["NUMBA_CACHE_DIR"] = str(cache)
os.environ["MPLBACKEND"] = "Agg"

# numba notices edits of a compiled function's own file only, and kernels call each other.
edited = max(file.stat().st_mtime for file in (root / "convexnn" / "kernels").rglob("*.py"))
for index in cache.rglob("*.nbi"):
    if index.stat().st_mtime < edited:
        index.unlink()

settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=10)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
