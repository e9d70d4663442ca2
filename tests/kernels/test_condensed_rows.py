"""Condensing and pricing of rows: compiled, in plain Python, and from the definition."""

from __future__ import annotations

import numpy as np
import pytest

from convexnn.kernels.condensed_rows import condense, price

RNG = np.random.default_rng(6)


def versions(kernel):
    return kernel, getattr(kernel, "py_func", kernel)


def cases():
    for name, x in (
        ("distinct", np.sort(RNG.uniform(size=50))),
        ("ties", np.sort(RNG.integers(0, 9, size=50)).astype(float)),
        ("two inputs", np.repeat([0.0, 1.0], 5)),
    ):
        n = x.size
        inputs = np.unique(x)
        inner = RNG.choice(inputs[1:-1], size=min(4, inputs.size - 2), replace=False)
        knots = np.searchsorted(x, np.unique(np.concatenate((inputs[[0, -1]], inner))))
        yield pytest.param(x, RNG.normal(size=n), RNG.exponential(size=n), knots, id=name)


every_case = pytest.mark.parametrize(("x", "y", "weight", "knots"), [*cases()])


def interval(x, knots):
    """The interval of every row."""
    return np.clip(np.searchsorted(knots, np.arange(x.size), side="right") - 1, 0, knots.size - 2)


@every_case
def test_rows_of_one_side_of_an_interval_are_one_row_at_their_mean(x, y, weight, knots):
    side = RNG.integers(-1, 2, x.size).astype(np.int8)
    starts, place, target, total, member = condense(x, y, weight, knots, side)
    for compiled, plain in zip((starts, place, target, total, member), versions(condense)[1](x, y, weight, knots, side),
                               strict=True):  # fmt: skip
        np.testing.assert_allclose(compiled, plain, rtol=1e-13, atol=1e-15)
    j = interval(x, knots)
    assert starts[0] == 0
    assert starts[-1] == place.size
    for row in range(place.size):
        rows = np.flatnonzero(member == row)
        at = np.searchsorted(starts, row, side="right") - 1
        assert (j[rows] == at).all()
        if rows.size > 1:
            assert side[rows[0]] != 0
        np.testing.assert_array_equal(
            rows, np.flatnonzero((j == at) & (side == side[rows[0]])) if side[rows[0]] else rows
        )
        left, right = x[knots[[at, at + 1]]]
        assert total[row] == pytest.approx(weight[rows].sum())
        assert left + place[row] * (right - left) == pytest.approx(np.average(x[rows], weights=weight[rows]))
        assert target[row] == pytest.approx(np.average(y[rows], weights=weight[rows]))


@every_case
def test_prices_are_those_of_the_definition(x, y, weight, knots):
    u, below, above = RNG.normal(size=knots.size), 0.3, 0.7
    f = np.interp(x, x[knots], u)
    side = np.where(RNG.uniform(size=x.size) < 0.3, 0, np.sign(RNG.normal(size=x.size))).astype(np.int8)
    member = condense(x, y, weight, knots, side)[-1]
    share = RNG.normal(size=member.max() + 1)
    th = weight * share[member]
    curve = np.maximum(x[:, None] - x, 0.0) @ th
    for kernel in versions(price):
        sides = side.copy()
        numbers, extremes, rows, flipped = kernel(x, y, weight, knots, u, member, share, below, above, sides)
        loss = weight @ np.maximum(above * (y - f), below * (f - y))
        np.testing.assert_allclose(numbers, [loss, th @ y, th @ f, curve[-1]], rtol=1e-11, atol=1e-12)
        wrong = side * (y - f) < 0
        assert flipped == wrong.sum()
        np.testing.assert_array_equal(sides, np.where(wrong, 0, side))
        for j in range(knots.size - 1):
            inside = slice(knots[j], knots[j + 1] if j < knots.size - 2 else None)
            np.testing.assert_allclose(extremes[j], [curve[inside].max(), curve[inside].min()], rtol=1e-11, atol=1e-12)
            np.testing.assert_allclose(curve[rows[j]], extremes[j], rtol=1e-11, atol=1e-12)
            assert all(row == 0 or x[row] > x[row - 1] for row in rows[j])
