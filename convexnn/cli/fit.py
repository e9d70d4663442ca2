"""``convexnn fit``: train a network on a data file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import convexnn as cnn
from convexnn.cli import task
from convexnn.cli.app import EXIT_CODE, AsJson, Tolerance, check_outputs, print_json, print_table, working

if TYPE_CHECKING:
    from convexnn.lasso.solution import Solution


def fit(
    data: task.DataFile,
    beta: Annotated[str, typer.Option(help="Weight of the penalty: 2000, or 0.1max as a fraction of beta_max.")],
    x: task.XColumn = "1",
    y: task.YColumn = "2",
    activation: task.Activation = "relu",
    slope: task.Slope = None,
    depth: task.Depth = 2,
    form: task.Form = "narrow",
    widths: task.Widths = "",
    loss: task.Misfit = "squared",
    tau: task.Tau = None,
    delta: task.Delta = None,
    tol: Tolerance = 1e-6,
    drop_missing: task.DropMissing = False,
    plot: Annotated[Path | None, typer.Option(help="Where to write the picture of the fit.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the model, as JSON.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train a network on two columns of a CSV file to its certified global optimum."""
    from convexnn.files import write_text
    from convexnn.validation import as_positive

    as_positive("tol", tol)
    check_outputs([data], plot=plot, out=out)
    if plot is not None:
        from convexnn import plotting  # before the work: matplotlib may be missing
    architecture = task.as_architecture(activation, slope, depth, form, widths)
    misfit = task.as_loss(loss, tau=tau, delta=delta)
    weight = task.Beta.read("--beta", beta)
    table = task.read_table(data, x, y, drop_missing)
    with working("solving"):
        problem = task.as_problem(table, weight, architecture, misfit)
        solution = cnn.solve(problem, tol=tol, on_failure="ignore")

    asked = {**task.task_record(table, problem), "beta": problem.beta}
    if plot is not None:
        plotting.save(plotting.plot_solution(solution), plot)
    if out is not None:
        write_text(out, json.dumps({**solution.network().to_dict(), **asked}) + "\n")
    if as_json:
        proof = task.certificate_record(solution.certificate)
        found = {"beta_max": problem.beta_max, **task.solution_record(solution)}
        print_json({**asked, **found, "status": solution.status, "tol": tol, "certificate": proof})
    else:
        typer.echo(f"{task.headline(table, problem)}, beta {problem.beta:g}")
        _print_features(solution)
        typer.echo(f"{solution.status} within {tol:g}: {solution.certificate}")
    raise typer.Exit(EXIT_CODE[solution.status])


def _print_features(solution: Solution) -> None:
    rows = []
    for feature, z in zip(solution.features, solution.coef, strict=True):
        knots = (f"{knot:.8g} ({origin})" for knot, origin in zip(feature.knots, feature.origins, strict=True))
        rows.append((feature.label, f"{z:.8g}", ", ".join(knots)))
    print_table(("feature", "coefficient", "knots"), [*rows, ("intercept", f"{solution.intercept:.8g}", "")])
