"""``convexnn info``: what is installed."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from typing import get_args

import typer

import convexnn as cnn
from convexnn.cli.app import AsJson, print_json
from convexnn.cli.task import ActivationName, FormName, LossName

Versions = dict[str, str | None]


def info(as_json: AsJson = False) -> None:
    """Say which version this is, what is installed, and which names the other commands know."""
    head = {"version": cnn.__version__, "python": platform.python_version(), "cores": os.cpu_count()}
    kinds = {"activations": ActivationName, "forms": FormName, "losses": LossName}
    names = {title: get_args(kind) for title, kind in kinds.items()}
    needed, extras = _packages()
    if as_json:
        print_json({**head, **names, "packages": needed, "extras": extras})
        return
    typer.echo("convexnn {version}, Python {python}, {cores} cores".format(**head))
    for title, known in names.items():
        typer.echo(f"{title}: {', '.join(known)}")
    for title, versions in (("packages", needed), *((f"extra {extra}", extras[extra]) for extra in extras)):
        shown = (f"{name} {version or '(not installed)'}" for name, version in versions.items())
        typer.echo(f"{title}: {', '.join(shown)}")


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
