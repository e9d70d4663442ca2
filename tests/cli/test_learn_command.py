"""``convexnn learn``: what it learns, writes and returns, and what it refuses before any work."""

from __future__ import annotations

import io
import os

import numpy as np
import pytest
from commands import run, run_json

from convexnn import associative
from convexnn.associative import Associations, random_associations
from convexnn.cli.arrays import read_array, read_vector, write_vector
from convexnn.errors import InputError

ASSOCIATIONS = random_associations(20, 9, rng=np.random.default_rng(3))
SIGNS = np.where(np.arange(20) < 4, -1.0, 1.0)


@pytest.fixture
def files(tmp_path):
    """The associations and signs as files, and the options that name the first two."""
    np.save(tmp_path / "X.npy", ASSOCIATIONS.inputs)
    np.save(tmp_path / "y.npy", ASSOCIATIONS.outputs.astype(np.int8))
    np.savetxt(tmp_path / "X.csv", ASSOCIATIONS.inputs, delimiter=",", fmt="%d")
    np.savetxt(tmp_path / "y.csv", ASSOCIATIONS.outputs, fmt="%d")
    np.savetxt(tmp_path / "signs.csv", SIGNS[None], delimiter=",", fmt="%d")
    return tmp_path


@pytest.fixture
def asked(files):
    """The options that name the inputs and the outputs."""
    return ["--inputs", files / "X.npy", "--outputs", files / "y.npy"]


@pytest.fixture
def no_learning(monkeypatch):
    """Fail the test if anything is learned."""

    def work(*_, **__):
        raise AssertionError("learned before everything was checked")

    monkeypatch.setattr(associative, "learn", work)
    monkeypatch.setattr(associative, "learn_online", work)


@pytest.mark.parametrize(
    ("options", "constraints"),
    [
        ([], {}),
        (["--threshold", 0.1], {"threshold": 0.1}),
        (["--density", 0.3], {"density": 0.3}),
        (["--gap", 1, "--time-limit", 60], {"gap": 1.0}),
    ],
)
def test_the_options_mean_what_the_library_means(asked, options, constraints):
    code, record = run_json("learn", *asked, *options)
    found = associative.learn(ASSOCIATIONS, **constraints)
    assert (code, record["failure"]) == (0, None)
    assert (record["n_inputs"], record["n_associations"], record["target"]) == (20, 9, None)
    for name in ("status", "robustness", "bound", "relative_gap", "sparsity"):
        assert record[name] == getattr(found, name)
    assert record["weights"] == found.weights.tolist()
    assert record["max_nonzero"] == found.constraints.max_nonzero
    assert record["gap"] == found.constraints.gap


def test_signs_come_from_a_file(files, asked):
    code, record = run_json("learn", *asked, "--signs", files / "signs.csv", "--density", 0.5)
    assert (code, record["signs"]) == (0, SIGNS.tolist())
    assert np.all(SIGNS * record["weights"] >= 0)


def test_csv_files_hold_the_same_as_npy_files(files, asked):
    same = ["--inputs", files / "X.csv", "--outputs", files / "y.csv"]
    first, second = run_json("learn", *asked)[1], run_json("learn", *same)[1]
    assert {**first, "seconds": 0} == {**second, "seconds": 0}


def test_the_online_rule(asked):
    options = ["--method", "online", "--robustness", 0.1, "--gap", 0.5, "--seed", 5]
    code, record = run_json("learn", *asked, *options)
    found = associative.learn_online(
        ASSOCIATIONS, robustness=0.1, gap=0.5, n_steps=100_000, rng=np.random.default_rng(5)
    )
    assert (code, record["failure"], record["status"]) == (0, None, "stored")
    assert record["weights"] == found.weights.tolist()
    assert (record["target"], record["robustness"]) == (0.1, found.robustness)


def test_what_the_online_rule_did_not_reach_has_exit_code_1(asked):
    options = ["--method", "online", "--robustness", 50, "--steps", 10]
    code, record = run_json("learn", *asked, *options)
    assert (code, record["status"]) == (1, "not stored")
    assert record["failure"] is not None
    result = run("learn", *asked, *options)
    assert result.exit_code == 1
    assert f"\nnot all that was asked for holds: {record['failure']}\n" in result.stdout


