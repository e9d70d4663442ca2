"""Piecewise constant fits under a penalty on their total variation: exact, with a certificate for every row.

Where pieces are long, total variation is solved on segments of rows. Their exact statistics are the rows of a small
problem whose jumps are confined to the ends of segments; bounds on the dual variable within segments, exact where it
comes near its limit, then certify the fit for all rows or say which segments to divide, and where. Where pieces are
short the taut string runs on the rows themselves, in blocks between jumps that are guessed and then verified.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from convexnn.kernels.total_variation import (
    HIGH,
    LOW,
    MEAN,
    N_STATISTICS,
    WEIGHT,
    check_pieces,
    check_segments,
    divide,
    summarise,
    taut_string,
)
from convexnn.lasso.threads import each, threads_for
from convexnn.validation import FloatArray

IntArray = NDArray[np.int64]
Result = TypeVar("Result")

_EPS = float(np.finfo(float).eps)

# Sizes in rows. They change results by rounding at most; the number of threads does not change them at all.
_SEGMENT = 128
_CHUNK = 2**18  # one thread's job at a time
_WINDOW = 2**9  # read on either side of a guessed jump
_FEW = 2**16  # up to here the string on the rows is the quickest

_SAMPLE = 64  # segments looked at before all of them are
_CROWDED = 1.5  # S wandering by this many jump penalties within a segment makes rows the quicker unit (measured)


@dataclass(frozen=True)
class Levels:
    """A piecewise constant fit and how far it is from the optimum, at most.

    Attributes
    ----------
    y : (n,) array
    weight : (n,) array or None
    starts : (k,) array of int
        First row of every piece.
    values : (k,) array
        Its level; neighbours differ.
    jump_penalty : float
    primal, dual, gap : float
        The objective, a proved lower bound on the optimum, and their difference, computed without cancellation.
    dual_scale : float
        Which share of the residual is feasible in the dual problem; 1 up to rounding at the optimum.
    n_rounds : int
    """

    y: FloatArray
    weight: FloatArray | None
    starts: IntArray
    values: FloatArray
    jump_penalty: float
    primal: float
    dual: float
    gap: float
    dual_scale: float
    n_rounds: int

    @property
    def violation(self) -> float:
        """By how much the residual's correlation with a step exceeds what is allowed, relative to that."""
        return 1 / self.dual_scale - 1

    def fit(self) -> FloatArray:
        """Fitted values, (n,)."""
        return np.repeat(self.values, self._lengths())

    def dual_point(self) -> FloatArray:
        """The dual point behind the bound, (n,): its partial sums stay within the jump penalty, and end at 0.

        It is the residual, shifted in every piece by the rounding of its level, and scaled.
        """
        w = np.ones_like(self.y) if self.weight is None else self.weight
        walls = np.concatenate(([0.0], -self.jump_penalty * np.sign(np.diff(self.values)), [0.0]))
        residual = self.y - self.fit()
        excess = np.add.reduceat(w * residual, self.starts) - np.diff(walls)
        shift = excess / np.add.reduceat(w, self.starts)
        return self.dual_scale * w * (residual - np.repeat(shift, self._lengths()))

    def _lengths(self) -> IntArray:
        return np.diff(self.starts, append=self.y.size)


class _Data(NamedTuple):
    y: FloatArray
    weight: FloatArray  # empty if all are 1
    radius: float
    n_threads: int


class _Edge(NamedTuple):
    """Where a block of rows ends, and S there."""

    row: int
    wall: float


def fit_levels(
    y: FloatArray,
    weight: FloatArray | None,
    jump_penalty: float,
    tol: float = 1e-9,
    n_threads: int | None = None,
) -> Levels:
    """``min 1/2 sum_i w_i (y_i - u_i)^2 + jump_penalty sum_i |u_{i+1} - u_i|``.

    Rounding is relative to the largest |y|: measure y from one of its values.

    Parameters
    ----------
    y : (n,) array
        Targets of distinct inputs in ascending order.
    weight : (n,) array or None
        Nonnegative, not all zero; None means 1.
    jump_penalty : float
        Positive.
    tol : float
        Relative gap at which to stop; a fit that is exact up to rounding ends it too.
    n_threads : int, optional
        By default 1 up to 2e6 rows, beyond that the number of cores.

    Returns
    -------
    Levels
    """
    if weight is not None and not weight.all():
        rows = np.flatnonzero(weight)
        found = fit_levels(y[rows], weight[rows], jump_penalty, tol, n_threads)
        return replace(found, y=y, weight=weight, starts=np.append(0, rows[found.starts[1:]]))
    if n_threads is None:
        n_threads = threads_for(y.size)
    data = _Data(y, np.empty(0) if weight is None else weight, jump_penalty, n_threads)
    levels = _by_rows(data) if y.size <= _FEW or _is_crowded(data) else _by_segments(data, tol)
    variation = float(np.abs(np.diff(levels.values)).sum())
    return _constant(data) if jump_penalty * variation <= 64 * _EPS * levels.primal else levels


def _constant(data: _Data) -> Levels:
    """The best constant, measured from a target: the string rounds it to the jump penalty, however large that is."""
    y, weight, radius, _ = data
    starts, values = (
        np.zeros(1, np.int64),
        np.array([y[0] + np.average(y - y[0], weights=weight if weight.size else None)]),
    )
    return _certified(data, starts, values, check_pieces(y, weight, radius, starts, values, 0, 1), n_rounds=1)


