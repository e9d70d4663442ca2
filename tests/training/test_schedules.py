"""Schedules: the published shapes, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from convexnn.errors import InputError
from convexnn.training import cubic_sparsity, one_cycle


def test_one_cycle():
    schedule = one_cycle(2.0, 1000)
    values = np.array([schedule(step) for step in range(1300)])
    assert values[0] == pytest.approx(2.0 / 25)
    assert values[300] == values.max() == 2.0
    assert (np.diff(values[:301]) > 0).all()
    assert (np.diff(values[300:1001]) < 0).all()
    np.testing.assert_allclose(values[1000:], 2.0 / 25e4, rtol=1e-12)
    # Half a cosine: in the middle of an arc the mean of its ends.
    assert values[150] == pytest.approx((2.0 + 2.0 / 25) / 2)
    assert values[650] == pytest.approx((2.0 + 2.0 / 25e4) / 2)


def test_cubic_sparsity():
    schedule = cubic_sparsity(0.9, 100, initial=0.1)
    values = np.array([schedule(step) for step in range(150)])
    assert values[0] == pytest.approx(0.1)
    assert values[50] == pytest.approx(0.9 - 0.8 / 8)
    assert (values[100:] == 0.9).all()
    assert (np.diff(values[:101]) > 0).all()


@pytest.mark.parametrize("span", [1, 2, 3])
def test_short_spans(span):
    assert all(0 < one_cycle(1.0, span)(step) <= 1 for step in range(5))


def test_bad_schedules_are_refused():
    for make, message in (
        (lambda: one_cycle(-1.0, 10), "peak must not be negative"),
        (lambda: one_cycle(1.0, 0), "span must be an integer >= 1"),
        (lambda: cubic_sparsity(1.5, 10), "final must be a share"),
        (lambda: cubic_sparsity(0.5, 10, initial=-0.1), "initial must be a share"),
    ):
        with pytest.raises(InputError, match=message):
            make()
