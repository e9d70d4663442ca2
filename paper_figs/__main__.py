"""``python -m paper_figs``: draw or check figures. Exit code 0: all is well, 1: a number differs, 2: wrong usage."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from convexnn.errors import InputError
from convexnn.files import check_target, write_text
from convexnn.plotting import save
from paper_figs.tables import differences, to_json

FIGURES = (
    *("figure_3", "figure_18", "library_of_features", "nile", "dual_curve"),
    *("capacity_and_sparsity", "sparsity_against_load", "gap_against_l0", "weight_laws", "online_rule"),
    *("online_success", "solution_path", "time_to_certificate", "dying", "wedge_law"),
    *("certified_gaps", "pruning_baselines"),
)
EXPECTED = Path(__file__).parent / "expected"
SEED = 0

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help=f"Of {', '.join(FIGURES)}; all if none is given.")
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where NAME.pdf, NAME.png and the table NAME.json go.")
    ] = Path("build/paper_figs"),
    check: Annotated[
        bool,
        typer.Option("--check", help="Draw nothing; recompute the tables and compare them with expected/NAME.json."),
    ] = False,
) -> None:
    """Figures from recomputed numbers."""
    unknown = [name for name in names or () if name not in FIGURES]
    if unknown:
        raise typer.BadParameter(f"unknown {', '.join(unknown)}; the figures are {', '.join(FIGURES)}")
    if not check:
        try:
            out.mkdir(parents=True, exist_ok=True)
            check_target(out / "figure.json")
        except (InputError, OSError) as error:
            raise typer.BadParameter(f"--out: {error}") from error
    failed = False
    for name in names or FIGURES:
        module = importlib.import_module(f"paper_figs.{name}")
        table = json.loads(to_json(module.compute(np.random.default_rng(SEED))))
        if check:
            failed |= not _agrees(name, table)
        else:
            _render(name, module.draw(table), table, out)
    raise typer.Exit(1 if failed else 0)


def _agrees(name: str, table: dict[str, Any]) -> bool:
    expected = json.loads((EXPECTED / f"{name}.json").read_text(encoding="utf-8"))
    found = list(differences(table, expected, name))
    print(f"{name}: {f'{len(found)} differences' if found else 'as expected'}")
    for line in found[:10]:
        print(f"  {line}")
    return not found


def _render(name: str, figure: Any, table: dict[str, Any], folder: Path) -> None:
    for ending in ("pdf", "png"):
        save(figure, folder / f"{name}.{ending}")
    write_text(folder / f"{name}.json", to_json(table))
    print(f"{folder / name}.pdf, .png, .json")


if __name__ == "__main__":
    app()
