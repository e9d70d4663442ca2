"""Exact learning at finite N: vertices of the linear program, and optima under constraints that are not convex."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from convexnn.associative import Learned, learn
from theory.associative.ensembles import Draw, draws
from theory.associative.programs import SOLVED, Sparsity, published, split, within_the_norm
from theory.statement import Evidence, Falsification, theorem

Constraint = dict[str, Any]

PROVED = 1e-8  # the relative gap of weights that are called optimal
TIGHT = 1e-7  # margins are known to the solver's 1e-10, times N; others are farther from the smallest by far

_large = draws(st.integers(120, 160), st.floats(0.4, 0.7))
_medium = draws(st.integers(12, 28), st.floats(0.3, 0.6))
_densities = st.floats(0.2, 0.6).map(lambda p: {"density": p})
_gaps = st.floats(0.5, 4).map(lambda delta: {"gap": delta})
_sparse = _densities | _gaps


def _counts(found: Learned) -> tuple[int, int]:
    """How many associations have the smallest margin, and how many weights are neither 0 nor at the gap."""
    size = np.abs(found.weights)
    free = (size > 0) & (size != found.constraints.gap)
    tight = found.margins <= found.robustness + TIGHT
    return int(np.count_nonzero(tight)), int(np.count_nonzero(free))


@theorem(
    key="associative/vertices-are-simple",
    title="The most robust weights: exactly as many are nonzero as associations have the smallest margin",
    statement=(
        r"Random associations, N\ge120, constraints on the l1 norm and on signs: #\{\mu: margin=\kappa\}=\|J\|_0 and "
        r"\sum|J|=N. With few nonzero weights, binary data tie: N=80, m=30, 11% inhibitory has 14 tight for 13 weights."
    ),
    reference="arXiv:2409.04946, linear programs; the count is derived here from the simplex method",
    kind="equality",
    spec="associative T13",
    instances=st.fixed_dictionaries({"draw": _large, "inhibitory": st.none() | st.floats(0.2, 0.5)}),
    falsify=(
        Falsification(
            "many inputs, so that ties are rare",
            st.fixed_dictionaries({"draw": draws(st.integers(6, 12), st.floats(0.3, 0.7)), "inhibitory": st.none()}),
        ),
        Falsification(
            "convexity",
            st.fixed_dictionaries({"draw": _medium, "inhibitory": st.none(), "constraint": _gaps}),
        ),
    ),
    uses=("signs",),
)
def vertices_are_simple(draw: Draw, inhibitory: float | None, constraint: Constraint | None = None) -> Evidence:
    signs = None if inhibitory is None else draw.signs(inhibitory)
    found = learn(draw.associations(), signs=signs, **(constraint or {}))
    tight, _ = _counts(found)
    n = draw.n_inputs
    return (
        Evidence.equal("tight associations", tight, np.count_nonzero(found.weights))
        & Evidence.equal("sum of |J|", np.abs(found.weights).sum(), float(n), n * 1e-14)
        & Evidence.at_most("distance to the proved bound", found.bound - found.robustness, 0.0, PROVED)
    ).note("signs", inhibitory is not None)


@theorem(
    key="associative/tight-associations-hold-free-weights",
    title="At every optimum at least as many associations are tight as weights are free to move",
    statement=(
        r"Whatever the constraint: #\{\mu: margin=\kappa\} \ge #\{j: J_j\neq0, |J_j|\neq\delta\}. Equality is the rule "
        r"for large N only, as binary data have many ties."
    ),
    reference="derived here",
    kind="tight bound",
    instances=st.fixed_dictionaries({"draw": _medium, "constraint": st.just({}) | _sparse}),
    falsify=Falsification(
        "the weights at the gap, counted as free",
        st.fixed_dictionaries({"draw": _medium, "constraint": st.floats(2, 4).map(lambda d: {"gap": d})}),
        lambda draw, constraint: _held(learn(draw.associations(), **constraint), parked=True),
    ),
    uses=("as many", "gap", "density"),
)
def tight_associations_hold_free_weights(draw: Draw, constraint: Constraint) -> Evidence:
    found = learn(draw.associations(), **constraint)
    tight, free = _counts(found)
    return _held(found).note("as many", tight == free).note(next(iter(constraint), "l1"))


def _held(found: Learned, parked: bool = False) -> Evidence:
    tight, free = _counts(found)
    return Evidence.at_most("free weights", np.count_nonzero(found.weights) if parked else free, tight)


@theorem(
    key="associative/sparse-optima-satisfy-everything",
    title="Sparse optima satisfy their constraints exactly, and are no more robust than the free optimum",
    statement=(
        r"\kappa_{l0}\le\kappa_{l1}, \kappa_{gap}\le\kappa_{l1} on the same associations; \|J\|_0\le pN; J_j=0 or "
        r"|J_j|\ge\delta, in floating point; mean |J|=1."
    ),
    reference="arXiv:2409.04946, mixed-integer programs",
    kind="bound",
    spec="associative T16",
    instances=st.fixed_dictionaries({"draw": _medium, "constraint": _sparse, "freer": st.just({})}),
    falsify=Falsification(
        "a free optimum to compare with",
        st.fixed_dictionaries(
            {
                "draw": _medium,
                "constraint": _gaps,
                "freer": st.just({"density": 0.1}),
            }
        ),
    ),
    uses=("density", "gap"),
)
def sparse_optima_satisfy_everything(draw: Draw, constraint: Constraint, freer: Constraint) -> Evidence:
    found, alone = learn(draw.associations(), **constraint), learn(draw.associations(), **freer)
    size = np.abs(found.weights)
    active = size[size > 0]
    allowed = round(constraint.get("density", 1.0) * draw.n_inputs)
    return (
        Evidence.at_most("robustness", found.robustness, alone.robustness, PROVED)
        & Evidence.at_most("nonzero weights", active.size, allowed)
        & Evidence.at_most("gap", np.full(active.size, constraint.get("gap", 0.0)), active)
        & Evidence.equal("mean |J|", size.mean(), 1.0, 1e-14)
        & Evidence.at_most("distance to the proved bound", found.bound - found.robustness, 0.0, PROVED)
    ).note(next(iter(constraint)))


def _ladder(name: str, values: SearchStrategy[list[float]]) -> SearchStrategy[list[Constraint]]:
    return values.map(lambda chosen: [{name: value} for value in chosen])


def _several(values: SearchStrategy[float]) -> SearchStrategy[list[float]]:
    return st.lists(values, min_size=3, max_size=4)


@theorem(
    key="associative/more-freedom-is-more-robust",
    title="The optimum does not fall with the density and does not rise with the gap",
    statement=(
        r"p\le p' implies \kappa_p\le\kappa_{p'}, and \delta\le\delta' implies \kappa_{\delta'}\le\kappa_\delta: the "
        r"feasible sets are nested."
    ),
    reference="derived here",
    kind="bound",
    spec="associative T17",
    instances=st.fixed_dictionaries(
        {
            "draw": _medium,
            "from_tight_to_free": _ladder("density", _several(st.floats(0.15, 1)).map(sorted))
            | _ladder("gap", _several(st.floats(0.1, 5)).map(lambda chosen: sorted(chosen, reverse=True))),
        }
    ),
    falsify=Falsification(
        "the order",
        st.fixed_dictionaries(
            {"draw": _medium, "from_tight_to_free": st.just([{"gap": 0.5}, {"gap": 2.5}, {"gap": 4.5}])}
        ),
    ),
    uses=("density", "gap"),
)
def more_freedom_is_more_robust(draw: Draw, from_tight_to_free: list[Constraint]) -> Evidence:
    found = [learn(draw.associations(), **constraint).robustness for constraint in from_tight_to_free]
    return Evidence.at_most("robustness", np.array(found[:-1]), np.array(found[1:]), PROVED).note(
        next(iter(from_tight_to_free[0]))
    )


_any_case = {
    "draw": draws(st.integers(5, 11), st.floats(0.3, 0.8)),
    "constraint": _sparse | st.just({"density": 0.5, "gap": 1.5}),
    "threshold": st.sampled_from([0.0, 0.1, -0.05]),
}
_with_a_gap = {**_any_case, "constraint": st.just({"gap": 1.5})}


def _sparsity(draw: Draw, constraint: Constraint, factor: float = 1.0) -> Sparsity:
    n = draw.n_inputs
    return Sparsity(round(constraint.get("density", 1.0) * n), factor * constraint.get("gap", 0.0))


@theorem(
    key="associative/programs-agree",
    title="The published mixed-integer program, a tighter one, and branch and bound have the same optimum",
    statement=(
        r"For a density, a gap or both, and any threshold: the program with |J|\le N times a binary, that in P-M with "
        r"the cut \sum(a+b)\le N/\delta, and the library's search give the same \kappa."
    ),
    reference="arXiv:2409.04946, mixed-integer programs; the second form is derived here",
    kind="equality",
    spec="associative T19",
    instances=st.fixed_dictionaries(_any_case),
    falsify=Falsification(
        "the same gap in all programs",
        st.fixed_dictionaries({**_with_a_gap, "factor": st.just(2.0)}),
    ),
    uses=("density", "gap", "threshold"),
)
def programs_agree(draw: Draw, constraint: Constraint, threshold: float, factor: float = 1.0) -> Evidence:
    found = learn(draw.associations(), threshold=threshold, **constraint).robustness
    sparsity = _sparsity(draw, constraint, factor)
    evidence = Evidence.equal("published", published(draw.associations(), threshold, sparsity), found, SOLVED)
    evidence &= Evidence.equal("split", split(draw.associations(), threshold, sparsity), found, SOLVED)
    for name in constraint:
        evidence = evidence.note(name)
    return evidence.note("threshold", threshold != 0)


@theorem(
    key="associative/only-ratios-matter",
    title="Only the ratios of robustness, threshold and gap to the weights' norm matter",
    statement=(
        r"The largest \kappa with s(J\cdot X-h)\ge\kappa, \sum|J|=Nw, is w\sqrt N times the library's robustness at "
        r"the threshold h/(Nw), and with a gap \delta that at the gap \delta/w, for every w>0."
    ),
    reference="arXiv:2409.04946, model",
    kind="equality",
    spec="associative T24",
    instances=st.fixed_dictionaries({**_any_case, "w": st.floats(0.05, 20)}),
    falsify=(
        Falsification(
            "scaling the gap",
            st.fixed_dictionaries({**_with_a_gap, "w": st.floats(2, 5), "gap_in": st.just(1.0)}),
        ),
        Falsification(
            "scaling the threshold",
            st.fixed_dictionaries({**_any_case, "w": st.floats(2, 5), "threshold_in": st.just(1.0)}),
        ),
    ),
    uses=("density", "gap", "threshold"),
)
def only_ratios_matter(
    draw: Draw,
    constraint: Constraint,
    threshold: float,
    w: float,
    gap_in: float | None = None,
    threshold_in: float | None = None,
) -> Evidence:
    found = learn(draw.associations(), threshold=threshold, **constraint).robustness
    sparsity = _sparsity(draw, constraint, w if gap_in is None else gap_in)
    offset = threshold * (w if threshold_in is None else threshold_in)
    evidence = Evidence.equal(
        "robustness over w", published(draw.associations(), offset, sparsity, w) / w, found, SOLVED * max(1, 1 / w)
    )
    return evidence.note(next(iter(constraint))).note("threshold", threshold != 0)


@theorem(
    key="associative/the-norm-is-an-equality-above-capacity",
    title="Weights of at most the given norm are as robust as weights of that norm, as long as they store everything",
    statement=(
        r"h=0: \max_{\sum|J|\le N}\kappa=\max(\kappa^*,0), with \kappa^* the optimum at \sum|J|=N. Above capacity "
        r"\kappa^*<0, so that the multiplier of the norm is negative, and the program in P-M is only a relaxation."
    ),
    reference="derived here; at other thresholds smaller weights can be more robust although all could be stored",
    kind="equality",
    instances=st.fixed_dictionaries({"draw": draws(st.integers(2, 7), st.floats(0.3, 3)), "threshold": st.just(0.0)}),
    falsify=Falsification(
        "the threshold 0",
        # (1, 1) is to cause a 1, and (1, 0) and (0, 1) a 0, which small weights do and large ones do not.
        st.just({"draw": Draw(2, 3, 94), "threshold": 0.15}),
    ),
    uses=("not all stored",),
)
def norm_is_an_equality(draw: Draw, threshold: float) -> Evidence:
    found = learn(draw.associations(), threshold=threshold)
    relaxed = within_the_norm(draw.associations(), threshold)
    return (
        Evidence.equal("at most this norm", relaxed, max(found.robustness, 0.0), SOLVED)
        & Evidence.equal("mean |J|", np.abs(found.weights).mean(), 1.0, 1e-14)
    ).note("not all stored", found.robustness < -SOLVED)


@theorem(
    key="associative/weights-at-any-time",
    title="However early learning ends, its weights satisfy the constraints and its bound holds",
    statement=(
        r"Equal weights of the inputs that agree most with the outputs satisfy every constraint that any weights "
        r"satisfy; so a time limit always returns weights, and \kappa\le\kappa^*\le its bound."
    ),
    reference="derived here",
    kind="bound",
    instances=st.fixed_dictionaries({"draw": _medium, "constraint": st.just({}) | _sparse}),
    falsify=Falsification(
        "the time to find the optimum",
        st.fixed_dictionaries({"draw": _medium, "constraint": st.just({}), "optimal": st.just(True)}),
    ),
    uses=("l1", "density", "gap", "interrupted"),
)
def weights_at_any_time(draw: Draw, constraint: Constraint, optimal: bool = False) -> Evidence:
    found = learn(draw.associations(), time_limit=1e-9, **constraint)
    best = learn(draw.associations(), **constraint)
    evidence = Evidence.true(f"constraints: {found.violation()}", found.check())
    evidence &= Evidence.at_most("bound on the optimum", best.robustness, found.bound, PROVED)
    reached = Evidence.at_most("robustness", found.robustness, best.bound, PROVED)
    if optimal:
        reached &= Evidence.at_most("optimum", best.robustness, found.robustness, PROVED)
    return (evidence & reached).note(next(iter(constraint), "l1")).note("interrupted", found.status == "time limit")
