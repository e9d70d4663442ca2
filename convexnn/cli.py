"""The `convexnn` command: fit a data file, certify a model file, say what is installed.

Results go to stdout, everything else to stderr. Exit codes: 0 certified, 1 not certified within the tolerance, 2 bad
usage or input.
"""

from __future__ import annotations

import json
import os
import platform
import re
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer
from typer.core import TyperGroup

import convexnn as cnn  # lazy: loads no solver before a command needs one
from convexnn.errors import ConvexNNError, InputError

if TYPE_CHECKING:
    from convexnn.architecture import Architecture
    from convexnn.lasso.certificate import Certificate
    from convexnn.lasso.problem import Problem
    from convexnn.lasso.solution import Solution
    from convexnn.losses import Loss
    from convexnn.tables import Table

ActivationName = Literal["relu", "leaky_relu", "absolute", "sign", "threshold"]
FormName = Literal["narrow", "symmetrized", "parallel", "rectangular", "tree"]
LossName = Literal["squared", "absolute", "huber", "quantile", "logistic"]
_LOSS_OPTION = {"quantile": "tau", "huber": "delta"}
_PICTURES = (".pdf", ".png", ".svg")
_EXIT_CODE = {"certified": 0, "not certified": 1}


class _Commands(TyperGroup):
    """Commands whose expected errors are one line and exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ConvexNNError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(2) from None


app = typer.Typer(
    cls=_Commands,
    help="One-dimensional neural networks trained to their certified global optimum.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """The entry point of the `convexnn` script."""
    app()


DataFile = Annotated[Path, typer.Argument(help="CSV file, with or without a header.")]
Tolerance = Annotated[float, typer.Option(help="Relative gap to certify.")]
DropMissing = Annotated[bool, typer.Option("--drop-missing", help="Drop the rows in which x or y is missing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.command()
def fit(
    data: DataFile,
    beta: Annotated[str, typer.Option(help="Weight of the penalty: 2000, or 0.1max as a fraction of beta_max.")],
    x: Annotated[str, typer.Option(help="Input column, by name or by number from 1.")] = "1",
    y: Annotated[str, typer.Option(help="Target column, by name or by number from 1.")] = "2",
    activation: Annotated[ActivationName, typer.Option(help="What a neuron computes.")] = "relu",
    slope: Annotated[float | None, typer.Option(help="Slope of leaky_relu for negative arguments.")] = None,
    depth: Annotated[int, typer.Option(help="Number of weight layers, the output layer included.")] = 2,
    form: Annotated[FormName, typer.Option(help="How the neurons of a parallel unit are joined.")] = "narrow",
    widths: Annotated[str, typer.Option(help="Hidden widths of sign and threshold units, such as 3,2.")] = "",
    loss: Annotated[LossName, typer.Option(help="What a misfit costs; logistic takes labels -1 and 1.")] = "squared",
    tau: Annotated[float | None, typer.Option(help="Which quantile the quantile loss fits.")] = None,
    delta: Annotated[float | None, typer.Option(help="Residual from which on the Huber loss is linear.")] = None,
    tol: Tolerance = 1e-6,
    drop_missing: DropMissing = False,
    plot: Annotated[Path | None, typer.Option(help="Where to write the picture of the fit.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the model, as JSON.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train a network on two columns of a CSV file to its certified global optimum."""
    from rich.console import Console

    from convexnn.files import write_text
    from convexnn.validation import as_positive

    as_positive("tol", tol)
    _check_outputs(data, plot, out)
    if plot is not None:
        from convexnn import plotting  # before the work: matplotlib may be missing
    architecture = _architecture(activation, slope, depth, form, widths)
    misfit = _loss(loss, tau=tau, delta=delta)
    table = _read(data, x, y, drop_missing)
    with Console(stderr=True).status("solving"):
        problem = _problem(table, beta, architecture, misfit)
        solution = cnn.solve(problem, tol=tol, on_failure="ignore")

    task = _task_record(table, problem)
    if plot is not None:
        plotting.save(plotting.plot_solution(solution), plot)
    if out is not None:
        write_text(out, json.dumps({**solution.network().to_dict(), **task}) + "\n")
    if as_json:
        proof = _certificate_record(solution.status, tol, solution.certificate)
        typer.echo(json.dumps({**task, **_solution_record(solution), **proof}))
    else:
        typer.echo(_headline(table, problem))
        _print_features(solution)
        typer.echo(_verdict(solution.status, tol, solution.certificate))
    raise typer.Exit(_EXIT_CODE[solution.status])


