"""``convexnn certify``: bound how far a model file is from the global optimum."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import convexnn as cnn
from convexnn.cli import task
from convexnn.cli.app import EXIT_CODE, AsJson, Tolerance, print_json
from convexnn.errors import InputError


def certify(
    model: Annotated[Path, typer.Argument(help="Model file, written by fit or by Network.save.")],
    data: task.DataFile,
    beta: Annotated[str | None, typer.Option(help="Weight of the penalty, if not the model file's.")] = None,
    x: Annotated[str | None, typer.Option(help="Input column, if not the model file's.")] = None,
    y: Annotated[str | None, typer.Option(help="Target column, if not the model file's.")] = None,
    tol: Tolerance = 1e-6,
    drop_missing: task.DropMissing = False,
    as_json: AsJson = False,
) -> None:
    """Bound how far a network is from the global optimum of its training problem.

    A model file that Network.save wrote says neither loss nor columns: squared loss, columns 1 and 2.
    """
    from convexnn.network.network import read_json
    from convexnn.validation import as_positive

    as_positive("tol", tol)
    content = read_json(model)
    network = cnn.Network.from_dict(content)
    overrides = {key: value for key, value in (("beta", beta), ("x", x), ("y", y)) if value is not None}
    asked = {"x": 1, "y": 2, "loss": {"name": "squared"}, **content, **overrides}
    if "beta" not in asked:
        raise InputError(f"{model} does not say beta; give --beta")
    weight = task.Beta.read("--beta", str(asked["beta"]))
    loss = task.loss_of_model(asked["loss"])
    table = task.read_table(data, asked["x"], asked["y"], drop_missing)
    problem = task.as_problem(table, weight, network.architecture, loss)
    certificate = cnn.certify(network, problem.x, problem.y, problem.beta, loss=problem.loss)
    status = task.verdict(certificate, tol)
    if as_json:
        found = {"beta": problem.beta, "status": status, "tol": tol}
        print_json({**task.task_record(table, problem), **found, "certificate": task.certificate_record(certificate)})
    else:
        typer.echo(f"{task.headline(table, problem)}, beta {problem.beta:g}")
        typer.echo(f"{status} within {tol:g}: {certificate}")
    raise typer.Exit(EXIT_CODE[status])
