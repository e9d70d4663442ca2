"""Sweeps: what is reused and what is not, processes, means, and finite N against theory."""

from __future__ import annotations

import json

import numpy as np
import pytest

from convexnn.associative import experiments
from convexnn.associative.experiments import Exact, Online, Paired, Point, grid, summarise, sweep
from convexnn.errors import InputError

FEW = {"n_inputs": 12, "load": 0.5, "seed": range(4)}


@pytest.fixture
def calls(monkeypatch):
    """The associations for which `learn` was called; with `fails_at`, the call of that number is interrupted."""

    class Calls(list):
        fails_at = None

    made, learn = Calls(), experiments.learn

    def recorded(associations, **options):
        if len(made) == made.fails_at:
            raise KeyboardInterrupt
        made.append(associations)
        return learn(associations, **options)

    monkeypatch.setattr(experiments, "learn", recorded)
    return made


def test_a_grid_has_all_combinations():
    points = grid(n_inputs=[10, 20], load=0.5, gap=np.array([1.0, 2.0]), seed=range(3))
    assert len(points) == 12
    assert points[:4] == [
        *(Point(n_inputs=10, load=0.5, gap=1.0, seed=seed) for seed in range(3)),
        Point(n_inputs=10, load=0.5, gap=2.0, seed=0),
    ]
    assert type(points[0].gap) is float


def test_points_that_differ_in_constraints_have_the_same_associations():
    one = Point(n_inputs=30, load=0.5, seed=3).associations()
    other = Point(n_inputs=30, load=0.5, seed=3, gap=2.0, inhibitory=0.2).associations()
    np.testing.assert_array_equal(one.inputs, other.inputs)
    np.testing.assert_array_equal(one.outputs, other.outputs)
    assert not np.array_equal(one.inputs, Point(n_inputs=30, load=0.5, seed=4).associations().inputs)


def test_inhibitory_inputs_come_first():
    np.testing.assert_array_equal(Point(n_inputs=5, load=1, seed=0, inhibitory=0.4).signs, [-1, -1, 1, 1, 1])
    assert Point(n_inputs=5, load=1, seed=0).signs is None


def test_an_interrupted_sweep_goes_on_where_it_stopped(calls, tmp_path):
    points = grid(**FEW)
    expected = sweep(Exact(), points)
    calls.clear()
    calls.fails_at = 2
    with pytest.raises(KeyboardInterrupt):
        sweep(Exact(), points, folder=tmp_path / "results")
    assert len(list((tmp_path / "results").iterdir())) == 2
    calls.fails_at = None
    calls.clear()
    assert sweep(Exact(), points, folder=tmp_path / "results") == expected
    assert len(calls) == 2
    calls.clear()
    assert sweep(Exact(), points, folder=tmp_path / "results") == expected
    assert not calls


@pytest.mark.parametrize(
    ("measurement", "changes"),
    [
        (Exact(time_limit=100), {}),
        (Paired(), {}),
        (Exact(), {"load": 0.6}),
        (Exact(), {"n_inputs": 13}),
        (Exact(), {"seed": 4}),
        (Exact(), {"gap": 1.0}),
        (Exact(), {"gap": 0.0}),
        (Exact(), {"density": 0.5}),
        (Exact(), {"threshold": 0.01}),
        (Exact(), {"inhibitory": 0.3}),
        (Exact(), {"f_in": 0.4}),
        (Exact(), {"f_out": 0.4}),
    ],
)
def test_other_parameters_are_measured_anew(calls, tmp_path, measurement, changes):
    sweep(Exact(), grid(n_inputs=12, load=0.5, seed=0), folder=tmp_path)
    calls.clear()
    sweep(measurement, grid(**{"n_inputs": 12, "load": 0.5, "seed": 0, **changes}), folder=tmp_path)
    assert calls


def test_another_version_is_measured_anew(calls, tmp_path, monkeypatch):
    sweep(Exact(), grid(**FEW), folder=tmp_path)
    calls.clear()
    monkeypatch.setattr("convexnn.__version__", "0.0.0")
    sweep(Exact(), grid(**FEW), folder=tmp_path)
    assert len(calls) == 4


def test_numbers_survive_the_folder_bit_by_bit(tmp_path):
    points = grid(n_inputs=40, load=0.3, robustness=0.3, gap=2.0, seed=range(3))
    measured = sweep(Online(n_steps=500), points, folder=tmp_path)
    assert sweep(Online(n_steps=500), points, folder=tmp_path) == measured


def test_files_that_are_not_results_are_refused(tmp_path):
    point = grid(n_inputs=12, load=0.5, seed=0)
    sweep(Exact(), point, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "point": {**record["point"], "load": 0.9}}))
    with pytest.raises(InputError, match="other parameters than its name says"):
        sweep(Exact(), point, folder=tmp_path)
    for result in ([], {"robustness": "high"}):
        path.write_text(json.dumps({**record, "result": result}))
        with pytest.raises(InputError, match="is not a result of a sweep; remove it"):
            sweep(Exact(), point, folder=tmp_path)
    for text in ("", "[]", "{}", '{"result": {}', "\x80"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"is not a result of a sweep; remove it|other parameters"):
            sweep(Exact(), point, folder=tmp_path)


