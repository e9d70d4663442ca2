"""The local optimum of a trained network, the features it misses, and putting dead units there."""

from __future__ import annotations

from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convexnn as cnn
from convexnn.errors import InputError
from convexnn.network.network import Layer, Network
from convexnn.training import train
from convexnn.training.bridge import local_optimum, missing_features, neighbouring_columns, reinitialise_dead, revive

ARCHITECTURES = [cnn.Architecture("relu"), cnn.Architecture(cnn.leaky_relu(0.2)), cnn.Architecture("absolute")]
RELU = ARCHITECTURES[0]
STEPS = 60_000


def data(n=50):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, n)
    return x, np.sin(4 * x) + 0.1 * rng.normal(size=n)


def falling(step):
    return 1e-2 * (1 - step / STEPS)


def drawn(architecture, rng, m):
    """A network with kinks on the data, between them and beyond."""
    w, kinks = rng.normal(size=m), rng.choice([-2.0, -1.0, -0.3, 0.0, 0.4, 1.0, 2.0], m)
    return Network(architecture, (Layer(w[:, None, None], (-w * kinks)[:, None]),), rng.normal(size=m), None, 0.3)


def targets(loss, rng, n):
    y = rng.normal(size=n)
    return y if loss == "squared" else np.where(y > np.median(y), 1.0, -1.0)


def lasso(columns, x, y, beta, loss):
    """The optimum over given columns, by a general solver."""
    A = np.stack([column(x) for column in columns], axis=1)
    z, xi = cp.Variable(A.shape[1]), cp.Variable()
    f = A @ z + xi
    cost = cp.sum_squares(f - y) / 2 if loss == "squared" else cp.sum(cp.logistic(-cp.multiply(y, f)))
    return cp.Problem(cp.Minimize(cost + beta * cp.norm1(z))).solve(solver=cp.CLARABEL)


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda a: a.label)
@pytest.mark.parametrize("loss", ["squared", "logistic"])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), m=st.integers(1, 6), beta=st.sampled_from([0.03, 0.3, 3.0]))
def test_the_local_optimum_lies_between_the_network_and_the_global_optimum(architecture, loss, seed, m, beta):
    rng = np.random.default_rng(seed)
    x = np.append(rng.uniform(-1, 1, 8), [-1.0, 0.0, 1.0, 0.0])
    y, network = targets(loss, rng, x.size), drawn(architecture, rng, m)
    local = local_optimum(network, x, y, beta, loss=loss)
    best = cnn.solve(cnn.Problem(x, y, beta, architecture, loss=loss), tol=1e-9)
    rounding = 1e-9 * local.objective
    assert local.training_gap >= -rounding
    assert local.objective >= best.objective - rounding
    assert local.certificate.relative_gap <= 1e-9
    assert local.network.objective(x, y, beta, loss=loss) == pytest.approx(local.objective, rel=1e-9)
    assert bool(local.missing) or local.objective == pytest.approx(best.objective, rel=1e-7)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_the_local_optimum_is_the_lasso_over_the_columns(loss):
    rng = np.random.default_rng(3)
    x = np.linspace(-1, 1, 12)
    y = targets(loss, rng, x.size)
    for architecture in ARCHITECTURES:
        local = local_optimum(drawn(architecture, rng, 4), x, y, 0.1, loss=loss)
        assert local.objective == pytest.approx(lasso(local.columns, x, y, 0.1, loss), rel=1e-6)


def test_the_columns_are_those_next_to_the_kinks():
    x = np.array([0.0, 1.0, 2.0, 3.0])
    w, kinks = np.array([1.0, 1.0, -1.0, 1.0, 1.0, 1.0, 0.0]), np.array([0.5, 2.0, 2.5, -4.0, 3.0, 5.0, 0.0])
    layer = Layer(w[:, None, None], np.where(w == 0, 1.0, -w * kinks)[:, None])
    network = Network(RELU, (layer,), np.ones(7), None, 0.0)
    # Beyond the data on the left a line, which the column at 0 is; with kinks at 3 and 5 dead, with weight 0 constant.
    found = {(feature.signs[0], feature.knots[0]) for feature in neighbouring_columns(network, x)}
    assert found == {(1, 0.0), (1, 1.0), (1, 2.0), (-1, 2.0), (-1, 3.0)}


@pytest.mark.parametrize("beta", [0.1, 1.0])
def test_training_ends_in_the_local_optimum(beta):
    x, y = data()
    runs = train(x, y, width=32, beta=beta, learning_rate=falling, n_steps=STEPS, seeds=8)
    for i in range(8):
        local = local_optimum(runs.network(i), x, y, beta)
        assert 0 <= local.training_gap < 1e-6 * local.objective
        gap = cnn.certify(local.network, x, y, beta).relative_gap
        assert bool(local.missing) == (gap > 1e-9)
        assert runs.relative_gap[i] == pytest.approx(gap + local.training_gap / runs.objective[i], abs=1e-9)


def test_a_network_without_live_units_has_the_best_constant_as_its_local_optimum():
    x, y = data()
    network = Network(RELU, (Layer(np.ones((3, 1, 1)), np.full((3, 1), -5.0)),), np.ones(3), None, 0.0)
    local = local_optimum(network, x, y, 0.1)
    assert local.columns == ()
    assert local.network.n_units == 0
    assert local.objective == pytest.approx(((y - y.mean()) ** 2).sum() / 2)
    assert local.certificate.gap <= 1e-12
    assert local.missing


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda a: a.label)
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_nothing_is_missing_where_the_local_optimum_is_the_global_one(architecture, scale):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x = scale * (rng.uniform(-1, 1, 30) + 5 * (seed % 2))
        y = np.sin(4 * x / scale) + 0.1 * rng.normal(size=30)
        w, kinks = np.repeat([1.0, -1.0], 30), np.tile(x, 2)
        layer = Layer(w[:, None, None], (-w * kinks)[:, None])
        everywhere = Network(architecture, (layer,), rng.normal(size=60), None, 0.0)
        beta = cnn.Problem(x, y, 1.0, architecture).beta_max * 10 ** rng.uniform(-4, -0.5)
        assert local_optimum(everywhere, x, y, beta).missing == ()


