"""Adversarial data: ``python -m benchmarks.torture``. A solve certifies the gap, or says honestly that it does not.

All cases of `benchmarks.adversarial` at several sizes and beta, for many architectures. Every solution is audited: its
gap is computed again from the network's values and the dual point, in long double. The problems of two-layer ReLU and
sign networks at one size also go to the peers, with a few seconds for each; our certificate charges their answers.
Exit code 1: a false gap, a missing warning, a crash, or a solve that did not end.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import audit
from benchmarks.adversarial import CASES, SHARES, adversarial_problem
from benchmarks.audit import Attempt
from benchmarks.peers import OURS, PEERS, Method, Recipe
from benchmarks.race import Judge, Outcome, qualify
from benchmarks.worker import CrashedError, TimedOutError, Worker, limit_threads
from convexnn.activations import leaky_relu
from convexnn.architecture import Architecture
from convexnn.files import write_text
from convexnn.losses import as_loss

RELU, SIGN = Architecture("relu"), Architecture("sign")
WITH_NORM = (
    RELU,
    Architecture(leaky_relu(0.25)),
    Architecture(leaky_relu(-1.5, positive_slope=0.5)),
    Architecture("absolute"),
    Architecture("relu", 3),
    SIGN,
    Architecture("threshold"),
)
"""The penalty is a norm of the function: solved at every size."""
WITHOUT_NORM = (
    Architecture("absolute", 3),
    Architecture("relu", 3, form="symmetrized"),
    Architecture("sign", 3, form="parallel", widths=(3,)),
    Architecture("threshold", 4, form="tree", widths=(2, 2)),
    Architecture("absolute", 4),
)
"""Larger dictionaries: solved up to a size that is an option."""
KEPT = ("certified", "honest")
BROKEN = ("false gap", "no warning", "crashed", "hung")

stderr = Console(stderr=True)


@dataclass(frozen=True)
class Trial:
    """A problem of the benchmark."""

    case: str
    n: int
    share: float
    architecture: Architecture
    loss: str

    @property
    def recipe(self) -> Recipe:
        """How to make it."""
        return Recipe(adversarial_problem, (self.case, self.n, self.share, self.architecture, as_loss(self.loss)))

    def __str__(self) -> str:
        return f"{self.architecture.label}, {self.loss} loss, {self.case}, n = {self.n}, {self.share:g} beta_max"


def main(
    sizes: Annotated[list[int], typer.Option("--n", help="Numbers of samples.")] = [1, 2, 3, 12, 100, 3000, 20_000],  # noqa: B006
    losses: Annotated[list[str], typer.Option("--loss", help="Losses.")] = ["squared"],  # noqa: B006
    deep: Annotated[int, typer.Option(help="Largest size for penalties that are no norm of the function.")] = 100,
    tol: Annotated[float, typer.Option(help="Certified relative gap asked for.")] = 1e-6,
    limit: Annotated[float, typer.Option(help="Seconds after which a solve counts as hung.")] = 120.0,
    peers_at: Annotated[int, typer.Option(help="Size of the problems that the peers get; 0: none.")] = 100,
    budget: Annotated[float, typer.Option(help="Seconds that a peer may take for a problem.")] = 3.0,
    threads: Annotated[int, typer.Option(help="Threads of every method.")] = 1,
    out: Annotated[Path, typer.Option(help="Folder of torture.json.")] = Path("build/benchmarks"),
) -> None:
    """Run all trials and print the shares."""
    out.mkdir(parents=True, exist_ok=True)
    limit_threads(threads)
    with Worker() as worker:
        mine = [*trials(sizes, losses, WITH_NORM), *trials([n for n in sizes if n <= deep], losses, WITHOUT_NORM)]
        attempts = {trial: _attempt(worker, trial, tol, limit) for trial in track(mine, "convexnn", console=stderr)}
        outcomes = _race(worker, peers_at, tol, budget) if peers_at else []
    records = [_record(trial, asdict(attempt)) for trial, attempt in attempts.items()]
    compared = [_record(trial, asdict(outcome)) for trial, outcome in outcomes]
    write_text(out / "torture.json", json.dumps({"tol": tol, "convexnn": records, "peers": compared}, indent=1) + "\n")

    console = Console(width=160)
    console.print(_verdicts(attempts))
    for trial, attempt in attempts.items():
        if attempt.verdict != "certified":
            print(f"{trial}: {attempt}")
    if outcomes:
        console.print(_shares(outcomes, peers_at, tol))
    raise typer.Exit(0 if all(attempt.verdict in KEPT for attempt in attempts.values()) else 1)


def trials(sizes: Iterable[int], losses: Iterable[str], architectures: Iterable[Architecture]) -> Iterator[Trial]:
    """All combinations; logistic loss needs two samples with a weight, one of each class."""
    for architecture, loss, n, case, share in product(architectures, losses, sizes, CASES, SHARES):
        if loss != "logistic" or n > 2:
            yield Trial(case, n, share, architecture, loss)


def _attempt(worker: Worker, trial: Trial, tol: float, limit: float) -> Attempt:
    try:
        found: Attempt = worker.call(audit.attempt, trial.recipe, tol, limit=limit)
        return found
    except TimedOutError as error:
        return Attempt("hung", note=str(error))
    except CrashedError as error:
        return Attempt("crashed", note=str(error))


def _race(worker: Worker, n: int, tol: float, budget: float) -> list[tuple[Trial, Outcome]]:
    """Every method on every trial; a method's trials follow one another, so that it compiles once."""
    shared = [*trials([n], ["squared"], (RELU, SIGN))]
    judges = {trial: Judge(trial.recipe.problem()) for trial in track(shared, "judges", console=stderr)}
    warm_up = {a: Trial("no noise", 20, 0.1, a, "squared").recipe for a in (RELU, SIGN)}

    def run(method: Method, trial: Trial) -> Outcome:
        return qualify(worker, method, trial.recipe, warm_up[trial.architecture], judges[trial], tol, budget)

    return [
        (trial, run(method, trial)) for method in (OURS, *PEERS) for trial in track(shared, method.name, console=stderr)
    ]


