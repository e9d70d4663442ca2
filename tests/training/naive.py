"""Slow twins of the training kernel: one row, one unit, one step at a time, in plain Python and numpy."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

WORD = 2**64


def bits(key: int, index: int) -> int:
    """SplitMix64, with Python's integers."""
    z = (key + (index + 1) * 0x9E3779B97F4A7C15) % WORD
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % WORD
    return z ^ (z >> 31)


def uniform(key: int, index: int) -> float:
    return ((bits(key, index) >> 12) + 0.5) / 2**52


def normal(key: int, index: int) -> float:
    return NormalDist().inv_cdf(uniform(key, index))


def batches(key: int, n: int, size: int, n_steps: int):
    """The rows of every step: the first of a shuffle that goes on from step to step."""
    rows = list(range(n))
    for step in range(n_steps):
        if size < n:
            for i in range(size):
                other = i + int(uniform(key, step * size + i) * (n - i))
                rows[i], rows[other] = rows[other], rows[i]
        yield rows[:size]


def loss_and_slope(loss: str, y: float, f: float) -> tuple[float, float]:
    if loss == "squared":
        return (f - y) ** 2 / 2, f - y
    return math.log(1 + math.exp(-y * f)), -y / (1 + math.exp(y * f))


class Shallow:
    """Two-layer networks over one input: [w, b, a] as (m, 3) rows, and the intercept."""

    def __init__(self, w, b, a, intercept, left=0.0, right=1.0):
        self.w, self.b, self.a = (np.array(part, dtype=float) for part in (w, b, a))
        self.c, self.left, self.right = float(intercept), left, right
        self.moments = [np.zeros(3 * len(self.w) + 1) for _ in range(2)]

    def slope(self, t):
        return np.where(t > 0, self.right, self.left)

    def __call__(self, x):
        t = self.w * x + self.b
        return float(self.a @ (self.slope(t) * t)) + self.c

    def objective(self, x, y, beta, loss="squared"):
        total = sum(loss_and_slope(loss, target, self(point))[0] for point, target in zip(x, y, strict=True))
        return total + beta / 2 * (self.w @ self.w + self.a @ self.a)

    def gradient(self, x, y, weight, beta, loss="squared"):
        """In the order w, b, a, intercept."""
        dw, db, da, dc = np.zeros_like(self.w), np.zeros_like(self.b), np.zeros_like(self.a), 0.0
        for point, target in zip(x, y, strict=True):
            t = self.w * point + self.b
            r = weight * loss_and_slope(loss, target, self(point))[1]
            dw += r * self.a * self.slope(t) * point
            db += r * self.a * self.slope(t)
            da += r * self.slope(t) * t
            dc += r
        return np.concatenate((dw + beta * self.w, db, da + beta * self.a, [dc]))

    def dead(self, x):
        """Whether no row lies above zero."""
        return np.array([all(w * point + b <= 0 for point in x) for w, b in zip(self.w, self.b, strict=True)])

    def vector(self):
        return np.concatenate((self.w, self.b, self.a, [self.c]))

    def set(self, vector):
        m = len(self.w)
        self.w, self.b, self.a, self.c = vector[:m], vector[m : 2 * m], vector[2 * m : 3 * m], float(vector[3 * m])

    def keep(self, kept):
        choose = np.concatenate((kept, kept, kept, [True]))
        self.moments = [moment[choose] for moment in self.moments]
        self.w, self.b, self.a = self.w[kept], self.b[kept], self.a[kept]


def sgd(theta, gradient, moments, rate, step, momentum):
    moments[0] = momentum * moments[0] + gradient
    return theta - rate * moments[0]


def adam(theta, gradient, moments, rate, step, momentum):
    moments[0] = 0.9 * moments[0] + 0.1 * gradient
    moments[1] = 0.999 * moments[1] + 0.001 * gradient**2
    first, second = moments[0] / (1 - 0.9 ** (step + 1)), moments[1] / (1 - 0.999 ** (step + 1))
    return theta - rate * first / (np.sqrt(second) + 1e-8)


def train(network, x, y, keys, n_steps, *, optimizer, rate, beta=0.0, loss="squared", batch_size=None, momentum=0.0,
          strength=0.0, power=2, on=("weights",), positive_only=False, decoupled=False, sigma=0.0, units="all",
          removal=None):  # fmt: skip
    """Train one `Shallow` network in place; yields it after every step. x ascending; all options constant in time."""
    update, n, drawn = {"sgd": sgd, "adam": adam}[optimizer], len(x), 0
    for step, rows in enumerate(batches(int(keys[0]), n, batch_size or n, n_steps)):
        gradient = network.gradient(x[rows], y[rows], n / len(rows), 0.0, loss)
        gradient += beta * np.concatenate((network.w, 0 * network.b, network.a, [0.0]))
        dead = network.dead(x)
        m, theta = len(network.w), network.vector()
        chosen = np.repeat(["weights", "biases", "weights", "biases"], [m, m, m, 1])
        w = np.maximum(theta, 0) if positive_only else theta
        pull = strength * (w if power == 2 else np.sign(w)) * np.isin(chosen, on)
        if decoupled:
            theta = theta - rate * pull
        else:
            gradient = gradient + pull
        theta = update(theta, gradient, network.moments, rate, step, momentum)
        if sigma > 0:
            live = np.concatenate((~dead, ~dead, ~dead, [True]))
            moved = {"all": live | True, "live": live, "dead": ~live}[units]
            noise = np.array([normal(int(keys[1]), drawn + p) for p in range(theta.size)])
            theta = theta + sigma * noise * moved
            drawn += theta.size
        network.set(theta)
        if removal and (step + 1) % removal == 0:
            network.keep(~network.dead(x))
        yield network
