"""What a network computes and pays: against a slow reading of its weights, neuron by neuron."""

from __future__ import annotations

from dataclasses import replace

import naive
import numpy as np
import pytest
from helpers import (
    ARCHITECTURES,
    EPS,
    every_architecture,
    every_weighted_loss,
    random_network,
    targets,
)

from convexnn import Architecture, Network
from convexnn.errors import InputError
from convexnn.network import network as module
from convexnn.network.network import Layer

X = np.random.default_rng(30).normal(size=9)


def rounding(network, x):
    """Every layer multiplies what came in by the sum of its weights' moduli, and adds its biases."""
    size = np.abs(x).max()
    for layer in network.layers:
        size = np.abs(layer.weights).sum(axis=2).max() * size + np.abs(layer.biases).max()
    return 16 * EPS * (np.abs(network.alpha).sum() * size + abs(network.intercept))


@pytest.mark.parametrize("seed", range(3))
@every_architecture
def test_it_computes_what_its_neurons_do(architecture, seed):
    network = random_network(architecture, 4, np.random.default_rng(seed))
    wanted = [naive.forward(network, t) for t in X]
    np.testing.assert_allclose(network(X), wanted, rtol=0, atol=rounding(network, X))


@every_architecture
def test_it_pays_for_every_penalised_weight(architecture):
    network = random_network(architecture, 4, np.random.default_rng(5))
    assert network.penalty(0.7) == pytest.approx(naive.penalty(network, 0.7), rel=1e-14)
    if not architecture.activation.is_step:
        shifted = tuple(replace(layer, biases=layer.biases + 1) for layer in network.layers)
        assert replace(network, layers=shifted, intercept=9.0).penalty(0.7) == network.penalty(0.7)
    # Inner weights of steps have no scale and cost nothing.
    doubled = tuple(Layer(2 * layer.weights, 2 * layer.biases) for layer in network.layers)
    again = replace(network, layers=doubled)
    assert (again.penalty(0.7) == network.penalty(0.7)) == architecture.activation.is_step


@every_weighted_loss
@every_architecture
def test_its_objective_is_loss_plus_penalty(architecture, loss):
    network = random_network(architecture, 3, np.random.default_rng(6))
    y, weight = targets(loss, np.sin(3 * X)), np.arange(9.0)
    wanted = naive.loss_total(loss, y, [naive.forward(network, t) for t in X], weight) + naive.penalty(network, 0.3)
    assert network.objective(X, y, 0.3, loss=loss, sample_weight=weight) == pytest.approx(wanted, rel=1e-12)


@every_architecture
def test_a_network_without_units_is_its_intercept(architecture):
    network = replace(random_network(architecture, 0, np.random.default_rng(7)), intercept=2.5)
    np.testing.assert_array_equal(network(X), np.full(9, 2.5))
    assert network.penalty(1.0) == 0.0


@every_architecture
def test_many_points_are_computed_in_blocks(architecture, monkeypatch):
    network = random_network(architecture, 4, np.random.default_rng(8))
    at_once = network(X)
    monkeypatch.setattr(module, "_BLOCK_ENTRIES", 8)
    # The output layer's sum may be ordered by the number of points.
    np.testing.assert_allclose(network(X), at_once, rtol=0, atol=rounding(network, X))


def weights(*shapes):
    return tuple(Layer(np.ones(shape), np.ones(shape[:2])) for shape in shapes)


WRONG = {
    "layer missing": (("relu", 3), weights((2, 1, 1)), np.ones(2), None, "needs layer weights of shapes"),
    "wrong width": (("relu",), weights((2, 2, 1)), np.ones(2), None, r"of shapes \[\(2, 1, 1\)\] and biases to match"),
    "units differ": (("relu",), weights((3, 1, 1)), np.ones(2), None, "with 2 units needs layer weights"),
    "height missing": (("sign",), weights((2, 1, 1)), np.ones(2), None, "need an amplitude for every unit"),
    "height of a relu": (("relu",), weights((2, 1, 1)), np.ones(2), np.ones(2), "and only they have one"),
    "matrix of heights": (("sign",), weights((2, 1, 1)), np.ones(2), np.ones((2, 1)), r"must have shape \(2,\)"),
    "matrix of outputs": (("relu",), weights((2, 1, 1)), np.ones((2, 1)), None, r"must have shape \(2,\)"),
    "nan": (("relu",), weights((2, 1, 1)), np.array([1.0, np.nan]), None, "weights and biases must be finite"),
}


@pytest.mark.parametrize(("architecture", "layers", "alpha", "amplitude", "message"), WRONG.values(), ids=WRONG)
def test_weights_that_do_not_fit_are_refused(architecture, layers, alpha, amplitude, message):
    with pytest.raises(InputError, match=message):
        Network(Architecture(*architecture), layers, alpha, amplitude, 0.0)


def test_targets_that_do_not_fit_the_loss_are_refused():
    network = random_network(ARCHITECTURES["relu-2"], 1, np.random.default_rng(0))
    with pytest.raises(InputError, match="labels -1 and"):
        network.objective([0.0, 1.0], [0.0, 1.0], 1.0, loss="logistic")
    with pytest.raises(InputError, match="same length"):
        network.objective([0.0, 1.0], [0.0], 1.0)
    with pytest.raises(InputError, match="beta must be positive"):
        network.penalty(0.0)
