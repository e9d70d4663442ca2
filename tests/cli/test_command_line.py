"""What all commands share: names, imports, the installed script."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import get_args

import pytest

import convexnn as cnn
from convexnn.cli.app import PICTURES
from convexnn.cli.task import ActivationName, FormName, LossName
from convexnn.errors import InputError


def test_the_command_knows_the_pictures_that_the_library_writes(tmp_path):
    with pytest.raises(InputError) as caught:
        cnn.plotting.save(None, "picture")
    assert re.findall(r"\.\w+", str(caught.value)) == list(PICTURES)


@pytest.mark.parametrize(
    ("kind", "refused", "not_trained"),
    [
        (ActivationName, lambda: cnn.Architecture("?"), set()),
        (FormName, lambda: cnn.Architecture("relu", form="?"), set()),
        (LossName, lambda: cnn.losses.as_loss("?"), {"interpolation"}),
    ],
)
def test_the_command_knows_the_names_that_the_library_knows(kind, refused, not_trained):
    with pytest.raises(InputError) as caught:
        refused()
    known = set(re.findall(r"'(\w+)'", str(caught.value)))
    assert set(get_args(kind)) == known - not_trained


@pytest.mark.parametrize("command", ["fit", "path", "certify", "train", "learn", "capacity", "info"])
def test_help_loads_nothing_heavy(command):
    code = "import sys, convexnn.cli as cli; cli.application(standalone_mode=False); print(*sys.modules)"
    help_of = [sys.executable, "-c", code, command, "--help"]
    result = subprocess.run(help_of, capture_output=True, text=True, check=True)
    assert f"Usage: -c {command} [OPTIONS]" in result.stdout
    loaded = {name.partition(".")[0] for name in result.stdout.splitlines()[-1].split()}
    assert "convexnn" in loaded
    assert loaded.isdisjoint({"clarabel", "cvxpy", "highspy", "matplotlib", "numba", "numpy", "scipy"})


def test_the_installed_script(data):
    script = Path(sysconfig.get_path("scripts")) / "convexnn"
    command = [script, "fit", data, "--activation", "sign", "--beta", "0.5max", "--json"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)["status"] == "certified"
    result = subprocess.run(
        [script, "fit", data.name, "--beta", "1"], cwd=data.parent / "..", capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "error: cannot read data.csv: No such file or directory\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_results_that_cannot_be_written_are_an_error_of_one_line():
    script = Path(sysconfig.get_path("scripts")) / "convexnn"
    with Path("/dev/full").open("w") as full:
        result = subprocess.run([script, "info"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (result.returncode, result.stderr) == (2, "error: cannot write the results: No space left on device\n")
