"""``convexnn fit``: what it prints, writes and returns, and what it refuses before any work."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from commands import EPS, ROWS, X, Y, run, run_json

import convexnn as cnn


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ([], lambda: cnn.Problem(X, Y, 1.0, cnn.Architecture("relu"))),
        (
            ["--activation", "leaky_relu", "--slope", -0.5, "--loss", "huber", "--delta", 0.5],
            lambda: cnn.Problem(X, Y, 1.0, cnn.Architecture(cnn.leaky_relu(-0.5)), loss=cnn.losses.Huber(0.5)),
        ),
        (
            [
                "--activation",
                "sign",
                "--depth",
                4,
                "--form",
                "parallel",
                "--widths",
                "3,2",
                "--loss",
                "quantile",
                "--tau",
                0.2,
            ],
            lambda: cnn.Problem(
                X,
                Y,
                1.0,
                cnn.Architecture("sign", 4, form="parallel", widths=(3, 2)),
                loss=cnn.losses.Quantile(0.2),
            ),
        ),
    ],
    ids=["defaults", "leaky-huber", "parallel-quantile"],
)
def test_the_options_mean_what_the_library_means(data, options, problem):
    solution = cnn.solve(problem())
    _, record = run_json("fit", data, "--beta", 1, *options)
    assert record["objective"] == solution.objective
    assert record["intercept"] == solution.intercept
    assert record["beta_max"] == solution.problem.beta_max
    assert [feature["label"] for feature in record["features"]] == [feature.label for feature in solution.features]
    assert [feature["coef"] for feature in record["features"]] == list(solution.coef)
    assert [feature["knots"] for feature in record["features"]] == [
        list(feature.knots) for feature in solution.features
    ]
    assert record["certificate"]["primal"] == record["objective"]
    assert record["certificate"]["dual"] == solution.certificate.dual
    assert record["certificate"]["relative_gap"] <= record["tol"] == 1e-6


def test_the_model_file_is_a_network_with_its_task(data, model):
    network = cnn.Network.load(model)
    solution = cnn.solve(cnn.Problem(X, Y, 1.0, cnn.Architecture("sign")))
    points = np.linspace(-3, 12, 40)
    np.testing.assert_allclose(network(points), solution.predict(points), rtol=64 * EPS)
    content = json.loads(model.read_text())
    assert {key: content[key] for key in ("x", "y", "beta", "loss")} == {
        "x": "year",
        "y": "volume",
        "beta": 1.0,
        "loss": {"name": "squared"},
    }


def test_beta_as_a_fraction_of_beta_max(data):
    _, record = run_json("fit", data, "--beta", "0.25max")
    assert record["beta"] == 0.25 * record["beta_max"]
    assert record["features"]
    _, record = run_json("fit", data, "--beta", "1max")
    assert record["features"] == []
    assert record["intercept"] == pytest.approx(Y.mean(), rel=8 * EPS)


def test_what_a_person_reads(data):
    result = run("fit", data, "--activation", "sign", "--beta", 1)
    assert result.exit_code == 0
    assert "volume from year, 8 samples: sign, depth 2, squared loss, beta 1\n" in result.stdout
    solution = cnn.solve(cnn.Problem(X, Y, 1.0, cnn.Architecture("sign")))
    for feature, z in zip(solution.features, solution.coef, strict=True):
        assert re.search(rf"{re.escape(feature.label)} +{z:.8g} +{feature.knots[0]:.8g} \(between\)", result.stdout)
    assert re.search(r"\ncertified within 1e-06: objective [\d.]+, at most \S+ above the global optimum", result.stdout)
    assert result.stderr == ""


def test_an_uncertified_fit_is_shown_and_written_with_exit_code_1(data, monkeypatch):
    solve = cnn.solve
    monkeypatch.setattr(cnn, "solve", lambda *args, **options: replace(solve(*args, **options), status="not certified"))
    out = data.with_name("model.json")
    code, record = run_json("fit", data, "--beta", 1, "--out", out)
    assert (code, record["status"]) == (1, "not certified")
    assert cnn.Network.load(out).n_units == len(record["features"])
    result = run("fit", data, "--beta", 1)
    assert result.exit_code == 1
    assert "\nnot certified within 1e-06" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--beta", 0], "beta must be positive, got 0.0"),
        (["--beta", -1], "beta must be positive, got -1.0"),
        (["--beta", "nan"], "beta must be finite, got nan"),
        (["--beta", "-0.1max"], "beta must be positive, got -0.1"),
        (["--beta", "max"], "--beta must be a number, or a fraction of beta_max such as 0.1max, got 'max'"),
        (["--beta", "10%"], "--beta must be a number, or a fraction of beta_max such as 0.1max, got '10%'"),
        (["--beta", 1, "--tol", 0], "tol must be positive, got 0.0"),
        (["--beta", 1, "--depth", 1], "depth must be an integer >= 2, got 1"),
        (["--beta", 1, "--slope", 0.2], "--slope goes with --activation leaky_relu, got --activation relu"),
        (["--beta", 1, "--activation", "leaky_relu", "--depth", 3], "no finite dictionary is known"),
        (["--beta", 1, "--activation", "leaky_relu", "--slope", 1], "two different pieces"),
        (["--beta", 1, "--depth", 3, "--widths", "2"], 'form "narrow" has one neuron a layer'),
        (["--beta", 1, "--widths", "3;2"], "--widths must be integers separated by commas, such as 3,2, got '3;2'"),
        (["--beta", 1, "--tau", 0.1], "loss 'squared' takes no tau"),
        (["--beta", 1, "--loss", "quantile", "--delta", 1], "loss 'quantile' takes no delta"),
        (["--beta", 1, "--loss", "quantile", "--tau", 1], "tau must lie strictly between 0 and 1, got 1.0"),
        (["--beta", 1, "--loss", "huber", "--delta", 0], "delta must be positive, got 0.0"),
        (["--beta", 1, "--loss", "logistic"], 'loss "logistic" needs labels -1 and +1, got values {1.5, 2.0, '),
        (["--beta", 1, "--y", "flow"], "has no column 'flow'; it has columns 'year', 'volume', 'label'"),
        (["--beta", 1, "--x", "volume"], "x and y are both column 'volume'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(data, no_work, arguments, message):
    result = run("fit", data, *arguments, "--json")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing option '--beta'"),
        (
            ["--beta", 1, "--activation", "gelu"],
            "'gelu' is not one of 'relu', 'leaky_relu', 'absolute', 'sign', 'threshold'",
        ),
        (
            ["--beta", 1, "--loss", "hinge"],
            "'hinge' is not one of 'squared', 'absolute', 'huber', 'quantile', 'logistic'",
        ),
        (["--beta", 1, "--depth", "two"], "Invalid value for '--depth'"),
    ],
)
def test_bad_usage_is_exit_code_2(data, no_work, arguments, message):
    result = run("fit", data, *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr


def test_labels_0_and_1_are_told_what_to_do(data):
    data.write_text("x,y\n1,0\n2,1\n3,1\n")
    result = run("fit", data, "--beta", 1, "--loss", "logistic")
    assert result.exit_code == 2
    assert result.stderr == (
        'error: loss "logistic" needs labels -1 and +1, got values {0.0, 1.0} (first at row 0); pass 2 * y - 1\n'
    )


def test_a_fraction_of_nothing_is_refused(data, no_work):
    data.write_text("1,5\n2,5\n3,5\n")
    result = run("fit", data, "--beta", "0.1max")
    assert result.exit_code == 2
    assert "beta_max is 0, the best fit is constant at every beta; give a number" in result.stderr


def test_missing_values_are_named_and_dropped_only_on_request(data):
    lines = data.read_text().splitlines()
    lines[2], lines[5] = "2,NA,-1", ",3.5,-1"
    data.write_text("\n".join(lines))
    result = run("fit", data, "--beta", 1)
    assert result.exit_code == 2
    assert "'year' or 'volume' is missing in 2 of 8 rows (lines 3, 6)" in result.stderr
    assert "--drop-missing" in result.stderr

    out = data.with_name("model.json")
    result = run("fit", data, "--beta", 1, "--drop-missing", "--json", "--out", out)
    assert result.exit_code == 0
    assert result.stderr == "dropped 2 rows in which year or volume is missing\n"
    record = json.loads(result.stdout)
    assert (record["n_samples"], record["n_dropped"]) == (6, 2)
    kept = np.delete(np.arange(8), [1, 4])
    assert record["objective"] == cnn.solve(cnn.Problem(X[kept], Y[kept], 1.0, cnn.Architecture("relu"))).objective

    assert run("certify", out, data).exit_code == 2
    assert run("certify", out, data, "--drop-missing").exit_code == 0


def test_columns_without_a_header_go_by_number(data):
    data.write_text(ROWS)
    out = data.with_name("model.json")
    code, record = run_json("fit", data, "--x", 1, "--y", 3, "--beta", 1, "--out", out)
    assert (code, record["x"], record["y"]) == (0, "1", "3")
    assert run_json("certify", out, data)[1]["y"] == "3"


def test_a_missing_data_file(tmp_path, no_work):
    result = run("fit", tmp_path / "absent.csv", "--beta", 1)
    assert result.exit_code == 2
    assert result.stderr == f"error: cannot read {tmp_path / 'absent.csv'}: No such file or directory\n"


@pytest.mark.parametrize("option", ["--out", "--plot"])
@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("absent/file.png", "there is no folder"),
        (".", "is a folder; give the name of a file"),
        ("data.csv", "must be other files than those that are read, and than each other"),
    ],
)
def test_an_output_that_cannot_be_written_is_refused_before_the_work(data, no_work, option, place, message):
    before = data.read_text()
    result = run("fit", data, "--beta", 1, option, data.parent / place)
    assert result.exit_code == 2
    assert message in result.stderr
    assert data.read_text() == before
    assert list(data.parent.iterdir()) == [data]


def test_a_folder_without_permission_is_refused_before_the_work(data, no_work, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    result = run("fit", data, "--beta", 1, "--out", data.with_name("model.json"))
    assert result.exit_code == 2
    assert f"the folder {data.parent} is not writable" in result.stderr


def test_one_file_for_two_outputs_is_refused(data, no_work):
    both = data.with_name("both.png")
    result = run("fit", data, "--beta", 1, "--out", both, "--plot", both)
    assert result.exit_code == 2
    assert "must be other files than those that are read, and than each other" in result.stderr


def test_a_failed_write_leaves_the_older_file_and_nothing_else(data, model, monkeypatch):
    before = model.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    result = run("fit", data, "--beta", 1, "--out", model)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == f"error: cannot write {model}: No space left on device\n"
    assert model.read_bytes() == before
    assert sorted(data.parent.iterdir()) == [data, model]


def test_a_picture_is_written_beside_the_model(data):
    plot, out = data.with_name("fit.png"), data.with_name("model.json")
    result = run("fit", data, "--activation", "sign", "--beta", 1, "--plot", plot, "--out", out)
    assert result.exit_code == 0
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert sorted(data.parent.iterdir()) == [data, plot, out]


def test_an_unknown_type_of_picture_is_refused_before_the_work(data, no_work):
    result = run("fit", data, "--beta", 1, "--plot", data.with_name("fit.docx"))
    assert result.exit_code == 2
    assert result.stderr == f"error: --plot must end with .pdf, .png, .svg, got {data.with_name('fit.docx')}\n"


def test_without_matplotlib_a_picture_is_refused_with_the_remedy(data):
    code = "import sys; sys.modules['matplotlib'] = None; from convexnn.cli import main; main()"
    out = data.with_name("model.json")
    command = [
        sys.executable,
        "-c",
        code,
        "fit",
        data,
        "--beta",
        "1",
        "--plot",
        data.with_name("fit.png"),
        "--out",
        out,
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert "pip install convexnn[plot]" in result.stderr
    assert list(data.parent.iterdir()) == [data]
