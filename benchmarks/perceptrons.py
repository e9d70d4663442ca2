"""Perceptrons trained by gradient descent against the exact optima: ``python -m benchmarks.perceptrons``.

The same associations are learned by gradient descent on logistic and hinge loss with l1 or l2 decay, pruned by
magnitude, gradually, or in Demon's way; by the online rule; and exactly, under the l0 constraint and under the gap.
Decays, and the noise of Demon pruning, were chosen in hindsight: those of the largest mean robustness. "lost" is the
mean robustness behind the l0 optimum of the same instance, with its standard error. The theory is replica symmetric, an
upper bound under l0 and gap. The last table trains all neurons of a recurrent network on random attractors and counts
those that never fire.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from convexnn import associative
from convexnn.associative import Associations, Learned
from convexnn.training.perceptrons import PRUNING, Recipe, silent_units, train_perceptron

DECAYS = (1e-3, 1e-2, 1e-1)
NOISES = (0.0, 3e-3, 1e-2)  # of Demon pruning


def main(
    inputs: int = 40, load: float = 0.5, density: float = 0.3, gap: float = 2.0, instances: int = 5,
    time_limit: float = 20.0, steps: int = 3000, seed: int = 0,
) -> None:  # fmt: skip
    """Print the tables; exit 1 if anything beats a proved bound."""
    rng = np.random.default_rng(seed)
    given = [associative.random_associations(inputs, round(load * inputs), rng=rng) for _ in range(instances)]
    l0 = [associative.learn(one, density=density, time_limit=time_limit) for one in given]
    rows = {
        "exact, l1": [associative.learn(one) for one in given],
        f"exact, l0 {density:g}": l0,
        f"exact, gap {gap:g}": [associative.learn(one, gap=gap, time_limit=time_limit) for one in given],
        f"online rule, gap {gap:g}": [online(one, gap, seed) for one in given],
    }
    for pruning in PRUNING:
        for loss in ("logistic", "hinge"):
            for power in (1, 2):
                name = f"{loss}, l{power} decay" + ("" if pruning == "none" else f", {pruning}")
                noises = NOISES if pruning == "demon" else (0.0,)
                recipes = [Recipe(loss, decay, power, pruning, noise, steps) for decay in DECAYS for noise in noises]
                wanted = None if pruning == "none" else density
                rows[name] = max(
                    ([train(one, recipe, wanted, seed) for one in given] for recipe in recipes), key=mean_robustness
                )
    show(f"N = {inputs}, load {load:g}, {instances} instances", rows, l0)
    for name, theory in (
        ("l1", associative.robustness(load)),
        (f"l0 {density:g}", associative.robustness(load, density=density)),
        (f"gap {gap:g}", associative.robustness(load, gap=gap)),
    ):
        print(f"theory for N to infinity, {name}: robustness {theory.robustness:.4f}, sparsity {theory.sparsity:.3f}")
    recurrent(inputs, load, density, steps, seed)
    allowed = (bound for bound in zip(*(rows[key] for key in (f"exact, l0 {density:g}", "exact, l1")), strict=True))
    bounds = [(sparse.bound, dense.bound) for sparse, dense in allowed]
    beaten = [
        name
        for name, found in rows.items()
        for one, (sparse, dense) in zip(found, bounds, strict=True)
        if one.robustness > (sparse if 1 - one.sparsity <= density else dense) + 1e-9
    ]
    if beaten:
        print(f"beats a proved bound: {', '.join(beaten)}", file=sys.stderr)
    sys.exit(bool(beaten))


def train(one: Associations, recipe: Recipe, density: float | None, seed: int) -> Learned:
    return train_perceptron(one, recipe, density=density, rng=np.random.default_rng(seed))


def online(one: Associations, gap: float, seed: int) -> Learned:
    """The largest robustness that the rule reaches of a grid, in 100000 steps each."""
    found = [
        associative.learn_online(one, robustness=r, gap=gap, n_steps=100_000, rng=np.random.default_rng(seed))
        for r in np.linspace(0, 1, 11)
    ]
    return max((one for one in found if one.check()), key=lambda one: one.robustness, default=found[0])


def mean_robustness(found: Sequence[Learned]) -> float:
    return float(np.mean([one.robustness for one in found]))


def show(title: str, rows: dict[str, list[Learned]], best: Sequence[Learned]) -> None:
    table = Table(box=box.SIMPLE, title=title)
    for heading in ("", "robustness", "lost", "sparsity", "stored"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, found in rows.items():
        lost = np.array([one.robustness - other.robustness for one, other in zip(best, found, strict=True)])
        error = lost.std(ddof=1) / math.sqrt(len(lost)) if len(lost) > 1 else math.nan
        stored = sum(one.robustness >= 0 for one in found)
        sparsity = np.mean([one.sparsity for one in found])
        table.add_row(
            name,
            f"{mean_robustness(found):.4f}",
            f"{lost.mean():+.4f} ± {error:.4f}",
            f"{sparsity:.3f}",
            f"{stored}/{len(found)}",
        )
    Console(width=120).print(table)


def recurrent(n_units: int, load: float, density: float, steps: int, seed: int) -> None:
    """Every unit learns its own bit of sparse random states from those of all units."""
    # Equally many active units in all states: where none is, no weights reach a margin above the threshold 0.
    shuffled = np.argsort(np.random.default_rng(seed).random((round(load * n_units), n_units)), axis=1)
    states = (shuffled < max(n_units // 10, 1)).astype(float)
    table = Table(box=box.SIMPLE, title=f"recurrent network of {n_units} units, {len(states)} states, 10 % active")
    for heading in ("", "silent on the states", "of them wrongly", "silent on all states"):
        table.add_column(heading, justify="right" if heading else "left")
    tasks = [Associations(states, states[:, k]) for k in range(n_units)]
    recipes = {name: Recipe("hinge", 1e-2, 1, name, NOISES[1] * (name == "demon"), steps) for name in PRUNING}
    networks = {
        name: [train(task, recipe, None if name == "none" else density, seed) for task in tasks]
        for name, recipe in recipes.items()
    }
    networks = {"exact, l1": [associative.learn(task) for task in tasks], **networks}
    for name, units in networks.items():
        weights = np.array([unit.weights for unit in units])
        here, wrong = silent_units(weights, states), states.any(axis=0)
        everywhere = silent_units(weights)
        table.add_row(name, str(here.sum()), str((here & wrong).sum()), str(everywhere.sum()))
    Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