def test_a_search_that_ends_early_has_exit_code_1(asked, monkeypatch):
    learn = associative.learn

    def early(*arguments, **options):
        found = learn(*arguments, **options)
        return associative.Learned(ASSOCIATIONS, found.constraints, found.weights, found.bound + 2, "time limit")

    monkeypatch.setattr(associative, "learn", early)
    code, record = run_json("learn", *asked)
    assert (code, record["status"]) == (1, "time limit")
    assert record["failure"] == f"the relative gap is {record['relative_gap']:.2g}"
    result = run("learn", *asked, "--tol", 1)
    assert result.exit_code == 0
    assert result.stdout.endswith("\ncertified within 1\n")


def test_what_a_person_reads(asked):
    result = run("learn", *asked, "--density", 0.3)
    found = associative.learn(ASSOCIATIONS, density=0.3)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"9 associations of 20 inputs, exact learning\n{found}\ncertified within 1e-06\n"


@pytest.mark.parametrize("ending", [".csv", ".npy"])
def test_the_written_weights_are_read_back_exactly(asked, files, ending):
    out = files / f"weights{ending}"
    _, record = run_json("learn", *asked, "--density", 0.3, "--out", out)
    assert read_vector(out).tolist() == record["weights"]


def test_a_failed_write_leaves_the_older_file_and_nothing_else(asked, files, monkeypatch):
    out = files / "weights.csv"
    out.write_text("old")
    before = sorted(files.iterdir())

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    result = run("learn", *asked, "--out", out)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"error: cannot write {out}: No space left on device\n"
    assert out.read_text() == "old"
    assert sorted(files.iterdir()) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "online"], "--method online needs --robustness"),
        (["--robustness", 1], "--robustness goes with --method online\n"),
        (["--steps", 1], "--steps goes with --method online"),
        (["--seed", 1], "--seed goes with --method online"),
        (["--method", "online", "--density", 0.3], "--density goes with --method exact\n"),
        (["--method", "online", "--time-limit", 3], "--time-limit goes with --method exact"),
        (["--method", "online", "--tol", 1], "--tol goes with --method exact"),
        (["--tol", 0], "tol must be positive, got 0.0"),
        (["--out", "weights.txt"], "--out must end with .csv, .npy, got weights.txt"),
        (["--out", "absent/weights.csv"], "there is no folder"),
        (["--signs", "absent.csv"], "cannot read absent.csv: No such file or directory"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(asked, no_learning, options, message):
    result = run("learn", *asked, *options, "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--density", 0], "density must be above 0 and at most 1, got 0.0"),
        (["--density", 0.001], "leaves none of 20 weights nonzero"),
        (["--gap", -1], "gap must be at least 0"),
        (["--time-limit", 0], "time_limit must be positive, got 0.0"),
        (["--threshold", "nan"], "threshold must be finite"),
        (["--method", "online", "--robustness", -1], "robustness must be at least 0"),
        (["--steps", 0, "--method", "online"], "Invalid value for '--steps'"),
        (["--seed", -1, "--method", "online"], "Invalid value for '--seed'"),
    ],
)
def test_values_out_of_range(asked, options, message):
    result = run("learn", *asked, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def saved(array, **options):
    """The bytes of an .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def claimed(size):
    """The bytes of an .npy file whose header claims size x size numbers."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f8", "fortran_order": False, "shape": (size, size)})
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("bad.npy", saved(np.array([{}], dtype=object), allow_pickle=True), "Object arrays cannot be loaded"),
        ("bad.npy", b"0,1,1\n1,1,0\n", "is no array of numbers: the magic string is not correct"),
        ("bad.npy", b"", "is no array of numbers: EOF"),
        ("bad.npy", saved(ASSOCIATIONS.inputs)[:-8], "is no array of numbers: Failed to read all data"),
        ("bad.npy", claimed(10**9), "is no array of numbers: Unable to allocate"),
        ("bad.npy", claimed(10**30), "is no array of numbers: "),
        ("bad.npy", saved(np.array([["a"]])), "inputs must be an array of 0 and 1, got dtype <U1"),
        ("bad.npy", saved(ASSOCIATIONS.outputs), "inputs must have shape (n_associations, n_inputs)"),
        ("bad.npy", saved(ASSOCIATIONS.inputs[:4]), "must have one row an association, got 4 and 9"),
        ("bad.csv", b"1,0\n1\n", "is no array of numbers: the number of columns changed from 2 to 1 at row 2\n"),
        (
            "bad.csv",
            b"a,b\n1,0\n",
            "is no array of numbers: could not convert string 'a' to float64 at row 0, column 1",
        ),
        ("bad.csv", b"\n \n", "is no array of numbers: it is empty\n"),
        ("bad.csv", b"\xff\xfe1", "is no array of numbers: 'utf-8' codec can't decode"),
        ("bad.csv", b"1,2\n", "inputs must be 0 or 1, got 2.0 at index (0, 1)"),
        ("bad.csv", b"1,nan\n", "inputs must be 0 or 1, got nan at index (0, 1)"),
    ],
)
def test_files_that_hold_no_associations(files, no_learning, name, content, message):
    bad = files / name
    bad.write_bytes(content)
    result = run("learn", "--inputs", bad, "--outputs", files / "y.npy")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_nothing_is_unpickled(tmp_path, no_learning):
    """A pickled array runs the code of whoever wrote it."""

    class Touch:
        def __reduce__(self):
            return (open, (str(tmp_path / "touched"), "w"))

    bad = tmp_path / "bad.npy"
    bad.write_bytes(saved(np.array([Touch()], dtype=object), allow_pickle=True))
    for inputs, outputs in ((bad, bad), (bad.rename(tmp_path / "bad.csv"), bad)):
        assert run("learn", "--inputs", inputs, "--outputs", outputs).exit_code == 2
    assert sorted(tmp_path.iterdir()) == [tmp_path / "bad.csv"]


