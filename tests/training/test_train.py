"""What holds of trained networks: objective, certificates, dead units, reproducibility, and what is refused."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from helpers import CONTINUOUS, every_continuous

import convexnn as cnn
from convexnn.errors import InputError
from convexnn.training import Noise, Regularisation, one_cycle, train, train_mlp

WIDTH = 9


def data(n=20, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, n)
    return x, np.sin(4 * x) + 0.1 * rng.normal(size=n)


def short(x, y, **options):
    usual = {"width": WIDTH, "beta": 0.05, "learning_rate": 0.01, "n_steps": 30, "seeds": 3}
    return train(x, y, **{**usual, **options})


def same(one, other):
    np.testing.assert_array_equal(one.history.objective, other.history.objective)
    for i in range(len(one)):
        assert one.network(i).to_dict() == other.network(i).to_dict()


@every_continuous
@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_the_objective_is_that_of_the_theory(architecture, loss):
    x, y = data()
    y = np.sign(y) if loss == "logistic" else y
    runs = short(x, y, architecture=architecture, loss=loss)
    for i in range(3):
        assert runs.objective[i] == pytest.approx(runs.network(i).objective(x, y, 0.05, loss=loss), rel=1e-12)
    assert (runs.objective < runs.history.objective[:, 0]).all()


@every_continuous
@pytest.mark.parametrize("beta", [1e-3, 0.1, 3.0])
def test_no_network_certifies_below_the_optimum(architecture, beta):
    x, y = data(8)
    runs = short(x, y, architecture=architecture, beta=beta, n_steps=400)
    optimum = cnn.solve(cnn.Problem(x, y, beta, architecture), on_failure="ignore").certificate.dual
    assert (runs.objective >= optimum * (1 - 1e-12)).all()
    assert (runs.relative_gap >= 0).all()
    for proof, objective in zip(runs.certificates, runs.objective, strict=True):
        assert proof.primal == pytest.approx(objective, rel=1e-12)


def test_wide_networks_reach_the_global_optimum():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, 50)
    y = np.sin(4 * x) + 0.1 * rng.normal(size=50)
    n_steps = 60_000
    runs = train(x, y, width=128, beta=0.01, learning_rate=lambda t: 1e-2 * (1 - t / n_steps), n_steps=n_steps, seeds=3)
    assert np.median(runs.relative_gap) <= 1e-5
    assert (runs.relative_gap > 0).all()


def test_one_dual_problem_serves_all_runs(monkeypatch):
    from convexnn.lasso import certify as module

    calls = []
    monkeypatch.setattr(module, "solve", lambda problem, **options: calls.append(1) or cnn.solve(problem, **options))
    x, y = data(seed=77)
    runs = short(x, y, seeds=4)
    assert not calls
    assert runs.relative_gap.shape == (4,)
    assert runs.relative_gap.shape == (4,)
    assert len(calls) == 1


def test_the_same_numbers_on_any_number_of_threads(monkeypatch):
    x, y = data()
    for options in ({}, {"batch_size": 4, "noise": Noise(0.01), "removal": 10}, {"architecture": CONTINUOUS["relu-3"]}):
        runs = []
        for threads in (1, 2, 5):
            monkeypatch.setattr(numba, "get_num_threads", lambda threads=threads: threads)
            runs.append(short(x, y, seeds=20, **options))
        same(runs[0], runs[1])
        same(runs[0], runs[2])


def test_training_can_be_interrupted_between_groups_of_networks(monkeypatch):
    from convexnn.training import descent

    x, y = data()
    calls = []

    def interrupted(task, networks, first, last, work):
        calls.append((first, last))
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(descent, "_UPDATES", 1)
    monkeypatch.setattr(descent, "train_networks", interrupted)
    monkeypatch.setattr(numba, "get_num_threads", lambda: 1)
    with pytest.raises(KeyboardInterrupt):
        short(x, y, seeds=20)
    assert calls == [(0, 8), (8, 16)]


@pytest.mark.parametrize("options", [{"seeds": 5, "noise": Noise(0.01), "removal": 10}, {"seeds": 11}])
def test_the_division_into_calls_does_not_matter(options, monkeypatch):
    from convexnn.training import descent

    x, y = data()
    options = {"batch_size": 4, **options}
    whole = short(x, y, **options)
    monkeypatch.setattr(descent, "_UPDATES", 1)
    same(whole, short(x, y, **options))


def test_a_network_does_not_depend_on_its_neighbours():
    x, y = data()
    options = {"batch_size": 4, "noise": Noise(0.01)}
    many, one = short(x, y, seeds=[3, 8, 5], **options), short(x, y, seeds=[8], **options)
    assert many.network(1).to_dict() == one.network(0).to_dict()
    assert many.network(0).to_dict() != one.network(0).to_dict()


def test_the_order_of_the_rows_does_not_matter():
    x, y = data()
    x[3], x[7] = x[5], x[5]
    options = {"batch_size": 6, "noise": Noise(0.01, "live")}
    for seed in range(20):
        rows = np.random.default_rng(seed).permutation(x.size)
        same(short(x, y, seeds=1, **options), short(x[rows], y[rows], seeds=1, **options))


@pytest.mark.parametrize("architecture", [CONTINUOUS["relu-2"], CONTINUOUS["relu-3"]], ids=["relu-2", "relu-3"])
def test_dead_stays_dead_under_plain_descent(architecture):
    # Without momentum and noise the gradient of a dead unit is zero but for the decay of its weights, and zero lies in
    # the interval: w shrinks, b <= 0 stays.
    x, y = data()
    initial = short(x, y, architecture=architecture, n_steps=0).network
    common = {"architecture": architecture, "optimizer": "sgd", "learning_rate": 0.02, "batch_size": 4, "beta": 0.1}
    long = short(x, y, n_steps=600, record_every=1, initial=[initial(i) for i in range(3)], **common)
    assert long.history.deaths.sum() > 0
    assert not long.history.revivals.any()
    earlier = short(x, y, n_steps=300, initial=[initial(i) for i in range(3)], **common)
    before, after = earlier.dead_units(), long.dead_units()
    assert before.any()
    assert after[before].all()
    for i in range(3):
        first, last = earlier.network(i).layers[-1].biases, long.network(i).layers[-1].biases
        np.testing.assert_array_equal(first[before[i]], last[before[i]])


def test_stale_moments_revive():
    # The twin: with momentum, dead is not for ever.
    x, y = data()
    options = {"optimizer": "sgd", "momentum": 0.99, "learning_rate": 0.005, "n_steps": 400, "record_every": 1}
    assert short(x, y, seeds=8, width=40, **options).history.revivals.sum() > 0


def test_removal_keeps_the_function_and_what_comes_after():
    x, y = data()
    options = {"optimizer": "sgd", "learning_rate": 0.02, "batch_size": 4, "beta": 0.1, "n_steps": 600}
    kept, removed = short(x, y, **options), short(x, y, removal=50, **options)
    np.testing.assert_array_equal(kept.dead_units(), removed.dead_units())
    assert sum(removed.network(i).n_units for i in range(3)) == 3 * WIDTH - kept.dead_units().sum() < 3 * WIDTH
    for i in range(3):
        np.testing.assert_allclose(kept.network(i)(x), removed.network(i)(x), rtol=0, atol=1e-10)
    np.testing.assert_array_equal(kept.dead_fraction, removed.dead_fraction)
    # What a dead unit still costs is the penalty of its weights.
    assert (removed.objective <= kept.objective).all()


@pytest.mark.parametrize("normalised", [False, True])
def test_removal_from_perceptrons_keeps_the_function(normalised):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(30, 4)), rng.normal(size=30)
    common = {
        "hidden": (20, 15), "normalised": normalised, "optimizer": "sgd", "learning_rate": 2e-3, "seeds": 3,
        "noise": Noise(0.1, "live"),
    }  # fmt: skip
    # The last step but one removes; the network of the same steps without removal still has the dead units.
    kept = train_mlp(x, y, n_steps=150, **common)
    removed = train_mlp(x, y, n_steps=150, removal=150, **common)
    for before, after, units in zip(kept.networks, removed.networks, removed.units, strict=True):
        dead = before.dead_units(x)
        assert sum(part.sum() for part in dead) > 0
        np.testing.assert_allclose(after(x), before(x), rtol=0, atol=1e-10)
        for flags, left in zip(dead, units, strict=True):
            np.testing.assert_array_equal(np.flatnonzero(~flags), left)


def test_the_dead_on_an_interval():
    x, y = data()
    runs = short(x, y, n_steps=300, optimizer="sgd", learning_rate=0.05)
    wide = runs.dead_units(-10, 10)
    hull = runs.dead_units()
    assert (hull | ~wide).all()
    np.testing.assert_array_equal(hull, runs.dead_units(x.min(), x.max()))
    for i in range(3):
        np.testing.assert_array_equal(hull[i], (runs.network(i).units(x) == 0).all(axis=1))
    np.testing.assert_array_equal(runs.history.alive[:, -1, 0], (~hull).sum(axis=1))


@pytest.mark.parametrize(("units", "limit"), [("all", 0.25), ("live", 1.0)])
def test_noise_alone_kills_by_the_wedge(units, limit):
    # On [-1, 1] the dead (w, b) are the wedge b <= -|w| of angle pi / 2, a quarter of the plane: the limit of
    # symmetric noise. Noise on live units alone is absorbed there.
    x, y = np.array([-1.0, 1.0]), np.zeros(2)
    runs = train(x, y, width=100, learning_rate=0.0, n_steps=3000, noise=Noise(0.2, units), seeds=8, record_every=3000)
    share = runs.dead_fraction.mean()
    if units == "all":
        assert abs(share - limit) < 4 * np.sqrt(0.25 * 0.75 / 800)
    else:
        assert share > 0.5


def test_a_step_of_noise_moves_only_what_it_should():
    x, y = data()
    start = short(x, y, n_steps=0, seeds=1).network(0)
    dead = np.arange(WIDTH) % 3 == 0
    layer = start.layers[0]
    biases = np.where(dead[:, None], -10 * np.abs(layer.weights[:, 0]), layer.biases)
    start = cnn.Network(start.architecture, (type(layer)(layer.weights, biases),), start.alpha, None, start.intercept)
    for units, moving in (("all", dead | True), ("live", ~dead), ("dead", dead)):
        options = {"learning_rate": 0.0, "n_steps": 1, "seeds": 1, "initial": [start], "noise": Noise(0.1, units)}
        end = short(x, y, **options).network(0)
        for before, after in ((layer.weights, end.layers[0].weights), (biases, end.layers[0].biases)):
            np.testing.assert_array_equal((before != after).reshape(WIDTH), moving)
        np.testing.assert_array_equal(start.alpha != end.alpha, moving)
        assert (start.intercept != end.intercept) == (units != "dead")


@pytest.mark.parametrize("removal", [None, 1, 7])
def test_every_death_is_counted(removal):
    x, y = data()
    options = {"optimizer": "sgd", "learning_rate": 0.02, "beta": 0.1, "n_steps": 500, "noise": Noise(0.05, "live")}
    history = short(x, y, width=30, record_every=50, removal=removal, **options).history
    before = np.concatenate((np.full((3, 1, 1), 30), history.alive[:, :-1]), axis=1)
    np.testing.assert_array_equal(history.alive, before - history.deaths + history.revivals)
    assert history.deaths.sum() > 0


def test_units_that_pass_negative_numbers_only_die_too():
    x, y = data()
    mirrored = cnn.Architecture(cnn.leaky_relu(1.0, positive_slope=0.0))
    runs = short(x, y, architecture=mirrored, width=30, optimizer="sgd", learning_rate=0.02, beta=0.1, n_steps=500)
    assert runs.dead_units().any()
    np.testing.assert_array_equal(runs.history.alive[:, -1, 0], (~runs.dead_units()).sum(axis=1))


def test_a_diverged_run_is_flagged_and_the_others_go_on():
    x, y = data()
    good = short(x, y, seeds=3, optimizer="sgd", n_steps=200)
    initial = [good.network(0), good.network(1), good.network(2)]
    layer = initial[1].layers[0]
    initial[1] = cnn.Network(
        initial[1].architecture, (type(layer)(1e160 * layer.weights, layer.biases),), initial[1].alpha, None, 0.0
    )
    runs = short(x, y, seeds=3, optimizer="sgd", n_steps=200, initial=initial)
    np.testing.assert_array_equal(runs.diverged, [False, True, False])
    assert runs.objective[1] == runs.relative_gap[1] == np.inf
    assert runs.certificates[1] is None
    np.testing.assert_array_equal(np.isnan(runs.dead_fraction), runs.diverged)
    assert not runs.dead_units()[1].any()
    with pytest.raises(InputError, match=r"run 1 \(seed 1\) diverged; try a smaller learning rate"):
        runs.network(1)
    same(short(x, y, seeds=[0], optimizer="sgd", n_steps=200, initial=initial[:1]), _only(runs, 0))


def _only(runs, i):
    """One of the runs, as runs."""
    from dataclasses import replace

    history = replace(runs.history, objective=runs.history.objective[i : i + 1])
    return replace(
        runs,
        seeds=runs.seeds[i : i + 1],
        history=history,
        _parameters=runs._parameters[i : i + 1],
        _left=runs._left[i : i + 1],
        _units=runs._units[i : i + 1],
    )


@pytest.mark.parametrize("x", [[1.0], [2.0, 2.0, 2.0]])
def test_degenerate_data(x):
    y = np.arange(len(x), dtype=float)
    runs = short(x, y, beta=0.1, n_steps=50)
    assert np.isfinite(runs.objective).all()
    assert (runs.relative_gap >= 0).all()


REFUSED = {
    "width": ({"width": 0}, "width must be an integer >= 1, got 0"),
    "rate": ({"learning_rate": -0.1}, "learning_rate must not be negative, got -0.1"),
    "rate of a schedule": ({"learning_rate": lambda t: 1 - t}, "learning_rate in step 2 must not be negative"),
    "rate that is no number": ({"learning_rate": float("nan")}, "learning_rate must be finite"),
    "steps": ({"n_steps": -1}, "n_steps must be an integer >= 0"),
    "batch": ({"batch_size": 21}, "batch_size must be at most the number of samples, 20, got 21"),
    "empty batch": ({"batch_size": 0}, "batch_size must be an integer >= 1"),
    "momentum": ({"optimizer": "sgd", "momentum": 1.0}, r"momentum must be in \[0, 1\), got 1.0"),
    "momentum of Adam": ({"momentum": 0.9}, "momentum belongs to"),
    "optimizer": ({"optimizer": "lion"}, "unknown optimizer 'lion'; known: 'sgd', 'adam'"),
    "beta": ({"beta": -1}, "beta must not be negative"),
    "loss": ({"loss": "huber"}, "unknown loss"),
    "labels": ({"loss": "logistic"}, "labels -1 and .* got values"),
    "architecture": ({"architecture": cnn.Architecture("sign")}, "no gradient to train by"),
    "schedule": ({"noise": Noise(one_cycle(0.1, 31))}, "sigma of the noise spans 31 steps, the run has only"),
    "noise": ({"noise": 0.1}, "noise must be a training.Noise or None"),
    "regularisation": ({"regularisation": 0.1}, "regularisation must be a training.Regularisation"),
    "removal": ({"removal": 0}, "removal must be an integer >= 1"),
    "no seeds": ({"seeds": []}, "seeds is empty"),
    "seeds": ({"seeds": [1.5]}, "each seed must be an integer >= 0"),
    "seed": ({"seeds": [-1]}, "each seed must be an integer >= 0"),
    "large seed": ({"seeds": [2**64]}, "each seed must be at most"),
    "initial": ({"initial": []}, "initial needs one network a seed, got 0 networks and 3 seeds"),
    "initial that is no sequence": ({"initial": iter([])}, "initial must be a sequence of one network a seed, got"),
    "initial of numbers": ({"initial": [1, 2, 3]}, "initial networks must have architecture relu, depth 2 and 9 units"),
    "scales": ({"regularisation": Regularisation(0.1, on=("scales",))}, "scales alone needs normalised layers"),
    "record": ({"record_every": 0}, "record_every must be an integer >= 1"),
}  # fmt: skip


@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        short(*data(), **options)


def test_bad_data_is_refused():
    with pytest.raises(InputError, match="finite"):
        short([0.0, np.nan], [0.0, 1.0])
    with pytest.raises(InputError, match="same length"):
        short([0.0, 1.0], [0.0])
    with pytest.raises(InputError, match="rescale x"):
        short([-1.7e308, 1.7e308], [0.0, 1.0])
    with pytest.raises(InputError, match="the range of x underflows float64; rescale x"):
        short([0.0, 1e-310], [0.0, 1.0])
    with pytest.raises(InputError, match="rescale y"):
        short([0.0, 1.0], [0.0, 1e200])
    with pytest.raises(InputError, match="needs both classes"):
        short([0.0, 1.0], [1.0, 1.0], loss="logistic")
    with pytest.raises(InputError, match="unknown units"):
        Noise(0.1, "some")
    with pytest.raises(InputError, match="power must be 1 or 2"):
        Regularisation(0.1, power=3)
    with pytest.raises(InputError, match="unknown kind of parameters"):
        Regularisation(0.1, on=("kinks",))
    with pytest.raises(InputError, match="train with beta > 0"):
        _ = short(*data(), beta=0.0).relative_gap
    runs = short(*data())
    with pytest.raises(InputError, match="there are 3 runs, got index 3"):
        runs.network(3)
    with pytest.raises(InputError, match="must be an integer"):
        runs.network(0.5)


def test_bad_perceptrons_are_refused():
    x, y = np.zeros((4, 2)), np.zeros(4)
    usual = {"learning_rate": 0.1, "n_steps": 1, "seeds": 1}
    (network,) = train_mlp(x, y, hidden=(3,), **usual).networks
    for call, message in (
        (lambda: train_mlp(x, [[1, 2], [3], [4], [5]], hidden=(3,), **usual), "y must hold real numbers in rows"),
        (lambda: train_mlp(x + 1j, y, hidden=(3,), **usual), "x must hold real numbers, got dtype complex128"),
        (lambda: train_mlp(x.astype(str), y, hidden=(3,), **usual), "x must hold real numbers, got dtype"),
        (lambda: train_mlp(x, y, hidden=(3,), loss="logistic", **usual), "labels -1 and .* got 0"),
        (lambda: train_mlp(x, y, hidden=(3,), initial=network, **usual), "initial must be a sequence"),
        (lambda: train_mlp(x, y, hidden=(3,), initial=[3], **usual), "networks of train_mlp, got int"),
        (lambda: train_mlp(x, y, hidden=(3,), normalised=True, batch_size=1, **usual), "batches of 2 rows at least"),
        (lambda: network(x[:, :1]), r"the network has 2 inputs, got x of shape \(4, 1\)"),
    ):
        with pytest.raises(InputError, match=message):
            call()
    for given, hidden, message in (
        (x[:, 0], (3,), "x must have shape"),
        (x[:3], (3,), "same length, got 3 and 4"),
        (x * np.nan, (3,), "finite"),
        (x, (), "at least one hidden layer"),
        (x, (3, 0), "each width must be an integer >= 1"),
    ):
        with pytest.raises(InputError, match=message):
            train_mlp(given, y, hidden=hidden, **usual)
    with pytest.raises(InputError, match="no gradient"):
        train_mlp(x, y, hidden=(3,), activation="sign", **usual)


def test_a_network_that_lost_all_its_units_is_a_constant():
    noise = Noise(5.0, "live")
    options = {"optimizer": "sgd", "learning_rate": 0.0, "n_steps": 2000, "seeds": 1, "removal": 1}
    runs = train([-1.0, 1.0], [0.0, 0.0], width=2, noise=noise, **options)
    network = runs.network(0)
    assert network.n_units == 0
    assert np.ptp(network([-1.0, 0.0, 1.0])) == 0
    assert runs.dead_units().all()
