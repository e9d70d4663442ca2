"""The project as a whole: public names, cost of the import, docstrings, and what its files may name."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import convexnn

ROOT = Path(__file__).parents[1]
HEAVY = {
    "clarabel",
    "cvxpy",
    "highspy",
    "matplotlib",
    "numba",
    "onnx",
    "pandas",
    "scipy",
    "sklearn",
    "sympy",
    "torch",
}
PUBLIC = {
    "Activation",
    "Architecture",
    "Certificate",
    "Dictionary",
    "Feature",
    "Network",
    "Path",
    "Problem",
    "Solution",
    "associative",
    "certify",
    "datasets",
    "dictionary",
    "errors",
    "leaky_relu",
    "losses",
    "path",
    "plotting",
    "solve",
    "training",
}


def test_import_loads_nothing_heavy():
    code = "import sys, convexnn; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    assert "convexnn" in loaded
    assert not loaded & HEAVY


def test_public_names():
    assert set(convexnn.__all__) == PUBLIC
    assert set(dir(convexnn)) >= set(convexnn.__all__)
    for name in convexnn.__all__:
        assert getattr(convexnn, name) is not None


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(convexnn.__file__).read_text(encoding="utf-8"))
    (static,) = (node for node in tree.body if isinstance(node, ast.If))
    imported = {}
    for statement in static.body:
        for alias in statement.names:
            imported[alias.name] = getattr(import_module(statement.module), alias.name)
    assert imported.keys() == PUBLIC
    assert all(getattr(convexnn, name) is value for name, value in imported.items())


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'convexnn' has no attribute 'Problme'"):
        convexnn.Problme  # noqa: B018


def test_one_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == convexnn.__version__
    assert f"\nversion: {convexnn.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## {convexnn.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def described(documentation: str, *sections: str) -> set[str]:
    """The names described in these sections of a numpydoc docstring."""
    names: set[str] = set()
    section = ""
    for line, below in pairwise([*documentation.splitlines(), ""]):
        if set(below) == {"-"}:
            section = line
        elif section in sections and re.match(r"\*{0,2}\w", line):
            names |= {name.strip(" *") for name in line.partition(" : ")[0].split(",")}
    return names


def parameters(function: Callable[..., Any]) -> set[str]:
    """The names of a function's or a constructor's arguments."""
    return {name for name in inspect.signature(function).parameters if name != "self" and not name.startswith("_")}


@pytest.mark.parametrize("name", convexnn.__all__)
def test_docstrings_match_signatures(name):
    for item in with_members(getattr(convexnn, name)):
        documentation = inspect.getdoc(item)
        assert documentation, f"{item} has no docstring"
        if inspect.isclass(item) and not issubclass(item, Exception):
            assert parameters(item) <= described(documentation, "Parameters", "Attributes"), item
            check_methods(item)
        elif inspect.isfunction(item):
            assert parameters(item) == described(documentation, "Parameters"), item


def with_members(item: Any) -> list[Any]:
    """The object itself, and if it is a module what its `__all__` lists."""
    members = getattr(item, "__all__", ()) if inspect.ismodule(item) else ()
    return [item, *(getattr(item, name) for name in members)]


def check_methods(item: type) -> None:
    """Every public method is documented; where its parameters are, all of them are."""
    for name, method in inspect.getmembers(item, inspect.isroutine):
        if not name.startswith("_") and str(getattr(method, "__module__", "")).startswith("convexnn"):
            documentation = inspect.getdoc(method)
            assert documentation, f"{method} has no docstring"
            assert described(documentation, "Parameters") in (set(), parameters(method)), method


def texts() -> dict[Path, str]:
    """The text files of the project, this one aside."""
    generated = {".git", ".hypothesis", ".venv", "__pycache__", "build", "dist"}
    found = {}
    for path in ROOT.rglob("*"):
        if generated.isdisjoint(path.relative_to(ROOT).parts) and path.is_file() and path != Path(__file__):
            try:
                found[path] = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
    return found


def test_files_name_nothing_outside_the_project():
    hosts = re.compile(r"pypi\.org|pythonhosted\.org|download\.pytorch\.org|index-url|find-links")
    machine = re.compile(r"(?<![\w.~])/(?:home|root|work|Users)/\w")
    upwards = re.compile(r"(?:\.\./)+[\w.-]+")
    wrong = []
    for path, text in texts().items():
        wrong += [(path, match) for match in (*hosts.findall(text), *machine.findall(text))]
        wrong += [(path, match) for match in upwards.findall(text) if not (path.parent / match).exists()]
    assert not wrong
