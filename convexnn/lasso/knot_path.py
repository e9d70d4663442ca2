"""The exact path of squared loss where the penalty is a norm of the slopes: every beta at which a knot comes or goes.

The dual variable is a curve w on the line: w = v and -v at the ends, |v| <= beta / (2 M), and |w| <= beta / A - (2 M /
A - 1) |v| inside, where A = |a - b| and M = max(|a|, |b|) for slopes a and b of the activation. Knots are active where
w is on its bound. The penalty is ``max(TV / A, (TV + |s_1 + s_last|) / (2 M))`` of the slopes s, and which of the two
counts decides about v: the first (v = 0), the second (|v| = beta / (2 M)), or both (v between). For narrow ReLU
networks of depth >= 3 the penalty is TV / 2 of the slopes continued by 0, and |w| <= beta / 2 up to a constant.

For given active knots, signs and terms all is linear in beta, and each pair of numbers below is such a line: its value
at the segment's beta, and its rate. (Values at beta = 0 would lose digits: rates are large where knots are close.) A
segment of the path ends where a kink is zero, where the curve reaches a bound, or where other terms count.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from convexnn.kernels.hat_functions import hat_system, solve_hats
from convexnn.kernels.knot_path import first_crossing
from convexnn.lasso.breakpoints import SAME, active_at, refuse_more_events
from convexnn.lasso.candidate import Candidate
from convexnn.lasso.function_space import recover
from convexnn.lasso.problem import Problem
from convexnn.validation import FloatArray


class PenaltyTerms(Enum):
    """Which terms of the penalty count."""

    BENDS = "TV / A"
    BOTH = "both, equal"
    ENDS = "(TV + |s_1 + s_last|) / (2 M)"


@dataclass(frozen=True)
class Active:
    """What stays the same along a segment.

    Attributes
    ----------
    signs : dict of int to float
        Sign of the kink at each active row.
    terms : PenaltyTerms
    side : float
        Sign of s_1 + s_last and of v, where the second term counts.
    """

    signs: dict[int, float]
    terms: PenaltyTerms
    side: float


@dataclass(frozen=True)
class Segment:
    """The lines of a segment of the path, each a pair (value at beta, rate).

    Attributes
    ----------
    beta : float
    knots : (k,) array of int
        Active rows, the first and the last row.
    signs : (k,) array
        Of the kinks at active rows, else 0.
    values, curve : (k, 2) arrays
        The spline and the dual curve at the knots.
    bound : (2,) array
        The largest absolute value of the curve at the inner rows.
    kinks : (k, 2) array
        First slope, changes of slope, minus the last slope.
    """

    beta: float
    knots: NDArray[np.int64]
    signs: FloatArray
    values: FloatArray
    curve: FloatArray
    bound: FloatArray
    kinks: FloatArray


class _Homotopy:
    """Merged data in units of order one, and how the path goes on from what is active on them."""

    def __init__(self, problem: Problem) -> None:
        mean, weight = problem.rows.merged()
        live = weight > 0
        inputs, mean, weight = problem.dictionary.inputs[live], mean[live], weight[live]
        self.problem, self.inputs = problem, inputs
        self.unit_x, self.unit_w = float(inputs[-1] - inputs[0]), float(weight.sum())
        self.origin = float(weight @ mean) / self.unit_w
        self.unit_y = float(np.sqrt(weight @ (mean - self.origin) ** 2 / self.unit_w))
        self.x, self.weight = (inputs - inputs[0]) / self.unit_x, weight / self.unit_w
        self.y = (mean - self.origin) / self.unit_y
        self.strength = self.unit_w * self.unit_x * self.unit_y  # what beta is measured in
        sigma = problem.architecture.activation
        self.bounded = problem.architecture.depth > 2
        self.spread, self.steepest = abs(sigma.right - sigma.left), max(abs(sigma.left), abs(sigma.right))
        self.excess = 2 * self.steepest / self.spread - 1

    def segment(self, active: Active, beta: float) -> Segment:
        """Solve for the knot values, by hat functions on the knots."""
        last = self.x.size - 1
        knots = np.array(sorted({0, last, *active.signs}))
        signs = np.array([active.signs.get(int(row), 0.0) for row in knots])
        diagonal, off, products = hat_system(self.x, self.weight, self.y, knots)
        scale = np.array([beta, 1.0])  # of a line through zero: its value at beta, its rate
        bends = partial(_bends, lengths=np.diff(self.x[knots]))

        def solve(curve: FloatArray) -> FloatArray:
            """Values at the knots, of which the dual curve has these values there."""
            pull = -bends(curve)
            pull[:, 0] += products
            return solve_hats(diagonal, off, pull, *self.flat(active))

        if self.bounded:
            curve = np.outer(0.5 * signs, scale)
            # A flat end has its neighbour's equation, whatever the curve is there; equal values cancel exactly.
            curve[0] = curve[0] if signs[0] else curve[1]
            curve[-1] = curve[-1] if signs[-1] else curve[-2]
            values = solve(curve)
            return Segment(beta, knots, signs, values, curve, 0.5 * scale, bends(values))
        ends = np.zeros_like(signs)
        ends[0], ends[-1] = 1.0, -1.0
        share = 1 / (2 * self.steepest) if active.terms is PenaltyTerms.ENDS else 1 / self.spread
        base = share * signs
        if active.terms is PenaltyTerms.ENDS:
            base = base + active.side * share * ends
        curve, bound = np.outer(base, scale), share * scale
        values = solve(curve)
        if active.terms is PenaltyTerms.BOTH:
            # v is what keeps side * (s_1 + s_last) equal to (2 M / A - 1) TV. Solved anew with it, and corrected once:
            # the sum of a start and a multiple of the response loses all digits where knots are close.
            direction = ends - self.excess * active.side * signs
            response = solve_hats(diagonal, off, -bends(direction)[:, None], False, False)
            stiffness = direction @ bends(response)
            curve += np.outer(direction, -(direction @ bends(values)) / stiffness)
            values = solve(curve)
            values += response * -(direction @ bends(values)) / stiffness
            bound = bound - self.excess * active.side * curve[0]
        return Segment(beta, knots, signs, values, curve, bound, bends(values))

    def flat(self, active: Active) -> tuple[bool, bool]:
        """Whether the spline is constant up to its first, and from its last active knot."""
        return self.bounded and 0 not in active.signs, self.bounded and self.x.size - 1 not in active.signs

    def start(self) -> tuple[float, Active]:
        """beta_max and what is active just below it."""
        constant = Active({}, PenaltyTerms.BOTH, 1.0)
        if self.bounded:
            th = self.weight * self.y
            curve = np.concatenate(([0.0], np.cumsum(np.diff(self.x) * np.cumsum(th)[:-1])))
            low, high = int(np.argmin(curve)), int(np.argmax(curve))
            return float(curve[high] - curve[low]), replace(constant, signs={low: -1.0, high: 1.0})
        beta = self.problem.beta_max / self.strength
        v = float(self.segment(constant, beta).curve[0, 0])
        constant = replace(constant, side=1.0 if v >= 0 else -1.0)
        beta, after = self.next_event(self.segment(constant, beta), constant, set())
        assert after is not None  # targets vary, so the constant is not optimal for all beta
        return beta, after

    def next_event(self, segment: Segment, active: Active, new: set[int]) -> tuple[float, Active | None]:
        """The largest beta below at which something changes, and what is active after that; 0 and None if nothing does.

        The kinks of `new` rows entered at the segment's beta: they are zero already.
        """
        changes: list[tuple[float, Active | None]] = [(-segment.beta, None)]
        signs = segment.signs
        for margin, other in self._other_terms(segment, active):
            changes.append((float(_reaches_zero(margin[None])[0]), other))
        rows = [j for j, row in enumerate(segment.knots) if signs[j] and row not in new]
        if rows:
            zeros = _reaches_zero(signs[rows, None] * segment.kinks[rows])
            gone = segment.knots[rows][zeros >= zeros.max() - SAME * segment.beta]
            changes.append((float(zeros.max()), replace(active, signs=_without(active.signs, {*map(int, gone)}))))
        when, row, sign = first_crossing(
            self.x,
            self.weight,
            self.y,
            segment.knots,
            segment.values,
            segment.curve,
            segment.bound,
            *self.flat(active),
            SAME * float(abs(segment.bound[1])),
        )
        changes.append((when, replace(active, signs=active.signs | {row: sign})))
        change, after = max(changes, key=itemgetter(0))
        return segment.beta + change, after

    def _other_terms(self, segment: Segment, active: Active) -> list[tuple[FloatArray, Active]]:
        """Lines that are >= 0 as long as the same terms count, and what is active where one reaches zero."""
        if self.bounded:
            return []
        v, most = segment.curve[0], np.array([segment.beta, 1.0]) / (2 * self.steepest)
        sum_ends = segment.kinks[0] - segment.kinks[-1]
        bends = segment.signs @ segment.kinks
        if active.terms is PenaltyTerms.BENDS:
            return [
                (self.excess * bends - side * sum_ends, replace(active, terms=PenaltyTerms.BOTH, side=side))
                for side in (1.0, -1.0)
            ]
        if active.terms is PenaltyTerms.ENDS:
            return [(active.side * sum_ends - self.excess * bends, replace(active, terms=PenaltyTerms.BOTH))]
        if self.excess == 0:  # the first term never counts alone
            return [(most - side * v, replace(active, terms=PenaltyTerms.ENDS, side=side)) for side in (1.0, -1.0)]
        return [
            (active.side * v, replace(active, terms=PenaltyTerms.BENDS)),
            (most - active.side * v, replace(active, terms=PenaltyTerms.ENDS)),
        ]


@dataclass
class KnotPath:
    """Breakpoints with what is active below each of them.

    Attributes
    ----------
    betas : list of float
        Descending; the last one is the end of the path, not a breakpoint.
    active : list of Active
        One a segment, between ``betas[i]`` and ``betas[i + 1]``.
    """

    homotopy: _Homotopy
    betas: list[float]
    active: list[Active] = field(default_factory=list)

    def candidates(self, beta: float) -> list[Candidate]:
        """The solution at one beta of the path, from the active knots of its segment; at a breakpoint one of two."""
        place, choices = active_at(self.betas, [active.signs for active in self.active], beta)
        return [self._candidate(replace(self.active[place], signs=signs), beta, place + 1) for signs in choices]

    def _candidate(self, active: Active, beta: float, n_iter: int) -> Candidate:
        homotopy, problem = self.homotopy, self.homotopy.problem
        segment = homotopy.segment(active, beta / homotopy.strength)
        values, knots = segment.values[:, 0] * homotopy.unit_y + homotopy.origin, homotopy.inputs[segment.knots]
        features, coef = recover(knots, values, problem.architecture)
        start = sum(z * float(f(knots[:1])[0]) for f, z in zip(features, coef, strict=True))
        rows = problem.rows
        f = np.interp(problem.dictionary.inputs, knots, values)[rows.group]
        return Candidate(features, coef, float(values[0] - start), rows.weight * (rows.y - f), n_iter)


def follow_knots(problem: Problem, beta_min: float) -> KnotPath:
    """All breakpoints from beta_max down to `beta_min`.

    Raises
    ------
    InputError
        If there are too many.
    """
    homotopy = _Homotopy(problem)
    beta, active = homotopy.start()
    end = beta_min / homotopy.strength
    found = KnotPath(homotopy, [problem.beta_max])
    n_events, new = 1, set(active.signs)
    while True:
        segment = homotopy.segment(active, beta)
        until, after = homotopy.next_event(segment, active, new)
        until = max(until, end)
        if beta - until > SAME * beta:
            found.active.append(active)
            found.betas.append(until * homotopy.strength)
            beta, new = until, set()
        if until == end or after is None:
            found.betas[-1] = beta_min
            return found
        n_events += 1
        refuse_more_events(problem, beta * homotopy.strength, n_events)
        if after.signs.keys() - active.signs.keys():
            new |= after.signs.keys() - active.signs.keys()
            active = _feasible(homotopy, segment, after, new)
        elif active.signs.keys() - after.signs.keys():
            # What entered at this very beta may have to enter again.
            active = replace(after, signs=_without(after.signs, new))
        else:
            active = after
        new &= active.signs.keys()


def _feasible(homotopy: _Homotopy, segment: Segment, active: Active, new: set[int]) -> Active:
    """Drop knots that entered at this breakpoint until no kink grows in the wrong direction as beta falls.

    The growth of the kinks minimises a quadratic function with bounds at the knots whose kink is zero. Knots that enter
    at one beta are sorted out by the active-set method of Lawson and Hanson (1974).
    """
    growth = _growth(segment, active)
    while True:
        goal = _growth(homotopy.segment(active, segment.beta), active)
        stops = {row: growth[row] / (growth[row] - goal[row]) for row in new & goal.keys() if goal[row] < 0}
        if not stops:
            return active
        step = min(stops.values())
        active = replace(active, signs=_without(active.signs, {row for row in stops if stops[row] <= step}))
        growth = {row: growth[row] + step * (goal[row] - growth[row]) for row in active.signs}


def _growth(segment: Segment, active: Active) -> dict[int, float]:
    """How fast every active kink grows as beta falls; 0 where the segment has none yet."""
    rates = dict(zip(segment.knots.tolist(), segment.kinks[:, 1].tolist(), strict=True))
    return {row: -sign * rates.get(row, 0.0) for row, sign in active.signs.items()}


def _bends(values: FloatArray, lengths: FloatArray) -> FloatArray:
    """First slope, changes of slope, minus the last slope: of (k,) values or of the columns of (k, m) ones."""
    slopes = (np.diff(values, axis=0).T / lengths).T
    zero = np.zeros_like(slopes[:1])
    return np.asarray(np.diff(slopes, axis=0, prepend=zero, append=zero))


def _reaches_zero(lines: FloatArray) -> FloatArray:
    """The changes of beta, zero or negative, at which lines (k, 2) fall to zero; -inf if never."""
    falls = lines[:, 1] > 0
    when = np.full(len(lines), -np.inf)
    np.divide(-lines[:, 0], lines[:, 1], out=when, where=falls)
    return np.minimum(when, 0.0)


def _without(signs: dict[int, float], gone: set[int]) -> dict[int, float]:
    return {row: sign for row, sign in signs.items() if row not in gone}
