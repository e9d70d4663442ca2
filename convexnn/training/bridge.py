"""From a trained network to the convex problem: the local optimum that it sits in, and the features that it misses.

On the data a unit of two layers is an affine function of its kink as long as the kink stays between two neighbouring
inputs. So it is a mixture of the two columns with kinks at these inputs, at no greater penalty, and gradient descent
that moves kinks within their intervals solves the Lasso over the columns next to them (arXiv:2403.01046 places the
kinks of global optima at inputs). What training reached is thus split in two: how far the network is from the optimum
over these columns, and how far that is from the optimum over all columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from convexnn.architecture import Architecture
from convexnn.dictionaries.base import Dictionary, IndexArray
from convexnn.dictionaries.feature import Feature
from convexnn.dictionaries.kinks import kink_feature
from convexnn.errors import InputError
from convexnn.lasso.candidate import Candidate
from convexnn.lasso.certificate import Certificate, residual_dual
from convexnn.lasso.columns import from_constant
from convexnn.lasso.problem import Problem
from convexnn.lasso.solve import certified
from convexnn.network.dead_units import dead_units
from convexnn.network.network import Layer, Network
from convexnn.network.realise import realise
from convexnn.training.train import Runs, train
from convexnn.validation import FloatArray, as_integer

_EPS = float(np.finfo(float).eps)
_ZERO = Feature((), (0.0,), (0.0,), (), "0")
_CURVATURE = {"squared": 1.0, "logistic": 0.25}  # the largest second derivative of the loss


@dataclass(frozen=True)
class LocalOptimum:
    """The best that a network can do with its kinks between the inputs where they are.

    Attributes
    ----------
    columns : tuple of Feature
        The features with kinks at the inputs next to the network's.
    network : Network
        The optimum over these columns.
    certificate : Certificate
        Of this network, among those with these columns only.
    training_gap : float
        How much higher the objective of the given network is. It is never negative but for rounding and the gap of the
        certificate, and near zero at the end of training.
    missing : tuple of (Feature, float)
        Features of the whole dictionary that would lower the objective, each with its absolute correlation as a
        multiple of beta: the largest of every run of neighbours above 1, in descending order. Empty if and only if the
        local optimum is global, up to rounding.
    """

    columns: tuple[Feature, ...]
    network: Network
    certificate: Certificate
    training_gap: float
    missing: tuple[tuple[Feature, float], ...]

    @property
    def objective(self) -> float:
        """Of the optimum over the columns."""
        return self.certificate.primal


def local_optimum(network: Network, x: ArrayLike, y: ArrayLike, beta: float, *, loss: str = "squared") -> LocalOptimum:
    """The optimum over the columns next to the kinks of a network's live units.

    Parameters
    ----------
    network : Network
        Of two layers: ReLU, leaky ReLU or absolute value.
    x, y : (n_samples,) arrays
    beta : float
    loss : str
        "squared" or "logistic".

    Returns
    -------
    LocalOptimum

    Raises
    ------
    InputError
        As `Problem`, and for other networks and losses.
    """
    problem = _problem(network, x, y, beta, loss)
    columns = neighbouring_columns(network, problem.dictionary.inputs)
    restricted = _Restricted(problem, columns)
    found = from_constant(restricted) if columns else Candidate([], np.zeros(0), *problem.constant_fit, 0)
    proof = certified(restricted, found)
    best = realise(network.architecture, found.features, found.coef, found.intercept + problem.rows.origin)
    reached = network.objective(problem.x, problem.y, problem.beta, loss=problem.loss)
    missing = missing_features(best, problem.x, problem.y, beta, loss=loss)
    return LocalOptimum(columns, best, proof, reached - proof.primal, missing)


def neighbouring_columns(network: Network, inputs: FloatArray) -> tuple[Feature, ...]:
    """The features with kinks at the inputs on both sides of every kink of a live unit.

    Parameters
    ----------
    network : Network
        Of two layers.
    inputs : (N,) array
        Distinct and ascending.

    Notes
    -----
    A kink beyond the data leaves a line on the data, which is the column of the nearest input up to a constant.
    """
    low, high = float(inputs[0]), float(inputs[-1])
    if low == high:
        return ()
    w, b = network.layers[0].weights[:, 0, 0], network.layers[0].biases[:, 0]
    live = (network.alpha != 0) & (w != 0) & ~dead_units(network, low, high)
    with np.errstate(over="ignore"):
        kinks = np.clip(-b[live] / w[live], low, high)
    before = np.searchsorted(inputs, kinks, side="right") - 1
    after = np.searchsorted(inputs, kinks, side="left")
    sign = np.sign(w[live])
    pairs = np.unique(np.stack((np.append(sign, sign), np.append(before, after))), axis=1).T.astype(int).tolist()
    features = (kink_feature(network.architecture, float(inputs[place]), side) for side, place in pairs)
    return tuple(feature for feature in features if np.ptp(feature(inputs)) > 0)


def missing_features(
    network: Network, x: ArrayLike, y: ArrayLike, beta: float, *, loss: str = "squared"
) -> tuple[tuple[Feature, float], ...]:
    """The features that would lower a network's objective, the most violated first.

    Parameters
    ----------
    network, x, y, beta, loss
        As for `local_optimum`; the intercept of the network is taken to be the best one.

    Returns
    -------
    tuple of (Feature, float)
        As `LocalOptimum.missing`.

    Raises
    ------
    InputError
        As `local_optimum`.
    """
    problem = _problem(network, x, y, beta, loss)
    if problem.dictionary.inputs.size == 1:
        return ()
    th = _multipliers(network, problem)
    size = np.abs(problem.dictionary.input_correlations(problem.rows.totals(th))) / problem.beta
    around = np.concatenate(([-np.inf], size, [-np.inf]))
    peaks = (size > around[:-2]) & (size >= around[2:]) & (size > 1 + _rounding(network, problem) / problem.beta)
    places = np.flatnonzero(peaks)
    return tuple((problem.dictionary[int(j)], float(size[j])) for j in places[np.argsort(-size[places], kind="stable")])


def reinitialise_dead(
    network: Network, x: ArrayLike, y: ArrayLike, beta: float, *, n_units: int, loss: str = "squared"
) -> Network:
    """Put dead units where the dual certificate says that a kink is missing.

    One unit after the other takes the feature of the largest correlation c with the multipliers, at the coefficient
    that lowers the objective by at least ``(|c| - beta)^2 / (2 k |column|^2)``, where k bounds the second derivative of
    the loss. It ends when no dead unit or no feature above beta is left.

    Parameters
    ----------
    network, x, y, beta, loss
        As for `local_optimum`.
    n_units : int
        The largest number of units to take.

    Returns
    -------
    Network
        With as many units, and the best intercept.

    Raises
    ------
    InputError
        As `local_optimum`, and if `n_units` is not positive.
    """
    problem = _problem(network, x, y, beta, loss)
    dictionary, rows = problem.dictionary, problem.rows
    free = np.flatnonzero(dead_units(network, float(dictionary.inputs[0]), float(dictionary.inputs[-1])))
    network = _with_best_intercept(network, problem)
    for unit in free[: as_integer("n_units", n_units)].tolist():
        if dictionary.inputs.size == 1:
            break
        totals = rows.totals(_multipliers(network, problem))
        value, feature = dictionary.max_input_correlation(totals)
        if value <= problem.beta + _rounding(network, problem):
            break
        column = feature(problem.x)
        step = (value - problem.beta) / (_CURVATURE[problem.loss.name] * float(column @ column))
        sign = np.sign(totals @ feature(dictionary.inputs))
        network = _replaced(network, unit, realise(network.architecture, [feature], np.array([sign * step]), 0.0))
        network = _with_best_intercept(network, problem)
    return network


def revive(runs: Runs, *, n_units: int, **options: Any) -> Runs:
    """Put dead and removed units of trained networks at the features they miss most, and go on training.

    The new kinks lower the objective, but by little, which large steps undo. On a noisy sine, networks left their local
    optima with a tenth of the rate that training had begun with, and mostly returned to them with the full rate.

    Parameters
    ----------
    runs : Runs
        With a penalty, of networks of two layers.
    n_units : int
        How many units of each network to take at most; see `reinitialise_dead`.
    **options
        As for `train`, from `learning_rate` on.

    Returns
    -------
    Runs
        Of the same width and seeds.

    Raises
    ------
    InputError
        As `reinitialise_dead` and `train`, and if a run diverged.
    """
    fixed = {"architecture", "width", "beta", "loss", "seeds", "initial"} & set(options)
    if fixed:
        raise InputError(f"revive takes {' and '.join(sorted(fixed))} from the runs")
    starts = [
        reinitialise_dead(
            _padded(runs.network(i), runs.width), runs.x, runs.y, runs.beta, n_units=n_units, loss=runs.loss
        )
        for i in range(len(runs))
    ]
    return train(
        runs.x,
        runs.y,
        architecture=runs.architecture,
        width=runs.width,
        beta=runs.beta,
        loss=runs.loss,
        seeds=runs.seeds,
        initial=starts,
        **options,
    )


class _Listed(Dictionary):
    """Some features of an architecture; at least one."""

    def __init__(self, x: FloatArray, architecture: Architecture, features: Sequence[Feature]) -> None:
        super().__init__(x, architecture)
        self._features = features

    @property
    def n_features(self) -> int:
        return len(self._features)

    def feature(self, index: int) -> Feature:
        return self._features[index]

    def _evaluate(self, x: FloatArray, index: IndexArray) -> FloatArray:
        return np.stack([self._features[j](x) for j in index], axis=1)


class _Restricted(Problem):
    """A problem over some features only."""

    def __init__(self, problem: Problem, features: Sequence[Feature]) -> None:
        super().__init__(problem.x, problem.y, problem.beta, problem.architecture, loss=problem.loss)
        self.dictionary = _Listed(problem.x, problem.architecture, features or (_ZERO,))


def _problem(network: Network, x: ArrayLike, y: ArrayLike, beta: float, loss: str) -> Problem:
    if not isinstance(network, Network):
        raise InputError(f"a convexnn Network is needed, got {type(network).__name__}")
    problem = Problem(x, y, beta, network.architecture, loss=loss)
    if problem.architecture.depth != 2 or problem.architecture.activation.is_step:
        raise InputError(
            f"local optima are known for ReLU, leaky ReLU and absolute value of two layers, "
            f"not for {problem.architecture.label}"
        )
    if problem.loss.name not in _CURVATURE:
        raise InputError(f"the loss must be one of {', '.join(_CURVATURE)}, got {problem.loss.name}")
    return problem


def _multipliers(network: Network, problem: Problem) -> FloatArray:
    """In solver order, at the best intercept."""
    return residual_dual(problem, network(problem.x)[problem.rows.order] - problem.rows.origin)


def _rounding(network: Network, problem: Problem) -> float:
    """How much of a correlation with the multipliers may be rounding: outputs round at eps times all their terms."""
    (layer,), sigma = network.layers, network.architecture.activation
    arguments = np.abs(layer.weights[:, 0, 0]) * np.abs(problem.x).max() + np.abs(layer.biases[:, 0])
    terms = max(abs(sigma.left), abs(sigma.right)) * float(np.abs(network.alpha) @ arguments) + abs(network.intercept)
    return 8 * _EPS * problem.n_samples * problem.column_range * (terms + float(np.abs(problem.y).max()))


def _with_best_intercept(network: Network, problem: Problem) -> Network:
    rows = problem.rows
    f = network(problem.x)[rows.order] - rows.origin
    shift = problem.loss.best_intercept(rows.y, f, rows.weight)
    return Network(network.architecture, network.layers, network.alpha, None, float(network.intercept + shift))


def _replaced(network: Network, unit: int, by: Network) -> Network:
    """One unit replaced by the only unit of another network."""
    (layer,), (new,) = network.layers, by.layers
    weights, biases, alpha = layer.weights.copy(), layer.biases.copy(), network.alpha.copy()
    weights[unit], biases[unit], alpha[unit] = new.weights[0], new.biases[0], by.alpha[0]
    return Network(network.architecture, (Layer(weights, biases),), alpha, None, network.intercept)


def _padded(network: Network, width: int) -> Network:
    """With units of zero weights, so that it has as many as before dead ones were removed."""
    more = width - network.n_units
    layers = tuple(
        Layer(np.pad(layer.weights, ((0, more), (0, 0), (0, 0))), np.pad(layer.biases, ((0, more), (0, 0))))
        for layer in network.layers
    )
    return Network(network.architecture, layers, np.pad(network.alpha, (0, more)), None, network.intercept)
