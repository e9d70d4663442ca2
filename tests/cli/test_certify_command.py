"""``convexnn certify``: what it measures, and which model files it refuses."""

from __future__ import annotations

import json

import pytest
from commands import EPS, LABEL, X, Y, run, run_json

import convexnn as cnn

ARCHITECTURES = {
    "relu": [],
    "leaky": ["--activation", "leaky_relu", "--slope", 0.2],
    "absolute-3": ["--activation", "absolute", "--depth", 3],
    "symmetrized": ["--depth", 3, "--form", "symmetrized"],
    "sign": ["--activation", "sign"],
    "tree": ["--activation", "threshold", "--depth", 4, "--form", "tree", "--widths", "2,2"],
}
LOSSES = {
    "squared": ["--y", "volume"],
    "absolute": ["--y", "volume", "--loss", "absolute"],
    "huber": ["--y", "volume", "--loss", "huber", "--delta", 0.5],
    "quantile": ["--y", "volume", "--loss", "quantile", "--tau", 0.2],
    "logistic": ["--y", "label", "--loss", "logistic"],
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_certify_confirms_what_fit_wrote(data, architecture, loss):
    out = data.with_name("model.json")
    options = ["--x", "year", *LOSSES[loss], *ARCHITECTURES[architecture], "--beta", "0.2max", "--out", out]
    code, fitted = run_json("fit", data, *options)
    assert (code, fitted["status"]) == (0, "certified")
    code, certified = run_json("certify", out, data)
    assert (code, certified["status"]) == (0, "certified")
    for key in ("x", "y", "n_samples", "architecture", "loss", "beta"):
        assert certified[key] == fitted[key]
    # Weights are L-th roots of coefficients, so the objective returns up to the rounding of a few products.
    assert certified["certificate"]["primal"] == pytest.approx(fitted["objective"], rel=256 * EPS)


def test_a_network_that_is_not_optimal_is_measured(data, model):
    best = cnn.solve(cnn.Problem(X, Y, 1.0, cnn.Architecture("sign"))).objective
    content = json.loads(model.read_text())
    content["intercept"] += 1.0
    model.write_text(json.dumps(content))
    code, record = run_json("certify", model, data)
    assert (code, record["status"]) == (1, "not certified")
    # Moving the intercept by 1 from its optimum costs n / 2 of squared loss.
    assert record["certificate"]["gap"] == pytest.approx(len(Y) / 2, rel=1e-9)
    assert record["certificate"]["primal"] == pytest.approx(best + len(Y) / 2, rel=64 * EPS)
    result = run("certify", model, data)
    assert result.exit_code == 1
    assert "not certified within 1e-06: objective" in result.stdout
    assert run("certify", model, data, "--tol", 1).exit_code == 0


def test_certify_takes_any_saved_network(data):
    path = data.with_name("network.json")
    cnn.solve(cnn.Problem(X, Y, 1.0, cnn.Architecture("relu"))).network().save(path)
    result = run("certify", path, data)
    assert result.exit_code == 2
    assert result.stderr == f"error: {path} does not say beta; give --beta\n"
    code, record = run_json("certify", path, data, "--beta", 1)
    assert (code, record["x"], record["y"], record["loss"]) == (0, "year", "volume", {"name": "squared"})


def test_options_override_the_model_file(data, model):
    code, record = run_json("certify", model, data, "--y", "label", "--beta", "0.5max")
    labels = cnn.Problem(X, LABEL, 1.0, cnn.Architecture("sign"))
    assert (code, record["y"], record["beta"]) == (1, "label", 0.5 * labels.beta_max)
    bound = cnn.certify(cnn.Network.load(model), X, LABEL, 0.5 * labels.beta_max)
    assert record["certificate"]["primal"] == bound.primal
    assert record["certificate"]["most_violated"] == bound.most_violated.label


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", "other", 'not a convexnn network: the key "format" must be'),
        ("alpha", [1.0] * 50, "damaged"),
        ("intercept", float("nan"), "intercept must be finite"),
        ("beta", -1, "beta must be positive, got -1.0"),
        ("beta", None, "--beta must be a number, or a fraction of beta_max such as 0.1max, got 'None'"),
        ("loss", "squared", "the model file's loss is damaged: 'squared'"),
        ("loss", {"tau": 0.5}, "the model file's loss is damaged: {'tau': 0.5}"),
        ("loss", {"name": "hinge"}, "unknown loss 'hinge'"),
        ("loss", {"name": "quantile", "tau": 2}, "tau must lie strictly between 0 and 1, got 2"),
        ("loss", {"name": "squared", "tau": 0.5}, "loss 'squared' takes no tau"),
        ("x", ["year"], "has no column ['year']"),
    ],
)
def test_a_damaged_model_file_is_refused(data, model, key, value, message):
    model.write_text(json.dumps({**json.loads(model.read_text()), key: value}))
    result = run("certify", model, data)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert message in result.stderr


def test_a_model_file_that_is_not_json(data):
    result = run("certify", data, data)
    assert result.exit_code == 2
    assert f"error: {data} is not a JSON file" in result.stderr
