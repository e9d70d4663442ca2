"""``convexnn path``: the solutions of a training problem along beta."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import convexnn as cnn
from convexnn.cli import task
from convexnn.cli.app import EXIT_CODE, AsJson, Tolerance, check_outputs, print_json, print_table, working
from convexnn.errors import ConvergenceWarning, InputError

if TYPE_CHECKING:
    from convexnn.lasso.path import Path as Solutions
    from convexnn.lasso.problem import Problem


def path(
    data: task.DataFile,
    betas: Annotated[
        str | None,
        typer.Option(
            help="Instead of the exact breakpoints: how many betas, evenly spaced in log beta from beta_max to "
            "--beta-min, such as 100; or which, such as 2000,500 or 0.5max,0.1max."
        ),
    ] = None,
    beta_min: Annotated[
        str | None, typer.Option(help="Where to end, such as 20 or 0.01max.  [default: 0.001max]")
    ] = None,
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
    plot: Annotated[Path | None, typer.Option(help="Where to write the picture of the path.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train on two columns of a CSV file at every breakpoint of beta, or at betas of your choice.

    Without --betas the breakpoints are exact: between them the fit is linear in beta (squared loss only).
    """
    from convexnn.lasso import path as paths
    from convexnn.validation import as_positive

    as_positive("tol", tol)
    check_outputs([data], plot=plot)
    if plot is not None:
        from convexnn import plotting  # before the work: matplotlib may be missing
    architecture = task.as_architecture(activation, slope, depth, form, widths)
    misfit = task.as_loss(loss, tau=tau, delta=delta)
    asked = _Asked.read(betas, beta_min)
    table = task.read_table(data, x, y, drop_missing)
    with working("following the path") as line:
        problem = cnn.Problem(table.x, table.y, 1.0, architecture, loss=misfit)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the exit code says it
            found = paths.path(problem, **asked.of(problem))
        verdicts = []
        for count, solution in enumerate(found.solutions, start=1):  # of an exact path, certified when read
            line.update(f"certifying {count} of {found.betas.size}")
            verdicts.append(task.verdict(solution.certificate, tol))
    status = "certified" if set(verdicts) == {"certified"} else "not certified"

    if plot is not None:
        plotting.save(plotting.plot_path(found), plot)
    if as_json:
        head = {**task.task_record(table, problem), "beta_max": problem.beta_max, "is_exact": found.is_exact}
        solutions = [
            {
                "beta": solution.problem.beta,
                **task.solution_record(solution),
                "status": verdict,
                "certificate": task.certificate_record(solution.certificate),
            }
            for solution, verdict in zip(found.solutions, verdicts, strict=True)
        ]
        print_json({**head, "solutions": solutions, "status": status, "tol": tol})
    else:
        typer.echo(task.headline(table, problem))
        _print_solutions(found)
        failed = verdicts.count("not certified")
        gaps = [abs(solution.certificate.relative_gap) for solution in found.solutions]
        share = f" ({failed} of {len(gaps)} are not)" if failed else ""
        typer.echo(f"{found}\n{status} within {tol:g}{share}: the largest relative gap is {max(gaps):.2g}")
    raise typer.Exit(EXIT_CODE[status])


@dataclass(frozen=True)
class _Asked:
    """Where the path is to go: to so many betas, to the listed ones, or to every breakpoint if neither is given."""

    count: int | None
    listed: tuple[task.Beta, ...]
    end: task.Beta | None

    @classmethod
    def read(cls, betas: str | None, beta_min: str | None) -> _Asked:
        end = None if beta_min is None else task.Beta.read("--beta-min", beta_min)
        if betas is None:
            return cls(None, (), end)
        if betas.isdecimal():
            if int(betas) < 2:
                raise InputError(f"--betas must be at least 2 betas, or a list such as 2000,500, got {betas}")
            return cls(int(betas), (), end)
        if end is not None:
            raise InputError("--beta-min goes with a number of --betas or with none, not with a list")
        return cls(None, tuple(task.Beta.read("--betas", beta) for beta in betas.split(",")), None)

    def of(self, problem: Problem) -> dict[str, Any]:
        """The arguments for `convexnn.lasso.path.path`."""
        import numpy as np

        if self.listed:
            return {"betas": [beta.of(problem) for beta in self.listed]}
        end = None if self.end is None else self.end.of(problem)
        if self.count is None:
            return {"beta_min": end}
        if problem.beta_max == 0:
            raise InputError("beta_max is 0, the best fit is constant at every beta; give --betas as a list")
        if end is None:
            end = problem.beta_max / 1000
        if end >= problem.beta_max:
            raise InputError(f"--beta-min must be below beta_max = {problem.beta_max:.6g}, got {end:.6g}")
        return {"betas": np.geomspace(problem.beta_max, end, self.count)}


def _print_solutions(found: Solutions) -> None:
    rows = (
        (
            f"{solution.problem.beta:.8g}",
            f"{len(solution.features)}",
            f"{solution.objective:.8g}",
            f"{solution.certificate.relative_gap:.2g}",
        )
        for solution in found.solutions
    )
    print_table(("beta", "features", "objective", "relative gap"), rows)
