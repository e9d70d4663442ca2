"""Files that commands read, and a guard against work."""

from __future__ import annotations

import pytest
from commands import ROWS, run

import convexnn as cnn


@pytest.fixture
def data(tmp_path):
    """A table with a header and three columns."""
    path = tmp_path / "data.csv"
    path.write_text("year,volume,label\n" + ROWS)
    return path


@pytest.fixture
def model(data):
    """A model file that fit wrote: sign activation, beta 1."""
    path = data.with_name("model.json")
    assert run("fit", data, "--activation", "sign", "--beta", 1, "--out", path).exit_code == 0
    return path


@pytest.fixture
def no_work(monkeypatch):
    """Fail the test if a problem is solved."""

    def solve(*_, **__):
        raise AssertionError("solved before everything was checked")

    monkeypatch.setattr(cnn, "solve", solve)