def test_processes_do_not_change_the_results(tmp_path):
    points = grid(**FEW, gap=[1.0, 2.0])
    assert sweep(Paired(), points, n_jobs=2, folder=tmp_path) == sweep(Paired(), points)
    assert len(list(tmp_path.iterdir())) == 8


def test_progress_is_shown_on_stderr_on_request_only(capsys):
    sweep(Exact(), grid(**FEW))
    shown = capsys.readouterr()
    assert shown.out == shown.err == ""
    sweep(Exact(), grid(**FEW), progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "100%" in shown.err


def test_means_and_their_errors():
    results = sweep(Exact(), grid(n_inputs=12, load=[0.5, 0.75], seed=range(3)))
    rows = summarise(results)
    assert [(row.point.load, row.n) for row in rows] == [(0.5, 3), (0.75, 3)]
    values = [numbers["robustness"] for point, numbers in results if point.load == 0.75]
    assert rows[1].mean["robustness"] == pytest.approx(np.mean(values))
    assert rows[1].error["robustness"] == pytest.approx(np.std(values, ddof=1) / np.sqrt(3))
    assert np.isnan(summarise(results[:1])[0].error["robustness"])


def test_theory_is_that_of_the_load_that_was_drawn():
    point = Point(n_inputs=10, load=0.77, seed=0)
    assert point.n_associations == 8
    assert point.theory().load == pytest.approx(0.8)


def paired(**constraint):
    (row,) = summarise(sweep(Paired(), grid(n_inputs=30, load=0.6, seed=range(60), **constraint)))
    return row


def exceeds(row, constrained, free):
    """Whether the mean optimum is above the theory, corrected by what the l1 optima of the same instances are above it.

    Three standard errors: were the theory exact and the mean normal, this would be wrong once in 740.
    """
    return row.mean["difference"] > constrained.robustness - free.robustness + 3 * row.error["difference"]


@pytest.mark.parametrize(
    ("constraint", "tighter"), [({"gap": 2.0}, {"gap": 6.0}), ({"density": 0.3}, {"density": 0.1})]
)
def test_optima_are_below_the_replica_symmetric_bound(constraint, tighter):
    # T18, with its hypothesis dropped as well: the theory of a tighter constraint is no bound.
    row = paired(**constraint)
    assert row.mean["proved"] == 1
    free = Point(n_inputs=30, load=0.6, seed=0).theory()
    assert not exceeds(row, row.point.theory(), free)
    assert exceeds(row, Point(n_inputs=30, load=0.6, seed=0, **tighter).theory(), free)


def test_a_constraint_never_helps():
    # T16
    for _, numbers in sweep(Paired(), grid(n_inputs=24, load=0.6, gap=[1.0, 3.0], seed=range(5))):
        assert numbers["difference"] <= 1e-9


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"load": 0.5, "seed": 0}, "give n_inputs: one value"),
        ({**FEW, "p": 0.5}, "unknown axis 'p'; known: n_inputs, load, seed"),
        ({**FEW, "n_inputs": 0}, "n_inputs must be an integer >= 1, got 0"),
        ({**FEW, "n_inputs": 12.0}, "n_inputs must be an integer"),
        ({**FEW, "seed": -1}, "seed must be an integer >= 0, got -1"),
        ({**FEW, "load": 0}, "load must be positive"),
        ({**FEW, "load": 0.01}, "a load of 0.01 is no association of 12 inputs"),
        ({**FEW, "gap": -1}, "gap must be at least 0"),
        ({**FEW, "density": 1.5}, "density must be above 0 and at most 1"),
        ({**FEW, "threshold": None}, "threshold must be a number"),
    ],
)
def test_bad_points_are_refused(axes, message):
    with pytest.raises(InputError, match=message):
        grid(**axes)


def test_bad_sweeps_are_refused(tmp_path):
    with pytest.raises(InputError, match="the online rule has no density"):
        sweep(Online(), grid(**FEW, density=0.5))
    with pytest.raises(InputError, match=r"measurement must be Exact\(\), Paired\(\) or Online\(\), got <class"):
        sweep(Exact, grid(**FEW))
    with pytest.raises(InputError, match="points must be a sequence of Point, such as grid"):
        sweep(Exact(), [{"n_inputs": 12}])
    with pytest.raises(
        InputError, match="n_jobs must be an integer, at least 1, or -1 for one process a processor, got 0"
    ):
        sweep(Exact(), grid(**FEW), n_jobs=0)
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="cannot use the folder"):
        sweep(Exact(), grid(**FEW), folder=tmp_path / "taken")
