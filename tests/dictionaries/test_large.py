"""Dictionaries too large to be formed: refused with their size, and what to do instead."""

from __future__ import annotations

import numpy as np
import pytest

import convexnn as cnn
from convexnn.errors import InputError

X = np.arange(100_000.0)


@pytest.mark.parametrize(
    ("architecture", "size"),
    [
        (cnn.Architecture("relu"), r"2e\+05 columns \(149\.0 GiB\)"),
        (cnn.Architecture("relu", 3), r"5e\+09 columns \(3\.6 PiB\)"),
        (cnn.Architecture("absolute", 3), r"1\.5e\+10 columns \(10\.7 PiB\)"),
        (cnn.Architecture("sign", 3, form="parallel", widths=(2,)), r"5e\+09 columns \(3\.6 PiB\)"),
    ],
    ids=lambda part: getattr(part, "label", None),
)
def test_a_matrix_that_does_not_fit_is_refused_with_its_size(architecture, size):
    dictionary = cnn.dictionary(X, architecture)
    with pytest.raises(InputError, match=rf"matrix would have {size}; call \.max_correlation or solve\(\.\.\.\)"):
        dictionary.matrix()
    # One column, or all of them at few inputs, is another matter.
    assert dictionary.evaluate(X, [dictionary.n_features - 1]).shape == (X.size, 1)


def test_correlations_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match=r"vector of correlations would have 5e\+09 columns \(37\.3 GiB\)"):
        cnn.dictionary(X, cnn.Architecture("relu", 3)).correlations(X)


def test_kink_systems_without_end_are_refused():
    with pytest.raises(InputError, match=r"needs 5\.7e\+07 kink systems, .*; use fewer inputs or depth 3"):
        len(cnn.dictionary(np.arange(100.0), cnn.Architecture("absolute", 4)))


def test_features_of_a_list_too_long_to_form_are_found_by_their_place():
    n = X.size
    ramps = cnn.dictionary(X, cnn.Architecture("relu", 3))
    rows = np.random.default_rng(0).integers(0, n - 1, size=50)
    for i in (0, 1, n - 2, *rows):
        # The places of the first and last pair (i, j) of a row.
        first = int(i) * (2 * n - int(i) - 1) // 2
        assert ramps[first].knots == (i, i + 1)
        assert ramps[first + n - 2 - int(i)].knots == (i, n - 1)
    patterns = cnn.dictionary(X, cnn.Architecture("sign", 4, form="tree", widths=(2, 1)))
    assert patterns[n - 2].knots == (n - 1.5,)
    assert patterns[n - 1].knots == (0.5, 1.5)
    assert patterns[-1].knots == (n - 2.5, n - 1.5)
