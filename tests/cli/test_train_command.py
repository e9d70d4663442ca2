"""``convexnn train``: what it prints, writes and returns, and what it refuses before any work."""

from __future__ import annotations

import json

import numpy as np
import pytest
from commands import ROWS, X, Y, run, run_json

import convexnn as cnn
from convexnn.training.units import order_one

FEW = ("--beta", 1, "--y", "volume", "--width", 6, "--seeds", 3, "--steps", 300)


def test_the_numbers_are_those_of_the_library(data):
    code, record = run_json("train", data, *FEW, "--tol", 0.5)
    scaled = order_one(X, Y, 1.0)
    runs = cnn.training.train(
        scaled.x,
        scaled.y,
        width=6,
        beta=scaled.beta,
        learning_rate=lambda t: 0.01 * (1 - t / 300),
        n_steps=300,
        seeds=3,
    )
    assert [one["seed"] for one in record["runs"]] == [0, 1, 2]
    np.testing.assert_allclose([one["relative_gap"] for one in record["runs"]], runs.relative_gap, rtol=1e-9)
    np.testing.assert_allclose([one["dead_fraction"] for one in record["runs"]], runs.dead_fraction)
    for i, one in enumerate(record["runs"]):
        network = scaled.restore(runs.network(i))
        assert one["objective"] == pytest.approx(network.objective(X, Y, 1.0), rel=1e-12)
        kinks = -network.layers[0].biases[:, 0] / network.layers[0].weights[:, 0, 0]
        assert one["live_kinks"] == np.count_nonzero((kinks > X.min()) & (kinks < X.max()))
    assert record["n_within"] == np.count_nonzero(runs.relative_gap <= 0.5)
    assert (code, record["status"]) == ((0, "certified") if record["n_within"] else (1, "not certified"))
    assert record["beta"] == 1.0
    assert record["width"] == 6


@pytest.mark.parametrize(("tol", "code"), [(1.0, 0), (1e-15, 1)])
def test_the_exit_code_says_whether_the_best_is_within_the_tolerance(data, tol, code):
    result = run("train", data, *FEW, "--tol", tol)
    assert result.exit_code == code, result.output
    assert ("\ncertified: " in result.stdout) == (code == 0)
    for words in ("relative gap", "dead fraction", "live kinks", "of 3 networks within"):
        assert words in result.stdout


def test_the_written_network_is_the_best_in_the_units_of_the_file(data, tmp_path):
    out, plot = tmp_path / "model.json", tmp_path / "gaps.png"
    _, record = run_json("train", data, *FEW, "--out", out, "--plot", plot)
    objective = min(one["objective"] for one in record["runs"])
    assert cnn.Network.load(out).objective(X, Y, 1.0) == pytest.approx(objective, rel=1e-12)
    _, proof = run_json("certify", out, data)
    assert proof["certificate"]["relative_gap"] == pytest.approx(
        min(one["relative_gap"] for one in record["runs"]), rel=1e-6
    )
    assert plot.read_bytes()[1:4] == b"PNG"


def test_other_networks_losses_and_optimisers(data):
    for options in (
        ("--activation", "absolute", "--depth", 3),
        ("--activation", "leaky_relu", "--slope", 0.2),
        ("--y", "label", "--loss", "logistic"),
        ("--optimizer", "sgd", "--learning-rate", 1e-3, "--batch-size", 4),
        ("--beta", "0.1max"),
    ):
        code, record = run_json("train", data, *FEW, *options)
        assert code in (0, 1)
        assert all(one["relative_gap"] >= 0 for one in record["runs"]), options


def test_runs_that_diverge_are_counted_and_certify_nothing(data, tmp_path):
    wild = (*FEW, "--optimizer", "sgd", "--learning-rate", 1e6)
    code, record = run_json("train", data, *wild, "--plot", tmp_path / "empty.png")
    assert code == 1
    assert record["runs"][0] == {
        "seed": 0, "objective": None, "relative_gap": None, "dead_fraction": None, "live_kinks": None,
    }  # fmt: skip
    assert "3 of 3 runs diverged" in run("train", data, *wild).stdout
    out = tmp_path / "none.json"
    result = run("train", data, *wild, "--out", out)
    assert result.exit_code == 2
    assert "all runs diverged" in result.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tol", 0], "tol must be positive"),
        (["--width", 0], "width"),
        (["--seeds", 0], "seeds"),
        (["--activation", "sign"], "sign"),
        (["--loss", "huber"], "huber"),
        (["--optimizer", "lion"], "lion"),
        (["--learning-rate", -1], "learning_rate must be positive"),
        (["--batch-size", 9], "--batch-size must be at most the 8 samples, got 9"),
        (["--slope", 0.5], "--slope goes with --activation leaky_relu"),
        (["--beta", "much"], "--beta must be a number"),
        (["--plot", "a.gif"], "--plot must end with"),
        (["--out", "no/such/model.json"], "there is no folder"),
        (["--x", "volume"], "volume"),
    ],
)
def test_bad_usage_is_refused_before_any_work(data, monkeypatch, options, message):
    def train(*_, **__):
        raise AssertionError("trained before everything was checked")

    monkeypatch.setattr(cnn.training, "train", train)
    result = run("train", data, *FEW, *options)
    assert result.exit_code == 2, result.output
    assert message in result.output


def test_the_rows_may_come_in_any_order(tmp_path):
    gaps = []
    for k, rows in enumerate((ROWS.split(), ROWS.split()[::-1])):
        path = tmp_path / f"{k}.csv"
        path.write_text("year,volume,label\n" + "\n".join(rows) + "\n")
        _, record = run_json("train", path, *FEW)
        gaps.append([one["relative_gap"] for one in record["runs"]])
    np.testing.assert_allclose(gaps[0], gaps[1], rtol=1e-6)


def test_the_record_is_strict_json(data):
    result = run("train", data, *FEW, "--json", "--learning-rate", 1e300)
    json.loads(result.stdout, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
