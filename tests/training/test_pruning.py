"""Demon pruning against training as usual, and the baselines."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import random_network

from convexnn import Architecture
from convexnn.errors import InputError
from convexnn.training import demon_pruning, magnitude_pruning, random_pruning, train


def data(n=64):
    rng = np.random.default_rng(1)
    x = np.sort(rng.uniform(-1, 1, n))
    return x, np.sin(4 * x) + 0.1 * rng.normal(size=n)


def test_demon_pruning_leaves_fewer_units_for_little_loss():
    x, y = data()
    # The published way to count: loss, decay and rate for the mean over the samples.
    usual = {
        "width": 128, "optimizer": "sgd", "learning_rate": 0.05 / 64, "batch_size": 8, "n_steps": 20_000, "seeds": 6,
    }  # fmt: skip
    dense = train(x, y, **usual)
    pruned = demon_pruning(x, y, strength=3e-3 * 64, sigma=1e-2, removal=500, **usual)
    dense_live = 128 * (1 - dense.dead_fraction)
    left = np.array([pruned.network(i).n_units for i in range(6)])
    assert (left < 0.6 * dense_live).all()
    assert np.median(pruned.objective) < 2 * np.median(dense.objective)
    # Nothing that is left is dead but what died since the last removal.
    alive = pruned.history.alive[:, -1, 0]
    assert (alive <= left).all()
    np.testing.assert_array_equal(128 - alive, pruned.dead_units().sum(axis=1))


def test_magnitude_pruning_keeps_the_largest_units():
    rng = np.random.default_rng(2)
    network = random_network(Architecture("relu", 3), 8, rng)
    norms = np.abs(network.alpha * np.prod([layer.weights[:, 0, 0] for layer in network.layers], axis=0))
    cut = magnitude_pruning(network, 3)
    kept = np.sort(np.argsort(norms)[-3:])
    x = rng.normal(size=5)
    np.testing.assert_array_equal(cut.alpha, network.alpha[kept])
    np.testing.assert_allclose(cut(x), network.alpha[kept] @ network.units(x)[kept] + network.intercept, rtol=1e-12)
    assert magnitude_pruning(network, 8).to_dict() == network.to_dict()
    assert magnitude_pruning(network, 0).n_units == 0


def test_random_pruning_is_a_uniform_choice():
    network = random_network(Architecture("sign"), 4, np.random.default_rng(3))
    rng = np.random.default_rng(4)
    counts = np.zeros(4)
    for _ in range(2000):
        cut = random_pruning(network, 2, rng=rng)
        counts += np.isin(network.alpha, cut.alpha)
    assert (np.abs(counts - 1000) < 4 * np.sqrt(500)).all()


def test_a_cut_network_trains_on():
    x, y = data()
    dense = train(x, y, width=32, learning_rate=0.01, n_steps=500, seeds=2)
    cuts = [magnitude_pruning(dense.network(i), 8) for i in range(2)]
    tuned = train(x, y, width=8, learning_rate=0.01, n_steps=500, seeds=2, initial=cuts)
    assert (tuned.objective < tuned.history.objective[:, 0]).all()


def test_bad_input():
    x, y = data()
    network = random_network(Architecture("relu"), 4, np.random.default_rng(0))
    common = {"strength": 0.1, "sigma": 0.1, "removal": 5, "n_steps": 10, "learning_rate": 0.1, "seeds": 1, "width": 2}
    for call, message in (
        (lambda: magnitude_pruning(network, 5), "at most 4, which the network has, got 5"),
        (lambda: random_pruning(network, -1, rng=np.random.default_rng(0)), "n_units must be an integer >= 0"),
        (lambda: random_pruning(network, 2, rng=0), "rng must be a numpy Generator"),
        (lambda: demon_pruning(x, y, noise=None, **common), "demon_pruning sets noise itself"),
        (lambda: demon_pruning(x, y, **{**common, "sigma": -1.0}), "peak must not be negative"),
        (lambda: demon_pruning(x, y, **{**common, "n_steps": 0}), "n_steps must be an integer >= 1"),
    ):
        with pytest.raises(InputError, match=message):
            call()
