"""The least penalty of given values: closed forms against linear programs over the columns, and back to features."""

from __future__ import annotations

import naive
import numpy as np
import pytest
from helpers import ARCHITECTURES, data, every_architecture
from hypothesis import given, settings
from scipy.optimize import linprog

import convexnn as cnn
from convexnn.errors import InfeasibleError, InputError
from convexnn.lasso.function_space import has_closed_form, minimum_norm, recover

# With as many switches as there are gaps, any pattern is a unit.
EVERY_PATTERN = {
    "sign-4-tree-wide": cnn.Architecture("sign", 4, form="tree", widths=(3, 2)),
    "threshold-3-parallel-wide": cnn.Architecture("threshold", 3, form="parallel", widths=(9,)),
}
CLOSED = {name: a for name, a in {**ARCHITECTURES, **EVERY_PATTERN}.items() if has_closed_form(a, 7)}
every_closed_form = pytest.mark.parametrize("architecture", CLOSED.values(), ids=CLOSED)


def least_norm(x, f, architecture):
    """``min ||z||_1`` subject to A z + xi = f over the columns of the paper."""
    a = naive.columns(x, naive.units(x, architecture))
    n, p = a.shape
    table = np.column_stack((a, -a, np.ones(n)))
    size = np.abs(f).max() or 1.0  # linprog's tolerances are absolute
    program = linprog([*np.ones(2 * p), 0.0], A_eq=table, b_eq=f / size, bounds=[(0, None)] * (2 * p) + [(None, None)])
    return program.fun * size


@every_closed_form
@given(graph=data(distinct=True))
@settings(max_examples=20)
def test_the_closed_form_is_the_linear_program(architecture, graph):
    x, f = graph
    wanted = least_norm(x, f, architecture)
    assert minimum_norm(x, f, architecture) == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@every_closed_form
@given(graph=data(distinct=True))
@settings(max_examples=20)
def test_the_features_that_attain_it_take_the_values(architecture, graph):
    x, f = graph
    order = np.argsort(x)
    features, coef = recover(x[order], f[order], architecture)
    assert len(features) == len(coef) <= max(x.size - 1, 0)
    assert set(features) <= set(cnn.dictionary(x, architecture))
    fitted = sum((z * feature(x) for feature, z in zip(features, coef, strict=True)), np.zeros(x.size))
    scale = 1 + np.abs(f).max() * max(np.ptp(x), 1)
    np.testing.assert_allclose(fitted - fitted[0], f - f[0], rtol=0, atol=1e-13 * scale)
    assert np.abs(coef).sum() == pytest.approx(minimum_norm(x, f, architecture), rel=1e-12, abs=1e-13 * scale)


@pytest.mark.parametrize("name", ["absolute-3", "absolute-4", "symmetrized-3", "sign-3-parallel"])
def test_where_no_closed_form_is_known_there_is_none(name):
    with pytest.raises(InputError, match="no closed form of the penalty is known for"):
        minimum_norm(np.arange(7.0), np.arange(7.0), ARCHITECTURES[name])


def test_equal_inputs_need_equal_values():
    assert minimum_norm([1.0, 0.0, 1.0], [2.0, 0.0, 2.0], ARCHITECTURES["sign-2"]) == 1.0
    with pytest.raises(InfeasibleError, match="one value an input"):
        minimum_norm([1.0, 0.0, 1.0], [2.0, 0.0, 3.0], ARCHITECTURES["sign-2"])


@every_architecture
def test_large_dictionaries_are_solved_in_function_space(architecture, monkeypatch):
    from convexnn.lasso import conic, solve

    x, y = np.arange(6.0), np.array([0.0, 2, 1, 4, 4, 1])
    called = []
    for name in ("solve_dictionary", "solve_function_space"):
        program = getattr(conic, name)
        monkeypatch.setattr(conic, name, lambda one, name=name, program=program: called.append(name) or program(one))
    for entries, wanted in ((100_000, "solve_dictionary"), (0, "solve_function_space")):
        monkeypatch.setattr(solve, "_EXPLICIT_ENTRIES", entries)
        solution = solve.solve(cnn.Problem(x, y, 0.1, architecture), solver="conic", tol=1e-8)
        assert solution.status == "certified"
        assert called.pop() == (wanted if has_closed_form(architecture, 6) else "solve_dictionary")
