"""What the statements on random runs share: the data, descent on the mean loss, and tests of hypotheses.

All runs are reproducible from their seeds. An effect counts as found if its p-value is at most `SIGNIFICANT`; a law
that is exact is given up only if the p-value is below `IMPOSSIBLE`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from convexnn.training import Runs, train
from theory.statement import Evidence

Data = tuple[NDArray, NDArray]

SIGNIFICANT = 1e-3
IMPOSSIBLE = 1e-6
SEEDS = 24


def noisy_sine(number: int, n: int = 64) -> Data:
    """``sin 4x`` on [-1, 1] with noise of deviation .1, rounded so that it is the same on every machine."""
    rng = np.random.default_rng(number)
    x = np.sort(rng.uniform(-1, 1, n))
    y = np.sin(4 * x) + 0.1 * rng.normal(size=n)
    return np.round(x * 1024) / 1024 + np.arange(n) * 2.0**-16, np.round(y * 1024) / 1024


def descend(
    data: Data, *, rate: float, n_steps: int, decay: float = 0.0, optimizer: str = "sgd", first: int = 0, **options: Any
) -> Runs:
    """`SEEDS` networks of 64 units on batches of 8, with rate and decay as for the mean of the loss.

    Parameters
    ----------
    decay : float
        On the weights, not the biases; 0 for none.
    first : int
        Number of the first seed.
    """
    x, y = data
    given: dict[str, Any] = {"width": 64, "batch_size": 8, "seeds": range(first, first + SEEDS)} | options
    rate = rate / len(x) if optimizer == "sgd" else rate  # Adam does not feel the scale of the loss
    return train(x, y, optimizer=optimizer, learning_rate=rate, beta=decay * len(x), n_steps=n_steps, **given)


def found(name: str, p_value: float) -> Evidence:
    """An effect is there."""
    return Evidence.at_most(f"p-value of {name}", float(p_value), SIGNIFICANT)


def not_excluded(name: str, p_value: float) -> Evidence:
    """A law is not contradicted."""
    return Evidence.at_most(f"least p-value allowed, and that of {name}", IMPOSSIBLE, float(p_value))


def rises(name: str, doses: Sequence[float], groups: Iterable[ArrayLike]) -> Evidence:
    """One-sided Spearman test; the groups are independent."""
    values = [np.asarray(group) for group in groups]
    levels = np.repeat(np.argsort(np.argsort(doses)), [group.size for group in values])
    result = stats.spearmanr(levels, np.concatenate(values), alternative="greater")
    rho = 0.0 if np.isnan(result.statistic) else result.statistic  # all values equal
    return found(f"{name} (Spearman, rho = {rho:.2f})", 1.0 if np.isnan(result.pvalue) else result.pvalue)


def higher_in_pairs(name: str, high: NDArray, low: NDArray) -> Evidence:
    """One-sided Wilcoxon test on pairs that share a seed."""
    difference = high - low
    p = stats.wilcoxon(difference, alternative="greater").pvalue if difference.any() else 1.0
    return found(f"{name} (Wilcoxon, {difference.size} pairs)", p)
