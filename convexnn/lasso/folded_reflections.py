"""Depth-4 absolute-value networks: all their kink systems, never listed.

The features are ``| | |x - c_1| - c_2 | - c_3 |``. With c_1 a datum they are the reflections of depth 3 on the folded
data |x - c_1|, and are searched as such. All others are fixed by three data. Only both searches together make a
certificate, so the quicker one comes first, and the other where it has nothing more to add.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from convexnn.dictionaries.feature import Feature
from convexnn.dictionaries.nested import nested_feature
from convexnn.kernels.distance_moment import distance_moment, range_tree
from convexnn.kernels.reflection_pricing import price_folds
from convexnn.kernels.triple_pricing import price_triples
from convexnn.lasso.certificate import Certificate
from convexnn.lasso.generation import Found, certified, generate
from convexnn.lasso.kinked_columns import Columns, KinkedOracle
from convexnn.lasso.merged import has_many_inputs, merge
from convexnn.lasso.problem import Problem
from convexnn.lasso.solution import Terms
from convexnn.losses import Squared
from convexnn.validation import FloatArray

_SHARE = 0.2  # of the largest violation, which another must reach to be named


def applies(problem: Problem) -> bool:
    """Whether this solver takes the problem: squared loss, absolute value of depth 4, and more than one input."""
    architecture = problem.architecture
    is_absolute = architecture.activation.name == "absolute" and architecture.depth == 4
    return is_absolute and isinstance(problem.loss, Squared) and has_many_inputs(problem)


def solve_folded_reflections(problem: Problem, tol: float) -> tuple[Certificate, Callable[[], Terms], int]:
    """The certificate of the optimum, how to expand it into features, and the number of rounds.

    A search of N inputs takes about N^2 to N^3 operations: a solve of a hundred takes tenths of a second, of a thousand
    about a minute.
    """
    merged = merge(problem)
    oracle = _FoldedReflections(merged, problem.beta, tol)
    fit = generate(oracle, tol, merged.within_ties)
    fit = replace(fit, coef=np.ldexp(fit.coef, -oracle.exponent))

    def listed(features: FloatArray) -> list[Feature]:
        lengths = np.ldexp(features, oracle.exponent)
        return [nested_feature(merged.x, tuple(offsets), oracle.origin) for offsets in lengths.tolist()]

    return certified(problem, merged, fit, listed)


class _FoldedReflections(KinkedOracle):
    """Features by their offsets c_1, c_2, c_3."""

    none = np.empty((0, 3))

    def search(self, th: FloatArray, wanted: int) -> Iterator[Found]:
        yield Found(*price_folds(self.x, th, self.floor, self.slack, _SHARE), is_last=False)
        moment, slopes = distance_moment(self.x, th)
        tree = range_tree(moment, slopes)
        found = price_triples(self.x, moment, slopes, tree, self.floor, self.slack, _SHARE)
        yield Found(*found, is_last=True)

    def columns(self, features: FloatArray) -> Columns:
        """Seven kinks; where c_3 > c_2 the inner zeros vanish, and their kinks with the centre's."""
        centre, second, third = features.T
        left, inner_left = centre - second - third, centre - second + third
        inner_right, right = centre + second - third, centre + second + third
        first_kinks = (left, centre - second, np.minimum(inner_left, centre), centre)
        last_kinks = (np.maximum(inner_right, centre), centre + second, right)
        kinks = np.stack((*first_kinks, *last_kinks), axis=1)
        roots = np.stack((left, left, inner_left, inner_left, inner_right, inner_right, right, right), axis=1)
        slopes = np.tile([-1.0, 1.0], (len(features), 4))
        return Columns(np.zeros_like(kinks), kinks, slopes, np.zeros_like(roots), roots)
