"""Independent jobs on several threads, where there are rows enough to pay for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Result = TypeVar("Result")

# Up to here threads cost more than they gain (measured).
_MANY_ROWS = 2_000_000


def threads_for(n_rows: int) -> int:
    """One thread, or for many rows one a core."""
    return (os.cpu_count() or 1) if n_rows > _MANY_ROWS else 1


def each(job: Callable[..., Result], items: Iterable[tuple[Any, ...]], n_threads: int) -> list[Result]:
    """The results of independent jobs, in order; a thread that is free takes the next job."""
    if n_threads == 1:
        return [job(*item) for item in items]
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(lambda item: job(*item), items))