def _record(trial: Trial, result: dict[str, object]) -> dict[str, object]:
    return {**asdict(trial), "architecture": trial.architecture.label, **result}


def _verdicts(attempts: dict[Trial, Attempt]) -> Table:
    """How every architecture fared."""
    table = Table("architecture, loss", "solves", *KEPT, *BROKEN, "slowest, s", box=box.SIMPLE, title="convexnn")
    for key in dict.fromkeys((trial.architecture, trial.loss) for trial in attempts):
        mine = [attempt for trial, attempt in attempts.items() if (trial.architecture, trial.loss) == key]
        counts = Counter(attempt.verdict for attempt in mine)
        slowest = max((attempt.seconds for attempt in mine if attempt.seconds is not None), default=0.0)
        numbers = [str(counts[verdict]) for verdict in (*KEPT, *BROKEN)]
        table.add_row(f"{key[0].label}, {key[1]}", str(len(mine)), *numbers, f"{slowest:.2f}")
    return table


def _shares(outcomes: list[tuple[Trial, Outcome]], n: int, tol: float) -> Table:
    """What share of the problems every method certifies, of those that it can take.

    A method that calls its answer converged at its tightest tolerance, and is not certified, is counted apart.
    """
    columns = ("method", "network", "problems", f"certified at {tol:g}", "share", "converged, but not certified")
    table = Table(*columns, "timed out", "crashed", box=box.SIMPLE, title=f"Adversarial data, n = {n}")
    for architecture, method in product((RELU, SIGN), (OURS, *PEERS)):
        mine = [o for trial, o in outcomes if o.method == method.name and trial.architecture == architecture]
        mine = [outcome for outcome in mine if outcome.status not in ("unsuitable", "absent")]
        counts = Counter(outcome.status for outcome in mine)
        wrong = sum(outcome.status == "not certified" and bool(outcome.claims) for outcome in mine)
        share = f"{100 * counts['certified'] / len(mine):.1f} %" if mine else "absent" if method.is_absent else "-"
        numbers = (len(mine), counts["certified"], share, wrong, counts["timed out"], counts["crashed"])
        table.add_row(method.name, architecture.label, *map(str, numbers))
    return table


if __name__ == "__main__":
    typer.run(main)