def test_outputs_and_signs_are_vectors(files, asked, no_learning):
    result = run("learn", *asked[:2], "--outputs", files / "X.csv")
    assert (result.exit_code, result.stderr) == (
        2,
        f"error: {files / 'X.csv'} must hold one row or one column, got shape (9, 20)\n",
    )
    result = run("learn", *asked, "--signs", files / "X.npy")
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize(
    ("content", "message"), [("1,-1\n", "signs must have one entry an input (20), got 2"), ("0", "")]
)
def test_signs_that_do_not_fit(files, asked, content, message):
    signs = files / "few.csv"
    signs.write_text(content)
    result = run("learn", *asked, "--signs", signs)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


@pytest.mark.parametrize("name", ["X.npy", "y.npy", "signs.csv"])
def test_files_that_are_read_are_not_overwritten(files, asked, no_learning, name):
    before = (files / name).read_bytes()
    result = run("learn", *asked, "--signs", files / "signs.csv", "--out", files / name)
    assert result.exit_code == 2
    assert "--out must be other files than those that are read" in result.stderr
    assert (files / name).read_bytes() == before


def test_one_association_is_a_row(tmp_path):
    (tmp_path / "X.csv").write_text("\ufeff1, 0,1\r\n\r\n", encoding="utf-8")
    (tmp_path / "y.csv").write_text("1")
    code, record = run_json("learn", "--inputs", tmp_path / "X.csv", "--outputs", tmp_path / "y.csv")
    best = associative.learn(Associations([[1.0, 0.0, 1.0]], [1.0]))
    assert (code, record["robustness"]) == (0, best.robustness)


@pytest.mark.parametrize("ending", [".csv", ".npy", ".NPY"])
def test_arrays_go_to_a_file_and_back(tmp_path, ending):
    path = tmp_path / f"vector{ending}"
    values = np.array([0.1, -1e-300, 0.0, 1 / 3, 1e300])
    write_vector(path, values)
    np.testing.assert_array_equal(read_vector(path), values)
    with pytest.raises(InputError, match="cannot read"):
        read_array(tmp_path / "absent.npy")
