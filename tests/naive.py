"""Slow oracles, written from the definitions: no compiled code, no prefix sums, nothing that the library computes.

Architectures, losses and networks are read as data only (names, widths, weights). Units are functions of one number.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from convexnn import Architecture, Network
from convexnn.activations import Activation
from convexnn.losses import Loss

Unit = Callable[[float], float]
Vector = Sequence[float] | NDArray


def activate(sigma: Activation, t: float) -> float:
    """One neuron; a step is on at zero."""
    match sigma.name:
        case "relu":
            return max(t, 0.0)
        case "leaky_relu":
            return sigma.right * t if t > 0 else sigma.left * t
        case "absolute":
            return abs(t)
        case "sign":
            return 1.0 if t >= 0 else -1.0
        case "threshold":
            return 1.0 if t >= 0 else 0.0
    raise AssertionError(sigma)


# Units of the dictionaries


def columns(x: Vector, units: Sequence[Unit]) -> NDArray:
    """Every unit at every input, as an (n, p) matrix."""
    return np.array([[unit(t) for unit in units] for t in x], dtype=float).reshape(len(x), len(units))


def units(x: Vector, architecture: Architecture) -> list[Unit]:
    """The units that the paper lists for an architecture on inputs x; repeated and vanishing ones included."""
    points = tuple(sorted(set(map(float, x))))
    sigma, depth = architecture.activation, architecture.depth
    if sigma.name in ("sign", "threshold"):
        return [lambda t, h=h: activate(sigma, h[piece(t, points)]) for h in patterns(len(points), architecture)]
    if depth == 2:
        return [lambda t, s=s, a=a: activate(sigma, s * (t - a)) for s in (1, -1) for a in points]
    if architecture.form == "symmetrized":
        centres = centres_and_radii(points)
        return [lambda t, s=s, c=c, r=r: max(s * (abs(t - c) - r), 0.0) for s in (1, -1) for c, r in centres]
    if sigma.name == "relu":
        return [lambda t, a=a, b=b: min(max(t, a), b) - a for a, b in itertools.combinations(points, 2)]
    if depth == 3:
        return [lambda t, c=c, r=r: abs(abs(t - c) - r) for c, r in centres_and_radii(points)]
    return [lambda t, c=c: nested_distance(t, c) for c in kink_systems(points, depth - 1)]


def centres_and_radii(points: Vector) -> list[tuple[float, float]]:
    """A datum and its distance from any datum, itself included; the middle of two data and half their distance."""
    around = [(c, abs(foot - c)) for c in points for foot in points]
    return around + [((a + b) / 2, (b - a) / 2) for a, b in itertools.combinations(points, 2)]


def nested_distance(t: float, offsets: Vector) -> float:
    """``| ... ||t - c_1| - c_2| ... - c_l|``."""
    for c in offsets:
        t = abs(t - c)
    return t


@functools.cache
def kink_systems(points: tuple[float, ...], layers: int) -> list[tuple[float, ...]]:
    """All offsets c that put a kink of some neuron on a datum `layers` times over, independently; in exact fractions.

    The neuron of layer l + 1 bends where g_l(x_n) = c_{l+1}, with g_0 = x_n and g_l = s_l (g_{l-1} - c_l) for the sign
    s_l that makes it an absolute value. Every choice of equations and of signs is tried.
    """
    meetings = list(itertools.product(range(layers), map(Fraction, points)))
    found = set()
    for chosen in itertools.combinations(meetings, layers):
        for signs in itertools.product(*(itertools.product((1, -1), repeat=layer) for layer, _ in chosen)):
            offsets = _solve([_kink_equation(layers, datum, s) for (_, datum), s in zip(chosen, signs, strict=True)])
            if offsets and all(nested_distance(t, offsets[:layer]) == offsets[layer] for layer, t in chosen):
                found.add(offsets)
    return [tuple(map(float, offsets)) for offsets in found]


def _kink_equation(layers: int, datum: Fraction, signs: Sequence[int]) -> list[Fraction]:
    """``g_l(datum) - c_{l+1} = 0`` as coefficients of c_1, ..., c_layers and, last, the constant."""
    g = [Fraction(0)] * layers + [datum]
    for layer, sign in enumerate(signs):
        g[layer] -= 1
        g = [sign * coefficient for coefficient in g]
    g[len(signs)] -= 1
    return g


def _solve(equations: list[list[Fraction]]) -> tuple[Fraction, ...] | None:
    """Gauss-Jordan elimination; None if the equations are dependent."""
    rows = [row[:] for row in equations]
    for k in range(len(rows)):
        pivot = next((i for i in range(k, len(rows)) if rows[i][k]), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [entry / rows[k][k] for entry in rows[k]]
        for i in range(len(rows)):
            if i != k:
                factor = rows[i][k]
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    return tuple(-row[-1] for row in rows)


def switches(architecture: Architecture) -> int:
    """How often a step unit can switch: once for every first-layer neuron that reaches its output."""
    if architecture.form == "narrow":
        return 1
    return math.prod(architecture.widths) if architecture.form == "tree" else architecture.widths[0]


def patterns(n: int, architecture: Architecture) -> Iterator[tuple[int, ...]]:
    """All h in {-1, +1}^n that are on at the right end and switch at least once, at most as often as a unit can."""
    for h in itertools.product((-1, 1), repeat=n):
        if h[-1] == 1 and 1 <= sum(a != b for a, b in itertools.pairwise(h)) <= switches(architecture):
            yield h


def piece(t: float, points: Vector) -> int:
    """Which datum's level a step function has at t: it switches midway, where that can be told from the left datum."""
    middles = [a + (b - a) / 2 for a, b in itertools.pairwise(points)]
    knots = [b if middle == a else middle for middle, (a, b) in zip(middles, itertools.pairwise(points), strict=True)]
    return sum(t >= knot for knot in knots)


