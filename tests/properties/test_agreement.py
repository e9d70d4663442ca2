"""Every fast solver finds the optimum of cvxpy: a quick sample of ``python -m benchmarks.agreement``."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.agreement import FAMILIES, LARGEST_DIFFERENCE, LOSSES, compare, random_problem


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=4)
@given(seed=st.integers(0, 2**32 - 1))
def test_fast_solvers_agree_with_the_reference(family, loss, seed):
    problem = random_problem(np.random.default_rng(seed), family, loss)
    found = [*compare(problem)]
    assert found
    assert all(comparison.difference <= LARGEST_DIFFERENCE for comparison in found), found
