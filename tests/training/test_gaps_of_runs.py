"""The benchmark that looks for networks below the optimum would notice one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import gaps_of_runs


def outcome(capsys, **options):
    with pytest.raises(SystemExit) as stopped:
        gaps_of_runs.main(runs=150, **options)
    return stopped.value.code, *capsys.readouterr()


@pytest.mark.parametrize("seed", [0, 1])
def test_no_network_is_below_the_optimum(capsys, seed):
    code, table, _ = outcome(capsys, seed=seed)
    assert code == 0
    assert "0 below zero by more than rounding" in table


def test_an_objective_that_is_too_small_is_noticed(capsys, monkeypatch):
    train = gaps_of_runs.train

    def too_small(problem, options):
        runs = train(problem, options)
        return replace(runs, history=replace(runs.history, objective=(1 - 1e-8) * runs.history.objective))

    monkeypatch.setattr(gaps_of_runs, "train", too_small)
    code, _, errors = outcome(capsys, seed=0)
    assert code == 1
    assert "gap -" in errors
