"""What the theorems on capacities do not say: free signs store more, and what a gap costs at the paper's parameters.

The identities and inequalities T5 to T12 are theorems, which tests/theory checks.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convexnn.associative import capacity

activities = st.floats(0.02, 0.98) | st.lists(st.floats(0.02, 0.98), min_size=2, max_size=8).map(np.array)


@given(
    f_in=activities,
    f_out=st.floats(0.02, 0.98),
    inhibitory=st.floats(0.05, 0.95),
    reach=st.floats(-0.95, 0.95),
    robustness=st.just(0.0) | st.floats(1e-4, 5),
)
def test_free_signs_store_more(f_in, f_out, inhibitory, reach, robustness):
    model = {"f_in": f_in, "f_out": f_out, "threshold": reach * float(np.max(f_in)), "robustness": robustness}
    signed, free = capacity(inhibitory=inhibitory, **model), capacity(**model)
    assert signed.load <= free.load * (1 + 1e-12)


@given(f_in=activities, robustness=st.floats(0, 5))
def test_no_gap_and_all_weights_are_no_constraint(f_in, robustness):
    free = capacity(f_in=f_in, robustness=robustness)
    for constraint in ({"gap": 0}, {"density": 1}):
        found = capacity(f_in=f_in, robustness=robustness, **constraint)
        assert found.load == free.load
        assert not found.is_upper_bound


def test_what_a_gap_costs():
    # T10 at activity 1/2, where its bounds are known more closely; replica-symmetric values.
    gapped = capacity(robustness=[[0], [0.1], [0.5]], gap=[0.5, 1, 2, 3, 4, 5, 7, 10, 15, 20])
    best = capacity(robustness=[[0], [0.1], [0.5]], density=1 - gapped.sparsity)
    efficiency = gapped.load / best.load
    assert efficiency.min() == pytest.approx(0.9745, abs=5e-4)
    assert efficiency.max() < 1
    assert efficiency[2].min() >= 0.98
