"""``convexnn path``: breakpoints and grids as the library finds them, and what is refused before any work."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from commands import X, Y, run, run_json

import convexnn as cnn
from convexnn.errors import NotConvergedError
from convexnn.lasso import path as paths

SIGN = cnn.Problem(X, Y, 1.0, cnn.Architecture("sign"))


@pytest.fixture
def no_path(monkeypatch):
    """Fail the test if a path is followed."""

    def follow(*_, **__):
        raise AssertionError("followed before everything was checked")

    monkeypatch.setattr(paths, "path", follow)


def test_the_breakpoints_are_the_librarys(data):
    code, record = run_json("path", data, "--activation", "sign", "--beta-min", 0.1)
    found = paths.path(SIGN, beta_min=0.1)
    assert (code, record["status"], record["is_exact"]) == (0, "certified", True)
    assert record["beta_max"] == SIGN.beta_max
    assert [solution["beta"] for solution in record["solutions"]] == list(found.betas)
    for shown, solution in zip(record["solutions"], found.solutions, strict=True):
        assert shown["status"] == "certified"
        assert shown["objective"] == shown["certificate"]["primal"] == solution.objective
        assert shown["intercept"] == solution.intercept
        assert [feature["coef"] for feature in shown["features"]] == list(solution.coef)
        assert [feature["label"] for feature in shown["features"]] == [feature.label for feature in solution.features]
        assert shown["certificate"]["relative_gap"] == solution.certificate.relative_gap


def test_a_path_ends_at_a_thousandth_of_beta_max_by_default(data):
    _, record = run_json("path", data)
    assert record["solutions"][-1]["beta"] == record["beta_max"] / 1000
    _, same = run_json("path", data, "--beta-min", "0.001max")
    assert [solution["beta"] for solution in same["solutions"]] == pytest.approx(
        [solution["beta"] for solution in record["solutions"]], rel=1e-12
    )


@pytest.mark.parametrize(
    ("options", "betas"),
    [
        (["--betas", 5], np.geomspace(SIGN.beta_max, SIGN.beta_max / 1000, 5)),
        (["--betas", 3, "--beta-min", "0.25max"], SIGN.beta_max * np.array([1, 0.5, 0.25])),
        (["--betas", 2, "--beta-min", 0.5], [SIGN.beta_max, 0.5]),
        (["--betas", "0.5,0.5max,2"], sorted([0.5, 0.5 * SIGN.beta_max, 2.0], reverse=True)),
        (["--betas", "0.5max"], [0.5 * SIGN.beta_max]),
    ],
)
def test_betas_of_the_callers_choice(data, options, betas):
    code, record = run_json("path", data, "--activation", "sign", *options)
    assert (code, record["is_exact"]) == (0, False)
    np.testing.assert_allclose([solution["beta"] for solution in record["solutions"]], betas, rtol=1e-14)
    for shown in record["solutions"]:
        best = cnn.solve(cnn.Problem(X, Y, shown["beta"], SIGN.architecture))
        assert shown["objective"] == pytest.approx(best.objective, rel=2e-6)  # both are certified within 1e-6


@pytest.mark.parametrize("options", [["--loss", "absolute"], ["--loss", "huber", "--delta", 0.5]])
def test_other_losses_have_grids(data, options):
    code, record = run_json("path", data, "--betas", 3, *options)
    assert (code, record["loss"]["name"]) == (0, options[1])
    result = run("path", data, *options)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: an exact path needs the squared loss")


def test_what_a_person_reads(data):
    result = run("path", data, "--activation", "sign", "--beta-min", 0.1)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("volume from year, 8 samples: sign, depth 2, squared loss\n")
    found = paths.path(SIGN, beta_min=0.1)
    for solution in found.solutions:
        row = rf"\n +{solution.problem.beta:.8g} +{len(solution.features)} +{solution.objective:.8g} +\S+ *\n"
        assert re.search(row, result.stdout)
    assert f"\n{found}\ncertified within 1e-06: the largest relative gap is " in result.stdout


def test_solutions_outside_the_tolerance_are_counted_with_exit_code_1(data, monkeypatch):
    follow = paths.path

    def worse(problem, **options):
        found = follow(problem, **options)
        first, *others = found.solutions
        proof = replace(first.certificate, relative_gap=0.01)
        return replace(found, solutions=(replace(first, certificate=proof), *others))

    monkeypatch.setattr(paths, "path", worse)
    result = run("path", data, "--betas", "3")
    assert result.exit_code == 1
    assert "\nnot certified within 1e-06 (1 of 3 are not): the largest relative gap is 0.01" in result.stdout
    code, record = run_json("path", data, "--betas", "3")
    assert (code, record["status"]) == (1, "not certified")
    assert [solution["status"] for solution in record["solutions"]] == ["not certified", "certified", "certified"]
    assert run("path", data, "--betas", "3", "--tol", 0.1).exit_code == 0


def test_a_path_that_lost_its_way_has_exit_code_1(data, monkeypatch):
    def lose(*_, **__):
        raise NotConvergedError("the exact path lost its way", None)

    monkeypatch.setattr(paths, "path", lose)
    result = run("path", data)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: the exact path lost its way\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--betas", "1"], "--betas must be at least 2 betas, or a list such as 2000,500, got 1"),
        (["--betas", "0"], "--betas must be at least 2 betas"),
        (["--betas", "5,half"], "--betas must be a number, or a fraction of beta_max such as 0.1max, got 'half'"),
        (["--betas", "5,"], "--betas must be a number, or a fraction of beta_max such as 0.1max, got ''"),
        (["--betas", "5,-1"], "beta must be positive, got -1.0"),
        (["--betas", "5,2", "--beta-min", "1"], "--beta-min goes with a number of --betas or with none"),
        (["--beta-min", "low"], "--beta-min must be a number, or a fraction of beta_max such as 0.1max, got 'low'"),
        (["--beta-min", "0"], "beta must be positive, got 0.0"),
        (["--betas", "3", "--beta-min", "2max"], "--beta-min must be below beta_max = "),
        (["--tol", "-1"], "tol must be positive, got -1.0"),
        (["--slope", "0.2"], "--slope goes with --activation leaky_relu, got --activation relu"),
        (["--tau", "0.2"], "loss 'squared' takes no tau"),
        (["--y", "flow"], "has no column 'flow'"),
        (["--plot", "path.docx"], "--plot must end with .pdf, .png, .svg, got path.docx"),
        (["--plot", "absent/path.png"], "there is no folder"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(data, no_path, arguments, message):
    result = run("path", data, *arguments, "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_path_cannot_end_above_beta_max(data):
    result = run("path", data, "--beta-min", "1max")
    assert result.exit_code == 2
    assert "beta_min must be below beta_max" in result.stderr


def test_a_constant_target_has_no_path(data):
    data.write_text("1,5\n2,5\n3,5\n")
    for options in ([], ["--betas", 3], ["--beta-min", "0.1max"]):
        result = run("path", data, *options)
        assert result.exit_code == 2
        assert "beta_max is 0" in result.stderr
    code, record = run_json("path", data, "--betas", "2,1")
    assert (code, [solution["features"] for solution in record["solutions"]]) == (0, [[], []])


def test_the_data_file_is_not_overwritten(data, no_path):
    picture = data.rename(data.with_suffix(".png"))
    before = picture.read_bytes()
    result = run("path", picture, "--plot", picture)
    assert result.exit_code == 2
    assert "--plot must be other files than those that are read" in result.stderr
    assert picture.read_bytes() == before


@pytest.mark.parametrize("options", [[], ["--betas", 4]])
def test_the_picture_is_written(data, options):
    plot = data.with_name("path.png")
    assert run("path", data, *options, "--plot", plot).exit_code == 0
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert sorted(data.parent.iterdir()) == [data, plot]
