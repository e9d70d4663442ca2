"""Reports as a table, as JSON and as a page."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from theory.verification import SEED, Profile, Report


def table(reports: Sequence[Report]) -> Table:
    """One row a theorem, with what its instances used and where its twins broke."""
    result = Table(title=summary(reports), title_justify="left", show_lines=True)
    result.add_column("theorem")
    result.add_column("verdict", no_wrap=True)
    for column in ("instances", "off/allowed", "seconds"):
        result.add_column(column, justify="right", no_wrap=True)
    for report in reports:
        verdict = "holds" if report.holds else "[bold red]FAILS"
        numbers = str(report.instances), f"{report.worst:.2g}", f"{report.seconds:.1f}"
        result.add_row("\n".join(_details(report)), verdict, *numbers)
    return result


def _details(report: Report) -> list[str]:
    lines = [f"[bold]{report.key}[/bold] ({report.kind})"]
    if report.notes:
        lines.append("[dim]used:[/dim] " + ", ".join(f"{tag} {count}" for tag, count in sorted(report.notes.items())))
    broken = [twin for twin in report.twins if twin.instance is not None]
    return [*lines, *(f"[dim]breaks without[/dim] {t.drops}: [dim]{escape(str(t.instance))}" for t in broken)]


def explanations(reports: Sequence[Report]) -> list[str]:
    """Why each failing theorem fails, with its smallest counterexample."""
    return [
        "\n  ".join(
            [f"{r.key}: {'; '.join(r.failures)}", *filter(None, [r.counterexample, *(t.error for t in r.twins)])]
        )
        for r in reports
        if not r.holds
    ]


def summary(reports: Sequence[Report]) -> str:
    seconds = sum(report.seconds for report in reports)
    return f"{sum(r.holds for r in reports)} of {len(reports)} theorems hold, {seconds:.1f} s"


def as_json(reports: Sequence[Report], profile: Profile) -> str:
    """The reports as one JSON object."""
    run = {"profile": profile.name, "seed": SEED, "holds": all(r.holds for r in reports)}
    return json.dumps({**run, "theorems": [r.to_dict() for r in reports]}, indent=2) + "\n"


def as_html(reports: Sequence[Report], profile: Profile) -> str:
    """A page that needs no other file; each theorem unfolds to its statement and the instances that break its twins."""
    items = "\n".join(map(_html_item, reports))
    run = html.escape(f"{summary(reports)}; profile {profile.name}, seed {SEED}")
    return _PAGE.format(summary=run, items=items)


def _html_item(report: Report) -> str:
    facts = [
        ("statement", report.statement),
        ("reference", report.reference),
        ("kind", report.kind),
        ("instances", str(report.instances)),
        ("worst deviation / tolerance", f"{report.worst:.2g} ({report.worst_name})"),
        ("really used", ", ".join(f"{tag}: {count}" for tag, count in sorted(report.notes.items()))),
        ("failures", "; ".join(report.failures)),
        ("counterexample", report.counterexample or ""),
        *((f"without {t.drops}", " -- ".join(filter(None, [t.instance, t.refuted, t.error]))) for t in report.twins),
        ("seconds", f"{report.seconds:.1f}"),
    ]
    rows = "".join(f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in facts if v)
    verdict = "holds" if report.holds else "fails"
    title = f"<b class={verdict}>{verdict}</b> <code>{html.escape(report.key)}</code> {html.escape(report.title)}"
    return f"<details><summary>{title}</summary><dl>{rows}</dl></details>"


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Theorems</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }}
details {{ border-top: 1px solid #ccc; padding: .4em 0 }}
dl {{ margin-left: 1.5em }} dt {{ color: #666 }} dd {{ margin: 0 0 .5em 1em; overflow-wrap: anywhere }}
.holds {{ color: #17691f }} .fails {{ color: #b00020 }}
</style>
<h1>Theorems</h1><p>{summary}</p>
{items}
</html>
"""
