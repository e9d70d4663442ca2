"""Rows of pieces against rows of data: the same least squares, to the last digits, also inside clusters."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from helpers import EPS

from convexnn.kernels.compressed_rows import block_statistics, compressed, cuts_at, expanded, piece_statistics

RNG = np.random.default_rng(7)


def data(family, n):
    x = np.sort(RNG.random(n))
    if family == "cluster":
        x = np.sort(np.where(RNG.random(n) < 0.5, 0.7 + 1e-8 * RNG.random(n), x))
    weight = RNG.uniform(0.5, 2, n) * (RNG.random(n) < 0.8)
    weight[0] = 1.0
    y = RNG.standard_normal(n)
    return x, y - np.average(y, weights=weight), weight


def tents(x, k):
    """Tents with feet at data: kinks, and slopes and roots of their four sections."""
    first, last = np.sort(RNG.integers(0, x.size, (2, k)), axis=0)
    one, two = x[first], x[last]
    zero = np.zeros(k)
    anchors = np.stack((one, one, two), axis=1)
    shifts = np.stack((zero, (two - one) / 2, zero), axis=1)
    slopes = np.tile([0.0, 1.0, -1.0, 0.0], (k, 1))
    return anchors, shifts, slopes, anchors[:, [0, 0, 2, 2]], shifts[:, [0, 0, 2, 2]]


def tent_heights(x, anchors):
    return np.maximum(np.minimum(x - anchors[:, :1], anchors[:, 2:] - x), 0.0)


def rows(x, y, weight, kinks, sections):
    cuts = cuts_at(x, *kinks)
    starts = np.unique(np.concatenate(([0], cuts.ravel(), [x.size])))
    pieces = piece_statistics(x, y, weight, block_statistics(x, y, weight), starts)
    return starts, pieces, compressed(x, starts, pieces, cuts, *sections)


every_family = pytest.mark.parametrize("family", ["uniform", "cluster"])
every_size = pytest.mark.parametrize("n", [1, 2, 5, 63, 64, 65, 300, 1000])


@every_family
@every_size
def test_statistics_of_pieces_are_those_of_their_rows(family, n):
    x, y, weight = data(family, n)
    starts = np.unique(np.concatenate(([0, n], RNG.integers(0, n, 3))))
    pieces = piece_statistics(x, y, weight, block_statistics(x, y, weight), starts)
    for (first, last), (total, mean, y_mean, spread, product) in zip(itertools.pairwise(starts), pieces, strict=True):
        w, u, v = weight[first:last], x[first:last] - x[first], y[first:last]
        assert total == pytest.approx(w.sum(), rel=n * EPS)
        if w.sum() == 0:
            continue
        centre, height = np.average(u, weights=w), np.average(v, weights=w)
        assert mean == pytest.approx(centre, rel=4 * n * EPS)
        assert y_mean == pytest.approx(height, abs=4 * n * EPS * np.abs(v).max())
        assert spread == pytest.approx(w @ (u - centre) ** 2, rel=16 * n * EPS, abs=16 * n * EPS * centre**2)
        scale = np.abs(v).max() * u[-1] * w.sum()
        assert product == pytest.approx(w @ ((u - centre) * (v - height)), abs=16 * n * EPS * scale)


@every_family
@every_size
def test_inner_products_of_rows_are_those_of_centred_columns(family, n):
    x, y, weight = data(family, n)
    anchors, shifts, *sections = tents(x, 6)
    _, _, (columns, target, means) = rows(x, y, weight, (anchors, shifts), sections)
    heights = tent_heights(x, anchors)
    centred = heights - heights @ weight[:, None] / weight.sum()
    np.testing.assert_allclose(means, heights @ weight / weight.sum(), rtol=8 * n * EPS)
    # Narrow tents keep their digits: what is compared is relative to each tent's own size.
    size = np.sqrt((weight * centred**2).sum(axis=1))
    tolerance = 64 * n * EPS
    error = np.abs(columns @ columns.T - (weight * centred) @ centred.T)
    assert (error <= tolerance * np.outer(size, size) + 1e-300).all()
    error = np.abs(columns @ target - centred @ (weight * y))
    assert (error <= tolerance * size * np.sqrt(weight @ y**2) + 1e-300).all()
    assert columns.shape[1] <= np.count_nonzero(weight)


@every_family
@every_size
def test_multipliers_come_back_from_the_residual_of_the_rows(family, n):
    x, y, weight = data(family, n)
    anchors, shifts, *sections = tents(x, 6)
    starts, pieces, (columns, target, means) = rows(x, y, weight, (anchors, shifts), sections)
    coef = RNG.standard_normal(6)
    th, gain, square = expanded(x, y, weight, starts, pieces, target - coef @ columns)
    wanted = weight * (y - coef @ (tent_heights(x, anchors) - means[:, None]))
    scale = np.abs(wanted).sum() + np.abs(coef).sum()
    np.testing.assert_allclose(th, wanted, rtol=0, atol=16 * n * EPS * scale)
    assert abs(th.sum()) <= n * EPS * scale
    assert gain == pytest.approx(y @ th, abs=16 * n * EPS * scale * np.abs(y).max())
    live = weight > 0
    assert square == pytest.approx((th[live] ** 2 / weight[live]).sum(), rel=16 * n * EPS)


def test_cuts_are_exact_where_rounded_positions_are_not():
    # The mirror image of x_0 about x_1 is x_2, which the sum of the two rounds to a smaller number.
    x = np.array([0.0, 0.1, 0.30000000000000004])
    assert cuts_at(x, np.array([[0.1]]), np.array([[0.2]]))[0, 0] == 2
