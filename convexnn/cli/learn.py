"""``convexnn learn``: weights that store the associations of a file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from convexnn.cli.app import AsJson, check_ending, check_outputs, print_json, working
from convexnn.errors import InputError

if TYPE_CHECKING:
    from convexnn.associative import Learned, Progress

_STEPS = 100_000


def learn(
    inputs: Annotated[Path, typer.Option(help="Patterns of 0 and 1, one row an association; .npy, or CSV.")],
    outputs: Annotated[Path, typer.Option(help="The output, 0 or 1, of each association; .npy, or CSV.")],
    method: Annotated[
        Literal["exact", "online"],
        typer.Option(help="The most robust weights with a proof, or the online rule for a given robustness."),
    ] = "exact",
    threshold: Annotated[float, typer.Option(help="Threshold of the neuron, in units of N mean |J|.")] = 0.0,
    signs: Annotated[
        Path | None, typer.Option(help="Signs -1 or 1 of the weights, one an input; .npy, or CSV.")
    ] = None,
    gap: Annotated[float | None, typer.Option(help="Smallest absolute value of a nonzero weight.")] = None,
    density: Annotated[float | None, typer.Option(help="Exact: largest fraction of nonzero weights.")] = None,
    time_limit: Annotated[float | None, typer.Option(help="Exact: seconds for the search.")] = None,
    tol: Annotated[float | None, typer.Option(help="Exact: relative gap to prove.  [default: 1e-06]")] = None,
    robustness: Annotated[float | None, typer.Option(help="Online: the margin of every association.")] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help=f"Online: the largest number of steps.  [default: {_STEPS}]")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Online: of the random numbers.  [default: 0]")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the weights, .csv or .npy.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find weights, of mean absolute value 1, that store associations.

    Exit code 0 if the weights are the most robust within --tol (exact), or have all that was asked for (online).
    """
    import numpy as np

    from convexnn import associative
    from convexnn.cli.arrays import ENDINGS, read_array, read_vector, write_vector
    from convexnn.validation import as_positive

    if method == "exact":
        _refuse("--method online", robustness=robustness, steps=steps, seed=seed)
    else:
        _refuse("--method exact", density=density, time_limit=time_limit, tol=tol)
        if robustness is None:
            raise InputError("--method online needs --robustness, the margin of every association")
    tol = as_positive("tol", 1e-6 if tol is None else tol)
    check_outputs([inputs, outputs] if signs is None else [inputs, outputs, signs], out=out)
    check_ending("--out", out, ENDINGS)
    associations = associative.Associations(read_array(inputs), read_vector(outputs))
    constraints: dict[str, Any] = {
        "threshold": threshold,
        "gap": gap,
        "signs": None if signs is None else read_vector(signs),
    }
    began = time.perf_counter()
    with working("learning") as line:
        if robustness is None:  # as it is with the exact method, and only then
            found: Learned = associative.learn(
                associations,
                **constraints,
                density=density,
                time_limit=time_limit,
                progress=lambda now: line.update(_in_words(now)),
            )
        else:
            rng = np.random.default_rng(0 if seed is None else seed)
            n_steps = _STEPS if steps is None else steps
            found = associative.learn_online(
                associations, **constraints, robustness=robustness, n_steps=n_steps, rng=rng
            )
    seconds = time.perf_counter() - began
    failure = found.violation()
    if failure is None and method == "exact" and found.relative_gap > tol:
        failure = f"the relative gap is {found.relative_gap:.2g}"

    if out is not None:
        write_vector(out, found.weights)
    if as_json:
        print_json({"method": method, **_record(found), "failure": failure, "seconds": seconds})
    else:
        typer.echo(f"{associations.n_associations} associations of {associations.n_inputs} inputs, {method} learning")
        claim = f"certified within {tol:g}" if method == "exact" else "all that was asked for holds"
        typer.echo(f"{found}\n{claim if failure is None else f'not {claim}: {failure}'}")
    raise typer.Exit(0 if failure is None else 1)


def _refuse(goes_with: str, **options: object) -> None:
    """Refuse options of the other method."""
    for name, value in options.items():
        if value is not None:
            raise InputError(f"--{name.replace('_', '-')} goes with {goes_with}")


def _in_words(now: Progress) -> str:
    return (
        f"{now.seconds:.0f} s: robustness {now.robustness:.6g}, at most {now.bound:.6g} possible; "
        f"{now.n_nodes} nodes, {now.n_open} open"
    )


def _record(found: Learned) -> dict[str, Any]:
    """What was asked and found, as JSON types."""
    constraints = found.constraints
    return {
        "n_inputs": constraints.n_inputs,
        "n_associations": found.associations.n_associations,
        "threshold": constraints.threshold,
        "signs": None if constraints.signs is None else constraints.signs.tolist(),
        "max_nonzero": constraints.max_nonzero,
        "gap": constraints.gap,
        "target": found.target,
        "status": found.status,
        "robustness": found.robustness,
        "bound": found.bound,
        "relative_gap": found.relative_gap,
        "sparsity": found.sparsity,
        "weights": found.weights.tolist(),
    }