def published(x: Vector, s: Sequence[int], j: Sequence[int], k: int) -> Unit:
    """The column (s, j, k) of the paper: phi_l(t) = (s_l (phi_{l-1}(t) - phi_{l-1}(a_l)))_+, data descending."""
    a = [sorted(set(x), reverse=True)[place] for place in j]
    if k == 1:
        a[0] = 2 * a[1] - a[0]

    def phi(layer: int, t: float) -> float:
        if layer == 0:
            return t
        return max(s[layer - 1] * (phi(layer - 1, t) - phi(layer - 1, a[layer - 1])), 0.0)

    return lambda t: phi(len(s), t)


# Losses and the dual


def loss_row(loss: Loss, y: float, f: float) -> float:
    """The unweighted loss of one row."""
    r = y - f
    match loss.name:
        case "squared":
            return r * r / 2
        case "absolute":
            return abs(r)
        case "quantile":
            return loss.tau * r if r > 0 else (loss.tau - 1) * r
        case "huber":
            return r * r / 2 if abs(r) <= loss.delta else loss.delta * abs(r) - loss.delta**2 / 2
        case "logistic":
            # For large arguments log(1 + exp(t)) is t.
            return -y * f if -y * f > 700 else math.log1p(math.exp(-y * f))
    raise AssertionError(loss)


def loss_total(loss: Loss, y: Vector, f: Vector, weight: Vector) -> float:
    return math.fsum(w * loss_row(loss, a, b) for a, b, w in zip(y, f, weight, strict=True))


def multipliers(loss: Loss, y: float, f: float, w: float) -> tuple[float, float]:
    """The interval of th = -dL/df of one row: a point where the loss is smooth."""
    r = y - f
    if loss.name == "squared":
        return w * r, w * r
    if loss.name == "huber":
        th = w * min(max(r, -loss.delta), loss.delta)
        return th, th
    if loss.name == "logistic":
        th = w * y / (1 + math.exp(y * f))
        return th, th
    above, below = (1.0, 1.0) if loss.name == "absolute" else (loss.tau, 1 - loss.tau)
    return (-w * below if r <= 0 else w * above), (w * above if r >= 0 else -w * below)


def box(loss: Loss, y: float, w: float) -> tuple[float, float]:
    """Where th may lie: between the slopes of the loss far out on both sides."""
    if w == 0:
        return 0.0, 0.0
    if loss.name in ("squared", "interpolation"):
        return -math.inf, math.inf
    far = 2.0**20
    return tuple(sorted(w * (loss_row(loss, y, s * far) - loss_row(loss, y, 2 * s * far)) / (s * far) for s in (1, -1)))


def conjugate(loss: Loss, y: float, th: float, w: float) -> float:
    """``min_f w l(y, f) + th f`` by ternary search; -inf for th outside the box (by more than rounding)."""
    lo, hi = box(loss, y, w)
    if not lo - 1e-14 * w <= th <= hi + 1e-14 * w:
        return -math.inf
    if w == 0:
        return 0.0
    left, right = -60.0 - 2 * abs(y) - 2 * abs(th) / w, 60.0 + 2 * abs(y) + 2 * abs(th) / w
    for _ in range(200):
        a, b = left + (right - left) / 3, right - (right - left) / 3
        if w * loss_row(loss, y, a) + th * a <= w * loss_row(loss, y, b) + th * b:
            right = b
        else:
            left = a
    return w * loss_row(loss, y, left) + th * left


def dual_objective(loss: Loss, th: Vector, y: Vector, weight: Vector) -> float:
    if loss.name == "interpolation":
        return math.fsum(t * a for t, a in zip(th, y, strict=True))
    return math.fsum(conjugate(loss, a, t, w) for t, a, w in zip(th, y, weight, strict=True))