def _is_crowded(data: _Data) -> bool:
    """Whether most segments would have to be divided, judged by a sample."""
    chosen = np.linspace(0, data.y.size // _SEGMENT - 1, _SAMPLE).astype(np.int64)
    rows = (chosen[:, None] * _SEGMENT + np.arange(_SEGMENT)).ravel()
    weight = data.weight[rows] if data.weight.size else data.weight
    table = np.empty((N_STATISTICS, _SAMPLE))
    summarise(data.y[rows], weight, _segments(rows.size), 0, _SAMPLE, table)
    return float(np.median(table[HIGH] - table[LOW])) > _CROWDED * data.radius


def _segments(n_rows: int) -> IntArray:
    """First rows of segments of one length, and the number of rows."""
    return np.append(np.arange(0, n_rows, _SEGMENT), n_rows)


def _by_segments(data: _Data, tol: float) -> Levels:
    y, weight, radius, n_threads = data
    starts = _segments(y.size)
    table = np.empty((N_STATISTICS, starts.size - 1))
    ends = np.append(np.arange(0, starts.size - 1, _CHUNK // _SEGMENT), starts.size - 1)
    each(lambda first, last: summarise(y, weight, starts, first, last, table), pairwise(ends), n_threads)
    n_rounds = 0
    while True:
        n_rounds += 1
        pieces, values = _string(table[MEAN], table[WEIGHT], radius)
        *check, cuts = check_segments(y, weight, radius, starts, table, pieces, values)
        levels = _certified(data, starts[pieces], values, check, n_rounds)
        if levels.gap <= tol * levels.primal or cuts.size == 0:
            return levels
        starts, table = divide(y, weight, starts, table, cuts)


def _by_rows(data: _Data) -> Levels:
    """Blocks between guessed jumps; a guess that the levels on its two sides contradict is dropped."""
    y, weight, radius, n_threads = data
    starts, values = np.empty(y.size, np.int64), np.empty(y.size)

    def solve(left: _Edge, right: _Edge) -> int:
        block = slice(left.row, right.row)
        return taut_string(y[block], weight[block], radius, left.wall, right.wall, starts[block], values[block])

    def agrees(left: _Edge, edge: _Edge) -> bool:
        """A jump that agrees with its wall is optimal, and with it the two blocks beside it together."""
        before = values[left.row + counts[left, edge] - 1]
        return bool((values[edge.row] - before) * edge.wall < 0)

    edges = [_Edge(0, 0.0), *_guesses(data), _Edge(y.size, 0.0)]
    counts: dict[tuple[_Edge, _Edge], int] = {}
    while True:
        blocks = list(pairwise(edges))
        new = [block for block in blocks if block not in counts]
        counts.update(zip(new, each(solve, new, n_threads), strict=True))
        kept = [edge for left, edge in blocks[:-1] if agrees(left, edge)]
        if len(kept) == len(blocks) - 1:
            break
        edges = [edges[0], *kept, edges[-1]]
    size = 0
    for left, right in blocks:
        here, there = (slice(begin, begin + counts[left, right]) for begin in (left.row, size))
        np.add(starts[here], left.row, out=starts[there])
        values[there] = values[here]
        size = there.stop
    starts, values = starts[:size], values[:size]

    def check(first: int, last: int) -> tuple[float, float, float, float]:
        return check_pieces(y, weight, radius, starts, values, first, last)

    ends = np.append(np.searchsorted(starts, np.arange(0, y.size, _CHUNK)), size)
    squares, variation, reach, shifted = zip(*each(check, pairwise(ends), n_threads), strict=True)
    return _certified(data, starts, values, (sum(squares), sum(variation), max(reach), sum(shifted)), n_rounds=1)


def _guesses(data: _Data) -> list[_Edge]:
    """At most one jump a chunk: of the fit to the rows around the chunk's end alone, the one nearest to it."""
    y, weight, radius, n_threads = data

    def guess(centre: int) -> _Edge | None:
        window = slice(centre - _WINDOW, centre + _WINDOW)
        starts, values = _string(y[window], weight[window], radius)
        if starts.size == 1:
            return None
        j = 1 + int(np.argmin(np.abs(starts[1:] - _WINDOW)))
        return _Edge(window.start + int(starts[j]), radius if values[j] < values[j - 1] else -radius)

    centres = ((centre,) for centre in range(_CHUNK, y.size - _CHUNK // 2, _CHUNK))
    return [edge for edge in each(guess, centres, n_threads) if edge is not None]


def _string(y: FloatArray, weight: FloatArray, radius: float) -> tuple[IntArray, FloatArray]:
    """First rows and levels of the pieces of the string through all of these rows."""
    starts, values = np.empty(y.size, np.int64), np.empty(y.size)
    count = taut_string(y, weight, radius, 0.0, 0.0, starts, values)
    return starts[:count].copy(), values[:count].copy()


def _certified(data: _Data, starts: IntArray, values: FloatArray, check: Iterable[float], n_rounds: int) -> Levels:
    """Levels with their certificate, from what the kernels find out about them.

    The gap is what Fenchel's inequality for the loss and for the penalty leave over: half the squared distance of the
    scaled and shifted residual from the residual, and the share of the penalty that the scale takes away.
    """
    squares, variation, reach, shifted = check
    scale = min(1.0, data.radius / reach) if reach > 0 else 1.0
    distance = (1 - scale) * np.sqrt(squares) + scale * np.sqrt(shifted)
    gap = float(distance**2 / 2 + (1 - scale) * data.radius * variation)
    primal = squares / 2 + data.radius * variation
    weight = data.weight if data.weight.size else None
    return Levels(data.y, weight, starts, values, data.radius, primal, primal - gap, gap, scale, n_rounds)
