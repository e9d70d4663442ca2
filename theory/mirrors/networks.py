"""From the Lasso to a network and back: reconstruction and rebalancing of weights.

Networks are evaluated and penalised here neuron by neuron, from their weights alone.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import convexnn as cnn
from convexnn.network.network import Layer
from theory.instances import fractions_of_beta_max, inputs, sized, targets, vector
from theory.mirrors.architectures import DEEP, TWO_LAYERS, any_architecture, one_of_each
from theory.mirrors.units import SYMMETRIZED
from theory.statement import Evidence, Falsification, theorem

_EPS = float(np.finfo(float).eps)


def plain_output(network: cnn.Network, x: NDArray) -> tuple[NDArray, float]:
    """Values at `x`, and a bound on their rounding: 64 eps times the output with all terms taken positive."""
    outer = network.alpha if network.amplitude is None else network.alpha * network.amplitude
    values, size = np.full(len(x), network.intercept), abs(network.intercept)
    for unit, factor in enumerate(outer):
        output, bound = _unit_output(network, unit, x)
        values, size = values + factor * output, size + abs(factor) * bound
    return values, 64 * _EPS * size


def _unit_output(network: cnn.Network, unit: int, x: NDArray) -> tuple[NDArray, float]:
    """Values of one unit, and their bound, layer by layer; `below` holds both for each neuron of the layer below."""
    sigma, form = network.architecture.activation, network.architecture.form
    pieces = SYMMETRIZED if form == "symmetrized" else [(sigma.left, sigma.right)] * len(network.layers)
    below = [(x, float(np.abs(x).max()))]
    for level, (layer, (left, right)) in enumerate(zip(network.layers, pieces, strict=True)):
        neurons = []
        for neuron, (weights, bias) in enumerate(zip(layer.weights[unit], layer.biases[unit], strict=True)):
            # In a tree every neuron has its own children; the leaves all see x.
            first = neuron * len(weights) if form == "tree" and level > 0 else 0
            seen = below[first : first + len(weights)]
            argument = bias + sum(w * values for w, (values, _) in zip(weights, seen, strict=True))
            bound = abs(bias) + sum(abs(w) * size for w, (_, size) in zip(weights, seen, strict=True))
            if sigma.is_step:
                neurons.append((np.where(argument >= 0, right, left), 1.0))
            else:
                bent = np.where(argument >= 0, right * argument, left * argument)
                neurons.append((bent, max(abs(left), abs(right)) * bound))
        below = neurons
    return below[0]


def penalised_weights(network: cnn.Network) -> NDArray:
    """All penalised weights, one unit a row: hidden and output weights; of steps, amplitudes and output weights."""
    m = network.n_units
    inner = [layer.weights.reshape(m, layer.weights[:1].size if m else 0) for layer in network.layers]
    return np.column_stack([network.alpha, *(inner if network.amplitude is None else [network.amplitude])])


def plain_penalty(network: cnn.Network, beta: float, signed: bool = False) -> float:
    """(beta / L) sum |w|^L, or with w^L in place of |w|^L."""
    weights, depth = penalised_weights(network), network.architecture.effective_depth
    return float(beta / depth * ((weights if signed else np.abs(weights)) ** depth).sum())


def _points(x: NDArray) -> NDArray:
    """The data, points beyond and points between that are no midpoints of neighbours."""
    return np.concatenate([x, x[:-1] + 0.37 * np.diff(x), [x[0] - 1.3 * np.ptp(x), x[-1] + 1.7 * np.ptp(x)]])


def _first_power_biases(network: cnn.Network) -> cnn.Network:
    """The biases of layer l scaled with gamma in place of gamma^l."""
    gamma = np.abs(network.alpha)[:, None]
    layers = tuple(Layer(layer.weights, layer.biases / gamma**level) for level, layer in enumerate(network.layers))
    return replace(network, layers=layers)


def _reconstruction(
    x: NDArray, y: NDArray, share: float, architecture: cnn.Architecture, first_power: bool = False
) -> Evidence:
    beta = share * cnn.Problem(x, y, 1.0, architecture).beta_max
    solution = cnn.solve(cnn.Problem(x, y, beta, architecture), tol=1e-8, on_failure="raise")
    network = solution.network()
    if first_power:
        network = _first_power_biases(network)
    points = _points(x)
    values, rounding = plain_output(network, points)
    penalty = plain_penalty(network, beta)
    scale = 64 * _EPS * solution.objective + np.sqrt(2 * solution.objective * len(x)) * rounding
    return (
        Evidence.equal("values", values, solution.predict(points), rounding)
        & Evidence.equal("values, evaluated by the library", network(points), solution.predict(points), rounding)
        & Evidence.equal("penalty", penalty, beta * np.abs(solution.coef).sum(), 64 * _EPS * solution.objective)
        & Evidence.equal("objective", np.sum((y - values[: len(x)]) ** 2) / 2 + penalty, solution.objective, scale)
        & Evidence.equal("objective, by the library", network.objective(x, y, beta), solution.objective, scale)
    ).note(architecture.label)


@theorem(
    key="mirrors/reconstruction",
    title="A solution of the Lasso is a network with the same values everywhere and the same objective",
    statement=(
        r"With \gamma=|z_i|^{1/L}, w_l=s_l\gamma, b_l=-s_lc_l\gamma^l, \alpha_i=\mathrm{sign}(z_i)\gamma: "
        r"\sum_i\alpha_iu_i(x)=\sum_iz_ia_i(x) for all x, and (\beta/L)\sum|w|^L=\beta\|z\|_1. For sign and "
        r"threshold the output weight and the amplitude of the last neuron are \mathrm{sign}(z_i)\sqrt{|z_i|} and "
        r"\sqrt{|z_i|}."
    ),
    reference="arXiv:2403.01046, and the authors' code for ReLU",
    kind="equality",
    spec="T17",
    instances=sized(
        3, 6, x=inputs, y=targets, share=lambda n: fractions_of_beta_max, architecture=lambda n: any_architecture
    ),
    examples=one_of_each(x=np.array([0.0, 2, 6, 7, 11]), y=np.array([0.0, 3, -1, 3, 0]), share=0.1),
    falsify=Falsification(
        "biases that scale with gamma^l (gamma at every layer)",
        sized(
            3,
            5,
            x=inputs,
            y=targets,
            share=lambda n: fractions_of_beta_max,
            architecture=lambda n: st.sampled_from([a for a in DEEP if a.depth == 3]),
        ),
        partial(_reconstruction, first_power=True),
    ),
)
def reconstruction(x: NDArray, y: NDArray, share: float, architecture: cnn.Architecture) -> Evidence:
    return _reconstruction(x, y, share, architecture)


_narrow = st.sampled_from([*TWO_LAYERS, *DEEP])


@st.composite
def _networks(draw: st.DrawFn, architectures: st.SearchStrategy[cnn.Architecture] = _narrow) -> cnn.Network:
    """Networks of narrow units with any weights, zeros among them."""
    architecture = draw(architectures)
    m = draw(st.integers(1, 4))
    layers = tuple(
        Layer(draw(vector(m)).reshape(m, 1, 1), draw(vector(m)).reshape(m, 1)) for _ in range(architecture.depth - 1)
    )
    amplitude = draw(vector(m)) if architecture.activation.is_step else None
    return cnn.Network(architecture, layers, draw(vector(m)), amplitude, draw(st.integers(-9, 9).map(float)))


def _rebalancing(network: cnn.Network, x: NDArray, signed: bool = False) -> Evidence:
    balanced = network.balanced()
    points = _points(x)
    (before, rounding), (after, balanced_rounding) = plain_output(network, points), plain_output(balanced, points)
    penalty = plain_penalty(network, 1.0, signed)
    allowed = 64 * _EPS * plain_penalty(network, 1.0)
    weights = np.abs(penalised_weights(balanced))
    evidence = (
        Evidence.equal("values", after, before, rounding + balanced_rounding)
        & Evidence.at_most("penalty", plain_penalty(balanced, 1.0, signed), penalty, allowed)
        & Evidence.at_most("units", balanced.n_units, network.n_units)
    )
    if balanced.n_units:
        spread = np.ptp(weights, axis=1) / weights.max(axis=1)
        evidence &= Evidence.at_most("spread of |w| within units", spread.max(), 0.0, 64 * _EPS)
    dropped = balanced.n_units < network.n_units
    return evidence.note("a constant unit moved to the intercept", dropped).note(network.architecture.label)


@theorem(
    key="mirrors/rebalancing",
    title="Rescaling the weights within each unit to one modulus keeps the function and never costs",
    statement=(
        r"With P_l=\prod_{k\le l}|w_k| and \gamma=(|\alpha|P_{L-1})^{1/L}, the network "
        r"w_l\mapsto\mathrm{sign}(w_l)\gamma, b_l\mapsto b_l\gamma^l/P_l, \alpha\mapsto\mathrm{sign}(\alpha)\gamma "
        r"has the same values and a penalty \sum|w|^L that is not larger."
    ),
    reference="arithmetic-geometric mean inequality and positive homogeneity; arXiv:2403.01046",
    kind="tight bound",
    spec="T18",
    instances=sized(3, 5, x=inputs, network=lambda n: _networks()),
    falsify=Falsification(
        "the modulus in the penalty (sum of w^L at odd L)",
        sized(3, 3, x=inputs, network=lambda n: _networks(st.just(cnn.Architecture("absolute", 3)))),
        partial(_rebalancing, signed=True),
    ),
    uses=("a constant unit moved to the intercept",),
)
def rebalancing(network: cnn.Network, x: NDArray) -> Evidence:
    return _rebalancing(network, x)
