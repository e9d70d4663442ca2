"""Demon pruning against baselines: equal widths, equal starts, and the statistics."""

from __future__ import annotations

from dataclasses import replace

import numba
import numpy as np
import pytest
from scipy import stats

from convexnn.errors import InputError
from convexnn.training.mlp import train_mlp
from convexnn.training.sweeps import DEMON, DENSE, GRADUAL, MAGNITUDE, RANDOM, SLIMMING, pruning_sweep, summarise

SEEDS, STEPS = (3, 1), 400


def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(48, 4))
    return x, np.where(x[:, :1] * x[:, 1:2] > 0, 1.0, -1.0)


def sweep(**changed):
    options = {
        "strengths": (20.0, 60.0), "sigma": 0.02, "removal": 50, "hidden": (16, 12), "n_steps": STEPS,
        "seeds": SEEDS, "normalised": True, "learning_rate": 0.02, "batch_size": 16, "loss": "logistic",
    }  # fmt: skip
    return pruning_sweep(*data(), **{**options, **changed})


def widths(one):
    return [layer.biases.size for layer in one.network.layers]


def test_every_baseline_has_the_widths_of_demon_pruning_for_its_seed():
    found = sweep()
    dense = [one for one in found if one.method == DENSE]
    assert [one.seed for one in dense] == list(SEEDS)
    assert all(widths(one) == [16, 12] and one.sparsity == 0 for one in dense)
    for strength in (20.0, 60.0):
        for seed in SEEDS:
            group = {one.method: one for one in found if (one.strength, one.seed) == (strength, seed)}
            assert set(group) == {DEMON, MAGNITUDE, GRADUAL, RANDOM, SLIMMING}
            wanted = widths(group[DEMON])
            assert sum(wanted) < 28
            assert all(widths(one) == wanted for one in group.values())
            assert all(one.sparsity == 1 - sum(wanted) / 28 for one in group.values())
            outputs = [one.network(data()[0]) for one in group.values()]
            assert all(np.ptp(values) > 0 for values in outputs)
    dead = [one.network.dead_units(data()[0]) for one in found if one.method == DEMON]
    assert not any(layer.any() for units in dead for layer in units if layer.size > 1)


def test_the_numbers_do_not_depend_on_threads_or_on_other_seeds():
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        alone = sweep(strengths=(20.0,), seeds=[1])
    finally:
        numba.set_num_threads(before)
    together = [one for one in sweep(strengths=(20.0,)) if one.seed == 1]
    x, _ = data()
    for one, other in zip(alone, together, strict=True):
        assert (one.method, one.sparsity) == (other.method, other.sparsity)
        np.testing.assert_array_equal(one.network(x), other.network(x))


def test_plain_networks_start_where_asked():
    x, y = data()
    initial = train_mlp(x, y, hidden=(16,), learning_rate=0.0, n_steps=1, seeds=[8, 9]).networks
    found = sweep(strengths=(0.5,), hidden=(16,), normalised=False, initial=initial, learning_rate=0.0, sigma=0.0)
    assert SLIMMING not in {one.method for one in found}
    for one in found:
        start = initial[SEEDS.index(one.seed)]
        # Nothing moves at rate 0 and without noise: every network consists of units of its start.
        kept = one.network.layers[0].weights.T
        assert all((row == start.layers[0].weights.T).all(axis=1).any() for row in kept)


def test_means_intervals_and_paired_differences():
    found = sweep(strengths=np.array([20.0]))
    extra = [replace(one, seed=one.seed + 10) for one in found]
    rng = np.random.default_rng(2)
    scores = rng.normal(size=2 * len(found))
    rows = summarise(found + extra, scores)
    assert [row.method for row in rows] == [DENSE, DEMON, MAGNITUDE, GRADUAL, RANDOM, SLIMMING]
    table = {}
    for one, score in zip(found + extra, scores, strict=True):
        table.setdefault(one.method, []).append(score)
    for row in rows:
        values = np.array(table[row.method])
        low, high = stats.t.interval(0.95, values.size - 1, values.mean(), stats.sem(values))
        assert (row.n, row.score) == (4, pytest.approx(values.mean()))
        assert row.half_width == pytest.approx((high - low) / 2)
        if row.method == DENSE:
            assert np.isnan(row.behind)
        else:
            lead = np.array(table[DEMON]) - values
            assert row.behind == pytest.approx(lead.mean())
            assert row.behind_half_width == pytest.approx(stats.t.ppf(0.975, 3) * stats.sem(lead))
    assert np.isnan(summarise(found[:1], [1.0])[0].half_width)


@pytest.mark.parametrize("hidden", [(3,), (3, 4)])
@pytest.mark.parametrize("normalised", [False, True])
def test_layers_that_die_completely_keep_a_unit(hidden, normalised):
    x = np.random.default_rng(0).normal(size=(30, 2))
    found = pruning_sweep(
        x, x[:, 0], strengths=[1.0], sigma=5.0, removal=1, hidden=hidden, learning_rate=1e-3, n_steps=400, seeds=3,
        normalised=normalised,
    )  # fmt: skip
    assert all(min(widths(one)) >= 1 for one in found)
    demon = [one for one in found if one.method == DEMON]
    assert any(np.ptp(one.network(x)) == 0 and widths(one) == [1] * len(hidden) for one in demon)


def test_progress_is_told():
    lines = []
    sweep(strengths=(20.0,), seeds=1, n_steps=50, progress=lines.append)
    assert len(lines) == 1
    assert lines[0].startswith("strength 20: widths [")


def test_bad_input():
    for changed, message in (
        ({"strengths": ()}, "strengths is empty"),
        ({"strengths": (1.0, -1.0)}, "strengths must be positive"),
        ({"strengths": 1.0}, "strengths must be one-dimensional"),
        ({"hidden": 16}, "hidden must hold the width"),
        ({"noise": None}, "pruning_sweep sets noise itself"),
        ({"span": 1.0}, "span must be a share of the steps between 0 and 1"),
        ({"seeds": 0}, "seeds must be an integer"),
        ({"optimizer": "sgd", "learning_rate": 1e6, "normalised": False}, "diverged"),
    ):
        with pytest.raises(InputError, match=message):
            sweep(**changed)
    with pytest.raises(InputError, match="one entry a network, got 1 for 0"):
        summarise([], [1.0])
