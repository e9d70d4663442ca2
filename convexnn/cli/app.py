"""The application: how commands fail, what they print, and the options that several of them have."""

from __future__ import annotations

import errno
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from convexnn.errors import ConvexNNError, InputError, NotConvergedError
from convexnn.files import check_target

if TYPE_CHECKING:
    from rich.status import Status

PICTURES = (".pdf", ".png", ".svg")
EXIT_CODE = {"certified": 0, "not certified": 1}


class _Commands(TyperGroup):
    """Commands whose expected errors are one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ConvexNNError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(1 if isinstance(error, NotConvergedError) else 2) from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of stdout has seen enough; typer ends quietly
                raise
            what = error.filename or "cannot write the results"
            typer.echo(f"error: {what}: {error.strerror or error}", err=True)
            raise typer.Exit(2) from None


application = typer.Typer(
    cls=_Commands,
    help="One-dimensional neural networks trained to their certified global optimum, and a neuron that stores "
    "associations.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Tolerance = Annotated[float, typer.Option(help="Relative gap to certify.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def check_outputs(inputs: Sequence[Path], **outputs: Path | None) -> None:
    """Refuse before the work what could not be written after it; `plot` must be a picture."""
    asked = {f"--{option}": path for option, path in outputs.items() if path is not None}
    for path in asked.values():
        check_target(path)
    places = {path.resolve() for path in asked.values()}
    if len(places) < len(asked) or places & {path.resolve() for path in inputs}:
        raise InputError(f"{' and '.join(asked)} must be other files than those that are read, and than each other")
    check_ending("--plot", outputs.get("plot"), PICTURES)


def check_ending(option: str, path: Path | None, endings: Sequence[str]) -> None:
    """Refuse a file name whose ending names none of the known formats."""
    if path is not None and path.suffix.lower() not in endings:
        raise InputError(f"{option} must end with {', '.join(endings)}, got {path}")


def working(text: str) -> Status:
    """A status line on stderr while a block of work runs; nothing where stderr is no terminal."""
    from rich.console import Console

    return Console(stderr=True).status(text)


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of cells under their header."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    grid = Table(*header, box=box.SIMPLE)
    for row in rows:
        grid.add_row(*row)
    Console().print(grid)


def print_json(record: dict[str, Any]) -> None:
    """Print one JSON object. Numbers that are not finite become null, since JSON has no word for them."""
    typer.echo(json.dumps(_as_json(record), allow_nan=False))


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_json(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
