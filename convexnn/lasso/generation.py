"""Column generation for squared loss: exact optima on few columns, and searches that are complete.

A round solves the Lasso on the columns found so far, exactly, and lets a search name violated features. The search is
complete where it matters: what it proves of all features together makes the dual bound.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convexnn.dictionaries.feature import Feature
from convexnn.lasso.certificate import Certificate, bounded_by
from convexnn.lasso.merged import Merged, row_multipliers
from convexnn.lasso.problem import Problem
from convexnn.lasso.solution import Terms
from convexnn.validation import FloatArray

Rows = NDArray[Any]  # one row a feature, in whatever terms the dictionary has

_MOST_ROUNDS = 500
_LEAST_NEW = 64  # features a round may add, or as many as are in use
_KEPT = 0.8  # columns not in use stay if they correlate by this share of beta
_PATIENCE = 20  # rounds that improve neither bound, before rounding is to blame
_EPS = float(np.finfo(float).eps)
_SLACK = 0.1  # of the gap asked for, which searches may leave unproved


class Optimum(NamedTuple):
    """The optimum on some columns.

    Attributes
    ----------
    features : (k, ...) array
        At least those in use.
    coef, correlations : (k,) arrays
        The latter with `th`, as accurate as the optimality conditions.
    intercept : float
    th : (N,) array
        ``w (y - f)``; its sum is zero.
    gain, square : float
        ``y'th`` and ``sum th^2 / w``.
    """

    features: Rows
    coef: FloatArray
    correlations: FloatArray
    intercept: float
    th: FloatArray
    gain: float
    square: float


class Found(NamedTuple):
    """What a part of a search found.

    Attributes
    ----------
    values : (k,) array
        Absolute correlations, all larger than `Oracle.floor`. No other feature of the part exceeds the largest of them
        (`floor`, if there is none) by more than `Oracle.slack`.
    features : (k, ...) array
    is_last : bool
        Whether this part and those before it are the whole dictionary.
    """

    values: FloatArray
    features: Rows
    is_last: bool


class Oracle(ABC):
    """A dictionary that is never listed, and the data to fit.

    Features and beta are in units of the oracle's own: `generate` does not mind, as long as they agree.

    Parameters
    ----------
    beta : float
    tol : float
        Relative gap that searches have to prove.

    Attributes
    ----------
    beta : float
    slack, floor : float
        How much a search may leave unproved, and beta and that.
    none : (0, ...) array
        No features.
    """

    none: Rows

    def __init__(self, beta: float, tol: float) -> None:
        self.beta = beta
        self.slack = _SLACK * tol * beta
        self.floor = beta + self.slack

    @abstractmethod
    def optimum(self, features: Rows, start: FloatArray) -> Optimum:
        """The optimum on some features, and on others that are as easy to have; from coefficients near it."""

    @abstractmethod
    def search(self, th: FloatArray, wanted: int) -> Iterator[Found]:
        """Go through the dictionary part by part, for about as many violated features as are wanted."""


@dataclass(frozen=True)
class Fit:
    """A fit and how far it is from the optimum, at most.

    Attributes
    ----------
    features, coef : (k, ...) and (k,) arrays
        Those in use, in the oracle's terms and units; no coefficient is zero.
    intercept : float
    primal, dual : float
        The objective, and a lower bound on its optimum.
    dual_point : (N,) array
        The feasible point behind the bound; its sum is zero.
    missing : (0 or 1, ...) array
        The feature that correlates most with the residual, if by more than `Oracle.floor`.
    violation : float
        How far the optimality conditions are from holding, relative to their scale.
    rounds : int
    """

    features: Rows
    coef: FloatArray
    intercept: float
    primal: float
    dual: float
    dual_point: FloatArray
    missing: Rows
    violation: float
    rounds: int


def generate(oracle: Oracle, tol: float, constant: float = 0.0) -> Fit:
    """Column generation to a certified relative gap, or as near to it as rounding admits.

    Parameters
    ----------
    oracle : Oracle
    tol : float
    constant : float
        Part of the objective that no fit changes.
    """
    features, start = oracle.none, np.empty(0)
    dual, point = -np.inf, np.empty(0)
    least, idle_rounds = np.inf, 0
    for rounds in count(1):
        optimum = oracle.optimum(features, start)
        features = optimum.features
        penalty = oracle.beta * float(np.abs(optimum.coef).sum())
        primal = 0.5 * optimum.square + penalty + constant
        is_final = primal - dual <= tol * primal or rounds == _MOST_ROUNDS or idle_rounds == _PATIENCE
        idle_rounds = 0 if primal < least * (1 - 4 * _EPS) else idle_rounds + 1
        least = min(least, primal)
        wanted = max(_LEAST_NEW, int(np.count_nonzero(optimum.coef)))
        largest, new, missing = oracle.floor, oracle.none, oracle.none
        for found in oracle.search(optimum.th, wanted):
            best = np.argsort(-found.values, kind="stable")[:wanted]
            if best.size and found.values[best[0]] > largest:
                largest, missing = float(found.values[best[0]]), found.features[best[:1]]
            new = _without(features, found.features[best])
            if new.size and not is_final:
                break
        if found.is_last:
            scale, value = _dual(optimum, oracle.beta / (largest + oracle.slack))
            if value + constant > dual:
                dual, point, idle_rounds = value + constant, scale * optimum.th, 0
        if is_final or primal - dual <= tol * primal or new.size == 0:
            break
        kept = _kept(optimum, oracle.beta, wanted)
        features = np.concatenate((features[kept], new))
        start = np.concatenate((optimum.coef[kept], np.zeros(len(new))))
    used = np.flatnonzero(optimum.coef)
    aligned = oracle.beta * np.sign(optimum.coef[used]) - optimum.correlations[used]
    mismatch = abs(float(optimum.coef[used] @ aligned)) / penalty if used.size else 0.0
    return Fit(
        features=features[used],
        coef=optimum.coef[used],
        intercept=optimum.intercept,
        primal=primal,
        dual=dual,
        dual_point=point,
        missing=missing,
        violation=max(mismatch, (largest + oracle.slack) / oracle.beta - 1),
        rounds=rounds,
    )


def _kept(optimum: Optimum, beta: float, spare: int) -> NDArray[np.bool_]:
    """Columns in use, and of the others those that correlate most, if they almost violate."""
    closeness = np.where(optimum.coef != 0, np.inf, np.abs(optimum.correlations))
    kept = closeness >= _KEPT * beta
    idle = np.count_nonzero(np.isfinite(closeness))
    if idle > spare:
        kept &= closeness >= np.partition(closeness, idle - spare)[idle - spare]
    return kept


def _without(features: Rows, found: Rows) -> Rows:
    """What was found and is not yet in use."""
    return found[~(found[:, None] == features).all(axis=-1).any(axis=1)]


def _dual(optimum: Optimum, allowed: float) -> tuple[float, float]:
    """The best scale, up to what is allowed, of th as a dual point, and its value."""
    if optimum.square == 0:
        return 1.0, 0.0
    scale = min(max(optimum.gain / optimum.square, 0.0), allowed)
    return scale, scale * optimum.gain - 0.5 * scale**2 * optimum.square


def certified(
    problem: Problem, merged: Merged, fit: Fit, listed: Callable[[Rows], list[Feature]]
) -> tuple[Certificate, Callable[[], Terms], int]:
    """The certificate of a fit, how to expand it into features of the library, and the number of rounds.

    Parameters
    ----------
    problem : Problem
    merged : Merged
        What was fitted, its ties being the constant part of the objective.
    fit : Fit
        Its coefficients in units of the problem.
    listed : function
        The dictionary's features, from the oracle's.
    """

    def most_violated() -> Feature | None:
        return listed(fit.missing)[0] if fit.missing.size else None

    proof = bounded_by(
        fit.primal,
        fit.dual,
        rounding=0.0,
        negligible=merged.negligible,
        kkt_residual=fit.violation,
        dual_point=lambda: row_multipliers(problem, merged, fit.dual_point),
        most_violated=most_violated,
    )
    return proof, lambda: (listed(fit.features), fit.coef, fit.intercept + merged.origin), fit.rounds
