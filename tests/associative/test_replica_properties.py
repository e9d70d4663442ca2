"""Identities and inequalities of the theory, over random inputs (heterogeneous too), signs, thresholds and outputs.

T5, T7, ... are the numbers of the claims in the list of executable theorems. T24, the invariance under a common scale
of w, h, kappa and delta, holds here by the choice of units, which have no scale.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.special import ndtr

from convexnn.associative import capacity

activities = st.one_of(st.floats(0.02, 0.98), st.lists(st.floats(0.02, 0.98), min_size=2, max_size=8).map(np.array))
robustnesses = st.one_of(st.just(0.0), st.floats(1e-4, 5))
gaps = st.floats(0.05, 20)
densities = st.floats(0.02, 1)


fractions = st.one_of(st.none(), st.floats(0.05, 0.95))


@st.composite
def models(draw, signs=fractions, threshold=True):
    """Inputs, outputs, signs and a threshold within reach."""
    f_in = draw(activities)
    reach = draw(st.floats(-0.95, 0.95)) if threshold else 0.0
    return {
        "f_in": f_in,
        "f_out": draw(st.floats(0.02, 0.98)),
        "inhibitory": draw(signs),
        "threshold": reach * float(np.max(f_in)),
    }


def tight_fraction(found, f_out):
    """The mean of E over the outputs."""
    margins = np.array([found.order_parameters["u_minus"], found.order_parameters["u_plus"]])
    return np.array([f_out, 1 - f_out]) @ ndtr(np.sqrt(2) * margins)


@given(models(), robustnesses)
@example({"f_in": np.array([0.1, 0.3, 0.6]), "f_out": 0.2, "inhibitory": 0.2, "threshold": 0.05}, 0.5)
def test_tight_associations_are_as_many_as_nonzero_weights(model, margin):
    # T5
    found = capacity(robustness=margin, **model)
    nonzero = 1 - found.sparsity
    assert found.load * tight_fraction(found, model["f_out"]) == pytest.approx(nonzero, rel=1e-10)


@given(models(), robustnesses)
def test_constraints_that_vanish_leave_the_norm_only(model, margin):
    # T7: a gap of 1e-6 costs to second order; the density of the free solution costs nothing.
    free = capacity(robustness=margin, **model)
    assert capacity(robustness=margin, gap=1e-6, **model).load == pytest.approx(free.load, rel=1e-6)
    assert capacity(robustness=margin, gap=0, **model).load == free.load
    nonzero = min(1 - free.sparsity, 1.0)
    assert capacity(robustness=margin, density=nonzero, **model).load == pytest.approx(free.load, rel=1e-12)
    # Slightly fewer nonzero weights bind, and cost to second order.
    fewer = capacity(robustness=margin, density=nonzero * (1 - 1e-5), **model)
    assert fewer.density_binds
    assert fewer.load == pytest.approx(free.load, rel=1e-6)


@given(models(), robustnesses, gaps, st.floats(1.02, 3))
def test_a_wider_gap_costs_load_and_weights(model, margin, gap, factor):
    # T8
    found = capacity(robustness=margin, gap=[gap, factor * gap], **model)
    assert found.load[1] < found.load[0]
    assert found.sparsity[1] > found.sparsity[0]
    assert (1 - found.sparsity < 1 / found.gap).all()


@given(models(), robustnesses, densities, gaps)
def test_sparser_models_store_less(model, margin, density, gap):
    # T9
    free = capacity(robustness=margin, **model)
    gapped = capacity(robustness=margin, gap=gap, **model)
    assert capacity(robustness=margin, density=density, **model).load <= free.load * (1 + 1e-12)
    assert gapped.load <= free.load * (1 + 1e-12)
    equally_sparse = capacity(robustness=margin, density=min(1 - gapped.sparsity, 1.0), **model)
    assert gapped.load <= equally_sparse.load * (1 + 1e-9)


def test_gap_is_nearly_as_efficient_as_density():
    # T10, a statement about replica-symmetric values only.
    gapped = capacity(robustness=[[0], [0.1], [0.5]], gap=[0.5, 1, 2, 3, 4, 5, 7, 10, 15, 20])
    best = capacity(robustness=[[0], [0.1], [0.5]], density=1 - gapped.sparsity)
    efficiency = gapped.load / best.load
    assert efficiency.min() == pytest.approx(0.9745, abs=5e-4)
    assert efficiency.max() < 1
    assert efficiency[2].min() >= 0.98


@given(models(), st.floats(0, 5), st.floats(0.01, 2), st.one_of(st.none(), densities), gaps)
def test_more_robust_is_less(model, margin, more, density, gap):
    # T11
    margins = [margin, margin + more]
    free = capacity(robustness=margins, **model)
    assert free.load[1] < free.load[0]
    assert free.sparsity[1] > free.sparsity[0]
    assert np.diff(capacity(robustness=margins, density=density, **model).load) < 0
    assert np.diff(capacity(robustness=margins, gap=gap, **model).load) < 0


@given(models(signs=st.none(), threshold=False), robustnesses, densities, gaps)
def test_outputs_are_symmetric_without_threshold_and_signs(model, margin, density, gap):
    # T11
    exchanged = {**model, "f_out": 1 - model["f_out"]}
    for constraint in ({}, {"density": density}, {"gap": gap}):
        found = capacity(robustness=margin, **constraint, **model)
        assert capacity(robustness=margin, **constraint, **exchanged).load == pytest.approx(found.load, rel=1e-9)


@given(models(), robustnesses, densities, gaps)
def test_reversal_of_all_signs(model, margin, density, gap):
    # T12
    inhibitory = model["inhibitory"]
    reversed_model = {
        **model,
        "threshold": -model["threshold"],
        "f_out": 1 - model["f_out"],
        "inhibitory": None if inhibitory is None else 1 - inhibitory,
    }
    for constraint in ({}, {"density": density}, {"gap": gap}):
        found = capacity(robustness=margin, **constraint, **model)
        mirrored = capacity(robustness=margin, **constraint, **reversed_model)
        assert mirrored.load == pytest.approx(found.load, rel=1e-9)
        assert mirrored.sparsity == pytest.approx(found.sparsity, abs=1e-9)


@given(models(), robustnesses)
def test_freer_signs_store_more(model, margin):
    signed = capacity(robustness=margin, **{**model, "inhibitory": model["inhibitory"] or 0.3})
    free = capacity(robustness=margin, **{**model, "inhibitory": None})
    assert signed.load <= free.load * (1 + 1e-12)
