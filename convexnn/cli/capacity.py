"""``convexnn capacity``: what a neuron of infinitely many inputs can store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from convexnn.cli.app import AsJson, check_outputs, print_json, print_table, working
from convexnn.errors import InputError

if TYPE_CHECKING:
    from convexnn.associative.replica import Capacity

_RANGE = "a range start:stop:count such as 0:2:40"
_MOST_POINTS = 100_000  # minutes of work


def capacity(
    robustness: Annotated[
        str | None, typer.Option(help="The margin that every association is to have.  [default: 0]")
    ] = None,
    load: Annotated[
        str | None, typer.Option(help="Associations over inputs; the largest robustness at this load is found.")
    ] = None,
    threshold: Annotated[str, typer.Option(help="Threshold of the neuron.")] = "0",
    f_in: Annotated[
        str, typer.Option(help="Probability of an input to be 1: one, or one an input as 0.2,0.5.")
    ] = "0.5",
    f_out: Annotated[str, typer.Option(help="Probability of an output to be 1.")] = "0.5",
    inhibitory: Annotated[
        str | None, typer.Option(help="Fraction of the inputs with weights <= 0, the others' being >= 0.")
    ] = None,
    density: Annotated[str | None, typer.Option(help="Largest fraction of nonzero weights.")] = None,
    gap: Annotated[str | None, typer.Option(help="Smallest absolute value of a nonzero weight.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Where to write the picture, over a range.")] = None,
    as_json: AsJson = False,
) -> None:
    """The largest load that a neuron can store with a given robustness, or the largest robustness at a given load.

    One option but --f-in may be a range start:stop:count, such as 0:2:40. The weights have mean absolute value 1, which
    is the unit of the robustness (times sqrt(N)), the threshold (times N) and the gap.
    """
    from convexnn import associative

    if robustness is not None and load is not None:
        raise InputError("--load asks for the largest robustness at this load; give --robustness or --load, not both")
    goal = "load" if load is None else "robustness"
    target = {"robustness": "0" if robustness is None else robustness} if load is None else {"load": load}
    constraints = {"threshold": threshold, "f_out": f_out, "inhibitory": inhibitory, "density": density, "gap": gap}
    texts = {**target, **constraints}
    given: dict[str, Any] = {name: _number_or_range(name, text) for name, text in texts.items() if text is not None}
    ranged = [name for name, value in given.items() if isinstance(value, list)]
    if len(ranged) > 1:
        raise InputError(f"at most one option may be a range, got {' and '.join(map(_option, ranged))}")
    over = ranged[0] if ranged else None
    check_outputs([], plot=plot)
    if plot is not None:
        if over is None:
            raise InputError(f"--plot needs {_RANGE} for one of the options")
        from convexnn import plotting  # before the work: matplotlib may be missing
    activity = _activity(f_in)
    with working("solving"):
        found = (associative.capacity if load is None else associative.robustness)(**given, f_in=activity)

    if plot is not None and over is not None:
        plotting.save(plotting.plot_capacity(found, over, given[over], goal=goal), plot)
    asked = {**given, "f_in": activity}
    if as_json:
        print_json({**dict.fromkeys(texts), **asked, **_record(found), "over": over})
    elif over is None:
        typer.echo(f"{', '.join(f'{name} {value}' for name, value in asked.items())}\n{found}")
    else:
        typer.echo(", ".join(f"{name} {value}" for name, value in asked.items() if name != over))
        _print_curve(found, over, given[over], goal)


def _number_or_range(name: str, text: str) -> float | list[float]:
    """What an option gives; a range is a list."""
    import numpy as np

    try:
        if ":" not in text:
            return float(text)
        start, stop, count = text.split(":")
        low, high, size = float(start), float(stop), int(count)
    except ValueError:
        raise InputError(f"{_option(name)} must be a number, or {_RANGE}, got {text!r}") from None
    if size < 2 or not np.isfinite([low, high]).all():
        raise InputError(f"{_option(name)} must be between finite numbers and count at least 2, got {text!r}")
    if size > _MOST_POINTS:
        raise InputError(f"{_option(name)} must count at most {_MOST_POINTS}, got {text!r}")
    values: list[float] = np.linspace(low, high, size).tolist()
    return values


def _activity(text: str) -> float | list[float]:
    try:
        numbers = [float(number) for number in text.split(",")]
    except ValueError:
        raise InputError(f"--f-in must be a number, or one an input such as 0.2,0.5, got {text!r}") from None
    return numbers if len(numbers) > 1 else numbers[0]


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _record(found: Capacity) -> dict[str, Any]:
    """What was found, as JSON types: numbers, or lists over the range."""
    import numpy as np

    parts = {name: getattr(found, name) for name in ("load", "robustness", "sparsity", "is_upper_bound", "residual")}
    record = {name: np.asarray(value).tolist() for name, value in parts.items()}
    order = {name: np.asarray(value).tolist() for name, value in found.order_parameters.items()}
    return {**record, "order_parameters": order}


def _print_curve(found: Capacity, over: str, values: list[float], goal: str) -> None:
    columns = {over: values, "load": found.load, "robustness": found.robustness, "sparsity": found.sparsity}
    notes = (f"{goal} is an upper bound" if is_upper_bound else "" for is_upper_bound in found.is_upper_bound)
    rows = zip(*columns.values(), notes, strict=True)
    print_table((*columns, ""), ((*(f"{value:.6g}" for value in row[:-1]), row[-1]) for row in rows))
