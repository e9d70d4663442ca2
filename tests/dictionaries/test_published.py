"""The published (s, j, k) lists of deep narrow ReLU networks against the published recursion."""

from __future__ import annotations

import itertools

import naive
import numpy as np
import pytest
from helpers import EPS

import convexnn as cnn
from convexnn.datasets import bounce

INPUTS = {"bounce": bounce()[0], "normal": np.random.default_rng(1).normal(size=3), "one": np.array([2.5])}


def published(x, depth):
    return cnn.dictionary(x, cnn.Architecture("relu", depth), listing="published")


def triples(n, depth):
    """Every (s, j, k), in the order of the list: k slowest, the first entry of j fastest."""
    layers = depth - 1
    for k in range(2 if depth == 4 else 1):
        for s in itertools.product((-1, 1), repeat=layers):
            for j in itertools.product(range(n), repeat=layers):
                yield s[::-1], j[::-1], k


@pytest.mark.parametrize("x", INPUTS.values(), ids=INPUTS)
@pytest.mark.parametrize("depth", [2, 3, 4])
def test_the_list_holds_the_columns_of_the_recursion_in_order(depth, x):
    dictionary = published(x, depth)
    listed = list(triples(x.size, depth))
    assert len(listed) == dictionary.n_features == (1 + (depth == 4)) * (2 * x.size) ** (depth - 1)
    points = np.concatenate((x, np.linspace(x.min() - 3, x.max() + 3, 13)))
    wanted = naive.columns(points, [naive.published(x, *triple) for triple in listed])
    np.testing.assert_allclose(dictionary.matrix(points), wanted, rtol=0, atol=64 * EPS * np.abs(points).max())
    assert [dictionary.triple(place) for place in range(len(listed))] == listed
    assert [dictionary.index_of(*triple) for triple in listed] == list(range(len(listed)))


@pytest.mark.parametrize(
    ("depth", "s", "j", "k", "knots", "origins"),
    [
        (2, (1,), (1,), 0, (6,), ("data",)),
        (2, (1,), (2,), 0, (2,), ("data",)),
        (3, (-1, -1), (0, 1), 0, (6, 7), ("data", "data")),
        (3, (-1, -1), (0, 2), 0, (2, 7), ("data", "data")),
        (4, (1, 1, 1), (2, 2, 3), 1, (2,), ("data",)),
        (4, (1, 1, 1), (3, 2, 3), 1, (4,), ("reflection",)),
    ],
)
def test_the_features_that_the_authors_selected_on_bounce(depth, s, j, k, knots, origins):
    dictionary = published(bounce()[0], depth)
    feature = dictionary[dictionary.index_of(s, j, k)]
    assert (feature.knots, feature.origins) == (knots, origins)
    rises = np.clip(np.arange(-5, 15), knots[0], knots[-1] if len(knots) == 2 else None) - knots[0]
    np.testing.assert_array_equal(feature(np.arange(-5, 15)), rises)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_it_represents_what_the_minimal_listing_does(depth):
    rng = np.random.default_rng(depth)
    x = np.sort(rng.normal(size=4))
    for r in rng.normal(size=(20, 4)):
        r -= r.mean()
        value, _ = published(x, depth).max_correlation(r)
        minimal, _ = cnn.dictionary(x, cnn.Architecture("relu", depth)).max_correlation(r)
        assert value == pytest.approx(minimal, abs=64 * EPS * np.abs(r).sum() * np.abs(x).max())


def test_wrong_triples_are_refused():
    dictionary = published([1.0, 2.0], 3)
    for s, j in (((1,), (0, 0)), ((1, 2), (0, 0)), ((1, 1), (0, 2)), ((1, 1), (-1, 0))):
        with pytest.raises(cnn.errors.InputError, match=r"s needs 2 signs and j 2 places in \[0, 2\)"):
            dictionary.index_of(s, j)
    with pytest.raises(cnn.errors.InputError, match="k must be 0, or 1 at depth 4"):
        dictionary.index_of((1, 1), (0, 0), 1)


@pytest.mark.parametrize(
    "architecture",
    [cnn.Architecture("relu", 5), cnn.Architecture("absolute", 3), cnn.Architecture("relu", 3, form="symmetrized")],
    ids=["relu-5", "absolute-3", "symmetrized-3"],
)
def test_other_architectures_have_no_published_list(architecture):
    with pytest.raises(cnn.errors.InputError, match="narrow ReLU networks of depth 2, 3 and 4"):
        cnn.dictionary([1.0, 2.0], architecture, listing="published")
