"""Which method certifies a relative gap, and how fast: every answer is charged by this library's certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import convexnn as cnn
from benchmarks import peers
from benchmarks.peers import Answer, Method, Recipe
from benchmarks.worker import CrashedError, TimedOutError, Worker
from convexnn.lasso.certificate import certificate
from convexnn.lasso.problem import Problem
from convexnn.validation import FloatArray

UNTIMED_SECONDS = 300.0


@dataclass
class Outcome:
    """What a method reached.

    Attributes
    ----------
    method : str
    status : str
        "certified", "not certified", "timed out", "crashed", "unsuitable", or "absent" for a package that is not
        installed; "dropped" after it ran out of time on a smaller problem; "floor" for what is no method.
    gap : float or None
        The certified relative gap of its best answer.
    claims : bool or None
        Whether it called that answer converged.
    tolerance : float or None
        With which it was found; 0 of a method that has none.
    seconds, fastest, slowest, solver_seconds : float or None
        Median, least and most time of the repeated runs with this tolerance, and the solver's own share of
        one run.
    repeats : int
    note : str
        The reason, where there is no answer.
    """

    method: str
    status: str
    gap: float | None = None
    claims: bool | None = None
    tolerance: float | None = None
    seconds: float | None = None
    fastest: float | None = None
    slowest: float | None = None
    solver_seconds: float | None = None
    repeats: int = 0
    note: str = ""

    def time(self, taken: Sequence[float]) -> None:
        """Keep the median, the least and the most of repeated measurements."""
        self.seconds, self.fastest, self.slowest = float(np.median(taken)), min(taken), max(taken)
        self.repeats = len(taken)

    def __str__(self) -> str:
        """Milliseconds, or why there are none and how far the best answer is from the optimum."""
        if self.seconds is not None and self.status in ("certified", "floor"):
            return f"{1e3 * self.seconds:.3g}"
        if self.gap is None:
            return self.note if self.status == "unsuitable" else self.status
        said = "converged" if self.claims else "stopped"
        asked = f" at {self.tolerance:.0e}" if self.tolerance else ""
        return f"{self.status}: {said}{asked}, gap {self.gap:.0e}"


class Judge:
    """Charges answers to one problem, with a dual point that is good for all of them."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        shared = cnn.solve(problem, tol=1e-9, on_failure="ignore").certificate.dual_point
        self._shared: FloatArray = shared[problem.rows.order]

    def relative_gap(self, answer: Answer) -> float | None:
        """The certified relative gap, None of an answer that is not finite.

        The better of the answer's own dual point and the shared one proves it.
        """
        problem, rows = self.problem, self.problem.rows
        if not (np.isfinite(answer.prediction).all() and np.isfinite(answer.penalty)):
            return None
        f = answer.prediction[rows.order] - rows.origin
        f += problem.loss.best_intercept(rows.y, f, rows.weight)
        if not problem.loss.is_smooth:
            return certificate(problem, f, answer.penalty, [self._shared], self._shared).relative_gap
        own = problem.loss.multiplier(rows.y, f, rows.weight)
        return certificate(problem, f, answer.penalty, [own, self._shared], own).relative_gap


def qualify(
    worker: Worker, method: Method, recipe: Recipe, warm_up: Recipe, judge: Judge, target: float, budget: float
) -> Outcome:
    """Tighten a method's tolerance until its answer is certified to `target`, or `budget` seconds have passed.

    Parameters
    ----------
    warm_up : Recipe
        A small problem that makes the method import and compile, which is not timed.
    """
    if method.is_absent:
        return Outcome(method.name, "absent", note=f"needs {' and '.join(method.packages)}")
    if reason := method.unsuitable(judge.problem):
        return Outcome(method.name, "unsuitable", note=reason)
    best = Outcome(method.name, "not certified")
    try:
        worker.call(peers.prepare, method.name, recipe, warm_up, limit=UNTIMED_SECONDS)
        left = budget
        for tol in (target,) if method is peers.OURS else method.tolerances:
            if left <= 0:
                raise TimedOutError(f"not certified within {budget:.3g} s")
            seconds = worker.call(peers.fit, method.name, recipe, tol, limit=left)
            left -= seconds
            answer = worker.call(peers.answer, limit=UNTIMED_SECONDS)
            gap = judge.relative_gap(answer)
            if gap is None:
                best.note = f"not finite with tolerance {tol:g}"
                continue
            if best.gap is None or abs(gap) < abs(best.gap):
                best.gap, best.claims, best.tolerance, best.seconds = gap, answer.claims, tol, seconds
                best.solver_seconds = answer.solver_seconds
            if abs(gap) <= target:
                best.status = "certified"
                break
    except TimedOutError as error:
        best.status, best.note = "timed out", str(error)
    except CrashedError as error:
        best.status, best.note = "crashed", str(error)
    return best


def repeat(
    worker: Worker, outcomes: Sequence[Outcome], recipe: Recipe, warm_up: Recipe, repeats: int, budget: float
) -> None:
    """Run the certified methods in turn, again and again, and keep the medians of their times.

    A method stops when its own runs have taken `budget` seconds; every method runs at least once.
    """
    times: dict[str, list[float]] = {outcome.method: [] for outcome in outcomes}
    for _ in range(repeats):
        for outcome in outcomes:
            name, taken = outcome.method, times[outcome.method]
            if outcome.status != "certified" or sum(taken) >= budget:
                continue
            try:
                worker.call(peers.prepare, name, recipe, warm_up, limit=UNTIMED_SECONDS)
                taken.append(worker.call(peers.fit, name, recipe, outcome.tolerance, limit=budget + UNTIMED_SECONDS))
            except (TimedOutError, CrashedError) as error:
                outcome.status, outcome.note = "crashed", f"when repeated: {error}"
    for outcome in outcomes:
        if outcome.status == "certified":
            outcome.time(times[outcome.method])
