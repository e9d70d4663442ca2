"""Which units of a perceptron are kept, and gradual pruning."""

from __future__ import annotations

import numpy as np
import pytest

from convexnn.errors import InputError
from convexnn.training import cubic_sparsity, train_mlp
from convexnn.training.mlp import MLP, HiddenLayer
from convexnn.training.mlp_pruning import (
    gradual_pruning,
    keep_units,
    largest_units,
    magnitudes,
    scale_sizes,
    train_on,
)

OPTIONS = {"learning_rate": 1e-2, "batch_size": 8, "normalised": True}


def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3))
    return x, np.maximum(x[:, :1], 0) - x[:, 1:2]


def trained(hidden=(6, 5), normalised=True):
    x, y = data()
    options = {**OPTIONS, "normalised": normalised}
    (network,) = train_mlp(x, y, hidden=hidden, n_steps=200, seeds=1, **options).networks
    return network


@pytest.mark.parametrize("normalised", [False, True])
def test_cut_units_are_as_good_as_silenced_ones(normalised):
    x, _ = data()
    network = trained(normalised=normalised)
    kept = [np.array([4, 1]), np.array([0, 3, 2])]
    values = x
    for layer, units in zip(network.layers, kept, strict=True):
        values = network.activation(layer.arguments(values)) * np.isin(np.arange(layer.biases.size), units)
    silenced = values @ network.weights + network.biases
    small = keep_units(network, kept)
    assert [layer.biases.size for layer in small.layers] == [2, 3]
    np.testing.assert_allclose(small(x), silenced, rtol=1e-12, atol=1e-12)


def test_the_largest_are_kept_in_every_layer():
    scores = [np.array([1.0, 3.0, 2.0]), np.array([5.0, 4.0])]
    first, second = largest_units(scores, [2, 1])
    assert set(first) == {1, 2}
    assert set(second) == {0}


def test_magnitudes_belong_to_the_function_of_the_unit():
    network = trained(normalised=False)
    first, second = network.layers
    factor = np.exp(np.random.default_rng(1).normal(size=6))
    rescaled = MLP(
        network.activation,
        (
            HiddenLayer(first.weights * factor, first.biases * factor),
            HiddenLayer(second.weights / factor[:, None], second.biases),
        ),
        network.weights,
        network.biases,
    )
    x, _ = data()
    np.testing.assert_allclose(rescaled(x), network(x), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(magnitudes(rescaled)[0], magnitudes(network)[0], rtol=1e-10)


def test_magnitudes_of_a_normalised_layer_are_those_of_the_plain_one():
    network = trained()
    plain = []
    for layer in network.layers:
        gain = layer.scales / layer.deviations
        plain.append(HiddenLayer(layer.weights * gain, layer.biases - layer.means * gain))
    same = MLP(network.activation, tuple(plain), network.weights, network.biases)
    x, _ = data()
    np.testing.assert_allclose(same(x), network(x), rtol=1e-10, atol=1e-12)
    for one, other in zip(magnitudes(same), magnitudes(network), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_gradual_pruning_is_training_interrupted_by_cuts_on_the_cubic_schedule():
    x, y = data()
    hidden, widths, span, seed = (12, 8), (4, 5), 60, 7
    found = gradual_pruning(x, y, hidden=hidden, widths=widths, span=span, every=25, n_steps=100, seed=seed, **OPTIONS)
    network, now, begin = None, hidden, 0
    for cut in (25, 50, 60):
        network = train_on(x, y, network, now, begin, cut, seed=seed, **OPTIONS)
        shares = [cubic_sparsity(1 - w / h, span)(cut) for h, w in zip(hidden, widths, strict=True)]
        now = [h - round(h * share) for h, share in zip(hidden, shares, strict=True)]
        norms = magnitudes(network)
        network = keep_units(network, [np.argsort(norm)[norm.size - w :] for norm, w in zip(norms, now, strict=True)])
        begin = cut
    assert now == [4, 5]
    network = train_on(x, y, network, now, 60, 100, seed=seed, **OPTIONS)
    np.testing.assert_array_equal(found(x), network(x))


def test_a_part_of_a_run_has_the_rates_of_the_run():
    x, y = data()
    options = {"batch_size": None, "optimizer": "sgd", "hidden": (6,), "seed": 3}

    def rate(step):
        return 1e-3 / (1 + step)

    whole = train_on(x, y, None, begin=0, end=30, learning_rate=rate, **options)
    half = train_on(x, y, None, begin=0, end=12, learning_rate=rate, **options)
    again = train_on(x, y, half, begin=12, end=30, learning_rate=rate, **options)
    np.testing.assert_allclose(again(x), whole(x), rtol=1e-12)


def test_bad_input():
    x, y = data()
    plain = trained(normalised=False)
    common = {"hidden": (4,), "widths": (2,), "every": 5, "seed": 0, "learning_rate": 0.1}
    for call, message in (
        (lambda: largest_units(magnitudes(plain), [2]), "2 hidden layers, got 1 widths"),
        (lambda: largest_units(magnitudes(plain), [7, 1]), "6 units cannot keep 7"),
        (lambda: largest_units(magnitudes(plain), [0, 1]), "each width must be an integer >= 1"),
        (lambda: scale_sizes(plain), "train with normalised=True"),
        (lambda: gradual_pruning(x, y, span=20, n_steps=20, **common), "every <= span < n_steps"),
        (lambda: gradual_pruning(x, y, span=4, n_steps=20, **common), "every <= span < n_steps"),
        (lambda: gradual_pruning(x, y, span=9, n_steps=20, **{**common, "widths": (5,)}), "none above"),
        (lambda: gradual_pruning(x, y, span=9, n_steps=20, **{**common, "widths": (2, 2)}), "one width a hidden layer"),
        (lambda: gradual_pruning(x, y, span=9, n_steps=20, **{**common, "hidden": 4}), "hidden must hold the width"),
        (lambda: keep_units(plain, [[0]]), "2 hidden layers, got units of 1"),
        (lambda: keep_units(plain, [[6], [0]]), "integers from 0 to 5, got"),
        (lambda: keep_units(plain, [[True, False], [0]]), "integers from 0 to 5, got"),
        (lambda: train_on(x, y, None, (4,), 0, 200, seed=5, learning_rate=1e3, optimizer="sgd"), "seed 5 diverged"),
    ):
        with pytest.raises(InputError, match=message):
            call()
