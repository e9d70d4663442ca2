"""Finite N against theory: many random instances, measured one by one on several processes, resumable.

    points = grid(n_inputs=[20, 30], load=0.6, gap=2.0, seed=range(60))
    for row in summarise(sweep(Paired(), points, folder="results", n_jobs=2)):
        print(row.point, row.mean["difference"], row.error["difference"], row.point.theory().robustness)

Every finished point is a JSON file of its own in the folder, named by a hash of all that it depends on. So a sweep that
was interrupted goes on where it stopped, and one with other parameters, or of another version of this library, does not
meet its files.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from convexnn.associative import replica
from convexnn.associative.associations import Associations, as_scalar, random_associations
from convexnn.associative.learn import learn
from convexnn.associative.learned import Learned
from convexnn.associative.online import learn_online
from convexnn.errors import InputError
from convexnn.files import write_text
from convexnn.validation import FloatArray, as_integer

_OPTIONAL = ("inhibitory", "density", "gap")


@dataclass(frozen=True, kw_only=True)
class Point:
    """A random instance and what its weights must satisfy. Units as in `convexnn.associative.model`.

    Points that differ in their constraints only have the same associations.

    Attributes
    ----------
    n_inputs : int
        N.
    load : float
        There are ``round(load N)`` associations.
    seed : int
        Of the associations; learning online draws from it as well.
    robustness : float
        Which online learning asks for. Exact learning finds the largest.
    threshold, f_in, f_out, inhibitory, density, gap
        As for `convexnn.associative.capacity`; of the inputs, the first ``round(inhibitory N)`` are inhibitory.
    """

    n_inputs: int
    load: float
    seed: int
    robustness: float = 0.0
    threshold: float = 0.0
    f_in: float = 0.5
    f_out: float = 0.5
    inhibitory: float | None = None
    density: float | None = None
    gap: float | None = None

    def __post_init__(self) -> None:
        for name, least in (("n_inputs", 1), ("seed", 0)):
            object.__setattr__(self, name, as_integer(name, getattr(self, name), least))
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in ("n_inputs", "seed") and not (value is None and field.name in _OPTIONAL):
                object.__setattr__(self, field.name, as_scalar(field.name, value))
        if self.n_associations < 1:
            raise InputError(f"a load of {self.load:g} is no association of {self.n_inputs} inputs; increase it")

    @property
    def n_associations(self) -> int:
        """m."""
        return round(self.load * self.n_inputs)

    @property
    def signs(self) -> FloatArray | None:
        """-1 for the inhibitory inputs, which come first, and 1 for the others; None if signs are free."""
        if self.inhibitory is None:
            return None
        return np.where(np.arange(self.n_inputs) < round(self.inhibitory * self.n_inputs), -1.0, 1.0)

    def associations(self) -> Associations:
        """The random instance."""
        rng = np.random.default_rng(self.seed)
        return random_associations(self.n_inputs, self.n_associations, f_in=self.f_in, f_out=self.f_out, rng=rng)

    def theory(self) -> replica.Capacity:
        """The most robust solution at the load m / N for N -> infinity.

        Raises
        ------
        InputError
            If both a density and a gap are given.
        InfeasibleError
            If the load exceeds the capacity at robustness 0.
        """
        constraints = {name: getattr(self, name) for name in ("threshold", "f_in", "f_out", *_OPTIONAL)}
        return replica.robustness(self.n_associations / self.n_inputs, **constraints)


@dataclass(frozen=True)
class Exact:
    """The most robust weights, by `learn`: "robustness", "bound", "sparsity", and "proved", 1 if they are optimal.

    Attributes
    ----------
    time_limit : float or None
        Seconds a point.
    """

    time_limit: float | None = None

    def __call__(self, point: Point) -> dict[str, float]:
        """Measure one point."""
        return _numbers(_learn(point, self.time_limit))


@dataclass(frozen=True)
class Paired:
    """The same, and without density and gap for the same associations: "l1_robustness" and the "difference" to it.

    Most of what makes the robustness vary from instance to instance is common to both, and cancels in the difference.

    Attributes
    ----------
    time_limit : float or None
        Seconds a point.
    """

    time_limit: float | None = None

    def __call__(self, point: Point) -> dict[str, float]:
        """Measure one point."""
        found = _learn(point, self.time_limit)
        l1 = _learn(replace(point, density=None, gap=None), None).robustness
        return {**_numbers(found), "l1_robustness": l1, "difference": found.robustness - l1}


@dataclass(frozen=True)
class Online:
    """What `learn_online` does: "stored", 1 if all that was asked for holds, "robustness", "sparsity", and "n_steps".

    Attributes
    ----------
    n_steps : int
        The largest number of steps.
    reactivation : float
    """

    n_steps: int = 100_000
    reactivation: float = 0.02

    def __call__(self, point: Point) -> dict[str, float]:
        """Measure one point."""
        if point.density is not None:
            raise InputError(f"the online rule has no density, got {point.density}; leave it out, or use Exact()")
        found = learn_online(
            point.associations(),
            robustness=point.robustness,
            gap=point.gap,
            threshold=point.threshold,
            signs=point.signs,
            n_steps=self.n_steps,
            rng=np.random.default_rng(point.seed).spawn(1)[0],
            reactivation=self.reactivation,
        )
        return {
            "stored": float(found.check()),
            "robustness": found.robustness,
            "sparsity": found.sparsity,
            "n_steps": float(found.n_steps),
        }


Measurement = Exact | Paired | Online


def grid(**axes: Any) -> list[Point]:
    """All combinations of values, the last axis changing fastest.

    Parameters
    ----------
    **axes
        Fields of `Point`, each a value or a sequence of values.

    Returns
    -------
    list of Point

    Raises
    ------
    InputError
        For fields that are unknown or missing, and values out of range.
    """
    known = [field.name for field in fields(Point)]
    for name in axes:
        if name not in known:
            raise InputError(f"unknown axis {name!r}; known: {', '.join(known)}")
    for name in ("n_inputs", "load", "seed"):
        if name not in axes:
            raise InputError(f"give {name}: one value, or a sequence of them")
    values = [list(axis) if isinstance(axis, (Sequence, np.ndarray, range)) else [axis] for axis in axes.values()]
    return [Point(**dict(zip(axes, chosen, strict=True))) for chosen in itertools.product(*values)]


def sweep(
    measurement: Measurement,
    points: Sequence[Point],
    *,
    folder: str | os.PathLike[str] | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> list[tuple[Point, dict[str, float]]]:
    """Measure all points, each once.

    Parameters
    ----------
    measurement : Exact, Paired or Online
    points : sequence of Point
    folder : path, optional
        Where finished points are kept. Points that are there already are read instead of measured.
    n_jobs : int
        Processes of joblib; -1 for one a processor.
    progress : bool
        Whether to show progress on stderr.

    Returns
    -------
    list of (Point, dict)
        In the order of the points, whatever the number of processes.

    Raises
    ------
    InputError
        If the folder cannot be written, or for other things than measurements, points and a number of processes.
    """
    _check(measurement, points, n_jobs)
    place = None if folder is None else _prepared(folder)
    found = {} if place is None else {k: kept for k, p in enumerate(points) if (kept := _read(place, measurement, p))}
    missing = [k for k in range(len(points)) if k not in found]
    with _bar(len(missing)) if progress else nullcontext() as bar:
        for k, result in _measure_all(measurement, points, missing, n_jobs):
            if place is not None:
                _write(place, measurement, points[k], result)
            found[k] = result
            if bar is not None:
                bar.advance(bar.task_ids[0])
    return [(point, found[k]) for k, point in enumerate(points)]


@dataclass(frozen=True)
class Summary:
    """Points that differ in their seed only.

    Attributes
    ----------
    point : Point
        The first of them.
    n : int
        How many there are.
    mean, error : dict
        Mean and standard error of the mean of every number; the error is NaN for one point.
    """

    point: Point
    n: int
    mean: dict[str, float]
    error: dict[str, float]


def summarise(results: Sequence[tuple[Point, dict[str, float]]]) -> list[Summary]:
    """Means over the seeds, in the order in which the other parameters first occur.

    Parameters
    ----------
    results : sequence of (Point, dict)
        From `sweep`.

    Returns
    -------
    list of Summary
    """
    groups: dict[Point, list[tuple[Point, dict[str, float]]]] = {}
    for point, numbers in results:
        groups.setdefault(replace(point, seed=0), []).append((point, numbers))
    rows = []
    for members in groups.values():
        n = len(members)
        columns = {name: np.array([numbers[name] for _, numbers in members]) for name in members[0][1]}
        mean = {name: float(column.mean()) for name, column in columns.items()}
        error = {name: float(c.std(ddof=1) / math.sqrt(n)) if n > 1 else math.nan for name, c in columns.items()}
        rows.append(Summary(members[0][0], n, mean, error))
    return rows


def _check(measurement: Any, points: Sequence[Any], n_jobs: Any) -> None:
    if not isinstance(measurement, (Exact, Paired, Online)):
        raise InputError(f"measurement must be Exact(), Paired() or Online(), got {measurement!r}")
    for point in points:
        if not isinstance(point, Point):
            raise InputError(f"points must be a sequence of Point, such as grid(...) gives, got {point!r} among them")
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int) or n_jobs == 0:
        raise InputError(f"n_jobs must be an integer, at least 1, or -1 for one process a processor, got {n_jobs!r}")


def _learn(point: Point, time_limit: float | None) -> Learned:
    return learn(
        point.associations(),
        threshold=point.threshold,
        signs=point.signs,
        density=point.density,
        gap=point.gap,
        time_limit=time_limit,
    )


def _numbers(found: Learned) -> dict[str, float]:
    return {
        "robustness": found.robustness,
        "bound": found.bound,
        "sparsity": found.sparsity,
        "proved": float(found.status == "optimal"),
    }


def _measure_all(
    measurement: Measurement, points: Sequence[Point], missing: list[int], n_jobs: int
) -> Iterator[tuple[int, dict[str, float]]]:
    """Results with the places of their points, as they come in."""
    if n_jobs == 1:
        yield from (_measure(measurement, k, points[k]) for k in missing)
        return
    from joblib import Parallel, delayed

    yield from Parallel(n_jobs=n_jobs, return_as="generator_unordered")(
        delayed(_measure)(measurement, k, points[k]) for k in missing
    )


def _measure(measurement: Measurement, k: int, point: Point) -> tuple[int, dict[str, float]]:
    return k, measurement(point)


def _identity(measurement: Measurement, point: Point) -> dict[str, Any]:
    """All that a result depends on."""
    from convexnn import __version__

    return {
        "version": __version__,
        "measurement": type(measurement).__name__,
        "options": asdict(measurement),
        "point": asdict(point),
    }


def _path(folder: Path, identity: dict[str, Any]) -> Path:
    text = json.dumps(identity, sort_keys=True)
    return folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"


def _read(folder: Path, measurement: Measurement, point: Point) -> dict[str, float] | None:
    """The result in the folder, if it is there and of this measurement at this point."""
    identity = _identity(measurement, point)
    path = _path(folder, identity)
    if not path.exists():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        result = {name: float(value) for name, value in record.pop("result").items()}
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        raise InputError(f"{path} is not a result of a sweep; remove it") from None
    if record != json.loads(json.dumps(identity)):
        raise InputError(f"{path} holds the result of other parameters than its name says; remove it")
    return result


def _write(folder: Path, measurement: Measurement, point: Point, result: dict[str, float]) -> None:
    identity = _identity(measurement, point)
    write_text(_path(folder, identity), json.dumps({**identity, "result": result}, indent=1) + "\n")


def _prepared(folder: str | os.PathLike[str]) -> Path:
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot use the folder {os.fspath(folder)}: {error.strerror}") from error
    return Path(folder)


def _bar(total: int) -> Any:
    """A progress bar on stderr with one task."""
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True))
    bar.add_task("points", total=total)
    return bar
