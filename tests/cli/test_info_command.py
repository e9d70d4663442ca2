"""``convexnn info``."""

from __future__ import annotations

import os
import re
from importlib import metadata

from commands import run, run_json

import convexnn as cnn


def test_info(monkeypatch):
    code, record = run_json("info")
    assert code == 0
    assert record["version"] == cnn.__version__
    assert record["cores"] == os.cpu_count()
    assert {"clarabel", "cvxpy", "highspy"} <= set(record["packages"])
    assert all(re.match(r"\d", version) for version in record["packages"].values())
    assert set(record["extras"]["plot"]) == {"matplotlib"}
    result = run("info")
    assert result.exit_code == 0
    assert f"convexnn {cnn.__version__}, Python" in result.stdout
    assert f"extra plot: matplotlib {record['extras']['plot']['matplotlib']}" in result.stdout


def test_info_says_what_is_not_installed(monkeypatch):
    def version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    assert run_json("info")[1]["extras"]["torch"] == {"torch": None}
    assert "extra torch: torch (not installed)" in run("info").stdout
