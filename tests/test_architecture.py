"""Architectures: what they know, and which ones are refused for which reason."""

from __future__ import annotations

import json

import naive
import pytest
from helpers import ARCHITECTURES, every_architecture

from convexnn import Architecture, leaky_relu
from convexnn.errors import InputError


@every_architecture
def test_the_number_of_switches_is_that_of_the_first_layer_neurons_that_matter(architecture):
    wanted = naive.switches(architecture) if architecture.activation.is_step else 0
    assert architecture.switches == wanted


@every_architecture
def test_the_effective_depth_of_steps_is_two(architecture):
    assert architecture.effective_depth == (2 if architecture.activation.is_step else architecture.depth)


@every_architecture
def test_it_survives_json(architecture):
    assert Architecture.from_dict(json.loads(json.dumps(architecture.to_dict()))) == architecture


def test_equal_architectures_are_one_key():
    again = Architecture("sign", depth=5, form="tree", widths=[2, 1, 3])
    assert {again: 1, ARCHITECTURES["sign-5-tree"]: 2} == {again: 2}
    assert len(set(ARCHITECTURES.values())) == len(ARCHITECTURES)


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("relu-2", ((1, 1),)),
        ("relu-5", ((1, 1),) * 4),
        ("sign-3-parallel", ((3, 1), (1, 3))),
        ("threshold-4-rectangular", ((2, 1), (2, 2), (1, 2))),
        ("threshold-4-tree", ((4, 1), (2, 2), (1, 2))),
        ("sign-5-tree", ((6, 1), (3, 2), (3, 1), (1, 3))),
    ],
)
def test_layers_have_these_neurons_with_these_inputs(name, shapes):
    assert ARCHITECTURES[name].layer_shapes == shapes


def test_labels_tell_architectures_apart():
    labels = [architecture.label for architecture in ARCHITECTURES.values()]
    assert len(set(labels)) == len(labels)
    assert ARCHITECTURES["sign-5-tree"].label == 'sign, depth 5, form "tree", widths (2, 1, 3)'
    assert Architecture(leaky_relu(0.2)).label == "leaky_relu(0.2, 1), depth 2"


REFUSED = {
    "deep leaky": ({"activation": "leaky_relu", "depth": 3}, "no finite dictionary is known .*; use depth=2"),
    "wide relu": (
        {"activation": "relu", "depth": 3, "form": "parallel", "widths": (2,)},
        "have the dictionary of the narrow form, and with other penalties another scale of beta",
    ),
    "wide absolute": (
        {"activation": "absolute", "depth": 3, "form": "tree", "widths": (2,)},
        "not equivalent to the Lasso over reflections",
    ),
    "shallow symmetrized": (
        {"activation": "relu", "depth": 2, "form": "symmetrized"},
        "this form needs relu and depth 3",
    ),
    "symmetrized absolute": (
        {"activation": "absolute", "depth": 3, "form": "symmetrized"},
        "this form needs relu and depth 3",
    ),
    "narrow with widths": (
        {"activation": "sign", "depth": 3, "widths": (2,)},
        "one neuron a layer; leave widths empty",
    ),
    "too few widths": (
        {"activation": "sign", "depth": 4, "form": "tree", "widths": (2,)},
        r"needs depth >= 3 and depth - 2 widths, got depth 4 and widths \(2,\)",
    ),
    "shallow tree": ({"activation": "sign", "depth": 2, "form": "tree"}, "needs depth >= 3 and depth - 2 widths"),
    "uneven rectangle": (
        {"activation": "sign", "depth": 4, "form": "rectangular", "widths": (2, 3)},
        'has equal widths; use form="parallel"',
    ),
    "unknown form": ({"activation": "sign", "depth": 3, "form": "wide"}, "unknown form 'wide'; known: 'narrow'"),
    "depth one": ({"activation": "relu", "depth": 1}, "depth must be an integer >= 2, got 1"),
    "fractional depth": ({"activation": "relu", "depth": 2.5}, r"depth must be an integer >= 2, got 2\.5"),
    "empty layer": (
        {"activation": "sign", "depth": 3, "form": "tree", "widths": (0,)},
        "widths must be an integer >= 1",
    ),
    "no widths": ({"activation": "sign", "depth": 3, "form": "tree", "widths": 3}, "tuple of integers such as"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_covered_is_refused_with_the_reason(arguments, message):
    with pytest.raises(InputError, match=message):
        Architecture(**arguments)
