"""Rebalancing: the same function, never at a greater penalty."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers import ARCHITECTURES, EPS, every_architecture, random_network

from convexnn import Architecture, Network
from convexnn.network.network import Layer

X = np.linspace(-4, 4, 41)


def size(network):
    """The largest value inside, at the outputs' weights: what values are accurate to."""
    largest = np.abs(X).max()
    for layer in network.layers:
        largest = np.abs(layer.weights).sum(axis=2).max() * largest + np.abs(layer.biases).max()
    return 1 + largest * np.abs(network.alpha).sum() * (
        1 if network.amplitude is None else np.abs(network.amplitude).max()
    )


@pytest.mark.parametrize("seed", range(5))
@every_architecture
def test_it_is_the_same_function_at_no_greater_penalty(architecture, seed):
    network = random_network(architecture, 5, np.random.default_rng(seed))
    balanced = network.balanced()
    assert balanced.architecture == architecture
    np.testing.assert_allclose(balanced(X), network(X), rtol=0, atol=64 * EPS * size(network))
    assert balanced.penalty(1.0) < network.penalty(1.0)


@every_architecture
def test_all_penalised_weights_of_a_unit_get_one_modulus(architecture):
    network = random_network(architecture, 5, np.random.default_rng(9))
    balanced = network.balanced()
    outer = np.abs(balanced.alpha)
    if network.amplitude is not None:
        np.testing.assert_array_equal(outer, balanced.amplitude)
        np.testing.assert_allclose(outer, np.sqrt(np.abs(network.alpha * network.amplitude)), rtol=1e-15)
        return
    for layer in balanced.layers:
        np.testing.assert_allclose(np.abs(layer.weights[:, 0, 0]), outer, rtol=1e-14)
    # The product of a unit's weights is its scale, and stays.
    product = network.alpha * np.prod([layer.weights[:, 0, 0] for layer in network.layers], axis=0)
    np.testing.assert_allclose(outer**architecture.depth, np.abs(product), rtol=1e-13)


@every_architecture
def test_balancing_twice_changes_nothing(architecture):
    once = random_network(architecture, 5, np.random.default_rng(10)).balanced()
    twice = once.balanced()
    assert twice.penalty(1.0) == pytest.approx(once.penalty(1.0), rel=1e-13)
    np.testing.assert_allclose(twice.alpha, once.alpha, rtol=1e-14)


@every_architecture
def test_a_unit_with_a_zero_outer_weight_is_left_out(architecture):
    network = random_network(architecture, 3, np.random.default_rng(11))
    network = replace(network, alpha=network.alpha * np.array([1.0, 0.0, 1.0]))
    balanced = network.balanced()
    assert balanced.n_units == 2
    np.testing.assert_allclose(balanced(X), network(X), rtol=0, atol=64 * EPS * size(network))


@pytest.mark.parametrize("name", ["relu-2", "leaky-2", "absolute-3", "relu-5", "symmetrized-3"])
def test_a_unit_with_a_zero_inner_weight_is_a_constant(name):
    architecture = ARCHITECTURES[name]
    for level in range(architecture.depth - 1):
        network = random_network(architecture, 3, np.random.default_rng(12))
        layers = list(network.layers)
        weights = layers[level].weights.copy()
        weights[1] = 0.0
        # A positive bias, so that the constant is not zero by chance.
        layers[level] = Layer(weights, np.abs(layers[level].biases))
        network = replace(network, layers=tuple(layers))
        balanced = network.balanced()
        assert balanced.n_units == 2
        np.testing.assert_allclose(balanced(X), network(X), rtol=0, atol=64 * EPS * size(network))


def test_zero_amplitudes_are_left_out():
    network = random_network(ARCHITECTURES["threshold-4-tree"], 3, np.random.default_rng(13))
    network = replace(network, amplitude=network.amplitude * np.array([0.0, 1.0, 1.0]))
    assert network.balanced().n_units == 2
    np.testing.assert_allclose(network.balanced()(X), network(X), rtol=0, atol=64 * EPS * size(network))


def test_weights_of_very_different_size():
    layers = tuple(Layer(np.array([[[w]]]), np.array([[b]])) for w, b in ((1e-60, 1e-60), (1e80, -3e19)))
    network = Network(Architecture("relu", 3), layers, np.array([-1e-20]), None, 0.5)
    balanced = network.balanced()
    moduli = np.abs([balanced.alpha[0], *(layer.weights[0, 0, 0] for layer in balanced.layers)])
    np.testing.assert_allclose(moduli, 1.0, rtol=1e-13)
    np.testing.assert_allclose(balanced(X), network(X), rtol=1e-13, atol=1e-15)


def test_a_product_of_weights_that_overflows_does_not_matter():
    layers = (Layer(np.array([[[1e200]]]), np.zeros((1, 1))), Layer(np.array([[[1e200]]]), np.zeros((1, 1))))
    balanced = Network(Architecture("relu", 3), layers, np.array([1e-280]), None, 0.0).balanced()
    assert balanced([1.0])[0] == pytest.approx(1e120, rel=1e-12)
