"""Networks that people type in, or that diverged."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

import convexnn as cnn
from convexnn.errors import InputError
from convexnn.network.network import Layer, Network

RELU = cnn.Architecture("relu")


def network(inner=1.0, outer=1.0, **changes):
    parts = {"architecture": RELU, "layers": (Layer([[[inner]]], [[0]]),), "alpha": [outer]}
    return Network(**{**parts, "amplitude": None, "intercept": 0, **changes})


def test_lists_integers_and_single_precision_become_float64():
    made = network(2, alpha=np.array([3], dtype=np.float32), intercept=np.float32(0.5))
    assert made.alpha.dtype == made.layers[0].weights.dtype == np.float64
    assert json.loads(json.dumps(made.to_dict())) == made.to_dict()
    assert made([1.0])[0] == 6.5
    wide = network(10**7, 1, architecture=cnn.Architecture("relu", 3), layers=(Layer([[[10**7]]], [[0]]),) * 2)
    assert wide.penalty(3.0) == pytest.approx(2e21 + 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "relu"}, "architecture must be an Architecture"),
        ({"alpha": 1.0}, r"alpha and amplitude must have shape \(1,\)"),
        ({"alpha": ["a"]}, "alpha must be an array of real numbers, got dtype <U1"),
        ({"alpha": [1j]}, "alpha must be an array of real numbers, got dtype complex128"),
        ({"intercept": np.nan}, "intercept must be finite"),
        ({"alpha": [np.inf]}, "all weights and biases must be finite"),
    ],
)
def test_what_is_no_network_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        network(**changes)


def test_overflow_is_refused_without_a_warning():
    x, y = np.arange(4.0), np.array([0.0, 1.0, 0.0, 2.0])
    diverged, steep, unbalanced = network(1e200, 1e200), network(1e80, 1e75), network(1e200, 1e-200)
    with pytest.raises(InputError, match=r"overflows float64 at x = 1\.0 \(row 1\)"):
        diverged(x)
    with pytest.raises(InputError, match="the objective of this network overflows"):
        steep.objective(x, y, 1.0)
    with pytest.raises(InputError, match="the values of this network on the data reach 3e"):
        cnn.certify(steep, x, y, 1.0)
    with pytest.raises(InputError, match="the penalty of these weights overflows"):
        cnn.certify(unbalanced, x, y, 1.0)
    assert cnn.certify(unbalanced.balanced(), x, y, 1.0).primal < np.inf


def test_networks_compare_as_objects():
    made = network()
    assert made == made
    assert made != copy.deepcopy(made)
    assert {made: 1}[made] == 1


def test_a_network_without_units_becomes_a_torch_module_without_a_warning():
    pytest.importorskip("torch")
    constant = cnn.solve(cnn.Problem([0.0, 1.0], [1.0, 1.0], 1.0, RELU)).network()
    assert Network.from_torch(constant.to_torch())([5.0])[0] == 1.0


def test_sympy_wants_a_symbol():
    pytest.importorskip("sympy")
    with pytest.raises(InputError, match="to_sympy takes a sympy symbol"):
        network().to_sympy("x")
