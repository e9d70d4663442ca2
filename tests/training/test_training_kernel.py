"""The training kernel: compiled, in plain Python, and against slow twins, step by step."""

from __future__ import annotations

import warnings
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from convexnn.kernels import random
from convexnn.kernels.training import dense, lockstep, loop, losses, parameters, sorted_rows, updates
from convexnn.training import descent
from convexnn.training.descent import Noise, Regularisation, descend, make_task
from tests.training import naive

N, WIDTH, STEPS = 14, 6, 40
SLOPES = {"relu": (0.0, 1.0), "leaky": (0.1, 1.0), "absolute": (-1.0, 1.0), "bent down": (-1.5, 0.5)}
OPTIONS = {
    "sgd": {"optimizer": "sgd", "learning_rate": 0.02},
    "momentum": {"optimizer": "sgd", "learning_rate": 0.01, "momentum": 0.9},
    "adam": {"optimizer": "adam", "learning_rate": 0.02},
    "batches": {"optimizer": "sgd", "learning_rate": 0.02, "batch_size": 5},
    "batches of one": {"optimizer": "adam", "learning_rate": 0.05, "batch_size": 1},
    "decay": {"optimizer": "adam", "learning_rate": 0.02, "regularisation": Regularisation(0.3)},
    "decay of all, decoupled": {
        "optimizer": "adam",
        "learning_rate": 0.02,
        "regularisation": Regularisation(0.3, on=("weights", "biases"), decoupled=True),
    },
    "l1 of positive biases": {
        "optimizer": "sgd",
        "learning_rate": 0.02,
        "regularisation": Regularisation(0.3, power=1, on=("biases",), positive_only=True),
    },
    "noise": {"optimizer": "sgd", "learning_rate": 0.02, "noise": Noise(0.05)},
    "noise on the live": {"optimizer": "adam", "learning_rate": 0.1, "noise": Noise(0.05, "live")},
    "noise on the dead": {"optimizer": "adam", "learning_rate": 0.1, "noise": Noise(0.05, "dead")},
    "removal": {"optimizer": "adam", "learning_rate": 0.2, "removal": 7, "noise": Noise(0.05)},
    "removal from batches": {"optimizer": "sgd", "momentum": 0.5, "learning_rate": 0.05, "removal": 3, "batch_size": 4},
}
BARE = ("sgd", "momentum", "adam", "batches", "batches of one")  # what networks in lockstep are trained with
every_option = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
every_slope = pytest.mark.parametrize("slopes", SLOPES.values(), ids=SLOPES)
every_loss = pytest.mark.parametrize("loss", ["squared", "logistic"])


def data(loss="squared", seed=0):
    rng = np.random.default_rng(seed)
    x = np.sort(rng.integers(-40, 40, N) / 32)  # with ties
    y = np.sin(4 * x) + 0.3 * rng.normal(size=N)
    return x, (np.where(y > 0, 1.0, -1.0) if loss == "logistic" else y)


def start(m=WIDTH, seed=1):
    rng = np.random.default_rng(seed)
    w = rng.normal(size=m)
    return w, -w * rng.uniform(-1.2, 1.2, m), rng.normal(size=m), 0.3


def starts(count):
    return np.array([np.concatenate((*start(seed=seed)[:3], [0.3])) for seed in range(1, count + 1)])


def task_of(x, y, slopes=(0.0, 1.0), n_steps=STEPS, **options):
    wanted = {
        "beta": 0.05, "exponent": 2, "loss": "squared", "batch_size": None, "momentum": 0.0, "noise": None,
        "regularisation": None, "removal": None, "record_every": 1, "diagonal": False, "normalised": False,
    }  # fmt: skip
    return make_task(x[:, None], y[:, None], slopes=np.array([slopes]), n_steps=n_steps, **{**wanted, **options})


def naive_run(x, y, keys, task, options, slopes=(0.0, 1.0), loss="squared"):
    """Objectives after every step, and the network at the end."""
    network = naive.Shallow(*start(), *slopes)
    objectives = [network.objective(x, y, task.beta, loss)]
    decay, noise = options.get("regularisation"), options.get("noise")
    plain = {key: options[key] for key in ("optimizer", "batch_size", "momentum", "removal") if key in options}
    if decay:
        plain |= {"strength": decay.strength, "power": decay.power, "on": decay.on}
        plain |= {"positive_only": decay.positive_only, "decoupled": decay.decoupled}
    if noise:
        plain |= {"sigma": noise.sigma, "units": noise.units}
    steps = task.rates.size
    for _ in naive.train(network, x, y, keys, steps, rate=options["learning_rate"], beta=task.beta, loss=loss, **plain):
        objectives.append(network.objective(x, y, task.beta, loss))
    return np.array(objectives), network