@pytest.mark.parametrize(
    ("y", "loss"), [([2.0], "squared"), ([0.0, 1.0, 5.0], "squared"), ([1.0, -1.0, 1.0], "logistic")]
)
def test_equal_inputs_leave_a_constant(y, loss):
    x = np.full(len(y), 2.0)
    local = local_optimum(drawn(RELU, np.random.default_rng(0), 3), x, y, 0.1, loss=loss)
    assert (local.columns, local.missing, local.network.n_units) == ((), (), 0)
    best = cnn.solve(cnn.Problem(x, y, 0.1, RELU, loss=loss)).objective
    assert local.objective == pytest.approx(best, abs=1e-12)


def test_missing_features_are_peaks_above_beta_in_descending_order():
    x, y = data()
    network = drawn(RELU, np.random.default_rng(1), 3)
    network = replace(network, intercept=network.intercept + float((y - network(x)).mean()))
    beta = 0.1
    missing = missing_features(network, x, y, beta)
    r = y - network(x)
    for feature, excess in missing:
        assert abs(feature(x) @ r) == pytest.approx(excess * beta)
    sizes = [excess for _, excess in missing]
    assert sizes == sorted(sizes, reverse=True)
    assert min(sizes) > 1
    assert missing[0][0] == cnn.certify(network, x, y, beta).most_violated


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_every_reinitialised_unit_lowers_the_objective_by_what_is_promised(loss):
    rng = np.random.default_rng(5)
    x, beta, k = np.linspace(-1, 1, 20), 0.05, 1.0 if loss == "squared" else 0.25
    y = targets(loss, rng, x.size)
    w = rng.normal(size=8)
    b = np.where(np.arange(8) < 3, -w * 0.3, -np.abs(w) - 0.5)  # five of them dead
    network = Network(RELU, (Layer(w[:, None, None], b[:, None]),), rng.normal(size=8), None, 0.0)
    assert network.dead_units(-1, 1).sum() == 5
    for count in range(1, 6):
        before = reinitialise_dead(network, x, y, beta, n_units=count - 1, loss=loss) if count > 1 else network
        after = reinitialise_dead(network, x, y, beta, n_units=count, loss=loss)
        assert after.dead_units(-1, 1).sum() == 5 - count
        np.testing.assert_array_equal(after.alpha[:3], network.alpha[:3])
        feature, excess = missing_features(before, x, y, beta, loss=loss)[0]
        promised = (beta * (excess - 1)) ** 2 / (2 * k * (feature(x) ** 2).sum())
        fall = before.objective(x, y, beta, loss=loss) - after.objective(x, y, beta, loss=loss)
        assert fall >= promised * (1 - 1e-9) > 0


def test_nothing_is_reinitialised_at_the_optimum():
    x, y = data()
    best = cnn.solve(cnn.Problem(x, y, 0.1, RELU)).network()
    (layer,) = best.layers
    padded = Network(
        RELU,
        (Layer(np.pad(layer.weights, ((0, 2), (0, 0), (0, 0))), np.pad(layer.biases, ((0, 2), (0, 0)))),),
        np.pad(best.alpha, (0, 2)),
        None,
        best.intercept,
    )
    after = reinitialise_dead(padded, x, y, 0.1, n_units=2)
    np.testing.assert_array_equal(after.alpha, padded.alpha)


def test_reviving_removed_units_brings_networks_to_the_optimum():
    x, y = data()
    runs = train(x, y, width=32, beta=0.01, seeds=8, removal=1000, learning_rate=falling, n_steps=STEPS)
    before = runs.relative_gap
    assert min(runs.network(i).n_units for i in range(8)) < 32
    for _ in range(2):
        runs = revive(runs, n_units=2, learning_rate=lambda step: falling(step) / 10, n_steps=STEPS)
    assert runs.width == 32
    assert np.median(before) > 1e-4
    assert np.median(runs.relative_gap) < 1e-6


def test_bad_input():
    x, y = data()
    relu = drawn(RELU, np.random.default_rng(0), 2)
    deep = cnn.solve(cnn.Problem(x, y, 0.1, cnn.Architecture("relu", 3))).network()
    runs = train(x, y, width=2, beta=0.1, learning_rate=0.01, n_steps=5, seeds=1)
    free = train(x, y, width=2, learning_rate=0.01, n_steps=5, seeds=1)
    for call, message in (
        (lambda: local_optimum(deep, x, y, 0.1), "two layers, not for relu"),
        (lambda: local_optimum(relu, x, y, 0.1, loss="absolute"), "one of squared, logistic, got absolute"),
        (lambda: local_optimum("net", x, y, 0.1), "Network is needed, got str"),
        (lambda: missing_features(relu, x, y, 0.0), "beta must be positive"),
        (lambda: reinitialise_dead(relu, x, y, 0.1, n_units=0), "n_units must be an integer >= 1"),
        (lambda: revive(runs, n_units=1, width=3, learning_rate=0.1, n_steps=1), "takes width from the runs"),
        (lambda: revive(free, n_units=1, learning_rate=0.1, n_steps=1), "beta must be positive"),
    ):
        with pytest.raises(InputError, match=message):
            call()
