"""Sign and threshold networks of depth 3 and more: all patterns with a limited number of switches, and no others."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import convexnn as cnn
from theory.instances import Instances, fractions_of_beta_max, inputs, integer_dual, integer_inputs, sized, targets
from theory.mirrors.units import patterns_with
from theory.statement import Evidence, Falsification, theorem

Widths = tuple[int, ...]

_TREES = ((1,), (2,), (3,), (2, 2), (3, 2), (1, 3), (2, 1, 2))
_RECTANGLES = ((1,), (2,), (3,), (2, 2), (3, 3), (2, 2, 2))
_RANDOM_NETS = 20


def _sign(t: NDArray) -> NDArray:
    return np.where(t >= 0, 1, -1)


def random_tree(x: NDArray, widths: Widths, rng: np.random.Generator) -> NDArray:
    """Pattern of a random tree: its last neuron has widths[-1] children, each a tree of the other widths."""
    if not widths:
        weight = rng.normal()
        return _sign(weight * (x - rng.uniform(x[0] - 1, x[-1] + 1)))
    children = [random_tree(x, widths[:-1], rng) for _ in range(widths[-1])]
    return _sign(rng.normal(size=len(children)) @ np.array(children) + rng.uniform(-1, 1))


def random_layers(x: NDArray, widths: Widths, rng: np.random.Generator) -> NDArray:
    """Pattern of a fully connected unit with random weights and hidden layers of the given widths."""
    values = x[None, :]
    for level, width in enumerate((*widths, 1)):
        low, high = (x[0] - 1, x[-1] + 1) if level == 0 else (-1, 1)
        weights = rng.normal(size=(width, len(values)))
        biases = rng.uniform(low, high, size=(width, 1))
        values = _sign(weights @ values - (weights * biases if level == 0 else biases))
    return values[0]


def built_tree(x: NDArray, pattern: NDArray, widths: Widths) -> NDArray:
    """Pattern of an explicit tree meant to equal `pattern`, evaluated neuron by neuron.

    The switches are dealt out in consecutive groups; child j copies the pattern on group j and is constant elsewhere,
    so that the children's changes add up to the pattern's. With too few children the last switches are missed.
    """
    switches = np.flatnonzero(np.diff(pattern))
    if not widths:
        if not len(switches):
            return _sign(0 * x + pattern[0])
        kink = (x[switches[0]] + x[switches[0] + 1]) / 2
        return _sign(pattern[switches[0] + 1] * (x - kink))
    share = math.prod(widths[:-1])
    total = np.full(len(x), pattern[0])
    for child in range(widths[-1]):
        group = switches[child * share : (child + 1) * share]
        if len(group):
            copied = pattern[np.clip(np.arange(len(x)), group[0], group[-1] + 1)]
            total = total + built_tree(x, copied, widths[:-1]) - copied[0]
    return _sign(total)


def _check(x: NDArray, dual: NDArray, form: str, widths: Widths, seed: int, missing: int = 0) -> Evidence:
    architecture = cnn.Architecture("sign", len(widths) + 2, form=form, widths=widths)
    most = math.prod(widths) if form == "tree" else widths[0]
    listed, expected = cnn.dictionary(x, architecture), patterns_with(len(x), most)
    sizes = [math.comb(len(x) - 1, k) for k in range(1, most + 1)]
    evidence = Evidence.equal("number of features", listed.n_features, sum(sizes))
    evidence &= Evidence.equal("features", np.unique(listed.matrix().T, axis=0), np.unique(expected, axis=0))
    evidence &= Evidence.equal("max_correlation", listed.max_correlation(dual)[0], np.abs(expected @ dual).max())

    # Layers beyond the second of a fully connected unit can copy one neuron: sign(h) = h.
    effective = widths if form == "tree" else widths[:1]
    built = [built_tree(x, h, (*effective[:-1], effective[-1] - missing)) for h in expected]
    evidence &= Evidence.equal("explicit networks", np.array(built), expected)

    rng = np.random.default_rng(seed)
    random_net = random_tree if form == "tree" else random_layers
    drawn = [np.count_nonzero(np.diff(random_net(x, widths, rng))) for _ in range(_RANDOM_NETS)]
    evidence &= Evidence.at_most("switches of random networks", max(drawn), most)
    return evidence.note(form).note("random networks with all their switches", max(drawn) == most)


def _instances(low: int, high: int) -> Instances:
    forms = (
        st.tuples(st.just("tree"), st.sampled_from(_TREES))
        | st.tuples(st.just("rectangular"), st.sampled_from(_RECTANGLES))
        | st.tuples(st.just("parallel"), st.sampled_from([(3,), (3, 2), (2, 3)]))
    )
    return st.integers(low, high).flatmap(
        lambda n: st.builds(
            lambda x, dual, form, seed: {"x": x, "dual": dual, "form": form[0], "widths": form[1], "seed": seed},
            integer_inputs(n),
            integer_dual(n),
            forms,
            st.integers(0, 2**32 - 1),
        )
    )


@theorem(
    key="mirrors/switching-patterns",
    title="A deep sign unit is a pattern with at most K switches, and every such pattern is a unit",
    statement=(
        r"Over units of depth L\ge 3 the patterns on sorted data are \{h: \text{at most } K \text{ switches}\}, with "
        r"K=m_1 for fully connected units and K=\prod_l m_l for trees: \sum_{k=1}^{\min(K,N-1)}\binom{N-1}{k} "
        r"features up to sign and without the constant."
    ),
    reference="arXiv:2403.01046, rectangular and tree networks",
    kind="equality",
    spec="T13",
    instances=_instances(3, 7),
    falsify=Falsification("one child of the last neuron", _instances(4, 7), partial(_check, missing=1)),
    uses=("tree", "rectangular", "parallel", "random networks with all their switches"),
)
def switching_patterns(x: NDArray, dual: NDArray, form: str, widths: Widths, seed: int) -> Evidence:
    return _check(x, dual, form, widths, seed)


def _fit(x: NDArray, y: NDArray, beta: float, activation: str) -> cnn.Solution:
    return cnn.solve(cnn.Problem(x, y, beta, cnn.Architecture(activation)), tol=1e-10, on_failure="raise")


def _threshold_is_sign(x: NDArray, y: NDArray, share: float, factor: float) -> Evidence:
    beta = share * cnn.Problem(x, y, 1.0, cnn.Architecture("threshold")).beta_max
    threshold, sign = _fit(x, y, beta, "threshold"), _fit(x, y, factor * beta, "sign")
    n_columns = [s.problem.dictionary.n_features for s in (threshold, sign)]
    places = [{feature.knots[0]: z for feature, z in zip(s.features, s.coef, strict=True)} for s in (threshold, sign)]
    knots = sorted({*places[0], *places[1]})
    steps = [np.array([place.get(knot, 0.0) for knot in knots] + [0.0]) for place in places]
    # Steps at all gaps have a conditioning below 2N, and a gap g in the objective is an error of sqrt(2 g) in the fit.
    tol = 4 * len(x) * np.sqrt(2e-10 * threshold.objective)
    return (
        Evidence.equal("number of features", np.array(n_columns), np.array([len(x) - 1] * 2))
        & Evidence.equal("objective", threshold.objective, sign.objective, 1e-9 * threshold.objective)
        & Evidence.equal("coefficients", steps[0], 2 * steps[1], tol)
    ).note("a step", len(knots) > 0)


@theorem(
    key="mirrors/threshold-is-sign",
    title="A threshold network at beta is a sign network at 2 beta",
    statement=(
        r"For two layers the optimal values satisfy p_{thr}(\beta)=p_{sign}(2\beta), with z_{thr}=2z_{sign}, and "
        r"both dictionaries have N-1 columns."
    ),
    reference="arXiv:2403.01046; 1\\{t\\ge 0\\}=(1+sign(t))/2 with a free intercept",
    kind="equality",
    spec="T23",
    instances=sized(3, 8, x=inputs, y=targets, share=lambda n: fractions_of_beta_max, factor=lambda n: st.just(2.0)),
    falsify=Falsification(
        "the factor 2",
        sized(3, 5, x=inputs, y=targets, share=lambda n: fractions_of_beta_max, factor=lambda n: st.just(1.0)),
    ),
    uses=("a step",),
)
def threshold_is_sign(x: NDArray, y: NDArray, share: float, factor: float) -> Evidence:
    return _threshold_is_sign(x, y, share, factor)
