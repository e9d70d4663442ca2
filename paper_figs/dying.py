"""What kills units: the share of dead units against learning rate, batch size, decay and noise.

Noisy sine, 64 points; ReLU networks of two layers and 64 units from 20 seeds, rates and decays as for the mean loss;
dead: zero on the hull of the data. Means with standard errors. From left to right: gradient descent with batches of 8,
and Adam, 8000 steps each; batches at the rates 0.05 and 0.2, 8000 steps (at 0.2 units die without sampling noise, too);
decay of the weights, not the biases, at the rate 0.05, and at 0.003 for Adam; noise after each of 5000 steps at the
rate 0.05, on all units or on the live only. Dotted: 8000 steps of gradient descent at the rate 0.05 without decay and
noise. Faint noise on all units leaves fewer dead than none.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convexnn.plotting import style
from convexnn.training import Noise, train

N, WIDTH, SEEDS = 64, 64, 20
RATE, BATCH, STEPS, NOISY_STEPS = 0.05, 8, 8000, 5000
RATES = {
    "gradient descent": (0.005, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3),
    "Adam": (1e-4, 5e-4, 1e-3, 3e-3, 0.01, 0.03),
}
BATCHES = (1, 2, 4, 8, 16, 32, 64)
DECAYS = (1e-5, 1e-4, 1e-3, 3e-3, 0.01, 0.03)
SIGMAS = (1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01)
COLOURS, MARKERS = (style.BLUE, style.VERMILION), "os"
LABELS = {
    "rate": "learning rate",
    "batch": "batch size",
    "decay": "decay of the weights",
    "noise": r"noise $\sigma$ a step",
}


def compute(rng: np.random.Generator) -> dict[str, Any]:
    """Dead fractions, for every panel and curve against the dose."""
    x = rng.uniform(-1, 1, N)
    y = (np.sin(4 * x) + 0.1 * rng.normal(size=N)).round(6)  # the same on every machine

    def dead(*, rate: float = RATE, decay: float = 0.0, adam: bool = False, **options: Any) -> Any:
        options = {"batch_size": BATCH, "n_steps": STEPS, "seeds": SEEDS} | options
        optimizer, rate = ("adam", rate) if adam else ("sgd", rate / N)
        runs = train(x, y, width=WIDTH, optimizer=optimizer, learning_rate=rate, beta=decay * N, **options)
        return runs.dead_fraction

    optimisers: dict[str, dict[str, Any]] = {"gradient descent": {"rate": RATE}, "Adam": {"rate": 3e-3, "adam": True}}
    return {
        "data": {"x": x, "y": y},
        "usual": float(dead().mean()),
        "panels": {
            "rate": {
                name: _curve(rates, [dead(rate=rate, adam=name == "Adam") for rate in rates])
                for name, rates in RATES.items()
            },
            "batch": {
                f"rate {rate:g}": _curve(BATCHES, [dead(rate=rate, batch_size=size) for size in BATCHES])
                for rate in (RATE, 0.2)
            },
            "decay": {
                name: _curve(DECAYS, [dead(decay=decay, **options) for decay in DECAYS])
                for name, options in optimisers.items()
            },
            "noise": {
                f"on {units} units": _curve(
                    SIGMAS, [dead(noise=Noise(sigma, units), n_steps=NOISY_STEPS) for sigma in SIGMAS]
                )
                for units in ("all", "live")
            },
        },
    }


def _curve(doses: tuple[float, ...], fractions: list[Any]) -> dict[str, Any]:
    return {
        "dose": doses,
        "mean": [float(np.mean(dead)) for dead in fractions],
        "error": [float(np.std(dead, ddof=1) / np.sqrt(SEEDS)) for dead in fractions],
    }


def draw(table: dict[str, Any]) -> Figure:
    """One panel a cause."""
    with plt.rc_context(style.STYLE):
        figure = Figure(figsize=(7.2, 2.3), layout="constrained")
        for ax, (name, curves) in zip(figure.subplots(1, 4, sharey=True), table["panels"].items(), strict=True):
            _draw_panel(ax, curves, table["usual"])
            ax.set_xlabel(LABELS[name])
        figure.axes[0].set(ylabel="share of dead units", ylim=(0, 1))
    return figure


def _draw_panel(ax: Axes, curves: dict[str, Any], usual: float) -> None:
    for (name, curve), colour, marker in zip(curves.items(), COLOURS, MARKERS, strict=True):
        ax.errorbar(curve["dose"], curve["mean"], curve["error"], color=colour, marker=marker, markersize=3, label=name)
    ax.axhline(usual, color=style.GREY, linewidth=0.8, linestyle=":")
    ax.set_xscale("log")
    if curves[next(iter(curves))]["dose"][0] == 1:
        ax.set_xticks([1, 4, 16, 64], ["1", "4", "16", "64"])
        ax.set_xticks([], minor=True)
    ax.legend(loc="upper right" if curves[next(iter(curves))]["dose"][0] == 1 else "upper left")
