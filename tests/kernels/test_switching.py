"""The dynamic program over switching patterns: compiled, in plain Python, and by trying every pattern."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from convexnn.kernels.switching import best_patterns, best_prefixes, trace_prefix, trace_switches

RNG = np.random.default_rng(20)
VECTORS = [
    np.array([3.0]),
    np.zeros(4),
    np.array([1.0, -1, 1, -1, 1, -1]),
    *(RNG.integers(-3, 4, size=n).astype(float) for n in range(2, 9)),
    *(RNG.normal(size=n) for n in (2, 5, 9)),
]
every_vector = pytest.mark.parametrize("r", VECTORS, ids=lambda r: f"n={r.size}")


def limits(r):
    """How many switches to allow: few, and more than there are gaps."""
    return 1, 2, 3, r.size + 2


def pure_python(kernel):
    return getattr(kernel, "py_func", kernel)


def rounding(r):
    """What the order of summation may change."""
    return 2 * r.size * np.finfo(float).eps * np.abs(r).sum()


def by_enumeration(r, most):
    """best[s, k]: the largest h'r over the h with exactly k switches whose last sign is -1 (s = 0) or +1 (s = 1)."""
    best = np.full((2, most + 1), -np.inf)
    for h in itertools.product((-1, 1), repeat=r.size):
        k = sum(a != b for a, b in itertools.pairwise(h))
        if k <= most:
            best[int(h[-1] > 0), k] = max(best[int(h[-1] > 0), k], sum(a * b for a, b in zip(h, r, strict=True)))
    return best


@every_vector
def test_the_best_patterns_are_those_of_all_patterns(r):
    for most in limits(r):
        best, _ = best_patterns(r, most)
        np.testing.assert_allclose(best, by_enumeration(r, most), rtol=0, atol=rounding(r))


@every_vector
def test_compiled_and_interpreted_agree_bit_by_bit(r):
    for most in limits(r):
        compiled, interpreted = best_patterns(r, most), pure_python(best_patterns)(r, most)
        for one, other in zip(compiled, interpreted, strict=True):
            np.testing.assert_array_equal(one, other)
        for last, k in np.argwhere(np.isfinite(compiled[0])):
            np.testing.assert_array_equal(
                trace_switches(compiled[1], last, k), pure_python(trace_switches)(interpreted[1], last, k)
            )


@every_vector
def test_the_traced_switches_attain_the_best_value(r):
    for most in limits(r):
        best, switched = best_patterns(r, most)
        for last, k in np.argwhere(np.isfinite(best)):
            positions = trace_switches(switched, last, k)
            assert len(positions) == k
            assert (np.diff(positions, prepend=0, append=r.size) > 0).all()
            turns = np.searchsorted(positions, np.arange(r.size), side="right")
            h = (1 if last else -1) * (-1.0) ** (k - turns)
            assert h @ r == pytest.approx(best[last, k], abs=rounding(r))


@every_vector
def test_the_best_prefixes_are_those_of_all_patterns(r):
    for most in limits(r):
        best = best_prefixes(r, most)
        np.testing.assert_array_equal(best, pure_python(best_prefixes)(r, most))
        for i in range(r.size):
            prefix = r[: i + 1]
            expected = np.maximum.accumulate(by_enumeration(prefix, most), axis=1)
            np.testing.assert_allclose(best[i, :, :], expected, rtol=0, atol=rounding(r))


@every_vector
def test_the_traced_prefix_attains_the_best_value(r):
    for most in limits(r):
        best = best_prefixes(r, most)
        for i, last, k in np.ndindex(best.shape):
            switches, others = np.zeros((2, most + 1), dtype=np.int64)
            found = trace_prefix(best, i, last, k, 1, switches)
            assert pure_python(trace_prefix)(best, i, last, k, 1, others) == found
            np.testing.assert_array_equal(switches, others)
            positions = switches[1:found][::-1]
            assert len(positions) <= k
            turns = np.searchsorted(positions, np.arange(i + 1), side="right")
            h = (1 if last else -1) * (-1.0) ** (len(positions) - turns)
            assert h @ r[: i + 1] == pytest.approx(best[i, last, k], abs=rounding(r))
