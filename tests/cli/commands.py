"""Run commands in this process, on a small table."""

from __future__ import annotations

import json

import numpy as np
from typer.testing import CliRunner

from convexnn.cli import application

ROWS = "1,2.0,-1\n2,1.5,-1\n3,2.5,1\n4,4.0,1\n5,3.5,-1\n6,6.0,1\n7,5.0,1\n8,5.5,1\n"
X, Y, LABEL = np.array([[float(cell) for cell in row.split(",")] for row in ROWS.split()]).T
EPS = np.finfo(float).eps


def run(*arguments):
    """Run the command in this process."""
    return CliRunner().invoke(application, [str(argument) for argument in arguments])


def run_json(*arguments):
    """Run the command with --json; exactly one JSON object must be printed, and nothing to stderr."""
    result = run(*arguments, "--json")
    assert result.stderr == ""
    assert result.stdout.count("\n") == 1
    return result.exit_code, json.loads(result.stdout)
