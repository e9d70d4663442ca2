"""Exact learning where the constraints are not convex: branch and bound on the number of weights and on the gap.

The linear program of `convexnn.associative.linear` is the relaxation. The published mixed-integer program bounds |J| by
N times a binary, which is so weak that the relaxation does not see the binaries. Here there are none: columns are 0, or
at least the gap, by decision. See `convexnn.kernels.branch_and_bound`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np

from convexnn.associative.associations import Associations
from convexnn.associative.learned import Constraints, Learned
from convexnn.associative.linear import Columns, Program, on_total
from convexnn.kernels import branch_and_bound, dual_simplex
from convexnn.kernels.branch_and_bound import Incumbent, Work
from convexnn.kernels.dual_simplex import Dictionary, Instance, dual_bound
from convexnn.kernels.open_nodes import Tree, push
from convexnn.validation import FloatArray

# Nodes whose bound is within this of the incumbent are closed, relative to the size of a margin. The bound that is
# reported is the largest one of a closed node.
_TOLERANCE = 1e-10
_FIRST_CAPACITY = 4096
_MAX_BYTES = 2**30
# Linear programs of one call of the kernel, times their size: a tenth of a second for most, about one where a program
# takes many pivots. Not measured in seconds, so that the search does not depend on the machine.
_WORK_OF_A_CALL = 1e7
# If signs are free, a relaxation of bound 0 stays at 0 until all signs are decided: weights of +J and -J cancel. Once
# it is proved that not all associations can be stored, the search for the least negative robustness stops after so
# many linear programs times their size.
_WORK_BELOW_ZERO = 3e8


class Progress(NamedTuple):
    """How far the search is.

    Attributes
    ----------
    seconds : float
    robustness : float
        Of the best weights so far.
    bound : float
        No weights are more robust than this.
    n_nodes : int
        Linear programs solved.
    n_open : int
        Nodes of the tree that wait.
    """

    seconds: float
    robustness: float
    bound: float
    n_nodes: int
    n_open: int


def search(
    associations: Associations,
    constraints: Constraints,
    start: FloatArray,
    bound: float,
    *,
    time_limit: float | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Learned:
    """The most robust weights under all constraints.

    Parameters
    ----------
    associations : Associations
    constraints : Constraints
    start : (N,) array
        Weights that satisfy the constraints.
    bound : float
        What no weights exceed in robustness; infinity if nothing is known.
    time_limit, progress
        As for `convexnn.associative.learn`.

    Returns
    -------
    Learned
    """
    _compile()  # before the clock starts
    began = time.perf_counter()
    columns = Columns.of(associations.n_inputs, constraints.signs)
    instance = _instance(associations, constraints, columns)
    scale = math.sqrt(instance.total)
    best = _incumbent(instance, columns, start)
    tolerance = float(best.tolerance[0]) / scale
    until = math.inf if time_limit is None else began + time_limit
    root = _root(instance, until)
    bound = min(bound, dual_bound(instance, root, np.zeros(instance.owner.size)) / scale)
    work, tree = _work(instance, root), _tree(instance, _FIRST_CAPACITY)
    push(tree, bound * scale, work.state)
    max_nodes = 1 + int(_WORK_OF_A_CALL / root.slope.size)
    status = "time limit" if time.perf_counter() > until else ""
    while _is_open(work, tree) and not status:
        branch_and_bound.search(instance, work, tree, best, max_nodes)
        seconds = time.perf_counter() - began
        bound = min(bound, _bound(work, tree, best) / scale)
        if progress is not None:
            progress(Progress(seconds, float(best.margin[0]) / scale, bound, int(best.nodes[0]), int(tree.size[0])))
        if began + seconds > until:
            status = "time limit"
        elif (
            constraints.signs is None
            and bound <= tolerance
            and best.nodes[0] * instance.columns.size > _WORK_BELOW_ZERO
        ):
            status = "cannot be stored"
        elif tree.keys.size - tree.size[0] <= 2 * associations.n_inputs:
            tree = _tree(instance, 2 * tree.keys.size, tree)
            status = "memory limit" if tree.states.nbytes > _MAX_BYTES else ""
    weights = columns.weights(on_total(best.amounts, constraints.gap, instance.total))
    if not _is_open(work, tree):
        return polished(Learned(associations, constraints, weights, bound, "optimal"), weights)
    found = polished(Learned(associations, constraints, weights, bound, status), weights)
    return polished(found, _rounded(constraints, columns.weights(_amounts(root, columns.owner.size))))


def polished(found: Learned, like: FloatArray) -> Learned:
    """What was found, or better weights with the support and the signs of others, by a linear program."""
    program = Program(Columns.orthant(like), found.constraints.threshold, found.constraints.gap)
    program.add(found.associations)
    vertex = program.solve()
    if vertex is None:
        return found
    weights = program.columns.weights(vertex.amounts)
    better = replace(found, weights=weights)
    return better if better.robustness > found.robustness and better.violation() is None else found


def hebbian(associations: Associations, constraints: Constraints) -> FloatArray:
    """(N,) array: equal weights of those inputs that agree most with the outputs, as many as are allowed."""
    n = associations.n_inputs
    side = 2 * associations.outputs - 1
    agreement = side @ (associations.inputs - 0.5)
    sign = np.where(agreement < 0, -1.0, 1.0) if constraints.signs is None else constraints.signs
    count = constraints.max_nonzero
    if constraints.gap > 0:
        count = min(count, math.floor(n / constraints.gap))
    kept = np.argsort(-sign * agreement, kind="stable")[:count]
    weights = np.zeros(n)
    weights[kept] = sign[kept] * max(n / count, constraints.gap)
    return weights


def _instance(associations: Associations, constraints: Constraints, columns: Columns) -> Instance:
    n = associations.n_inputs
    side = 2 * associations.outputs - 1
    first = np.arange(n)
    second = first + n if constraints.signs is None else np.full(n, -1)
    offsets = side * n * constraints.threshold
    margins = columns.margins(associations)
    return Instance(margins, offsets, float(n), constraints.gap, constraints.max_nonzero, columns.owner, first, second)


def _root(instance: Instance, until: float) -> Dictionary:
    """The dictionary without decisions, optimal unless the clock passes `until`."""
    root = dual_simplex.start(instance)
    first, count = 0, 1 + int(_WORK_OF_A_CALL / root.slope.size)
    while dual_simplex.iterate(root, -math.inf, first, first + count) == dual_simplex.UNFINISHED:
        first += count
        if time.perf_counter() > until:
            break
    return root


def _work(instance: Instance, root: Dictionary) -> Work:
    n, n_inputs = instance.owner.size, instance.first.size
    d, trial = (Dictionary(*(part.copy() for part in root)) for _ in range(2))
    state = np.zeros(n + n_inputs, np.int8)
    return Work(root, d, trial, state, state.copy(), np.zeros(n), np.zeros(n_inputs), np.array([-math.inf]))


def _amounts(d: Dictionary, n: int) -> FloatArray:
    """(n,) array: those of the dictionary, where they are not negative."""
    amounts = d.lower[:n].copy()
    held = d.basic < n
    amounts[d.basic[held]] = np.maximum(d.value[held], 0.0)
    return amounts


def _rounded(constraints: Constraints, weights: FloatArray) -> FloatArray:
    """The largest weights, as many as are allowed, without those that are nearer to 0 than to the end of the gap."""
    size = np.abs(weights)
    kept = np.argsort(-size, kind="stable")[: constraints.max_nonzero]
    kept = kept[size[kept] > constraints.gap / 2]
    rounded = np.zeros(weights.size)
    rounded[kept] = weights[kept]
    return rounded


def _tree(instance: Instance, capacity: int, old: Tree | None = None) -> Tree:
    """An empty tree, or one with the nodes of an older and smaller one."""
    width = instance.owner.size + instance.first.size
    tree = Tree(np.zeros(capacity), np.arange(capacity), np.zeros((capacity, width), np.int8), np.zeros(1, np.int64))
    if old is not None:
        kept = old.keys.size
        tree.keys[:kept], tree.slots[:kept], tree.states[:kept], tree.size[0] = (
            old.keys,
            old.slots,
            old.states,
            old.size[0],
        )
    return tree


def _incumbent(instance: Instance, columns: Columns, weights: FloatArray) -> Incumbent:
    amounts = np.maximum(columns.sign * weights[columns.owner], 0.0)
    margin = float((instance.columns @ amounts - instance.offsets).min())
    tolerance = _TOLERANCE * (instance.total + abs(instance.offsets[0]))
    return Incumbent(
        amounts,
        np.array([margin]),
        np.array([tolerance]),
        np.array([margin + tolerance]),
        np.array([-math.inf]),
        np.zeros(1, np.int64),
    )


def _is_open(work: Work, tree: Tree) -> bool:
    return bool(tree.size[0] > 0 or work.paused[0] > -math.inf)


def _bound(work: Work, tree: Tree, best: Incumbent) -> float:
    """On the smallest margin: of the open nodes, of the closed ones, and of the incumbent, which may be the start."""
    waiting = tree.keys[0] if tree.size[0] else -math.inf
    return float(max(waiting, work.paused[0], best.closed[0], best.margin[0]))


@cache
def _compile() -> None:
    """Use the kernels on the smallest problem, so that no time limit is spent on their compilation."""
    associations, weights = Associations(np.ones((1, 1)), np.ones(1)), np.ones(1)
    constraints, columns = Constraints.of(1), Columns.of(1, weights)
    instance = _instance(associations, constraints, columns)
    root = _root(instance, math.inf)
    work, tree, best = _work(instance, root), _tree(instance, 4), _incumbent(instance, columns, weights)
    push(tree, dual_bound(instance, root, work.prices), work.state)
    branch_and_bound.search(instance, work, tree, best, 1)