def best_constant(loss: Loss, y: Vector, weight: Vector) -> float:
    """A constant at which the multipliers can sum to zero: a target for losses with corners, else by bisection."""

    def sums(c: float) -> tuple[float, float]:
        ends = [multipliers(loss, a, c, w) for a, w in zip(y, weight, strict=True)]
        return math.fsum(low for low, _ in ends), math.fsum(high for _, high in ends)

    if loss.name in ("absolute", "quantile"):
        rounding = 1e-14 * sum(weight)
        return next(c for c in sorted(y) if sums(c)[0] <= rounding and sums(c)[1] >= -rounding)
    low, high = (-50.0, 50.0) if loss.name == "logistic" else (min(y), max(y))
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if sums(middle)[0] > 0 else (low, middle)
    return low


def beta_max(loss: Loss, a: NDArray, y: Vector, weight: Vector) -> float:
    """The least correlation that a dual vector of the best constant can have: one linear program over all columns."""
    constant = best_constant(loss, y, weight)
    bounds = [multipliers(loss, t, constant, w) for t, w in zip(y, weight, strict=True)]
    n = len(y)
    table = np.block([[a.T, -np.ones((a.shape[1], 1))], [-a.T, -np.ones((a.shape[1], 1))]])
    program = linprog(
        [*np.zeros(n), 1.0],
        A_ub=table,
        b_ub=np.zeros(len(table)),
        A_eq=[[*np.ones(n), 0.0]],
        b_eq=[0.0],
        bounds=[*bounds, (0.0, None)],
        method="highs-ds",
    )
    return program.fun


def repair(loss: Loss, th: Vector, a: NDArray, y: Vector, weight: Vector, beta: float) -> NDArray:
    """The dual point made of any vector, in the order of the derivation: centre within the boxes, then scale."""
    boxes = [box(loss, t, w) for t, w in zip(y, weight, strict=True)]

    def clipped(nu: float) -> list[float]:
        return [min(max(t - nu * w, lo), hi) for t, w, (lo, hi) in zip(th, weight, boxes, strict=True)]

    left, right = (s * (1 + max(map(abs, th))) / min(w for w in weight if w > 0) * 4 for s in (-1, 1))
    for _ in range(200):
        nu = (left + right) / 2
        left, right = (nu, right) if math.fsum(clipped(nu)) > 0 else (left, nu)
    centred = np.array(clipped(left))

    largest = max(abs(math.fsum(column * centred)) for column in a.T)
    allowed = beta / largest if largest > 0 else math.inf
    gain = math.fsum(centred * y)
    if loss.name in ("absolute", "quantile"):
        return centred * (min(allowed, 1.0) if gain > 0 else 0.0)
    if loss.name == "logistic":
        return centred * min(allowed, 1.0)
    if loss.name == "interpolation":
        return centred * (allowed if gain > 0 else 0.0)
    if loss.name == "huber":
        allowed = min(allowed, min(hi / abs(t) for t, (_, hi) in zip(centred, boxes, strict=True) if t))
    size = math.fsum(t * t / w for t, w in zip(centred, weight, strict=True) if w > 0)
    return centred * min(max(gain / size, 0.0), allowed)


# Networks


def forward(network: Network, t: float) -> float:
    """The network's output at one number, neuron by neuron."""
    total = network.intercept
    for unit in range(len(network.alpha)):
        height = 1.0 if network.amplitude is None else network.amplitude[unit]
        total += network.alpha[unit] * height * _unit_output(network, unit, t)
    return total


def _unit_output(network: Network, unit: int, t: float) -> float:
    architecture, values = network.architecture, [t]
    for level, layer in enumerate(network.layers):
        weights, biases = layer.weights[unit], layer.biases[unit]
        fan_in, outputs = weights.shape[1], []
        for neuron in range(weights.shape[0]):
            own = values[neuron * fan_in : (neuron + 1) * fan_in] if architecture.form == "tree" and level else values
            argument = sum(w * v for w, v in zip(weights[neuron], own, strict=True)) + biases[neuron]
            if architecture.form == "symmetrized" and level == 0:
                # A mirrored pair of ReLUs with tied weights, added up.
                outputs.append(max(argument, 0.0) + max(-argument, 0.0))
            else:
                outputs.append(activate(architecture.activation, argument))
        values = outputs
    (output,) = values
    return output


def penalty(network: Network, beta: float) -> float:
    """``beta / L`` times the sum of |w|^L: all weights; of step networks, output weights and heights, with L = 2."""
    if network.amplitude is not None:
        return beta / 2 * sum(w**2 for w in [*network.alpha, *network.amplitude])
    weights = [*network.alpha, *(w for layer in network.layers for w in layer.weights.flat)]
    return beta / network.architecture.depth * sum(abs(w) ** network.architecture.depth for w in weights)
