"""Noise without a gradient: the dead wedge, and two laws of dying.

A ReLU unit relu(w x + b) is dead on [-1, 1] if (w, b) lies in the wedge b <= -|w|. Left: 1000 units that started at
(0, 1), cross, after noise on live units of total variance 4; the dead stay where they first met the wedge. Middle: the
share of live units under that noise, from (0, 1), 4000 units each, for the intervals [-1, 1] and [0, 1]; steps of 0.1
and 0.3. Lines: the survival of Brownian motion outside the wedge, moved away by 0.5826 steps (solid) or not (dashed);
grey: its power law, with exponents 1/3 and 2/5. Right: the share of dead units under noise on all units, 4000 units
from (0, 1) and from (1, 0) on [-1, 1]; lines: the bivariate normal probability; dotted: its limit 1/4.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convexnn.plotting import style
from convexnn.training.dying import DeadWedge, shake

SHOWN, COUNT = 1000, 4000
INTERVALS = ((-1.0, 1.0), (0.0, 1.0))
STEPS = (0.1, 0.3)
STARTS = ((0.0, 1.0), (1.0, 0.0))
LARGEST, RECORDS = 100.0, 20
VARIANCE = np.geomspace(0.1, LARGEST, 81)
COLOURS, MARKERS = (style.BLUE, style.VERMILION), "os"


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """Simulated shares and those of the theory."""
    seeds = iter(int(seed) for seed in rng.integers(2**32, size=8))
    shown = shake(
        DeadWedge(), *np.tile(STARTS[0], (SHOWN, 1)).T, sigma=0.05, n_steps=1600, units="live", seeds=[next(seeds)]
    ).network(0)
    live, theory = [], []
    for interval in INTERVALS:
        wedge = DeadWedge(*interval)
        live += [
            {"interval": interval, "step": sigma, **shares(wedge, STARTS[0], sigma, "live", next(seeds))}
            for sigma in STEPS
        ]
        theory.append(
            {
                "interval": interval,
                "walks": [wedge.survival(*STARTS[0], VARIANCE, step=sigma) for sigma in STEPS],
                "brownian": wedge.survival(*STARTS[0], VARIANCE),
                "power": wedge.survival_tail(*STARTS[0], VARIANCE),
            }
        )
    wedge = DeadWedge()
    return {
        "data": {"w": shown.layers[0].weights[:, 0, 0], "b": shown.layers[0].biases[:, 0]},
        "live": live,
        "variance": VARIANCE,
        "live_theory": theory,
        "dead": [{"start": start, **shares(wedge, start, 0.3, "all", next(seeds))} for start in STARTS],
        "dead_theory": [wedge.dead_probability(*start, VARIANCE) for start in STARTS],
    }


def shares(wedge: DeadWedge, start: tuple[float, float], sigma: float, units: str, seed: int) -> dict[str, Any]:
    """The share of live units at variances that are evenly spaced on a logarithmic scale."""
    n_steps = round(LARGEST / sigma**2)
    w, b = np.tile(start, (COUNT, 1)).T
    runs = shake(wedge, w, b, sigma=sigma, n_steps=n_steps, units=units, seeds=[seed], record_every=1)
    alive = runs.history.alive[0, :, 0]
    at = np.unique(np.round(np.geomspace(max(1, n_steps // 1000), n_steps, RECORDS)).astype(int))
    return {"variance": at * sigma**2, "share": alive[at] / COUNT}


def draw(table: dict[str, Any]) -> Figure:
    """The wedge, and the two laws."""
    with plt.rc_context(style.STYLE):
        figure = Figure(figsize=(7.2, 2.5), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        _draw_wedge(left, np.array(table["data"]["w"]), np.array(table["data"]["b"]))
        _draw_survival(middle, table)
        for row, law, colour, marker in zip(table["dead"], table["dead_theory"], COLOURS, MARKERS, strict=True):
            right.plot(table["variance"], law, color=colour)
            label = "from ({:g}, {:g})".format(*row["start"])
            right.plot(row["variance"], 1 - np.array(row["share"]), marker, color=colour, markersize=3, label=label)
        right.axhline(DeadWedge().limit, color=style.GREY, linestyle=":", linewidth=0.8)
        right.set(xscale="log", xlabel=r"$\sigma^2 t$", ylabel="share of dead units", ylim=(0, 0.35))
        right.set_title("noise on all units")
        right.legend(loc="lower right")
    return figure


def _draw_wedge(ax: Axes, w: np.ndarray, b: np.ndarray) -> None:
    reach = 6.0
    dead = DeadWedge().contains(w, b)
    ax.fill([-reach, 0, reach], [-reach, 0, -reach], color=style.GREY, alpha=0.3, linewidth=0)
    ax.plot(w[~dead], b[~dead], ".", color=style.BLUE, markersize=1, label="live")
    ax.plot(w[dead], b[dead], ".", color=style.BLACK, markersize=1, label="dead")
    ax.plot(*STARTS[0], "x", color=style.VERMILION, markersize=6, markeredgewidth=2)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="weight $w$", ylabel="bias $b$")
    ax.set_title("noise on live units")
    ax.legend(loc="lower center", markerscale=6)


def _draw_survival(ax: Axes, table: dict[str, Any]) -> None:
    for theory, colour in zip(table["live_theory"], COLOURS, strict=True):
        for walk in theory["walks"]:
            ax.plot(table["variance"], walk, color=colour, linewidth=0.8)
        ax.plot(table["variance"], theory["brownian"], color=colour, linewidth=0.8, linestyle="--")
        late = np.array(table["variance"]) >= 1
        ax.plot(np.array(table["variance"])[late], np.array(theory["power"])[late], color=style.GREY, linewidth=0.6)
    for row in table["live"]:
        colour = COLOURS[INTERVALS.index(tuple(row["interval"]))]
        marker = MARKERS[STEPS.index(row["step"])]
        label = "[{:g}, {:g}], ".format(*row["interval"]) + rf"$\sigma$ = {row['step']:g}"
        ax.plot(row["variance"], row["share"], marker, color=colour, markersize=3, fillstyle="none", label=label)
    ax.set(xscale="log", yscale="log", xlabel=r"$\sigma^2 t$", ylabel="share of live units")
    ax.set_yticks([0.2, 0.3, 0.5, 1.0], ["0.2", "0.3", "0.5", "1"])
    ax.set_yticks([], minor=True)
    ax.set_title("noise on live units")
    ax.legend(loc="lower left")
