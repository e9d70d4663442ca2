"""The commands: what they print and write, and their exit codes."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from benchmarks import __main__ as comparison
from benchmarks import agreement, audit, scaling, torture
from benchmarks.agreement import Comparison
from benchmarks.audit import Attempt
from benchmarks.peers import METHODS, OURS, Method
from benchmarks.worker import CrashedError


@pytest.fixture(autouse=True)
def _keep_environment(monkeypatch):
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON"):
        monkeypatch.setenv(f"{library}_NUM_THREADS", "1")


class Here:
    """A worker that calls in this process."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def call(self, function, *args, limit):
        try:
            return function(*args)
        except Exception as error:
            raise CrashedError(str(error)) from error


def run(command, *arguments):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_comparison_writes_a_table_and_pictures(tmp_path, monkeypatch):
    absent = Method("celer", ("no_such_package",), OURS.unsuitable, OURS.given, OURS.fit)
    monkeypatch.setattr(comparison, "Worker", Here)
    monkeypatch.setattr(scaling, "PEERS", (METHODS["cvxpy sparse, Clarabel"], absent))
    result = run(comparison.main, "--n", 30, "--n", 20, "--repeats", 3, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    table = json.loads((tmp_path / "scaling.json").read_text(encoding="utf-8"))
    assert table["machine"]["threads"] == 1
    assert {(record["activation"], record["n"]) for record in table["results"]} == {
        (activation, n) for activation in ("relu", "sign") for n in (20, 30)
    }
    statuses = {record["method"]: record["status"] for record in table["results"]}
    assert statuses == {
        "read pass": "floor",
        "convexnn": "certified",
        "cvxpy sparse, Clarabel": "certified",
        "celer": "absent",
    }
    for record in table["results"]:
        if record["status"] == "certified":
            assert record["repeats"] == 3
            assert record["fastest"] <= record["seconds"] <= record["slowest"]
            assert abs(record["gap"]) <= 1e-6
    assert all((tmp_path / f"scaling.{ending}").stat().st_size > 0 for ending in ("png", "pdf"))
    assert "absent" in result.output


@pytest.mark.parametrize(("verdict", "code"), [("certified", 0), ("honest", 0), ("false gap", 1), ("hung", 1)])
def test_torture_fails_if_a_promise_is_broken(verdict, code, tmp_path, monkeypatch):
    monkeypatch.setattr(torture, "Worker", Here)
    monkeypatch.setattr(torture, "SHARES", (0.1,))
    monkeypatch.setattr(audit, "attempt", lambda recipe, tol: Attempt(verdict, 1e-3, 2e-3, 0.0, 0.1))
    result = run(torture.main, "--n", 2, "--peers-at", 0, "--out", tmp_path)
    assert result.exit_code == code, result.output
    table = json.loads((tmp_path / "torture.json").read_text(encoding="utf-8"))
    assert len(table["convexnn"]) == 12 * len(torture.CASES)
    assert {record["verdict"] for record in table["convexnn"]} == {verdict}
    assert ("gap 1.0e-03, audited 2.0e-03" in result.output) == (verdict != "certified")


def test_torture_prints_the_shares_of_the_peers(tmp_path, monkeypatch):
    monkeypatch.setattr(torture, "Worker", Here)
    monkeypatch.setattr(torture, "SHARES", (0.1,))
    monkeypatch.setattr(torture, "WITHOUT_NORM", ())
    monkeypatch.setattr(torture, "PEERS", (METHODS["cvxpy sparse, Clarabel"],))
    result = run(torture.main, "--n", 1, "--peers-at", 12, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    records = json.loads((tmp_path / "torture.json").read_text(encoding="utf-8"))["peers"]
    assert len(records) == 2 * 2 * len(torture.CASES)
    assert {record["status"] for record in records if record["method"] == "convexnn"} == {"certified"}
    assert "100.0 %" in result.output


@pytest.mark.parametrize(("difference", "code"), [(1e-9, 0), (2e-8, 1), (float("nan"), 1)])
def test_agreement_fails_on_a_difference(difference, code, monkeypatch):
    monkeypatch.setattr(agreement, "compare", lambda problem: iter([Comparison("columns", 1.0, 1.0, 1.0, difference)]))
    result = run(agreement.main, "--count", len(agreement.FAMILIES) * len(agreement.LOSSES))
    assert result.exit_code == code
    assert ("seed [0, 3]" in result.output) == bool(code)
