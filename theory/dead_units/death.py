"""What is dead, and that death is final: statements that hold in floating point, run by run."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import convexnn as cnn
from convexnn.network.network import Layer
from convexnn.training import Noise, Runs, train
from convexnn.training.dead_units import dead_on_data, dead_units, quasi_dead
from theory.instances import Instances, inputs, sized, targets, vector
from theory.statement import Evidence, Falsification, theorem

_RELU = cnn.Architecture("relu")


@st.composite
def _units(draw: st.DrawFn, x: NDArray, m: int = 8) -> cnn.Network:
    """ReLU units with any weights, zeros among them, and kinks anywhere, often on data and on the ends."""
    w = draw(vector(m))
    kinks = np.where(draw(st.lists(st.booleans(), min_size=m, max_size=m)), draw(vector(m)), x[np.arange(m) % len(x)])
    biases = np.where(w == 0, draw(vector(m)), -w * kinks)
    return cnn.Network(_RELU, (Layer(w.reshape(-1, 1, 1), biases.reshape(-1, 1)),), draw(vector(m)), None, 0.0)


@st.composite
def _on_data(draw: st.DrawFn) -> dict[str, Any]:
    x = draw(inputs(draw(st.integers(2, 6)))) / 3
    shares = draw(st.lists(st.floats(0, 1), min_size=3, max_size=3))
    return {"x": x, "network": draw(_units(x)), "shares": np.array(shares)}


def _points(x: NDArray, shares: NDArray) -> NDArray:
    """The data, their neighbours among the floats inside the hull, and points in between."""
    between = x[0] + shares * (x[-1] - x[0])
    close = np.concatenate((np.nextafter(x, np.inf), np.nextafter(x, -np.inf), between))
    return np.sort(np.concatenate((x, np.clip(close, x[0], x[-1]))))


def _two_ends(network: cnn.Network, x: NDArray, shares: NDArray, ends: tuple[int, ...] = (0, -1)) -> Evidence:
    w, b = network.layers[0].weights[:, 0, 0], network.layers[0].biases[:, 0]
    by_ends = (w[:, None] * x[list(ends)] + b[:, None] <= 0).all(axis=1)
    points = _points(x, shares)
    active = w[:, None] * points + b[:, None] > 0
    switches = np.abs(np.diff(active.astype(int), axis=1)).sum(axis=1)
    return (
        Evidence.equal("zero at all floats tried", by_ends.astype(int), (~active.any(axis=1)).astype(int))
        & Evidence.equal("by the library", dead_units(network, x[0], x[-1]).astype(int), by_ends.astype(int))
        & Evidence.at_most("switches between neighbouring points", switches, np.ones(len(w), dtype=int))
    ).note("a dead unit", bool(by_ends.any()))


def _dead_between(network: cnn.Network, x: NDArray) -> Evidence:
    return Evidence.equal(
        "dead on the data", dead_on_data(network, x).astype(int), dead_units(network, x[0], x[-1]).astype(int)
    )


_HAT = cnn.Network(
    cnn.Architecture("relu", 3, form="symmetrized"),
    (Layer(np.ones((1, 1, 1)), np.zeros((1, 1))), Layer(-np.ones((1, 1, 1)), np.full((1, 1), 0.5))),
    np.ones(1),
    None,
    0.0,
)
"""1/2 - |x|, where positive."""


@theorem(
    key="dead-units/two-ends-decide",
    title="A ReLU unit is dead on an interval exactly if it is zero at both ends, in floating point too",
    statement=(
        r"\max(wl+b,wu+b)\le0 in floats iff \mathrm{relu}(wx+b)=0 for all floats x\in[l,u]; and the unit is on in a "
        r"prefix or a suffix of sorted data: rounding is monotone."
    ),
    reference="derived here; arXiv:2403.07688 tests it on data",
    kind="equality",
    spec="A-1",
    instances=_on_data(),
    falsify=(
        Falsification("the second end", _on_data(), partial(_two_ends, ends=(0,))),
        Falsification(
            "one hidden layer, for data in place of their hull",
            st.just({"network": _HAT, "x": np.array([-1.0, 1.0])}),
            _dead_between,
        ),
    ),
    uses=("a dead unit",),
)
def two_ends_decide(network: cnn.Network, x: NDArray, shares: NDArray) -> Evidence:
    return _two_ends(network, x, shares) & _dead_between(network, x)


def _around_zero(n: int) -> st.SearchStrategy[NDArray]:
    return inputs(n).map(lambda x: (x - x[n // 2]) / max(np.ptp(x), 1.0) * 2)


def _runs(shift: float = 0.0) -> Instances:
    """Data whose hull holds zero, or is moved away from it."""
    return sized(
        4,
        6,
        x=lambda n: _around_zero(n).map(lambda x: x + shift),
        y=targets,
        decay=lambda n: st.floats(0.01, 0.5),
        batch=lambda n: st.integers(1, n),
        seed=lambda n: st.integers(0, 2**32),
    )


def _no_revival(runs: Runs) -> Evidence:
    return Evidence.equal("revivals in any step", int(runs.history.revivals.sum()), 0)


def _coasting(x: NDArray, y: NDArray, decay: float, batch: int, seed: int, removal: int | None = None) -> Runs:
    """With momentum the dead move on for a while, and a few of them come back."""
    return train(
        x,
        y,
        width=16,
        optimizer="sgd",
        learning_rate=1e-3,
        momentum=0.99,
        beta=decay,
        batch_size=batch,
        n_steps=300,
        seeds=range(seed, seed + 8),
        record_every=1,
        removal=removal,
    )


def _absorbed(x: NDArray, y: NDArray, decay: float, batch: int, seed: int, **options: Any) -> Evidence:
    """Two runs of which the shorter is the beginning of the longer."""
    short, long = (
        train(
            x,
            y,
            width=16,
            optimizer="sgd",
            learning_rate=0.05 / len(x),
            beta=decay,
            batch_size=batch,
            n_steps=n_steps,
            seeds=[seed],
            record_every=1,
            **options,
        )
        for n_steps in (100, 300)
    )
    before, after = short.dead_units()[0], long.dead_units()[0]
    b_before, b_after = (runs.network(0).layers[0].biases[:, 0] for runs in (short, long))
    return (
        _no_revival(long)
        & Evidence.at_most("dead early, dead late", before.astype(int), after.astype(int))
        & Evidence.equal("biases of the dead", np.append(b_after[before], 0.0), np.append(b_before[before], 0.0))
    ).note("a unit died", bool(long.history.deaths[:, 1:].any()))


@theorem(
    key="dead-units/death-is-final",
    title="Under gradient descent with a penalty of the weights a dead unit stays dead, its bias unchanged",
    statement=(
        r"SGD without momentum and noise, \lambda/2\sum(w^2+a^2), \eta\lambda<1, 0\in[l,u]: the dead set grows, and "
        r"the biases in it are bitwise constant. With momentum .99 the dead coast on, and a few revive."
    ),
    reference="derived here: b<=0, and w shrinks",
    kind="equality",
    spec="A-2",
    instances=_runs(),
    falsify=(
        Falsification("no momentum", _runs(), lambda **run: _no_revival(_coasting(**run))),
        Falsification("no noise on the dead", _runs(), partial(_absorbed, noise=Noise(1e-2))),
        Falsification("zero in the hull of the data", _runs(1.5), _absorbed),
    ),
    uses=("a unit died",),
)
def death_is_final(x: NDArray, y: NDArray, decay: float, batch: int, seed: int) -> Evidence:
    return _absorbed(x, y, decay, batch, seed)


def _without(network: cnn.Network, gone: NDArray) -> cnn.Network:
    first = network.layers[0]
    return cnn.Network(
        network.architecture,
        (Layer(first.weights[~gone], first.biases[~gone]),),
        network.alpha[~gone],
        None,
        network.intercept,
    )


def _exact_values(network: cnn.Network, x: NDArray) -> list[float]:
    """Outputs of the computed units, summed exactly and rounded once."""
    terms = network.alpha[:, None] * network.units(x)
    return [math.fsum((network.intercept, *column)) for column in terms.T]


def _removed(x: NDArray, y: NDArray, decay: float, batch: int, seed: int) -> Evidence:
    """Training with and without removal from a start of which some units are dead."""
    rng = np.random.default_rng(seed)
    w, a = rng.normal(size=16), rng.normal(size=16) / 4
    kinks = rng.uniform(x[0] - np.ptp(x), x[-1] + np.ptp(x), 16)
    start = cnn.Network(_RELU, (Layer(w.reshape(-1, 1, 1), (-w * kinks).reshape(-1, 1)),), a, None, float(y.mean()))
    kept, cut = (
        train(
            x,
            y,
            width=16,
            optimizer="sgd",
            learning_rate=0.01 / len(x),
            beta=decay,
            batch_size=batch,
            n_steps=200,
            seeds=[seed],
            initial=[start],
            removal=removal,
        )
        for removal in (None, 1)
    )
    dead = dead_units(start, x[0], x[-1])
    points = np.linspace(x[0], x[-1], 17)
    # Every step rounds at eps times the sizes that occur; at this rate errors do not grow.
    scale = 1 + float(np.abs(y).max()) + float(np.abs(a * w).sum() * np.ptp(x))
    return (
        Evidence.equal("values on the hull", _exact_values(_without(start, dead), points), _exact_values(start, points))
        & Evidence.equal("values after training", cut.network(0)(points), kept.network(0)(points), 1e-12 * scale)
        & Evidence.equal("dead units", cut.dead_units()[0].astype(int), kept.dead_units()[0].astype(int))
    ).note("a unit was removed", bool(dead.any()))


def _removed_in_motion(**run: Any) -> Evidence:
    kept, cut = (_coasting(**run, removal=removal).history.alive[:, -1, 0] for removal in (None, 1))
    return Evidence.equal("live units in the end", cut, kept)


def _removed_small(x: NDArray, y: NDArray, decay: float, batch: int, seed: int) -> Evidence:
    """Units that are small but not dead."""
    network = train(x, y, width=16, learning_rate=0.01, n_steps=20, seeds=[seed]).network(0)
    small = quasi_dead(network, x, 0.05)
    return Evidence.equal("values", _exact_values(_without(network, small), x), _exact_values(network, x))


@theorem(
    key="dead-units/removal-is-exact",
    title="Removing dead units changes no value on the hull of the data, and nothing later",
    statement=(
        r"f is the same on [l,u], bitwise if summed exactly; without momentum the later trajectory is the same up to "
        r"rounding, 10^{-12} relative."
    ),
    reference="arXiv:2403.07688, dynamic removal",
    kind="equality",
    spec="A-3",
    instances=_runs(),
    falsify=(
        Falsification("dead: zero, not small", _runs(), _removed_small),
        Falsification("no momentum", _runs(), _removed_in_motion),
    ),
    uses=("a unit was removed",),
)
def removal_is_exact(x: NDArray, y: NDArray, decay: float, batch: int, seed: int) -> Evidence:
    return _removed(x, y, decay, batch, seed)


@st.composite
def _thresholds(draw: st.DrawFn) -> dict[str, Any]:
    x = draw(inputs(8))
    small, more = draw(st.floats(0, 20)), draw(st.floats(0, 20))
    return {"network": draw(_units(x)), "x": x, "epsilon": (small, small + more), "seed": draw(st.integers(0, 9))}


def _nearly_dead(
    network: cnn.Network, x: NDArray, epsilon: tuple[float, float], seed: int, rules: tuple[str, ...] = ("max", "mean")
) -> Evidence:
    evidence = Evidence()
    order = np.random.default_rng(seed).permutation(len(x))
    for by in ("max", "mean", "batch_sum"):
        size = {"batch_size": 4} if by == "batch_sum" else {}
        few, many = (quasi_dead(network, x, value, by=by, **size) for value in epsilon)
        evidence &= Evidence.at_most(f"{by}: more with the larger epsilon", few.astype(int), many.astype(int))
    for by in rules:
        first, second = [(x, 4), (x, 8)] if by == "batch_sum" else [(x, None), (x[order], None)]
        sets = [quasi_dead(network, points, epsilon[0], by=by, batch_size=size) for points, size in (first, second)]
        evidence &= Evidence.equal(f"{by}: any order, any batch", sets[0].astype(int), sets[1].astype(int))
    return evidence


@theorem(
    key="dead-units/nearly-dead",
    title="More units are nearly dead for a larger threshold; by sums over batches their number depends on the batch",
    statement=(
        r"\{u:\max|u|\le\epsilon\}, \{u:\mathrm{mean}|u|\le\epsilon\} and the batch sums grow with \epsilon. The first "
        r"two depend on the data only; with sums over batches, as in the published code, \epsilon means something "
        r"else at every batch size."
    ),
    reference="arXiv:2403.07688",
    kind="equality",
    spec="A-13",
    instances=_thresholds(),
    falsify=Falsification("a rule without batches", _thresholds(), partial(_nearly_dead, rules=("batch_sum",))),
)
def nearly_dead(network: cnn.Network, x: NDArray, epsilon: tuple[float, float], seed: int) -> Evidence:
    return _nearly_dead(network, x, epsilon, seed)
