"""Every theorem holds on a few instances, and its check fails once a hypothesis is dropped."""

from __future__ import annotations

import pytest

from theory import Theorem, theorems, verify


@pytest.mark.parametrize("theorem", theorems(), ids=lambda theorem: theorem.key)
def test_theorem(theorem: Theorem) -> None:
    report = verify(theorem.key)
    assert report.holds, (report.failures, report.counterexample)


def test_keys_are_paths_and_numbers_are_complete() -> None:
    assert all(theorem.key.count("/") == 1 for theorem in theorems())
    mirrors = {f"T{n}" for n in (1, 2, 4, 5, 7, 8, 9, 11, 13, *range(15, 24), *range(27, 33), 36, 37)}
    associative = {f"associative T{n}" for n in range(1, 25)}
    dead_units = {f"A-{n}" for n in range(1, 14)} | {f"V-{n}" for n in range(1, 7)}
    assert {theorem.spec for theorem in theorems()} - {None} == mirrors | associative | dead_units
