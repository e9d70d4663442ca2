"""Slow oracles of exact learning that share no code with it: enumeration, and the published mixed-integer program."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp


def enumerated(associations, *, threshold=0.0, signs=None, density=1.0, gap=0.0):
    """The largest robustness, by one linear program for every choice of the sign, or zero, of every weight."""
    m, n = associations.inputs.shape
    side = 2 * associations.outputs - 1
    best = -np.inf
    for pattern in itertools.product((-1, 0, 1), repeat=n):
        g = np.array(pattern)
        support = np.flatnonzero(g)
        wrong = signs is not None and np.any(g * np.asarray(signs) < 0)
        if not support.size or wrong or support.size > round(density * n) or support.size * gap > n:
            continue
        if gap == 0 and support.size < round(density * n):
            continue  # amounts may be 0, so the largest supports hold all others
        rows = -side[:, None] * associations.inputs[:, support] * g[support] / n
        found = linprog(
            np.append(np.zeros(support.size), -1.0),
            A_ub=np.column_stack((rows, np.full(m, 1 / np.sqrt(n)))),
            b_ub=-side * threshold,
            A_eq=np.append(np.ones(support.size), 0.0)[None],
            b_eq=[n],
            bounds=[(gap, None)] * support.size + [(None, None)],
        )
        best = max(best, -found.fun) if found.status == 0 else best
    return best


def published(associations, *, threshold=0.0, signs=None, density=None, gap=None):
    """The largest robustness by the mixed-integer programs of arXiv:2409.04946.

    Variables: kappa, J, W = |J|, c (whether J is nonzero), and t (its sign); N bounds |J| in all of them.
    """
    m, n = associations.inputs.shape
    side = 2 * associations.outputs - 1
    eye, none = np.eye(n), np.zeros((n, n))
    column = np.zeros((n, 1))
    fields = side[:, None] * associations.inputs / n
    zeros = np.zeros((m, n))
    constraints = [
        (np.hstack((np.full((m, 1), -1 / np.sqrt(n)), fields, zeros, zeros, zeros)), side * threshold, np.inf),
        (np.hstack((column, -eye, eye, none, 2 * n * eye)), -np.inf, 2 * n),
        (np.hstack((column, eye, eye, none, -2 * n * eye)), -np.inf, 0),
        (np.hstack((column, eye, -eye, none, none)), -np.inf, 0),
        (np.hstack((column, -eye, -eye, none, none)), -np.inf, 0),
        (np.hstack((column, none, eye, -n * eye, none)), -np.inf, 0),
        (np.concatenate((np.zeros(n + 1), np.ones(n), np.zeros(2 * n)))[None], n, n),
    ]
    if gap is not None:
        constraints.append((np.hstack((column, none, -eye, gap * eye, none)), -np.inf, 0))
    if density is not None:
        limit = np.concatenate((np.zeros(2 * n + 1), np.ones(n), np.zeros(n)))[None]
        constraints.append((limit, -np.inf, round(density * n)))
    lower = np.concatenate(([-np.inf], np.full(n, -n), np.zeros(3 * n)))
    upper = np.concatenate(([np.inf], np.full(2 * n, n), np.ones(2 * n)))
    if signs is not None:
        lower[1 : n + 1] *= signs < 0
        upper[1 : n + 1] *= signs > 0
    found = milp(
        np.append(-1.0, np.zeros(4 * n)),
        constraints=[LinearConstraint(*one) for one in constraints],
        integrality=np.concatenate((np.zeros(2 * n + 1), np.ones(2 * n))),
        bounds=Bounds(lower, upper),
        options={"mip_rel_gap": 0.0},
    )
    assert found.status == 0, found.message
    return -found.fun
