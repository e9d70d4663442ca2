"""``python -m theory``: check the theorems. Exit code 0 if all hold, 1 if one fails, 2 for wrong usage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from convexnn.errors import InputError
from convexnn.files import check_target, write_text
from theory.report import as_html, as_json, explanations, table
from theory.verification import PROFILES, SEED, theorems, verify

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY]...", help="Theorems; all if none is given.")
    ] = None,
    profile: Annotated[str, typer.Option(help=f"How many instances: {' or '.join(PROFILES)}.")] = "quick",
    json: Annotated[Path | None, typer.Option(metavar="PATH", help="Write the reports as JSON.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="PATH", help="Write the reports as a page.")] = None,
) -> None:
    """Check theorems on drawn instances, and that each check fails once a hypothesis is dropped."""
    progress = Console(stderr=True)
    known = [theorem.key for theorem in theorems()]
    unknown = [key for key in keys or () if key not in known]
    if unknown:
        raise typer.BadParameter(f"unknown {', '.join(unknown)}; the theorems are\n" + "\n".join(known))
    if profile not in PROFILES:
        raise typer.BadParameter(f"unknown profile {profile!r}; the profiles are {', '.join(PROFILES)}")
    try:
        for path in filter(None, (json, html)):
            check_target(path)
    except InputError as error:
        raise typer.BadParameter(str(error)) from error
    reports = []
    with progress.status("") as status:
        for key in keys or known:
            status.update(key)
            reports.append(verify(key, profile=profile))
    out = Console()
    out.print(table(reports))
    out.print(f"profile {profile}, seed {SEED}")
    for text in explanations(reports):
        out.print(text, markup=False, highlight=False)
    if json:
        write_text(json, as_json(reports, PROFILES[profile]))
    if html:
        write_text(html, as_html(reports, PROFILES[profile]))
    raise typer.Exit(0 if all(report.holds for report in reports) else 1)


if __name__ == "__main__":
    app()
