"""Adversarial data, a quick sample of ``python -m benchmarks.torture``: every certificate is true."""

from __future__ import annotations

import pytest
from helpers import ARCHITECTURES, WEIGHTED, every_architecture, every_weighted_loss
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.adversarial import CASES, SHARES, adversarial_problem
from benchmarks.audit import attempt
from benchmarks.peers import Recipe

cases, shares, seeds = st.sampled_from([*CASES]), st.sampled_from(SHARES), st.integers(0, 99)


@every_architecture
@settings(max_examples=25)
@given(case=cases, n=st.sampled_from([1, 2, 3, 5, 12]), share=shares, seed=seeds)
def test_small_data_are_certified(architecture, case, n, share, seed):
    recipe = Recipe(adversarial_problem, (case, n, share, architecture, None, seed))
    assert attempt(recipe, 1e-6).verdict == "certified"


@every_weighted_loss
@settings(max_examples=12)
@given(
    case=cases,
    n=st.sampled_from([3, 5, 12]),
    share=shares,
    seed=seeds,
    name=st.sampled_from(["relu-2", "leaky-2", "absolute-2", "relu-3", "sign-2", "threshold-2"]),
)
def test_other_losses_keep_their_promises(loss, name, case, n, share, seed):
    recipe = Recipe(adversarial_problem, (case, n, share, ARCHITECTURES[name], loss, seed))
    assert attempt(recipe, 1e-6).verdict in ("certified", "honest")


@pytest.mark.parametrize("name", ["relu-2", "leaky-2-bent-down", "absolute-2", "relu-3", "sign-2", "threshold-2"])
@settings(max_examples=15)
@given(case=cases, n=st.sampled_from([1000, 3000]), share=shares, seed=seeds)
def test_many_points_are_certified(name, case, n, share, seed):
    recipe = Recipe(adversarial_problem, (case, n, share, ARCHITECTURES[name], WEIGHTED["squared"], seed))
    assert attempt(recipe, 1e-6).verdict == "certified"
