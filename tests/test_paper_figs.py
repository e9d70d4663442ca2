"""The figures' numbers are the expected ones, and a change of a number is noticed."""

from __future__ import annotations

import copy
import json
from importlib import import_module

import numpy as np
import pytest
from typer.testing import CliRunner

from convexnn.plotting import save
from paper_figs.__main__ import EXPECTED, FIGURES, app
from paper_figs.tables import TOLERANCE, differences

every_figure = pytest.mark.parametrize("name", FIGURES)


def expected(name):
    return json.loads((EXPECTED / f"{name}.json").read_text(encoding="utf-8"))


def run(*arguments):
    return CliRunner().invoke(app, list(arguments))


def test_the_expected_tables_are_those_of_the_figures():
    assert {path.stem for path in EXPECTED.glob("*.json")} == set(FIGURES)


@every_figure
def test_check_passes(name):
    result = run(name, "--check")
    assert result.exit_code == 0, result.output
    assert result.output == f"{name}: as expected\n"


@every_figure
def test_check_notices_one_changed_number(name, monkeypatch):
    module = import_module(f"paper_figs.{name}")
    compute = module.compute

    def changed(rng):
        table = compute(rng)
        table["data"] = perturbed(table["data"])
        return table

    monkeypatch.setattr(module, "compute", changed)
    result = run(name, "--check")
    assert result.exit_code == 1
    assert f"{name}: 1 differences" in result.output
    assert f"{name}.data" in result.output


def perturbed(data):
    """The data with one number changed by a little more than the tolerance allows."""
    if isinstance(data, dict):
        key = next(iter(data))
        return {**data, key: perturbed(data[key])}
    values = np.array(data)
    values[-1] += 2 * TOLERANCE * np.abs(values).max()
    return values


def test_differences_in_numbers_text_and_structure():
    table = {"x": [1.0, 2.0, 1e6], "label": "a", "none": None, "rows": [{"z": 3}, {"z": 4}]}
    assert not list(differences(table, table))
    for change, place in (
        ({"x": [1.0, 2.0, 1e6 * (1 + 2 * TOLERANCE)]}, "table.x[2]"),
        ({"x": [1.0, 2.0, float("nan")]}, "table.x[2]"),
        ({"x": [1.0, 2.0]}, "table.x"),
        ({"label": "b"}, "table.label"),
        ({"none": 0.0}, "table.none"),
        ({"rows": [{"z": 3}, {"z": 5}]}, "table.rows[1].z"),
        ({"rows": [{"z": 3}, {}]}, "table.rows[1]"),
    ):
        found = list(differences({**copy.deepcopy(table), **change}, table))
        assert len(found) == 1, change
        assert found[0].startswith(place)
    within = {**table, "x": [1.0 + 1e-4, 2.0, 1e6]}  # less than the tolerance of the largest number beside it
    assert not list(differences(within, table))


@every_figure
@pytest.mark.parametrize("ending", ["pdf", "png"])
def test_a_table_gives_the_same_bytes_twice(name, ending, tmp_path):
    module = import_module(f"paper_figs.{name}")
    for k in range(2):
        save(module.draw(expected(name)), tmp_path / f"{k}.{ending}")
    assert (tmp_path / f"0.{ending}").read_bytes() == (tmp_path / f"1.{ending}").read_bytes()


def test_rendering_writes_the_picture_and_its_table(tmp_path):
    result = run("nile", "--out", str(tmp_path / "figures"))
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["nile.json", "nile.pdf", "nile.png"]
    table = json.loads((tmp_path / "figures" / "nile.json").read_text(encoding="utf-8"))
    assert not list(differences(table, expected("nile")))


def test_wrong_usage(tmp_path):
    result = run("figure_7")
    assert result.exit_code == 2
    assert "unknown figure_7; the figures are" in " ".join(result.output.split())
    (tmp_path / "taken").write_text("")
    assert run("nile", "--out", str(tmp_path / "taken")).exit_code == 2


def test_the_exact_optima_of_the_authors_figures():
    assert [row["norm"] for row in expected("figure_3")["networks"]] == pytest.approx([2, 1, 1])
    assert expected("figure_3")["tie"]["norm"] == pytest.approx(1)
    assert expected("figure_3")["tie"]["features"][0]["origins"] == ["data", "reflection"]
    assert [row["norm"] for row in expected("figure_18")["networks"]] == pytest.approx([4, 4, 4])
    assert [row["norm_of_authors_columns"] for row in expected("figure_18")["networks"]] == pytest.approx([4, 4, 9])


def test_the_library_shows_every_origin_and_the_counts_of_the_theory():
    listings = expected("library_of_features")["dictionaries"]
    counts = {name: listing["n_features"] for name, listing in listings.items()}
    assert counts["ReLU, depth 2"] == 2 * 3 - 3
    assert counts["absolute value, depth 3"] == 3 * (3 * 3 - 1) // 2
    assert counts["symmetrized ReLU, depth 3"] == 3 * 3**2 - 2 * 3
    assert counts["absolute value, depth 4"] == 51
    origins = {o for listing in listings.values() for curve in listing["curves"] for o in curve["origins"]}
    assert origins == {"data", "between", "midpoint", "reflection", "combination"}
