"""Perceptrons trained by gradient descent stay below every proved optimum, and have what was asked for."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from convexnn import associative
from convexnn.errors import InfeasibleError, InputError
from convexnn.training.perceptrons import PRUNING, Recipe, silent_units, train_perceptron

N, DENSITY = 20, 0.4
RECIPES = [
    Recipe(loss, 1e-2, power, pruning, 0.003 * (pruning == "demon"), 1000)
    for loss in ("logistic", "hinge")
    for power in (1, 2)
    for pruning in PRUNING
]


def instance(seed=0, load=0.5):
    return associative.random_associations(N, round(load * N), rng=np.random.default_rng(seed))


def train(one, recipe, seed=0):
    density = None if recipe.pruning == "none" else DENSITY
    return train_perceptron(one, recipe, density=density, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: f"{r.loss}-l{r.power}-{r.pruning}")
def test_nothing_trained_beats_the_proved_optimum(recipe):
    for seed in range(3):
        one = instance(seed)
        found = train(one, recipe, seed)
        density = None if recipe.pruning == "none" else DENSITY
        bound = associative.learn(one, density=density).bound
        assert found.robustness <= bound + 1e-9
        assert found.check()
        assert np.abs(found.weights).mean() == pytest.approx(1)
        if recipe.pruning != "none":
            assert np.count_nonzero(found.weights) <= DENSITY * N
        if recipe.pruning in ("magnitude", "gradual"):
            assert np.count_nonzero(found.weights) == DENSITY * N


def test_hinge_loss_with_little_l2_decay_approaches_the_largest_euclidean_margin():
    from scipy.optimize import minimize

    one = instance(1, load=0.3)
    sided = (2 * one.outputs - 1)[:, None] * one.inputs / np.sqrt(N)
    # The weights of the largest margin: least |J|^2 with all margins at least 1.
    found = minimize(
        lambda j: j @ j / 2,
        np.zeros(N),
        jac=lambda j: j,
        constraints={"type": "ineq", "fun": lambda j: sided @ j - 1, "jac": lambda _: sided},
        method="SLSQP",
    )
    best = found.x / np.abs(found.x).mean()
    trained = train(one, Recipe("hinge", 1e-2, 2, n_steps=20_000))
    assert np.corrcoef(best, trained.weights)[0, 1] > 0.999
    assert trained.robustness == pytest.approx((sided @ best).min(), rel=0.02)


def test_the_same_seed_gives_the_same_weights():
    recipe = RECIPES[PRUNING.index("demon")]
    one = instance()
    np.testing.assert_array_equal(train(one, recipe, 4).weights, train(one, recipe, 4).weights)
    assert (train(one, recipe, 4).weights != train(one, recipe, 5).weights).any()


def test_gradual_pruning_loses_less_than_a_single_cut():
    recipes = [Recipe("hinge", 1e-2, 2, pruning, n_steps=2000) for pruning in ("gradual", "magnitude")]
    lost = [[train(instance(seed), recipe).robustness for seed in range(20)] for recipe in recipes]
    assert np.mean(lost[0]) > np.mean(lost[1])


@pytest.mark.parametrize("n_steps", [20, 33, 40])
def test_the_shortest_gradual_pruning(n_steps):
    found = train(instance(), Recipe(pruning="gradual", n_steps=n_steps))
    assert np.count_nonzero(found.weights) == DENSITY * N


def test_silent_units_against_all_states():
    rng = np.random.default_rng(2)
    weights = rng.normal(size=(30, 6)) - 0.8
    everything = np.array(list(itertools.product([0.0, 1.0], repeat=6)))
    for threshold in (0.0, 0.1, -0.05):
        fires = (weights @ everything.T / 6 > threshold).any(axis=1)
        np.testing.assert_array_equal(silent_units(weights, threshold=threshold), ~fires)
        np.testing.assert_array_equal(silent_units(weights, everything, threshold=threshold), ~fires)
        few = everything[:5]
        fires = (weights @ few.T / 6 > threshold).any(axis=1)
        np.testing.assert_array_equal(silent_units(weights, few, threshold=threshold), ~fires)
    assert 0 < silent_units(weights).sum() < 30


def test_bad_input():
    one, rng = instance(), np.random.default_rng(0)
    for call, message in (
        (lambda: Recipe("squared"), "unknown loss"),
        (lambda: Recipe(pruning="lottery"), "unknown pruning"),
        (lambda: Recipe(power=3), "power must be 1 or 2"),
        (lambda: Recipe(decay=-1.0), "decay must not be negative"),
        (lambda: Recipe(noise=0.1), 'goes with pruning "demon"'),
        (lambda: Recipe(n_steps=3), "n_steps must be an integer >= 20"),
        (lambda: Recipe(learning_rate=0.0), "learning_rate must be positive"),
        (lambda: train_perceptron(one, Recipe(), density=0.5, rng=rng), "needed to prune, and only then"),
        (lambda: train_perceptron(one, Recipe(pruning="gradual"), rng=rng), "needed to prune, and only then"),
        (lambda: train_perceptron(one, Recipe(decay=1e4, pruning="demon"), density=0.5, rng=rng), "decayed to zero"),
        (lambda: train_perceptron(one, Recipe(learning_rate=1e300), rng=rng), "training diverged"),
        (lambda: train_perceptron(one, Recipe(), rng=None), "rng must be a numpy Generator"),
        (lambda: silent_units(np.ones(3)), "weights must have shape"),
        (lambda: silent_units(np.ones((2, 3)), np.ones((4, 2))), r"3 columns, as weights, got shape \(4, 2\)"),
    ):
        with pytest.raises(InputError, match=message):
            call()
    with pytest.raises(InfeasibleError):
        train_perceptron(one, Recipe(pruning="gradual"), density=0.01, rng=rng)
