"""``convexnn capacity``: one set of parameters, a range of them, and what is refused before any work."""

from __future__ import annotations

import re

import numpy as np
import pytest
from commands import run, run_json

from convexnn import associative


@pytest.fixture
def no_theory(monkeypatch):
    """Fail the test if the theory is solved."""

    def solve(*_, **__):
        raise AssertionError("solved before everything was checked")

    monkeypatch.setattr(associative, "capacity", solve)
    monkeypatch.setattr(associative, "robustness", solve)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], lambda: associative.capacity()),
        (["--robustness", 0.1, "--density", 0.3], lambda: associative.capacity(robustness=0.1, density=0.3)),
        (["--load", 0.5, "--gap", 1], lambda: associative.robustness(0.5, gap=1.0)),
        (
            ["--threshold", 0.1, "--f-in", "0.2,0.5", "--f-out", 0.4, "--inhibitory", 0.2],
            lambda: associative.capacity(threshold=0.1, f_in=[0.2, 0.5], f_out=0.4, inhibitory=0.2),
        ),
        (["--threshold", -0.1, "--f-in", 0.3], lambda: associative.capacity(threshold=-0.1, f_in=0.3)),
    ],
)
def test_the_options_mean_what_the_library_means(options, expected):
    code, record = run_json("capacity", *options)
    found = expected()
    assert (code, record["over"]) == (0, None)
    for name in ("load", "robustness", "sparsity", "is_upper_bound", "residual", "order_parameters"):
        assert record[name] == getattr(found, name)
    result = run("capacity", *options)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith(f"\n{found}\n")


def test_the_record_says_what_was_asked():
    _, record = run_json("capacity", "--threshold", 0.1, "--f-in", "0.2,0.5", "--density", 0.9)
    asked = {"threshold": 0.1, "f_in": [0.2, 0.5], "f_out": 0.5, "inhibitory": None, "density": 0.9, "gap": None}
    assert {name: record[name] for name in asked} == asked


@pytest.mark.parametrize(
    ("option", "name", "ends"),
    [
        ("--robustness", "robustness", (0, 2)),
        ("--threshold", "threshold", (0.2, -0.2)),
        ("--f-out", "f_out", (0.1, 0.9)),
        ("--inhibitory", "inhibitory", (0.1, 0.9)),
        ("--density", "density", (0.1, 1)),
        ("--gap", "gap", (0, 2)),
    ],
)
def test_any_option_may_be_a_range(option, name, ends):
    code, record = run_json("capacity", option, f"{ends[0]}:{ends[1]}:5")
    values = np.linspace(*ends, 5)
    found = associative.capacity(**{name: values})
    assert (code, record["over"], record[name]) == (0, name, list(values))
    for part in ("load", "sparsity", "is_upper_bound"):
        assert record[part] == list(getattr(found, part))
    assert record["order_parameters"]["Q"] == list(found.order_parameters["Q"])


def test_a_range_of_loads():
    code, record = run_json("capacity", "--load", "0.2:0.6:3", "--inhibitory", "0.2", "--f-out", "0.1")
    found = associative.robustness(np.linspace(0.2, 0.6, 3), inhibitory=0.2, f_out=0.1)
    assert (code, record["over"]) == (0, "load")
    assert record["robustness"] == list(found.robustness)


def test_what_a_person_reads_of_a_range():
    result = run("capacity", "--robustness", "0:1:3", "--density", 0.7)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("threshold 0.0, f_out 0.5, density 0.7, f_in 0.5\n")
    found = associative.capacity(robustness=[0, 0.5, 1], density=0.7)
    assert set(found.is_upper_bound) == {True, False}
    for one in found:
        note = "load is an upper bound" if one.is_upper_bound else ""
        assert re.search(rf"\n +{one.robustness:g} +{one.load:.6g} +{one.sparsity:.6g} +{note} *\n", result.stdout)


def test_the_bound_is_on_what_was_maximised():
    options = ["--load", 0.5, "--gap", "0:1:2"]
    result = run("capacity", *options)
    exact, bound = result.stdout.splitlines()[4:6]
    assert "upper bound" not in exact
    assert bound.rstrip().endswith("robustness is an upper bound")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--robustness", "much"], "--robustness must be a number, or a range start:stop:count such as 0:2:40, got"),
        (["--robustness", "0:1"], "got '0:1'"),
        (["--robustness", "0:1:2:3"], "got '0:1:2:3'"),
        (["--f-out", "0.1:0.5:2.5"], "--f-out must be a number, or a range"),
        (["--gap", "0:1:1"], "--gap must be between finite numbers and count at least 2, got '0:1:1'"),
        (["--gap", "0:1:1000000000"], "--gap must count at most 100000, got '0:1:1000000000'"),
        (["--gap", "0:inf:3"], "--gap must be between finite numbers"),
        (["--gap", "0:1:3", "--f-out", "0.1:0.5:3"], "at most one option may be a range, got --f-out and --gap"),
        (["--f-in", "0.2:0.5:3"], "--f-in must be a number, or one an input such as 0.2,0.5, got '0.2:0.5:3'"),
        (["--load", "1", "--robustness", "0"], "give --robustness or --load, not both"),
        (["--plot", "picture.png"], "--plot needs a range start:stop:count"),
        (["--gap", "0:1:3", "--plot", "picture.docx"], "--plot must end with .pdf, .png, .svg, got picture.docx"),
        (["--gap", "0:1:3", "--plot", "absent/picture.png"], "there is no folder"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(no_theory, arguments, message):
    result = run("capacity", *arguments, "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--robustness", "-1"], "robustness must be at least 0"),
        (["--robustness", "nan"], "robustness must be at least 0"),
        (["--f-in", "0.5,1"], "f_in must be strictly between 0 and 1, got 1.0"),
        (["--density", "0:1:3"], "density must be above 0 and at most 1, got 0.0 at index (0,)"),
        (["--density", "0.3", "--gap", "1"], "density and gap cannot be combined"),
        (["--load", "3"], "the load 3 exceeds 2, the capacity at robustness 0"),
        (["--threshold", "2"], ""),
    ],
)
def test_values_that_the_theory_refuses(arguments, message):
    result = run("capacity", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert message in result.stderr


@pytest.mark.parametrize("options", [["--robustness", "0:2:5", "--gap", 1], ["--load", "0.5:1.5:4"]])
def test_the_picture_is_written(tmp_path, options):
    plot = tmp_path / "capacity.png"
    assert run("capacity", *options, "--plot", plot).exit_code == 0
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [plot]
