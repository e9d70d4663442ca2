"""``convexnn train``: networks trained by gradient descent from many seeds, and how far each is from the optimum."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

import convexnn as cnn
from convexnn.cli import task
from convexnn.cli.app import EXIT_CODE, AsJson, Tolerance, check_outputs, print_json, print_table
from convexnn.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from convexnn.network.network import Network
    from convexnn.training.train import Runs
    from convexnn.training.units import OrderOne

_NUMBERS = ("objective", "relative_gap", "dead_fraction", "live_kinks")


def train(
    data: task.DataFile,
    beta: Annotated[str, typer.Option(help="Weight of the penalty: 2000, or 0.1max as a fraction of beta_max.")],
    width: Annotated[int, typer.Option(min=1, help="Number of parallel units.")] = 128,
    seeds: Annotated[int, typer.Option(min=1, help="How many networks to train.")] = 64,
    optimizer: Annotated[Literal["adam", "sgd"], typer.Option(help="How to descend.")] = "adam",
    learning_rate: Annotated[
        float | None,
        typer.Option(
            help="At the start, for data of order one; falls linearly to 0.  [default: adam 0.01, sgd 0.05 / samples]"
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Number of steps.")] = 20_000,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Rows drawn in every step.  [default: all]")] = None,
    x: task.XColumn = "1",
    y: task.YColumn = "2",
    activation: Annotated[
        Literal["relu", "leaky_relu", "absolute"], typer.Option(help="What a neuron computes.")
    ] = "relu",
    slope: task.Slope = None,
    depth: task.Depth = 2,
    loss: Annotated[
        Literal["squared", "logistic"], typer.Option(help="What a misfit costs; logistic takes labels -1 and 1.")
    ] = "squared",
    tol: Tolerance = 1e-6,
    drop_missing: task.DropMissing = False,
    plot: Annotated[Path | None, typer.Option(help="Where to write the picture of the gaps.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the best network, as JSON.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train networks by gradient descent from several seeds, and prove how far they are from the global optimum.

    Exit code 0 if the best of them is within --tol. Gradient descent works on data of order one; what is printed and
    written is in the units of the file.
    """
    from convexnn.files import write_text
    from convexnn.training.units import order_one
    from convexnn.validation import as_positive

    as_positive("tol", tol)
    check_outputs([data], plot=plot, out=out)
    if plot is not None:
        from convexnn import plotting  # before the work: matplotlib may be missing
    if learning_rate is not None:
        as_positive("learning_rate", learning_rate)
    architecture = task.as_architecture(activation, slope, depth, "narrow", "")
    weight = task.Beta.read("--beta", beta)
    table = task.read_table(data, x, y, drop_missing)
    if batch_size is not None and batch_size > table.x.size:
        raise InputError(f"--batch-size must be at most the {table.x.size} samples, got {batch_size}")
    problem = task.as_problem(table, weight, architecture, task.as_loss(loss))
    rate = learning_rate or (1e-2 if optimizer == "adam" else 0.05 / problem.n_samples)
    scaled = order_one(problem.x, problem.y, problem.beta, loss=loss)
    options: dict[str, Any] = {
        "architecture": architecture,
        "width": width,
        "beta": scaled.beta,
        "loss": loss,
        "optimizer": optimizer,
        "learning_rate": lambda step: rate * (1 - step / steps),
        "n_steps": steps,
        "batch_size": batch_size,
        "record_every": steps,
    }
    parts = _in_turns(lambda numbers: cnn.training.train(scaled.x, scaled.y, seeds=numbers, **options), seeds)
    found = [_numbers(runs, i, scaled) for runs in parts for i in range(len(runs))]
    n_within = sum(abs(one["relative_gap"]) <= tol for one in found)
    status = "certified" if n_within else "not certified"

    asked = {**task.task_record(table, problem), "beta": problem.beta}
    if plot is not None:
        plotting.save(_picture(found, tol), plot)
    if out is not None:
        write_text(out, json.dumps({**scaled.restore(_best(parts)).to_dict(), **asked}) + "\n")
    if as_json:
        print_json({**asked, "width": width, "optimizer": optimizer, "learning_rate": rate, "steps": steps,
                    "runs": found, "n_within": n_within, "status": status, "tol": tol})  # fmt: skip
    else:
        typer.echo(
            f"{task.headline(table, problem)}, beta {problem.beta:g}; width {width}, {steps} steps of {optimizer}"
        )
        _print_summary(found)
        typer.echo(f"{status}: {n_within} of {seeds} networks within {tol:g} of the global optimum (relative gap)")
    raise typer.Exit(EXIT_CODE[status])


def _in_turns(run: Callable[[list[int]], Runs], count: int) -> list[Runs]:
    """Four runs a thread at a time, with a progress bar on stderr where that is a terminal."""
    import numba
    from rich.console import Console
    from rich.progress import Progress

    console, size = Console(stderr=True), 4 * numba.get_num_threads()
    groups = [list(range(k, min(k + size, count))) for k in range(0, count, size)]
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        done = []
        for group in bar.track(groups, description="training"):
            done.append(run(group))
        return done


def _best(parts: list[Runs]) -> Network:
    """The network of the smallest objective, in units of order one."""
    runs = min(parts, key=lambda runs: float(runs.objective.min()))
    best = int(runs.objective.argmin())
    if runs.diverged[best]:
        raise InputError("all runs diverged, there is no network to write; try a smaller --learning-rate")
    return runs.network(best)


def _numbers(runs: Runs, i: int, scaled: OrderOne) -> dict[str, Any]:
    """What is reported of a run; not a number where it diverged, but for an infinite objective and gap."""
    from convexnn.network.dead_units import linear_units

    numbers: dict[str, Any] = {"seed": runs.seeds[i], "objective": float(runs.objective[i]) * scaled.objective_scale}
    numbers |= {"relative_gap": float("inf"), "dead_fraction": float("nan"), "live_kinks": float("nan")}
    if not runs.diverged[i]:
        network = runs.network(i)
        dead, straight = network.dead_units(-1.0, 1.0), linear_units(network, -1.0, 1.0)
        numbers["relative_gap"] = float(runs.relative_gap[i])
        numbers["dead_fraction"] = float(dead.mean())
        numbers["live_kinks"] = int((~dead & ~straight).sum())
    return numbers


def _print_summary(found: list[dict[str, Any]]) -> None:
    import numpy as np

    kept = [one for one in found if np.isfinite(one["objective"])]
    rows = []
    for name in _NUMBERS if kept else ():
        values = [one[name] for one in kept]
        shape = ".10g" if name == "objective" else ".2g" if name == "relative_gap" else ".3g"
        rows.append((name.replace("_", " "), *(f"{value:{shape}}" for value in np.quantile(values, [0, 0.5, 1]))))
    if rows:
        print_table(("", "least", "median", "largest"), rows)
    if len(kept) < len(found):
        typer.echo(f"{len(found) - len(kept)} of {len(found)} runs diverged; try a smaller --learning-rate")


def _picture(found: list[dict[str, Any]], tol: float) -> Figure:
    import numpy as np

    from convexnn import plotting

    kept = [one for one in found if np.isfinite(one["objective"])]
    numbers = {name.replace("_", " "): np.array([one[name] for one in kept]) for name in _NUMBERS[1:]}
    return plotting.plot_gaps(numbers.pop("relative gap"), numbers, tol=tol)
