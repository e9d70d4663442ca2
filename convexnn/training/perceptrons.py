"""Perceptrons trained by gradient descent on associations, and pruned: what the exact optima are compared with.

A neuron is trained by logistic or hinge loss with weight decay, its smallest weights are cut, and the rest is trained
on. Its robustness is measured like that of every other solution: after rescaling to mean |J| = 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convexnn.associative.associations import Associations
from convexnn.associative.learned import Constraints, Learned
from convexnn.errors import InputError
from convexnn.training.mlp import as_matrix
from convexnn.training.schedules import cubic_sparsity, one_cycle
from convexnn.validation import FloatArray, as_generator, as_integer, as_not_negative, as_number, as_positive, one_of

PRUNING = ("none", "magnitude", "gradual", "demon")
_SPAN, _CUTS = 0.6, 20  # cutting ends after this share of the steps; so many times weights are cut
_FIRST, _SECOND, _EPSILON = 0.9, 0.999, 1e-8  # Adam's


@dataclass(frozen=True)
class Recipe:
    """How a perceptron is trained.

    Attributes
    ----------
    loss : {"logistic", "hinge"}
        Of the margin ``s J.X / sqrt(N)``, averaged over the associations; hinge: (1 - margin)_+.
    decay : float
        Strength of the penalty.
    power : int
        1: mean |J|. 2: half the mean of J^2.
    pruning : {"none", "magnitude", "gradual", "demon"}
        "magnitude": the smallest weights are cut once. "gradual": by and by, on the cubic schedule of Zhu and Gupta
        (2017). "demon": see the notes; if too many weights survive the schedule, the smallest of them are cut.
    noise : float
        For "demon": peak of the standard deviation of the noise on live parts of weights, after every step.
    n_steps : int
        Full-batch steps of Adam, recovery after pruning included.
    learning_rate : float
        At the start; it falls linearly to zero.

    Notes
    -----
    Demon pruning of weights follows arXiv:2403.07688 with a ReLU on the parts of every weight: ``J = (p)_+ - (q)_+``. A
    part that reaches zero has neither gradient nor noise and is dead for good; decay and noise follow a one-cycle
    schedule. A weight is zero once both of its parts are dead.
    """

    loss: str = "logistic"
    decay: float = 1e-3
    power: int = 2
    pruning: str = "none"
    noise: float = 0.0
    n_steps: int = 3000
    learning_rate: float = 0.03

    def __post_init__(self) -> None:
        one_of("loss", self.loss, ("logistic", "hinge"))
        one_of("pruning", self.pruning, PRUNING)
        if self.power not in (1, 2):
            raise InputError(f"power must be 1 or 2, got {self.power!r}")
        for name in ("decay", "noise"):
            as_not_negative(name, getattr(self, name))
        if self.noise and self.pruning != "demon":
            raise InputError(f'noise goes with pruning "demon", got {self.pruning!r}')
        as_integer("n_steps", self.n_steps, _CUTS)
        as_positive("learning_rate", self.learning_rate)


def train_perceptron(
    associations: Associations, recipe: Recipe, *, density: float | None = None, rng: np.random.Generator
) -> Learned:
    """Train a neuron of threshold 0 by gradient descent.

    Parameters
    ----------
    associations : Associations
    recipe : Recipe
    density : float, optional
        At most ``round(density N)`` weights are nonzero in the end; needed to prune, and only then.
    rng : numpy.random.Generator
        Draws the first weights and the noise.

    Returns
    -------
    Learned
        Rescaled to mean |J| = 1. A negative robustness means that not all associations are stored; the bound is
        infinite, since gradient descent proves none.

    Raises
    ------
    InputError
        If the density is missing or not needed, if training diverged, or if all weights decayed to zero.
    InfeasibleError
        If the density allows no weight.
    """
    if (density is None) != (recipe.pruning == "none"):
        raise InputError("density is needed to prune, and only then")
    rng = as_generator(rng)
    constraints = Constraints.of(associations.n_inputs, density=density)
    with np.errstate(over="ignore", invalid="ignore"):
        weights = _descend(associations, recipe, constraints.max_nonzero, rng)
        size = np.abs(weights).mean()
    if not np.isfinite(size):
        raise InputError(f"training diverged; decrease the learning_rate of {recipe.learning_rate:g} or the decay")
    if size == 0:
        raise InputError(f"all weights decayed to zero; decrease the decay of {recipe.decay:g}")
    return Learned(associations, constraints, weights / size, np.inf, f"trained, {recipe.pruning} pruning")


def silent_units(weights: ArrayLike, states: ArrayLike | None = None, *, threshold: float = 0.0) -> NDArray[np.bool_]:
    """Which neurons of a recurrent network never fire.

    Parameters
    ----------
    weights : (n_units, N) array
        A row a neuron, in the units of `convexnn.associative`: mean |J| = 1.
    states : (m, N) array of 0 and 1, optional
        Where to look; by default at all 2^N states, of which the one with the largest sum decides.
    threshold : float
        h / (N w).

    Returns
    -------
    (n_units,) array of bool

    Raises
    ------
    InputError
        For arrays that are no finite matrices of as many columns.

    Notes
    -----
    A neuron that is silent on all states is what a dead unit is on the hull of the data. Being silent on the stored
    states only is no defect: it is what the neuron was to learn if it is 0 in all of them.
    """
    table = as_matrix("weights", weights)
    if states is None:
        largest = np.maximum(table, 0).sum(axis=1)
    else:
        seen = as_matrix("states", states)
        if seen.shape[1] != table.shape[1]:
            raise InputError(f"states must have {table.shape[1]} columns, as weights, got shape {seen.shape}")
        largest = (table @ seen.T).max(axis=1)
    silent: NDArray[np.bool_] = largest / table.shape[1] <= as_number("threshold", threshold)
    return silent


def _descend(associations: Associations, recipe: Recipe, left: int, rng: np.random.Generator) -> FloatArray:
    n, span, dies = associations.n_inputs, int(_SPAN * recipe.n_steps), recipe.pruning == "demon"
    sided = (2 * associations.outputs - 1)[:, None] * associations.inputs / np.sqrt(n)
    weights = rng.normal(size=n)
    if dies:  # the positive parts, then the negative parts
        sided, weights = np.hstack((sided, -sided)), np.abs(rng.normal(size=2 * n))
    live = np.ones(weights.size, dtype=bool)
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    cuts = _cuts(recipe, n, left, span)
    cycles = [one_cycle(peak, span) for peak in (recipe.decay, recipe.noise)]
    for step in range(recipe.n_steps):
        decay, noise = (cycle(step) for cycle in cycles) if dies else (recipe.decay, 0.0)
        gradient = _slope(recipe, sided @ weights) @ sided / len(sided)
        gradient += decay / n * (weights if recipe.power == 2 else np.sign(weights))
        first += (1 - _FIRST) * (gradient - first)
        second += (1 - _SECOND) * (gradient**2 - second)
        rate = recipe.learning_rate * (1 - step / recipe.n_steps)
        scaled = np.sqrt(second / (1 - _SECOND ** (step + 1))) + _EPSILON
        weights = weights - rate * first / (1 - _FIRST ** (step + 1)) / scaled
        if dies:
            weights += noise * rng.normal(size=2 * n)
            live &= weights > 0
        if (keep := cuts.get(step + 1)) is not None:
            sizes = np.abs(_folded(weights * live, n))
            live &= np.isin(np.arange(live.size) % n, np.argsort(-sizes, kind="stable")[:keep])
        weights = np.where(live, weights, 0.0)
    return _folded(weights, n)


def _folded(weights: FloatArray, n: int) -> FloatArray:
    """Positive minus negative parts, if there are parts."""
    return weights if weights.size == n else weights[:n] - weights[n:]


def _cuts(recipe: Recipe, n: int, left: int, span: int) -> dict[int, int]:
    """How many weights to keep after which steps."""
    if recipe.pruning == "none":
        return {}
    if recipe.pruning != "gradual":
        return {span: left}
    schedule = cubic_sparsity(1 - left / n, span)
    every = max(span // _CUTS, 1)
    return {step: n - round(n * schedule(step)) for step in range(every, span, every)} | {span: left}


def _slope(recipe: Recipe, margins: FloatArray) -> FloatArray:
    """The derivative of the loss of every association in its margin."""
    if recipe.loss == "hinge":
        return np.where(margins < 1, -1.0, 0.0)
    return -0.5 * (1 - np.tanh(margins / 2))  # -1 / (1 + exp(margin)), which cannot overflow
