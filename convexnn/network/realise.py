"""From features with coefficients to the weights of a network of the same objective."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from convexnn.architecture import Architecture
from convexnn.dictionaries.feature import Feature
from convexnn.network.network import Layer, Network
from convexnn.validation import FloatArray


def realise(architecture: Architecture, features: Sequence[Feature], coef: FloatArray, intercept: float) -> Network:
    """The network whose i-th unit is the i-th feature, its weights balanced.

    Parameters
    ----------
    architecture : Architecture
    features : sequence of Feature
        From the architecture's dictionary.
    coef : (k,) array
        Nonzero coefficients.
    intercept : float

    Notes
    -----
    With gamma = |z|^(1/L) layer l of a unit gets the weight s_l gamma and the bias -s_l c_l gamma^l, and the output
    weight is sign(z) gamma (arXiv:2403.01046 and the authors' published code; switching patterns as derived in
    `_pattern_layers`).
    """
    z = np.asarray(coef, dtype=float)
    if architecture.activation.is_step:
        return _realise_steps(architecture, features, z, intercept)
    gamma = np.abs(z) ** (1 / architecture.depth)
    layers = []
    for level in range(architecture.depth - 1):
        sign = np.array([feature.signs[level] for feature in features], dtype=float)
        offset = np.array([feature.offsets[level] for feature in features], dtype=float)
        layers.append(Layer((sign * gamma)[:, None, None], (-sign * offset * gamma ** (level + 1))[:, None]))
    return Network(architecture, tuple(layers), np.sign(z) * gamma, None, float(intercept))


def _realise_steps(architecture: Architecture, features: Sequence[Feature], z: FloatArray, intercept: float) -> Network:
    units = [_pattern_layers(architecture, feature.knots) for feature in features]
    layers = []
    for level, shape in enumerate(architecture.layer_shapes):
        weights = np.array([unit[level][0] for unit in units]).reshape(len(units), *shape)
        biases = np.array([unit[level][1] for unit in units]).reshape(len(units), shape[0])
        layers.append(Layer(weights, biases))
    size = np.sqrt(np.abs(z))
    return Network(architecture, tuple(layers), np.sign(z) * size, size, float(intercept))


def _pattern_layers(architecture: Architecture, knots: Sequence[float]) -> list[tuple[FloatArray, FloatArray]]:
    """Weights and biases of one unit that switches at the knots and is on at the right end.

    Built as a tree; every other form is a tree whose upper neurons have one child, beside neurons that are constant.
    """
    widths = architecture.widths or (1,) * (architecture.depth - 2)
    branching = widths if architecture.form == "tree" else (*widths[:1], *(1,) * (len(widths) - 1))
    branching = branching[: architecture.depth - 2]
    counts = [math.prod(branching[level:]) for level in range(len(branching))] + [1]
    layers = [
        (np.zeros((count, fan_in)), np.zeros(count)) for count, fan_in in zip(counts, (1, *branching), strict=True)
    ]
    _grow(layers, branching, len(layers) - 1, 0, list(knots), 2.0 if architecture.activation.left == 0 else 1.0)
    if len(knots) % 2 == 0:
        # The tree starts off at the left end; its argument is +1 or -1, so turning it around is exact.
        weights, biases = layers[-1]
        layers[-1] = (-weights, -biases)
    return layers if architecture.form == "tree" else _among_constants(architecture, layers)


def _grow(
    layers: list[tuple[FloatArray, FloatArray]],
    branching: Sequence[int],
    level: int,
    node: int,
    knots: list[float],
    gain: float,
) -> None:
    """Make one neuron off at the left end and switch at the knots.

    A neuron above the first layer splits its knots into consecutive groups, one a child. Each child is off at the
    left and switches within its group, so that -1 + sum_j e_j (child_j + 1) telescopes to the pattern, with e_j = +1
    where the pattern is off before group j and -1 where it is on. `gain` is 2 for children in {0, 1}, 1 for children
    in {-1, +1}.
    """
    weights, biases = layers[level]
    if level == 0:
        # A neuron without a knot is off everywhere; a bias of 0 would switch it on.
        weights[node, 0], biases[node] = (1.0, -knots[0]) if knots else (0.0, -1.0)
        return
    children, capacity = branching[level - 1], math.prod(branching[: level - 1])
    biases[node] = -1.0
    for child in range(children):
        group = knots[child * capacity : (child + 1) * capacity]
        _grow(layers, branching, level - 1, node * children + child, group, gain)
        if group:
            weights[node, child] = gain * (1.0 if child * capacity % 2 == 0 else -1.0)
            biases[node] += weights[node, child] if gain == 1.0 else 0.0


def _among_constants(
    architecture: Architecture, layers: list[tuple[FloatArray, FloatArray]]
) -> list[tuple[FloatArray, FloatArray]]:
    """Put a tree of one neuron a layer above the first into full layers; the other neurons are on everywhere."""
    full = []
    for shape, (weights, biases) in zip(architecture.layer_shapes, layers, strict=True):
        wide, offsets = np.zeros(shape), np.ones(shape[0])
        wide[: weights.shape[0], : weights.shape[1]] = weights
        offsets[: biases.size] = biases
        full.append((wide, offsets))
    return full
