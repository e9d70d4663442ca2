"""Tables of figures: from Python to JSON and back, and their comparison."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np

# Relative to the largest number of the same list. The entries are coordinates, coefficients and correlations of
# solutions that an active-set step makes exact up to rounding times the conditioning of a few kinks, here below 1e5.
TOLERANCE = 1e-9


def to_json(table: dict[str, Any]) -> str:
    """A table as text, numbers in full precision."""
    return json.dumps(table, default=_plain, indent=1, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} has no place in a table")


def differences(found: Any, expected: Any, place: str = "table") -> Iterator[str]:
    """Where two tables (as read from JSON) differ: in structure, in text, or in numbers by more than the tolerance."""
    if isinstance(expected, dict) and isinstance(found, dict) and found.keys() == expected.keys():
        for key, value in expected.items():
            yield from differences(found[key], value, f"{place}.{key}")
    elif isinstance(expected, list) and isinstance(found, list) and len(found) == len(expected):
        if _numbers(found) and _numbers(expected):
            yield from _numbers_that_differ(found, expected, place)
            return
        for k, (a, b) in enumerate(zip(found, expected, strict=True)):
            yield from differences(a, b, f"{place}[{k}]")
    elif _numbers([found, expected]):
        yield from _numbers_that_differ([found], [expected], place)
    elif found != expected:
        yield f"{place}: {_short(found)} instead of {_short(expected)}"


def _numbers(values: list[Any]) -> bool:
    return all(isinstance(value, (int, float)) for value in values)


def _numbers_that_differ(found: list[float], expected: list[float], place: str) -> Iterator[str]:
    scale = max((abs(value) for value in expected), default=0.0)
    for k, (a, b) in enumerate(zip(found, expected, strict=True)):
        if not abs(a - b) <= TOLERANCE * scale:
            yield f"{place}[{k}]: {a!r} instead of {b!r}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
