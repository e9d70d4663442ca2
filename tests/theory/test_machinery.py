"""The machinery that runs theorems: what holds, what does not, and what the report says about it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from typer.testing import CliRunner

import theory.__main__ as command
from convexnn.errors import InputError
from theory.statement import Evidence, Falsification, Theorem, theorem
from theory.verification import Report, examine, verify


def test_evidence_that_is_empty_or_nan_neither_holds_nor_refutes() -> None:
    for evidence in (
        Evidence(),
        Evidence.equal("nan", np.nan, 1.0, tol=1.0),
        Evidence.at_most("nan", np.nan, 1.0, tol=1.0),
        Evidence.equal("infinities", np.inf, np.inf, tol=1.0),
        Evidence.equal("one nan of many", np.array([0.0, np.nan]), np.zeros(2), tol=1.0),
        Evidence.equal("empty arrays", np.zeros(0), np.zeros(0), tol=1.0),
    ):
        assert not evidence.holds
        assert not evidence.refuted


def test_evidence_is_a_conjunction() -> None:
    good = Evidence.equal("good", 1.0, 1.0)
    bad = Evidence.at_most("bad", 2.0, 1.0, tol=0.5)
    nan = Evidence.equal("nan", np.nan, 1.0, tol=1.0)
    assert (good & good).holds
    assert not (good & bad).holds
    assert (good & bad).refuted
    assert not (good & nan).holds
    assert (bad & good).worst.name == "bad"
    assert (bad & nan).worst.name == "nan"


def test_evidence_at_the_tolerance_holds() -> None:
    assert Evidence.equal("at", 1.25, 1.0, tol=0.25).holds
    assert not Evidence.equal("beyond", 1.25, 1.0, tol=0.249).holds
    assert Evidence.at_most("below", -5.0, 1.0).holds
    assert Evidence.at_most("no bound", np.array([1.0]), np.array([np.inf])).holds


def test_evidence_is_exact_on_integers_and_fractions() -> None:
    assert Evidence.equal("third", Fraction(1, 3) + Fraction(1, 6), Fraction(1, 2)).holds
    assert not Evidence.equal("nearly", Fraction(1, 3), Fraction(1, 3) + Fraction(1, 10**30)).holds


def test_evidence_reports_the_worst_entry() -> None:
    worst = Evidence.equal("vector", np.array([1.0, 5.0, 3.0]), np.array([1.0, 2.0, 3.0]), tol=1.0).worst
    assert (worst.got, worst.want, worst.deviation, worst.ratio) == (5.0, 2.0, 3.0, 3.0)
    assert "5 = 2, off by 3, allowed 1" in str(worst)


@pytest.mark.parametrize("tolerance", [np.inf, np.nan, -1.0])
def test_evidence_refuses_a_tolerance_that_cannot_fail(tolerance: float) -> None:
    with pytest.raises(ValueError, match="tolerance"):
        Evidence.equal("any", 1.0, 2.0, tol=tolerance)


def test_evidence_refuses_shapes_that_broadcast() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        Evidence.equal("shapes", np.zeros(3), 0.0)


def _bounded_by(limit: int) -> Theorem:
    """The claim n <= limit for integers from 0 to 100."""
    return Theorem(
        key="tests/bounded",
        title="Integers are bounded",
        statement=r"n \le \text{limit}",
        reference="this test",
        kind="bound",
        instances=st.fixed_dictionaries({"n": st.integers(0, 100)}),
        check=lambda n: Evidence.at_most("n", n, limit).note("an even number", n % 2 == 0),
        falsify=(Falsification("the range", st.fixed_dictionaries({"n": st.integers(0, 200)})),),
    )


def test_a_true_claim_holds_and_its_twin_breaks() -> None:
    report = examine(_bounded_by(100), max_examples=50)
    assert report.holds
    assert report.instances == 50
    assert 0 < report.notes["an even number"] <= 50
    assert report.worst == 0
    (twin,) = report.twins
    assert int(str(twin.instance).removeprefix("n = ")) > 100


def test_a_false_claim_is_reported_with_its_smallest_counterexample() -> None:
    report = examine(_bounded_by(41), max_examples=50)
    assert not report.holds
    assert report.failures == ("the claim fails",)
    assert report.counterexample == "n = 42; n: 42 <= 41, off by 1, allowed 0"


def test_a_claim_whose_twin_cannot_fail_is_rejected() -> None:
    tautology = replace(_bounded_by(100), check=lambda n: Evidence.at_most("n", n, n))
    report = examine(tautology)
    assert report.failures == ("the check cannot fail: it survives without the range",)


@pytest.mark.parametrize("evidence", [Evidence(), Evidence.equal("nan", np.nan, 0.0, tol=1.0)])
def test_a_twin_is_not_broken_by_evidence_that_is_empty_or_nan(evidence: Evidence) -> None:
    twin = Falsification("the range", st.fixed_dictionaries({"n": st.integers(0, 200)}), lambda n: evidence)
    assert not examine(replace(_bounded_by(100), falsify=(twin,))).holds


def test_a_twin_is_not_broken_by_an_error() -> None:
    twin = Falsification("the range", st.just({"n": 1}), lambda n: Evidence.equal("division", n / 0, 0.0))
    report = examine(replace(_bounded_by(100), falsify=(twin,)))
    assert not report.holds
    assert report.twins[0].error == "ZeroDivisionError: division by zero"


def test_a_check_that_compares_nothing_fails() -> None:
    report = examine(replace(_bounded_by(100), check=lambda n: Evidence()))
    assert "the claim fails" in report.failures
    assert "nothing was compared" in str(report.counterexample)


def test_a_check_that_raises_fails_with_its_error() -> None:
    def check(n: int) -> Evidence:
        return Evidence.true("reciprocal", 1 / (n - 7) < 2)

    report = examine(replace(_bounded_by(100), check=check), max_examples=300)
    assert report.counterexample == "n = 7; ZeroDivisionError: division by zero"


def test_a_check_cannot_reject_instances() -> None:
    def check(n: int) -> Evidence:
        assume(n < 5)
        return Evidence.at_most("n", n, 100)

    assert not examine(replace(_bounded_by(100), check=check)).holds


def test_examples_come_first_and_count() -> None:
    report = examine(replace(_bounded_by(100), examples=({"n": 101},)))
    assert report.instances == 1
    assert str(report.counterexample).startswith("n = 101")


def test_a_note_that_is_required_and_missing_fails() -> None:
    report = examine(replace(_bounded_by(100), uses=("an even number", "a miracle")))
    assert report.failures == ("no instance used: a miracle",)


def test_a_tight_bound_must_be_attained() -> None:
    loose = replace(_bounded_by(100), kind="tight bound", check=lambda n: Evidence.at_most("n", n, 150))
    loose = replace(loose, falsify=(Falsification("the range", st.just({"n": 200})),))
    assert examine(loose).failures == ("no instance attains the bound",)
    attained = replace(_bounded_by(100), kind="tight bound", examples=({"n": 100},))
    assert examine(attained).holds


def test_runs_are_reproducible() -> None:
    first, second = (replace(examine(_bounded_by(100)), seconds=0.0) for _ in range(2))
    assert first == second


def test_a_theorem_needs_a_twin_and_its_own_key() -> None:
    attributes = {
        "title": "",
        "statement": "",
        "reference": "",
        "kind": "bound",
        "instances": st.just({}),
    }
    with pytest.raises(ValueError, match="needs a twin"):
        theorem(key="tests/no-twin", falsify=(), **attributes)(lambda: Evidence())
    twin = Falsification("nothing", st.just({}))
    taken = "mirrors/two-layer-kinks"
    verify(taken, max_examples=1)
    with pytest.raises(ValueError, match="have the key"):
        theorem(key=taken, falsify=twin, **attributes)(lambda: Evidence())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"key": "mirrors/unknown"}, "unknown theorem 'mirrors/unknown'; known: 'mirrors/two-layer-kinks'"),
        ({"key": "mirrors/two-layer-kinks", "profile": "slow"}, "unknown profile 'slow'; known: 'quick', 'full'"),
        ({"key": "mirrors/two-layer-kinks", "max_examples": 0}, "max_examples must be positive, got 0"),
    ],
)
def test_verify_refuses_what_it_does_not_know(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        verify(**arguments)
    assert message in str(caught.value)


def _run(monkeypatch: pytest.MonkeyPatch, limit: int, *arguments: str) -> tuple[int, str]:
    """The command on one small theorem."""
    small = _bounded_by(limit)
    monkeypatch.setattr(command, "theorems", lambda: (small,))
    monkeypatch.setattr(command, "verify", lambda key, profile: examine(small, profile=profile))
    result = CliRunner().invoke(command.app, [*arguments])
    return result.exit_code, result.output


def test_command_exits_with_0_if_all_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = _run(monkeypatch, 100, "tests/bounded")
    assert code == 0
    assert "1 of 1 theorems hold" in output
    assert "profile quick, seed" in output


def test_command_exits_with_1_and_the_counterexample_if_a_claim_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = _run(monkeypatch, 41)
    assert code == 1
    assert "0 of 1 theorems hold" in output
    assert "n = 42" in output


@pytest.mark.parametrize(
    "arguments", [["no/such-theorem"], ["--profile", "slow"], ["--nonsense"], ["--json", "/nowhere/report.json"]]
)
def test_command_exits_with_2_for_wrong_usage(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    code, _ = _run(monkeypatch, 100, *arguments)
    assert code == 2


def test_json_has_one_entry_a_theorem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    code, _ = _run(monkeypatch, 41, "--json", str(path))
    written = json.loads(path.read_text())
    assert code == 1
    assert set(written) == {"profile", "seed", "holds", "theorems"}
    assert written["holds"] is False
    (entry,) = written["theorems"]
    assert set(entry) == {*Report.__dataclass_fields__, "holds"}
    assert entry["worst"] is None  # an exact comparison that fails is infinitely far off
    assert entry["twins"][0]["drops"] == "the range"


def test_html_escapes_what_it_shows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    _run(monkeypatch, 41, "--html", str(path))
    page = path.read_text()
    assert "n: 42 &lt;= 41" in page
    assert "<script" not in page


def test_import_is_light() -> None:
    code = "import sys, theory; print([m for m in ('hypothesis', 'cvxpy', 'numpy') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