def agrees(networks, history, objectives, network):
    m = networks.widths[0, 1]
    assert m == network.w.size
    np.testing.assert_allclose(networks.theta[0, : 3 * m + 1], network.vector(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(history.objective[0], objectives, rtol=1e-12)


@every_option
@every_loss
def test_every_step_equals_the_naive_one(options, loss):
    x, y = data(loss)
    task = task_of(x, y, loss=loss, **options)
    assert task.in_order
    networks, history = descend(task, (1, WIDTH, 1), np.concatenate((*start()[:3], [0.3]))[None], [5])
    agrees(networks, history, *naive_run(x, y, networks.keys[0], task, options, loss=loss))
    assert (networks.widths[0, 1] < WIDTH) == ("removal" in options)


@every_slope
@pytest.mark.parametrize("name", ["adam", "batches"])
def test_every_activation(slopes, name):
    x, y = data()
    task = task_of(x, y, slopes, **OPTIONS[name])
    networks, history = descend(task, (1, WIDTH, 1), np.concatenate((*start()[:3], [0.3]))[None], [5])
    agrees(networks, history, *naive_run(x, y, networks.keys[0], task, OPTIONS[name], slopes))


@every_option
def test_dense_gradients_give_the_same_networks(options):
    if options.get("batch_size") and (options.get("noise") or options.get("removal")):
        options = {**options, "noise": None}  # of a batch, dense gradients know only who is dead in it
    x, y = data()
    task = task_of(x, y, **options)
    theta = np.concatenate((*start()[:3], [0.3]))[None]
    ordered, history = descend(task, (1, WIDTH, 1), theta.copy(), [5])
    dense, other = descend(task._replace(in_order=False, lockstep=False), (1, WIDTH, 1), theta.copy(), [5])
    m = ordered.widths[0, 1]
    np.testing.assert_array_equal(ordered.widths, dense.widths)
    np.testing.assert_array_equal(ordered.units[0, 0, :m], dense.units[0, 0, :m])
    np.testing.assert_allclose(ordered.theta[0, : 3 * m + 1], dense.theta[0, : 3 * m + 1], rtol=1e-12, atol=1e-12)
    for name in ("alive", "deaths", "revivals"):
        np.testing.assert_array_equal(getattr(history, name), getattr(other, name))


@pytest.mark.parametrize(
    ("name", "gradient"),
    [(name, "lockstep") for name in BARE] + [(name, gradient) for name in OPTIONS for gradient in ("sorted", "dense")],
)
def test_compiled_equals_plain_python(name, gradient, monkeypatch):
    x, y = data()
    task = task_of(x, y, n_steps=8, **OPTIONS[name])
    assert task.lockstep == (name in BARE)
    task = task._replace(in_order=gradient != "dense", lockstep=gradient == "lockstep")
    theta, seeds = starts(loop.FEWEST_IN_LOCKSTEP), range(3, 3 + loop.FEWEST_IN_LOCKSTEP)
    compiled, history = descend(task, (1, WIDTH, 1), theta.copy(), seeds)
    for module in (dense, lockstep, loop, losses, parameters, random, sorted_rows, updates):
        for key, function in vars(module).copy().items():
            if hasattr(function, "py_func"):
                monkeypatch.setattr(module, key, function.py_func)
    monkeypatch.setattr(descent, "train_networks", loop.train_networks)
    monkeypatch.setattr("numba.get_num_threads", lambda: 1)  # other threads would not know what warnings to ignore
    with np.errstate(over="ignore", invalid="ignore"):  # 64-bit products wrap around, and 0 times infinity is NaN
        plain, other = descend(task, (1, WIDTH, 1), theta.copy(), seeds)
    np.testing.assert_array_equal(compiled.widths, plain.widths)
    np.testing.assert_allclose(compiled.theta, plain.theta, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(history.objective, other.objective, rtol=1e-12)
    np.testing.assert_array_equal(compiled.counts, plain.counts)


@pytest.mark.parametrize("name", BARE)
@every_loss
@every_slope
def test_networks_in_lockstep_equal_those_trained_alone(name, loss, slopes):
    x, y = data(loss)
    task = task_of(x, y, slopes, loss=loss, **OPTIONS[name])
    for count in (loop.FEWEST_IN_LOCKSTEP, 8, 9, 13):
        together, history = descend(task, (1, WIDTH, 1), starts(count), range(count))
        alone, other = descend(task._replace(lockstep=False), (1, WIDTH, 1), starts(count), range(count))
        np.testing.assert_array_equal(together.theta, alone.theta)
        for part in ("objective", "alive", "deaths", "revivals"):
            np.testing.assert_array_equal(getattr(history, part), getattr(other, part))


@given(
    n=st.integers(1, 30),
    m=st.integers(1, 9),
    count=st.integers(loop.FEWEST_IN_LOCKSTEP, 8),
    scale=st.sampled_from([1e-150, 1.0, 1e100, 1e200]),
    seed=st.integers(0, 2**32 - 1),
)
def test_lockstep_of_any_size_and_with_overflow(n, m, count, scale, seed):
    rng = np.random.default_rng(seed)
    x, y = np.sort(rng.integers(-8, 8, n) / 4), rng.normal(size=n)
    theta = rng.integers(-4, 5, (count, 3 * m + 1)) / 2  # with units without a kink, and with kinks at inputs
    theta[rng.integers(count)] *= scale
    task = task_of(x, y, (0.1, 1.0), n_steps=12, record_every=5, **OPTIONS["adam"])
    together, history = descend(task, (1, m, 1), theta.copy(), range(count))
    alone, other = descend(task._replace(lockstep=False), (1, m, 1), theta.copy(), range(count))
    np.testing.assert_array_equal(together.theta, alone.theta)
    np.testing.assert_array_equal(history.objective, other.objective)
    np.testing.assert_array_equal(history.alive, other.alive)


@pytest.mark.parametrize("m", [1, 3, 40])
@every_slope
def test_gradient_of_one_step(slopes, m):
    rng = np.random.default_rng(7)
    x, y = data()
    w, b, a, c = start(m)
    w[0], b[0] = 0.0, rng.normal()  # a unit without a kink
    weight = rng.integers(0, 3, N).astype(float)
    theta, gradient = np.concatenate((w, b, a, [c])), np.empty(3 * m + 1)
    kinks = rng.integers(0, N + 1, m).astype(np.uint64)
    slope, level = np.zeros(2 * N + 2), np.zeros(2 * N + 2)
    fenced = np.concatenate(([-np.inf], x, [np.inf]))
    total = sorted_rows.sorted_gradient(
        fenced, y, weight, losses.SQUARED, *slopes, 0.3, m, theta, kinks, slope, level, gradient
    )
    network = naive.Shallow(w, b, a, c, *slopes)
    rows = np.repeat(np.arange(N), weight.astype(int))
    np.testing.assert_allclose(gradient, network.gradient(x[rows], y[rows], 1.0, 0.3), rtol=1e-12, atol=1e-12)
    assert total == pytest.approx(network.objective(x[rows], y[rows], 0.0), rel=1e-13)
    assert not slope[: N + 1].any()
    assert not level[: N + 1].any()
    for j in range(m):
        on = w[j] * x + b[j] > 0
        assert kinks[j] == (on.argmax() if on.any() else N) if w[j] >= 0 else kinks[j] == on.sum()


def test_random_numbers_equal_those_of_plain_python():
    key = 0x0123456789ABCDEF
    for index in [0, 1, 2, 12345, 2**40]:
        args = np.uint64(key), np.uint64(index)
        assert random.random_bits(*args) == naive.bits(key, index)
        assert random.uniform(*args) == naive.uniform(key, index)


@pytest.mark.parametrize("u", [2.0**-53, 1e-14, 1.3e-11, 1.5e-11, 1e-5, 0.0749, 0.0751, 0.3, 0.5, 0.7, 0.93, 1 - 1e-9])
def test_quantiles_equal_those_of_the_standard_library(u):
    assert random.normal_quantile(u) == pytest.approx(NormalDist().inv_cdf(u), rel=4e-16)


def test_published_values_of_splitmix64():
    # The first outputs for seed 1234567 (rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64).
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [random.random_bits(np.uint64(1234567), np.uint64(i)) for i in range(3)] == published


def test_normal_numbers_are_normal():
    z = np.array([random.normal_quantile(random.uniform(np.uint64(3), np.uint64(i))) for i in range(20_000)])
    assert stats.kstest(z, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(z[:-1], z[1:])[0, 1]) < 4 / np.sqrt(z.size)


def test_batches_are_uniform_subsets():
    counts, pairs = np.zeros(6), np.zeros((6, 6))
    for rows in naive.batches(99, 6, 2, 6000):
        assert len(set(rows)) == 2
        counts[rows] += 1
        pairs[min(rows), max(rows)] += 1
    assert stats.chisquare(counts).pvalue > 1e-3
    assert stats.chisquare(pairs[np.triu_indices(6, 1)]).pvalue > 1e-3


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_divergence_is_recorded_and_harmless(optimizer):
    x, y = data()
    task = task_of(x, y, optimizer=optimizer, learning_rate=0.01, removal=2)
    theta = np.tile(np.concatenate((*start()[:3], [0.3])), (3, 1))
    alone, _ = descend(task, (1, WIDTH, 1), theta[:1].copy(), [5])
    theta[1] *= 1e200
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        networks, history = descend(task, (1, WIDTH, 1), theta, [5, 5, 5])
    assert np.isinf(history.objective[1]).all()
    assert np.isfinite(history.objective[[0, 2]]).all()
    for row in (0, 2):
        np.testing.assert_array_equal(networks.theta[row], alone.theta[0])
