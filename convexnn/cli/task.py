"""A training problem from a data file and options, and as JSON: what fit, path and certify have in common."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

import convexnn as cnn  # lazy: loads no solver before a command needs one
from convexnn.errors import InputError

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

DataFile = Annotated[Path, typer.Argument(help="CSV file, with or without a header.")]
XColumn = Annotated[str, typer.Option(help="Input column, by name or by number from 1.")]
YColumn = Annotated[str, typer.Option(help="Target column, by name or by number from 1.")]
Activation = Annotated[ActivationName, typer.Option(help="What a neuron computes.")]
Slope = Annotated[float | None, typer.Option(help="Slope of leaky_relu for negative arguments.")]
Depth = Annotated[int, typer.Option(help="Number of weight layers, the output layer included.")]
Form = Annotated[FormName, typer.Option(help="How the neurons of a parallel unit are joined.")]
Widths = Annotated[str, typer.Option(help="Hidden widths of sign and threshold units, such as 3,2.")]
Misfit = Annotated[LossName, typer.Option(help="What a misfit costs; logistic takes labels -1 and 1.")]
Tau = Annotated[float | None, typer.Option(help="Which quantile the quantile loss fits.")]
Delta = Annotated[float | None, typer.Option(help="Residual from which on the Huber loss is linear.")]
DropMissing = Annotated[bool, typer.Option("--drop-missing", help="Drop the rows in which x or y is missing.")]


@dataclass(frozen=True)
class Beta:
    """A weight of the penalty as it is given to an option: a number, or a number followed by "max"."""

    option: str
    text: str
    number: float

    @classmethod
    def read(cls, option: str, text: str) -> Beta:
        from convexnn.validation import as_positive

        try:
            number = float(text.removesuffix("max"))
        except ValueError:
            raise InputError(
                f"{option} must be a number, or a fraction of beta_max such as 0.1max, got {text!r}"
            ) from None
        return cls(option, text, as_positive("beta", number))

    def of(self, problem: Problem) -> float:
        """The number that is meant; "max" counts in units of the problem's beta_max."""
        if not self.text.endswith("max"):
            return self.number
        if problem.beta_max == 0:
            raise InputError(
                f"{self.option} {self.text}: beta_max is 0, the best fit is constant at every beta; give a number"
            )
        return self.number * problem.beta_max


def as_architecture(activation: str, slope: float | None, depth: int, form: str, widths: str) -> Architecture:
    """The architecture from options."""
    if slope is not None and activation != "leaky_relu":
        raise InputError(f"--slope goes with --activation leaky_relu, got --activation {activation}")
    try:
        numbers = tuple(int(width) for width in widths.split(",")) if widths else ()
    except ValueError:
        raise InputError(f"--widths must be integers separated by commas, such as 3,2, got {widths!r}") from None
    sigma = activation if slope is None else cnn.leaky_relu(slope)
    return cnn.Architecture(sigma, depth, form=form, widths=numbers)


def as_loss(name: str, **options: float | None) -> Loss:
    """The loss of that name, with the options that were given."""
    given = {option: value for option, value in options.items() if value is not None}
    for option in given:
        if _LOSS_OPTION.get(name) != option:
            raise InputError(f"loss {name!r} takes no {option}")
    loss: Any = cnn.losses.as_loss(name)
    return replace(loss, **given)


def loss_of_model(record: Any) -> Loss:
    """The loss from a model file."""
    try:
        return as_loss(**record)
    except TypeError:
        raise InputError(f"the model file's loss is damaged: {record!r}") from None


def read_table(data: Path, x: str | int, y: str | int, drop_missing: bool) -> Table:
    """The two columns; says on stderr how many rows were dropped."""
    from convexnn.tables import read_columns

    table = read_columns(data, x, y, drop_missing=drop_missing)
    if table.n_dropped:
        typer.echo(f"dropped {table.n_dropped} rows in which {table.x_name} or {table.y_name} is missing", err=True)
    return table


def as_problem(table: Table, beta: Beta, architecture: Architecture, loss: Loss) -> Problem:
    """The training problem of the table at this beta."""
    problem = cnn.Problem(table.x, table.y, beta.number, architecture, loss=loss)
    meant = beta.of(problem)
    return problem if meant == beta.number else cnn.Problem(table.x, table.y, meant, architecture, loss=loss)


def task_record(table: Table, problem: Problem) -> dict[str, Any]:
    """What was asked, but for beta, as JSON types; beside the network's own keys in a model file."""
    option = _LOSS_OPTION.get(problem.loss.name)
    return {
        "x": table.x_name,
        "y": table.y_name,
        "n_samples": problem.n_samples,
        "n_dropped": table.n_dropped,
        "architecture": problem.architecture.to_dict(),
        "loss": {"name": problem.loss.name, **({option: getattr(problem.loss, option)} if option else {})},
    }


def solution_record(solution: Solution) -> dict[str, Any]:
    """What was found."""
    features = [
        {"label": feature.label, "coef": float(z), "knots": feature.knots, "origins": feature.origins}
        for feature, z in zip(solution.features, solution.coef, strict=True)
    ]
    return {
        "objective": solution.objective,
        "intercept": solution.intercept,
        "features": features,
        "n_iter": solution.n_iter,
        "seconds": solution.seconds,
    }


def certificate_record(certificate: Certificate) -> dict[str, Any]:
    """What was proved."""
    missing = certificate.most_violated
    return {
        "primal": certificate.primal,
        "dual": certificate.dual,
        "gap": certificate.gap,
        "relative_gap": certificate.relative_gap,
        "kkt_residual": certificate.kkt_residual,
        "most_violated": None if missing is None else missing.label,
    }


def headline(table: Table, problem: Problem) -> str:
    """The task in words, but for beta."""
    return (
        f"{table.y_name} from {table.x_name}, {problem.n_samples} samples: {problem.architecture.label}, "
        f"{problem.loss.name} loss"
    )


def verdict(certificate: Certificate, tol: float) -> str:
    """Whether the bound is as tight as was asked for: a key of `EXIT_CODE`."""
    return "certified" if abs(certificate.relative_gap) <= tol else "not certified"
