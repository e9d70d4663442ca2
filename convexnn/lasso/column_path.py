"""The exact path of the squared-loss Lasso over a dictionary too large to form: breakpoints, one after the other.

While the active features and their signs stay the same, magnitudes and multipliers are linear in beta. A segment of
the path ends where a magnitude reaches zero or where the correlation of another feature reaches beta. Which feature
that is the oracle tells by Newton's method on the event: price at a candidate, move to where the most violated feature
crosses, price again. (Least angle regression, Efron et al. 2004, with the oracle in place of the list of columns.)
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import qr, qr_delete, qr_insert, solve_triangular

from convexnn.dictionaries.feature import Feature
from convexnn.lasso.breakpoints import SAME, active_at, refuse_more_events
from convexnn.lasso.candidate import Candidate
from convexnn.lasso.columns import blas_threads
from convexnn.lasso.problem import Problem
from convexnn.validation import FloatArray

_DEPENDENT = 1e-9
_REFACTOR_EVERY = 64


@dataclass
class ColumnPath:
    """Breakpoints with the active features below each of them.

    Attributes
    ----------
    problem : Problem
    betas : list of float
        Descending; the last one is the end of the path, not a breakpoint.
    active : list of dict of Feature to sign
        One a segment, between ``betas[i]`` and ``betas[i + 1]``.
    """

    problem: Problem
    betas: list[float]
    active: list[dict[Feature, float]] = field(default_factory=list)

    def candidates(self, beta: float) -> list[Candidate]:
        """The solution at one beta of the path, from the active features of its segment; at a breakpoint one of two."""
        place, choices = active_at(self.betas, self.active, beta)
        with blas_threads().limit(limits=1, user_api="blas"):
            return [_ActiveColumns(self.problem, signs).candidate(beta, place + 1) for signs in choices]


def follow_columns(problem: Problem, beta_min: float) -> ColumnPath:
    """All breakpoints from beta_max down to `beta_min`.

    Raises
    ------
    InputError
        If there are too many.
    """
    beta = problem.beta_max
    found = ColumnPath(problem, [beta])
    n_events = 0
    with blas_threads().limit(limits=1, user_api="blas"):
        active = _ActiveColumns(problem, {})
        while True:
            until, feature = active.next_event(beta, beta_min)
            if beta - until > SAME * beta:
                found.active.append(dict(zip(active.features, active.signs, strict=True)))
                found.betas.append(until)
                active.leave_breakpoint()
                beta = until
            if until == beta_min:
                found.betas[-1] = beta_min
                return found
            n_events += 1
            refuse_more_events(problem, beta, n_events)
            if feature is None:
                active.drop_zeros(beta)
            else:
                active.enter(feature, beta)


class _ActiveColumns:
    """The active columns V, with signs such that magnitudes p are >= 0, and QR factors of sqrt(w) [1, V].

    Along a segment intercept and magnitudes are ``h - b q`` and the multipliers of the inputs, divided by sqrt(w),
    ``e + b d``: e is what the columns leave of the targets, d correlates by 1 with each column of V and by 0 with 1.
    """

    def __init__(self, problem: Problem, signs: dict[Feature, float]) -> None:
        self.problem = problem
        self.inputs = problem.dictionary.inputs
        self.mean, weight = problem.rows.merged()
        self.root = np.sqrt(weight)
        self.features, self.signs = [*signs], [*signs.values()]
        self.new: list[Feature] = []  # entered at this breakpoint: their magnitude is zero
        self.columns = np.column_stack((self.root, *(self._column(f, sign) for f, sign in signs.items())))
        self.factorise()

    def _column(self, feature: Feature, sign: float) -> FloatArray:
        return np.asarray(sign * self.root * feature(self.inputs))

    def factorise(self) -> None:
        """The factors anew, free of the rounding of updates, and the segment that they describe."""
        self.q_factor, self.r_factor = qr(self.columns, mode="economic", check_finite=False)
        self.updates = 0
        self.solve()

    def solve(self) -> None:
        """h, q, e and d of the segment."""
        Q, R = self.q_factor, self.r_factor
        targets = self.root * self.mean
        onto = Q.T @ targets
        self.e = targets - Q @ onto
        again = Q.T @ self.e
        self.e -= Q @ again
        ones = np.concatenate(([0.0], np.ones(len(self.features))))
        half = solve_triangular(R, ones, trans=1, check_finite=False)
        self.d = Q @ half
        self.h, self.q = solve_triangular(R, np.column_stack((onto + again, half)), check_finite=False).T

    @property
    def rates(self) -> FloatArray:
        """How fast the magnitudes grow as beta falls."""
        return self.q[1:]

    def next_event(self, beta: float, beta_min: float) -> tuple[float, Feature | None]:
        """Where the segment ends, and the feature that enters there; None if one leaves, or at `beta_min`."""
        candidate, entering = float(np.max(self._zeros(beta), initial=beta_min)), None
        tried = {*self.features}
        while True:
            totals = self.root * (self.e + candidate * self.d)
            value, feature = self.problem.dictionary.max_input_correlation(totals)
            if value <= candidate * (1 + SAME) or feature in tried:
                return candidate, entering
            tried.add(feature)
            column = self._column(feature, _sign(totals @ feature(self.inputs)))
            constant, rate = column @ self.e, column @ self.d
            # A correlation that falls faster than beta was not below it before, but for rounding: a tie.
            if rate >= 1 or self._depends(column):
                return candidate, entering
            candidate, entering = min(float(constant / (1 - rate)), beta), feature

    def _zeros(self, beta: float) -> FloatArray:
        """The betas at which magnitudes reach zero, going down."""
        falling = self.rates < 0
        falling[[self.features.index(feature) for feature in self.new]] = False
        return np.minimum(self.h[1:][falling] / self.rates[falling], beta)

    def _depends(self, column: FloatArray) -> bool:
        rest = column - self.q_factor @ (self.q_factor.T @ column)
        return bool(np.linalg.norm(rest) <= _DEPENDENT * np.linalg.norm(column))

    def leave_breakpoint(self) -> None:
        """The segment has a length: what entered at its start has a magnitude now."""
        self.new = []

    def drop_zeros(self, beta: float) -> None:
        """Drop the features whose magnitude is zero here; those that entered at this very beta may enter again."""
        slack = self.h[1:] - beta * (1 - SAME) * self.rates
        gone = [f for f, rate, left in zip(self.features, self.rates, slack, strict=True) if rate < 0 and left <= 0]
        for feature in {*gone, *self.new}:
            self._delete(feature)
        self.new = []
        self.solve()

    def enter(self, feature: Feature, beta: float) -> None:
        """Add a feature whose correlation reaches beta.

        The rates q at which magnitudes grow as beta falls minimise ``|V q|^2 / 2 - sum(q)``, with q >= 0 where the
        magnitude is zero. Several features that enter at one beta are sorted out by the active-set method of Lawson
        and Hanson (1974), which cannot cycle because its objective falls with every feature.
        """
        rates = dict(zip(self.features, self.rates, strict=True)) | {feature: 0.0}
        totals = self.root * (self.e + beta * self.d)
        self.new.append(feature)
        self._insert(feature, _sign(totals @ feature(self.inputs)))
        while True:
            self.solve()
            goal = dict(zip(self.features, self.rates, strict=True))
            stops = {f: rates[f] / (rates[f] - goal[f]) for f in self.new if goal[f] < 0}
            if not stops:
                return
            step = min(stops.values())
            rates = {f: rates[f] + step * (goal[f] - rates[f]) for f in self.features}
            for f in [f for f, stop in stops.items() if stop <= step]:
                self.new.remove(f)
                self._delete(f)

    def _insert(self, feature: Feature, sign: float) -> None:
        self.features.append(feature)
        self.signs.append(sign)
        self.columns = np.column_stack((self.columns, self._column(feature, sign)))
        if self.updates >= _REFACTOR_EVERY:
            self.factorise()
            return
        self.q_factor, self.r_factor = qr_insert(
            self.q_factor, self.r_factor, self.columns[:, -1], len(self.features), which="col", check_finite=False
        )
        self.updates += 1

    def _delete(self, feature: Feature) -> None:
        j = self.features.index(feature)
        del self.features[j], self.signs[j]
        self.columns = np.delete(self.columns, j + 1, axis=1)
        Q, R = qr_delete(self.q_factor, self.r_factor, j + 1, which="col", check_finite=False)
        # Factors with a square Q are updated as full ones.
        self.q_factor, self.r_factor = Q[:, : R.shape[1]], R[: R.shape[1]]
        self.updates += 1

    def candidate(self, beta: float, n_iter: int) -> Candidate:
        """The solution at one beta of the segment, with the multipliers of the rows."""
        rows = self.problem.rows
        solution = self.h - beta * self.q
        coef = np.array(self.signs) * solution[1:]
        share = np.divide(self.e + beta * self.d, self.root, out=np.zeros_like(self.root), where=self.root > 0)
        th = rows.weight * (rows.y - self.mean[rows.group] + share[rows.group])
        kept = np.flatnonzero(coef)
        return Candidate([self.features[j] for j in kept], coef[kept], float(solution[0]), th, n_iter)


def _sign(correlation: float) -> float:
    return 1.0 if correlation >= 0 else -1.0
