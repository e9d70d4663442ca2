"""Data on which solvers of splines and step functions break: the one list that benchmark and tests use."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from convexnn.architecture import Architecture
from convexnn.lasso.problem import Problem
from convexnn.losses import Huber, Logistic, Loss, Squared
from convexnn.validation import FloatArray

Rng = np.random.Generator


class Data(NamedTuple):
    """Inputs, targets, and weights or None; in any order."""

    x: FloatArray
    y: FloatArray
    weight: FloatArray | None = None


def _uniform(n: int, rng: Rng) -> FloatArray:
    return np.sort(rng.uniform(size=n))


def _wave(x: FloatArray, rng: Rng) -> FloatArray:
    return np.sin(9 * x) + 0.1 * rng.normal(size=x.size)


def log_spaced(n: int, rng: Rng) -> Data:
    """Spacings from 1e-12 to 1, log-uniform."""
    return Data(np.cumsum(10 ** rng.uniform(-12, 0, n)), rng.normal(size=n))


def cluster(n: int, rng: Rng) -> Data:
    """Half of the points within 1e-8."""
    x = rng.uniform(size=n)
    x[: n // 2] = 0.5 + 1e-8 * x[: n // 2]
    return Data(x, rng.normal(size=n))


def far_from_zero(n: int, rng: Rng) -> Data:
    """Inputs 1e6 + U(0, 1), and targets as far."""
    x = _uniform(n, rng)
    return Data(1e6 + x, 1e6 + _wave(x, rng))


def duplicates(n: int, rng: Rng) -> Data:
    """At most 40 distinct inputs, a tenth as many as points where these are few."""
    return Data(rng.integers(0, min(40, n // 10 + 2), n).astype(float), rng.normal(size=n))


def two_inputs(n: int, rng: Rng) -> Data:
    """Two distinct inputs."""
    return Data((np.arange(n) % 2).astype(float), rng.normal(size=n))


def adjacent_floats(n: int, rng: Rng) -> Data:
    """Inputs one unit in the last place apart."""
    return Data(1 + float(np.finfo(float).eps) * np.arange(n, dtype=float), rng.normal(size=n))


def random_walk(n: int, rng: Rng) -> Data:
    """A sum of independent steps."""
    return Data(_uniform(n, rng), np.cumsum(rng.normal(size=n)))


def steep_line(n: int, rng: Rng) -> Data:
    """A line that rises by 1e4, with noise of size 1."""
    x = _uniform(n, rng)
    return Data(x, 1e4 * x + rng.normal(size=n))


def exact_line(n: int, rng: Rng) -> Data:
    """A line without noise."""
    x = _uniform(n, rng)
    return Data(x, 3 * x)


def outliers(n: int, rng: Rng) -> Data:
    """One target in 60 is of size 1e4."""
    x = _uniform(n, rng)
    return Data(x, np.where(np.arange(n) % 60 == 0, 1e4 * rng.normal(size=n), _wave(x, rng)))


def spike(n: int, rng: Rng) -> Data:
    """Constant but for one point."""
    return Data(_uniform(n, rng), (np.arange(n) == n // 3).astype(float))


def alternating(n: int, rng: Rng) -> Data:
    """Targets +1, -1, +1, ..."""
    return Data(np.arange(n) / n, np.where(np.arange(n) % 2, -1.0, 1.0))


def constant(n: int, rng: Rng) -> Data:
    """One target, which no float represents."""
    return Data(_uniform(n, rng), np.full(n, 0.1))


def tiny_and_huge(n: int, rng: Rng) -> Data:
    """Inputs of size 1e-9 and targets of size 1e9."""
    x = _uniform(n, rng)
    return Data(1e-9 * x, 1e9 * _wave(x, rng))


def huge_and_tiny(n: int, rng: Rng) -> Data:
    """Inputs of size 1e9 and targets of size 1e-9."""
    x = _uniform(n, rng)
    return Data(1e9 * x, 1e-9 * _wave(x, rng))


def no_noise(n: int, rng: Rng) -> Data:
    """A sine, so that nearly all kinks are equally good."""
    x = _uniform(n, rng)
    return Data(x, np.sin(9 * x))


def exponential(n: int, rng: Rng) -> Data:
    """Targets that double every 35th of the range."""
    x = _uniform(n, rng)
    return Data(x, np.exp(24 * x))


def zero_weights(n: int, rng: Rng) -> Data:
    """Weights from e^-7 to e^7, every third one 0 and with a target of its own size."""
    x, weight, ignored = _uniform(n, rng), np.exp(rng.uniform(-7, 7, n)), np.arange(n) % 3 == 1
    return Data(x, np.where(ignored, 1e6, _wave(x, rng)), np.where(ignored, 0.0, weight))


CASES: dict[str, Callable[[int, Rng], Data]] = {
    case.__name__.replace("_", " "): case
    for case in (
        log_spaced,
        cluster,
        far_from_zero,
        duplicates,
        two_inputs,
        adjacent_floats,
        random_walk,
        steep_line,
        exact_line,
        outliers,
        spike,
        alternating,
        constant,
        tiny_and_huge,
        huge_and_tiny,
        no_noise,
        exponential,
        zero_weights,
    )
}
SHARES = (1.0, 1e-1, 1e-2, 1e-4, 1e-6)
"""Of beta_max."""


def adversarial_problem(
    case: str, n: int, share: float, architecture: Architecture, loss: Loss | None = None, seed: int = 0
) -> Problem:
    """One of the cases as a training problem.

    Logistic loss gets the labels of the targets above the median, of both classes, and the corner of Huber's loss is
    a tenth of the standard deviation of the targets. Where beta_max is 0, beta is 1.

    Parameters
    ----------
    case : str
        A key of CASES.
    n : int
        Number of samples; for logistic loss at least 2.
    share : float
        beta / beta_max.
    """
    x, y, weight = CASES[case](n, np.random.default_rng(seed))
    loss = Squared() if loss is None else loss
    if isinstance(loss, Logistic):
        y = _labels(y, np.ones_like(y) if weight is None else weight)
    if isinstance(loss, Huber):
        loss = Huber(0.1 * float(np.std(y)) or 1.0)
    largest = Problem(x, y, 1.0, architecture, loss=loss, sample_weight=weight).beta_max
    beta = share * largest if largest > 0 else 1.0
    return Problem(x, y, beta, architecture, loss=loss, sample_weight=weight)


def _labels(y: FloatArray, weight: FloatArray) -> FloatArray:
    """+1 above the median and -1 up to it; the first row with a weight is of the class that would be empty."""
    labels = np.where(y > np.median(y), 1.0, -1.0)
    live = np.flatnonzero(weight > 0)
    if abs(labels[live].sum()) == live.size:
        labels[live[0]] *= -1
    return labels
