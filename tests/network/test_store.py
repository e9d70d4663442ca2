"""Networks as JSON: back bit by bit, or refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from helpers import ARCHITECTURES, every_architecture, random_network

from convexnn import Network
from convexnn.errors import InputError


def assert_same(one, other):
    assert (one.architecture, one.intercept) == (other.architecture, other.intercept)
    np.testing.assert_array_equal(one.alpha, other.alpha)
    assert (one.amplitude is None) == (other.amplitude is None)
    if one.amplitude is not None:
        np.testing.assert_array_equal(one.amplitude, other.amplitude)
    for a, b in zip(one.layers, other.layers, strict=True):
        np.testing.assert_array_equal(a.weights, b.weights)
        np.testing.assert_array_equal(a.biases, b.biases)
        assert a.weights.dtype == b.weights.dtype == np.float64


@pytest.mark.parametrize("units", [0, 1, 3])
@every_architecture
def test_a_saved_network_comes_back_bit_by_bit(architecture, units, tmp_path):
    network = random_network(architecture, units, np.random.default_rng(units))
    network.save(tmp_path / "network.json")
    again = Network.load(tmp_path / "network.json")
    assert_same(network, again)
    x = np.linspace(-3, 3, 50)
    np.testing.assert_array_equal(again(x), network(x))


def test_extreme_numbers_survive(tmp_path):
    network = random_network(ARCHITECTURES["relu-2"], 3, np.random.default_rng(0))
    network.alpha[:] = 5e-324, -1.7976931348623157e308, 0.1 + 0.2
    network.save(tmp_path / "network.json")
    assert_same(network, Network.load(tmp_path / "network.json"))


def test_other_keys_are_ignored():
    network = random_network(ARCHITECTURES["sign-5-tree"], 2, np.random.default_rng(1))
    assert_same(network, Network.from_dict({**network.to_dict(), "beta": 2.0, "columns": ["year", "volume"]}))


def description(**changes):
    whole = random_network(ARCHITECTURES["relu-2"], 2, np.random.default_rng(2)).to_dict()
    return {key: value for key, value in {**whole, **changes}.items() if value is not ...}


DAMAGED = {
    "a list": ([1, 2], 'the key "format" must be'),
    "another format": (description(format="convexnn network 2"), 'the key "format" must be "convexnn network 1"'),
    "no alpha": (description(alpha=...), "it has no key 'alpha'"),
    "no layers": (description(layers=[]), "is damaged"),
    "text": (description(intercept="much"), "is damaged: could not convert string to float"),
    "missing weights": (description(layers=[{"biases": [[1], [2]]}]), "it has no key 'weights'"),
    "too few weights": (description(layers=[{"weights": [[[1]]], "biases": [[1], [2]]}]), "is damaged: cannot reshape"),
    "nan": (description(alpha=[1.0, float("nan")]), "must be finite"),
    "too large": (description(alpha=[1.0, 10**400]), "is damaged"),
    "wrong name": (
        description(architecture={**ARCHITECTURES["absolute-2"].to_dict(), "depth": 1}),
        "depth must be an integer >= 2",
    ),
}


@pytest.mark.parametrize(("data", "message"), DAMAGED.values(), ids=DAMAGED)
def test_what_is_not_a_network_is_refused(data, message, tmp_path):
    with pytest.raises(InputError, match=message):
        Network.from_dict(data)
    path = tmp_path / "network.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        Network.load(path)


def test_files_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*absent\.json: No such file"):
        Network.load(tmp_path / "absent.json")
    (tmp_path / "half.json").write_text('{"format": "convexnn', encoding="utf-8")
    with pytest.raises(InputError, match=r"half\.json is not a JSON file"):
        Network.load(tmp_path / "half.json")