@app.command()
def certify(
    model: Annotated[Path, typer.Argument(help="Model file, written by fit or by Network.save.")],
    data: DataFile,
    beta: Annotated[str | None, typer.Option(help="Weight of the penalty, if not the model file's.")] = None,
    x: Annotated[str | None, typer.Option(help="Input column, if not the model file's.")] = None,
    y: Annotated[str | None, typer.Option(help="Target column, if not the model file's.")] = None,
    tol: Tolerance = 1e-6,
    drop_missing: DropMissing = False,
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
    table = _read(data, asked["x"], asked["y"], drop_missing)
    problem = _problem(table, str(asked["beta"]), network.architecture, _loss_of_model(asked["loss"]))
    certificate = cnn.certify(network, problem.x, problem.y, problem.beta, loss=problem.loss)
    status = "certified" if abs(certificate.relative_gap) <= tol else "not certified"
    if as_json:
        typer.echo(json.dumps({**_task_record(table, problem), **_certificate_record(status, tol, certificate)}))
    else:
        typer.echo(_headline(table, problem))
        typer.echo(_verdict(status, tol, certificate))
    raise typer.Exit(_EXIT_CODE[status])


@app.command()
def info(as_json: AsJson = False) -> None:
    """Say which version this is, what is installed, and which names the other commands know."""
    head = {"version": cnn.__version__, "python": platform.python_version(), "cores": os.cpu_count()}
    kinds = {"activations": ActivationName, "forms": FormName, "losses": LossName}
    names = {title: get_args(kind) for title, kind in kinds.items()}
    needed, extras = _packages()
    if as_json:
        typer.echo(json.dumps({**head, **names, "packages": needed, "extras": extras}))
        return
    typer.echo("convexnn {version}, Python {python}, {cores} cores".format(**head))
    for title, known in names.items():
        typer.echo(f"{title}: {', '.join(known)}")
    for title, versions in (("packages", needed), *((f"extra {extra}", extras[extra]) for extra in extras)):
        shown = (f"{name} {version or '(not installed)'}" for name, version in versions.items())
        typer.echo(f"{title}: {', '.join(shown)}")


def _check_outputs(data: Path, plot: Path | None, out: Path | None) -> None:
    """Refuse before the work what could not be written after it."""
    outputs = {option: path for option, path in (("--plot", plot), ("--out", out)) if path is not None}
    for option, path in outputs.items():
        folder = path.resolve().parent
        if not folder.is_dir():
            raise InputError(f"{option} {path}: there is no folder {folder}")
        if path.is_dir():
            raise InputError(f"{option} {path} is a folder; give the name of a file")
        if not os.access(folder, os.W_OK):
            raise InputError(f"{option} {path}: the folder {folder} is not writable")
    files = [data.resolve(), *(path.resolve() for path in outputs.values())]
    if len(set(files)) < len(files):
        raise InputError("the data file, --plot and --out must be different files")
    if plot is not None and plot.suffix.lower() not in _PICTURES:
        raise InputError(f"--plot must end with {', '.join(_PICTURES)}, got {plot}")


def _architecture(activation: str, slope: float | None, depth: int, form: str, widths: str) -> Architecture:
    if slope is not None and activation != "leaky_relu":
        raise InputError(f"--slope goes with --activation leaky_relu, got --activation {activation}")
    try:
        numbers = tuple(int(width) for width in widths.split(",")) if widths else ()
    except ValueError:
        raise InputError(f"--widths must be integers separated by commas, such as 3,2, got {widths!r}") from None
    sigma = activation if slope is None else cnn.leaky_relu(slope)
    return cnn.Architecture(sigma, depth, form=form, widths=numbers)


def _loss(name: str, **options: float | None) -> Loss:
    """The loss of that name, with the options that were given."""
    given = {option: value for option, value in options.items() if value is not None}
    for option in given:
        if _LOSS_OPTION.get(name) != option:
            raise InputError(f"loss {name!r} takes no {option}")
    loss: Any = cnn.losses.as_loss(name)
    return replace(loss, **given)


def _loss_of_model(record: Any) -> Loss:
    try:
        return _loss(**record)
    except TypeError:
        raise InputError(f"the model file's loss is damaged: {record!r}") from None


def _read(data: Path, x: str | int, y: str | int, drop_missing: bool) -> Table:
    from convexnn.tables import read_columns

    table = read_columns(data, x, y, drop_missing=drop_missing)
    if table.n_dropped:
        typer.echo(f"dropped {table.n_dropped} rows in which {table.x_name} or {table.y_name} is missing", err=True)
    return table


def _problem(table: Table, beta: str, architecture: Architecture, loss: Loss) -> Problem:
    """The training problem; `beta` is a number, or a number followed by "max" that counts in units of beta_max."""
    try:
        number = float(beta.removesuffix("max"))
    except ValueError:
        raise InputError(f"--beta must be a number, or a fraction of beta_max such as 0.1max, got {beta!r}") from None
    problem = cnn.Problem(table.x, table.y, number, architecture, loss=loss)
    if not beta.endswith("max"):
        return problem
    if problem.beta_max == 0:
        raise InputError(f"--beta {beta}: beta_max is 0, the best fit is constant at every beta; give a number")
    return cnn.Problem(table.x, table.y, number * problem.beta_max, architecture, loss=loss)


def _task_record(table: Table, problem: Problem) -> dict[str, Any]:
    """What was asked, as JSON types; beside the network's own keys in a model file."""
    option = _LOSS_OPTION.get(problem.loss.name)
    return {
        "x": table.x_name,
        "y": table.y_name,
        "n_samples": problem.n_samples,
        "n_dropped": table.n_dropped,
        "architecture": problem.architecture.to_dict(),
        "loss": {"name": problem.loss.name, **({option: getattr(problem.loss, option)} if option else {})},
        "beta": problem.beta,
    }


def _solution_record(solution: Solution) -> dict[str, Any]:
    features = [
        {"label": feature.label, "coef": float(z), "knots": feature.knots, "origins": feature.origins}
        for feature, z in zip(solution.features, solution.coef, strict=True)
    ]
    return {
        "beta_max": solution.problem.beta_max,
        "objective": solution.objective,
        "intercept": solution.intercept,
        "features": features,
        "n_iter": solution.n_iter,
        "seconds": solution.seconds,
    }


def _certificate_record(status: str, tol: float, certificate: Certificate) -> dict[str, Any]:
    missing = certificate.most_violated
    return {
        "status": status,
        "tol": tol,
        "certificate": {
            "primal": certificate.primal,
            "dual": certificate.dual,
            "gap": certificate.gap,
            "relative_gap": certificate.relative_gap,
            "kkt_residual": certificate.kkt_residual,
            "most_violated": None if missing is None else missing.label,
        },
    }


def _headline(table: Table, problem: Problem) -> str:
    return (
        f"{table.y_name} from {table.x_name}, {problem.n_samples} samples: {problem.architecture.label}, "
        f"{problem.loss.name} loss, beta {problem.beta:g}"
    )


def _print_features(solution: Solution) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as Grid

    grid = Grid("feature", "coefficient", "knots", box=box.SIMPLE)
    for feature, z in zip(solution.features, solution.coef, strict=True):
        knots = (f"{knot:.8g} ({origin})" for knot, origin in zip(feature.knots, feature.origins, strict=True))
        grid.add_row(feature.label, f"{z:.8g}", ", ".join(knots))
    grid.add_row("intercept", f"{solution.intercept:.8g}", "")
    Console().print(grid)


def _verdict(status: str, tol: float, certificate: Certificate) -> str:
    return f"{status} within {tol:g}: {certificate}"


Versions = dict[str, str | None]


def _packages() -> tuple[Versions, dict[str, Versions]]:
    """Versions of the packages that are always needed, and of those of each extra; None where one is missing."""
    needed: Versions = {}
    extras: dict[str, Versions] = {}
    for requirement in metadata.requires("convexnn") or ():
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        extra = re.search(r"extra == ['\"]([\w-]+)", requirement)
        group = extras.setdefault(extra[1], {}) if extra else needed
        try:
            group[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            group[name] = None
    return needed, extras
