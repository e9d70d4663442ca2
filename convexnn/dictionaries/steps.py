"""Sign and threshold networks of any depth: switching patterns."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from convexnn.architecture import Architecture
from convexnn.dictionaries.base import Dictionary, IndexArray
from convexnn.dictionaries.feature import BETWEEN, Feature, number, shifted
from convexnn.kernels.switching import best_patterns, trace_switches
from convexnn.validation import FloatArray


class SwitchingPatterns(Dictionary):
    """All step functions with one to K switches between neighbouring data, on at the right end.

    K is the architecture's number of switches; 1 for two layers, which gives the N - 1 steps. Listed by number of
    switches, then by the places of the switches in lexicographic order. There are sum_{k=1}^{min(K, N-1)} C(N-1, k)
    (arXiv:2403.01046; no reflections). Switches lie at midpoints, so that rounding cannot move a datum across.
    """

    def __init__(self, x: ArrayLike, architecture: Architecture) -> None:
        super().__init__(x, architecture)
        self._thresholds = switch_points(self.inputs)
        self._gaps = self.inputs.size - 1
        self._most = min(architecture.switches, self._gaps)
        self._sizes = [math.comb(self._gaps, k) for k in range(1, self._most + 1)]

    @property
    def n_features(self) -> int:
        return sum(self._sizes)

    def feature(self, index: int) -> Feature:
        return self._pattern(self._switches(index))

    def _pattern(self, switches: tuple[int, ...]) -> Feature:
        """The feature that switches in the gaps `switches`, each between inputs g and g + 1."""
        return step_feature(self.architecture, tuple(float(self._thresholds[g]) for g in switches))

    def _switches(self, index: int) -> tuple[int, ...]:
        """The gaps of the pattern at a place of the list."""
        k = 0
        while index >= self._sizes[k]:
            index -= self._sizes[k]
            k += 1
        chosen, gap = [], 0
        for left in range(k, -1, -1):
            while index >= (skipped := math.comb(self._gaps - gap - 1, left)):
                index -= skipped
                gap += 1
            chosen.append(gap)
            gap += 1
        return tuple(chosen)

    def _evaluate(self, x: FloatArray, index: IndexArray) -> FloatArray:
        columns = [self.feature(int(place))(x) for place in index]
        return np.stack(columns, axis=1) if columns else np.zeros((x.size, 0))

    def _correlate_block(self, totals: FloatArray, index: IndexArray) -> FloatArray:
        tails = np.cumsum(totals[::-1])[::-1]
        signed = np.empty(index.size)  # <h, r> of the +-1 pattern h
        for place, column in enumerate(index):
            # Each switch turns the sign of everything on its left: an alternating sum of tails.
            after = tails[np.array(self._switches(int(column))) + 1][::-1]
            turns = np.where(np.arange(after.size) % 2 == 0, 2.0, -2.0)
            signed[place] = turns @ after + (-tails[0] if after.size % 2 else tails[0])
        return self._from_signed(signed, tails[0])

    def _from_signed(self, signed: FloatArray, total: float) -> FloatArray:
        """Correlations of the architecture's columns from those of the +-1 patterns."""
        sigma = self.architecture.activation
        return 0.5 * (sigma.left + sigma.right) * total + 0.5 * (sigma.right - sigma.left) * signed

    def max_input_correlation(self, totals: FloatArray) -> tuple[float, Feature]:
        # Patterns are on at the right end: the largest <h, r>, and the smallest, are those of two signs.
        signed, switches = zip(*(self._best(totals, sign) for sign in (1, -1)), strict=True)
        values = np.abs(self._from_signed(np.array(signed), float(totals.sum())))
        which = int(np.argmax(values))
        return float(values[which]), self._pattern(switches[which])

    def _best(self, totals: FloatArray, sign: int) -> tuple[float, tuple[int, ...]]:
        """The largest (sign = 1) or smallest <h, r> of a pattern that is on at the right end, and its switches."""
        wanted = np.sign(sign * totals)
        wanted[-1] = 1
        decided = np.flatnonzero(wanted)
        turns = np.flatnonzero(np.diff(wanted[decided]))
        if 1 <= turns.size <= self._most:
            # Switches enough to follow every sign: no program of size N K is needed.
            value = sign * float(np.abs(totals[:-1]).sum()) + float(totals[-1])
            return value, tuple(int(g) for g in decided[turns])
        # One run of signs is left best by two switches; a listed pattern has one at least.
        best, switched = best_patterns(totals, self._most if turns.size else min(self._most, 2))
        last = (1 + sign) // 2
        k = 1 + int(np.argmax(best[last, 1:]))
        return sign * float(best[last, k]), tuple(int(i) - 1 for i in trace_switches(switched, last, k))


def switch_points(inputs: FloatArray) -> FloatArray:
    """Midpoints between neighbours, and the right neighbour where the midpoint rounds to the left one."""
    left, right = inputs[:-1], inputs[1:]
    middle = left + (right - left) / 2
    return np.where(middle == left, right, middle)


def step_feature(architecture: Architecture, knots: tuple[float, ...]) -> Feature:
    """The step function that is on right of the last knot and switches at every knot."""
    sigma = architecture.activation
    levels = tuple(sigma.right if (len(knots) - j) % 2 == 0 else sigma.left for j in range(len(knots) + 1))
    if len(knots) > 1:
        label = f"{sigma.name} switching at {', '.join(map(number, knots))}"
    elif sigma.name == "sign":
        label = f"sign({shifted(knots[0])})"
    else:
        label = f"1{{x >= {number(knots[0])}}}"
    return Feature(knots, (0.0,) * len(levels), levels, (BETWEEN,) * len(knots), label)
