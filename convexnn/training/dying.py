"""How ReLU units of one input die of noise, in closed form: a random walk beside a wedge.

A unit ``relu(w x + b)`` is zero on [low, high] exactly if (w, b) lies in the wedge ``w low + b <= 0, w high + b <= 0``.
Without a gradient, Gaussian noise of the same size on w and b is Brownian motion seen at the steps. Noise on all units
leaves and enters the wedge freely; noise on live units only, as in arXiv:2403.07688, stops at its first visit. Both
laws depend on the noise through ``variance / (w^2 + b^2)`` alone, where the variance is the sum of sigma^2 over the
steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf, gamma, ive, ndtr, owens_t, zeta

from convexnn.architecture import Architecture
from convexnn.errors import InputError
from convexnn.network.network import Layer, Network
from convexnn.training.descent import Noise, as_seeds
from convexnn.training.schedules import Schedule
from convexnn.training.train import Runs, train
from convexnn.validation import FloatArray, as_not_negative, as_number

_OVERSHOOT = -float(zeta(0.5)) / math.sqrt(2 * math.pi)
_FAR, _NEAR = 200.0, 1e-40  # standard deviations; below, the second term of the series is beneath rounding
_LOG_NEGLIGIBLE = 40.0  # exp(-40) is below rounding


@dataclass(frozen=True)
class DeadWedge:
    """The weights and biases (w, b) of the units that are zero on an interval.

    Attributes
    ----------
    low, high : float
        The ends of the interval, for networks those of the data; low <= high.

    Raises
    ------
    InputError
        If an end is not finite or low > high.

    Notes
    -----
    The methods take starts `w`, `b` and a `variance` (not negative), which broadcast, and return the probabilities of
    that shape.
    """

    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if as_number("low", self.low) > as_number("high", self.high):
            raise InputError(f"an interval needs low <= high, got [{self.low}, {self.high}]")

    @property
    def angle(self) -> float:
        """The angle of the wedge, in (0, pi]: pi less the angle between (low, 1) and (high, 1)."""
        return math.pi - (math.atan(self.high) - math.atan(self.low))

    @property
    def limit(self) -> float:
        """The share of units that are dead after endless noise on all units: the angle over 2 pi."""
        return self.angle / (2 * math.pi)

    @property
    def exponent(self) -> float:
        """Under noise on live units, the share that is left falls as variance to the power of minus this number."""
        return 0.5 * math.pi / (2 * math.pi - self.angle)

    @property
    def _normals(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Unit vectors along (low, 1) and (high, 1), to whose other side the wedge lies."""
        sizes = math.hypot(self.low, 1), math.hypot(self.high, 1)
        return (self.low / sizes[0], 1 / sizes[0]), (self.high / sizes[1], 1 / sizes[1])

    def contains(self, w: ArrayLike, b: ArrayLike) -> NDArray[np.bool_]:
        """Which units are dead."""
        w, b = np.asarray(w, dtype=float), np.asarray(b, dtype=float)
        with np.errstate(over="ignore"):
            return np.asarray(np.maximum(w * self.low + b, w * self.high + b) <= 0)

    def dead_probability(self, w: ArrayLike, b: ArrayLike, variance: ArrayLike) -> FloatArray:
        """The probability that a unit is dead after noise on all units.

        A bivariate normal probability, by Owen's T function (Owen, 1956). It differs from `limit` by order
        ``sqrt((w^2 + b^2) / variance)``, unless (w, b) and (-w, -b) are equally likely starts: then by the square.
        """
        w, b, variance = _starts(w, b, variance)
        inside = np.where(self.contains(w, b), 1.0, 0.0)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # Beyond the edges by h and k, and along them by q and p, in standard deviations.
            across, up = w / np.sqrt(variance), b / np.sqrt(variance)
            (low_w, low_b), (high_w, high_b) = self._normals
            h, q = -(low_w * across + low_b * up), low_w * up - low_b * across
            k, p = -(high_w * across + high_b * up), high_b * across - high_w * up
            corners = owens_t(h, _slope(q, h)) + owens_t(k, _slope(p, k))
        signs = np.sign(h) * np.sign(k)
        opposite = (signs < 0) | ((signs == 0) & (h + k < 0))
        chance = 0.5 * (ndtr(h) + ndtr(k)) - corners - 0.5 * opposite
        chance = np.where((w == 0) & (b == 0), self.limit, np.clip(chance, 0.0, 1.0))
        return np.where(variance == 0, inside, chance)

    def survival(self, w: ArrayLike, b: ArrayLike, variance: ArrayLike, *, step: float = 0.0) -> FloatArray:
        """The probability that a unit is still alive after noise on live units only.

        Parameters
        ----------
        w, b, variance : arrays
        step : float
            The sigma of a single step. A walk that is looked at once a step dies a little later than Brownian motion:
            to first order in sigma as if the wedge were further away by ``-zeta(1/2) / sqrt(2 pi)`` sigma. 0 for
            Brownian motion itself.

        Notes
        -----
        The heat kernel of a wedge of angle A (Sommerfeld; Carslaw and Jaeger, section 14.14), integrated: with
        z = r^2 / (4 variance), and the start at the distance r from the tip and at the angle a from an edge, the sum
        over odd n of ``4 / (n pi) sin(nu a) sqrt(pi z / 2) e^-z (I_(nu - 1)/2 + I_(nu + 1)/2)(z)``, nu = n pi / A.
        The correction for steps is that of Siegmund (1979) for straight edges.
        """
        w, b, variance = _starts(w, b, variance)
        radius, angle = self._polar(w, b, step)
        alive = ~self.contains(w, b)
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = radius / np.sqrt(variance)
        result = np.where(variance == 0, 1.0, self._tail(distance, angle))
        near = alive & (distance >= _NEAR) & (distance < _FAR)
        result[near] = self._series(0.25 * distance[near] ** 2, angle[near])
        # Far from the tip, in standard deviations, there is at most one edge, and it is straight.
        far = alive & (distance >= _FAR) & (variance > 0)
        nearest = np.minimum(angle, 2 * math.pi - self.angle - angle)
        result[far] = erf(distance[far] * np.sin(np.minimum(nearest[far], 0.5 * math.pi)) / math.sqrt(2))
        return np.where(alive, result, 0.0)

    def survival_tail(self, w: ArrayLike, b: ArrayLike, variance: ArrayLike, *, step: float = 0.0) -> FloatArray:
        """What `survival` approaches for a large variance: a constant times ``(variance / r^2)^-exponent``.

        Parameters as for `survival`.
        """
        w, b, variance = _starts(w, b, variance)
        radius, angle = self._polar(w, b, step)
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = radius / np.sqrt(variance)
        return np.where(self.contains(w, b), 0.0, self._tail(distance, angle))

    def _tail(self, distance: FloatArray, angle: FloatArray) -> FloatArray:
        """The first term of the series, at a small distance from the tip in standard deviations."""
        power = 2 * self.exponent
        with np.errstate(over="ignore", invalid="ignore"):
            shape = 4 / math.sqrt(math.pi) * np.sin(power * angle) / gamma(0.5 * power + 0.5)
            return np.asarray(shape * (distance / math.sqrt(8)) ** power)

    def _polar(self, w: FloatArray, b: FloatArray, step: float) -> tuple[FloatArray, FloatArray]:
        """Distance from the tip and angle from the edge (1, -high), through the live side; the tip as far as seen."""
        away = _OVERSHOOT * as_not_negative("step", step)
        middle = 0.5 * self.low + 0.5 * self.high
        tip_w = -away * middle / (0.5 * math.hypot(self.low, 1) + 0.5 * math.hypot(self.high, 1))
        w, b = w - tip_w, b + (away * math.hypot(self.low, 1) + self.low * tip_w)
        return np.hypot(w, b), (np.arctan2(b, w) + math.atan(self.high)) % (2 * math.pi)

    def _series(self, z: FloatArray, angle: FloatArray) -> FloatArray:
        total = np.zeros_like(z)
        if z.size == 0:
            return total
        first = 2 * self.exponent
        # Terms fall as exp(-nu^2 / (8 z)) where z is large, and as 1 / Gamma(nu / 2) where it is small.
        last = math.sqrt(8 * _LOG_NEGLIGIBLE * float(z.max())) + _LOG_NEGLIGIBLE
        for n in range(1, math.ceil(last / first) + 2, 2):
            nu = n * first
            moment = ive(0.5 * (nu - 1), z) + ive(0.5 * (nu + 1), z)
            total += np.sin(nu * angle) * moment / n
        return np.clip(4 / math.pi * np.sqrt(0.5 * math.pi * z) * total, 0.0, 1.0)


def shake(
    wedge: DeadWedge,
    w: ArrayLike,
    b: ArrayLike,
    *,
    sigma: Schedule,
    n_steps: int,
    units: str,
    seeds: int | Sequence[int],
    record_every: int | None = None,
) -> Runs:
    """Noise alone: `train` at learning rate 0, to compare with the laws of the wedge.

    Parameters
    ----------
    wedge : DeadWedge
    w, b : (m,) arrays
        The units at the start, the same for every seed; they broadcast.
    sigma, units
        As for `Noise`.
    n_steps, seeds, record_every
        As for `train`.

    Returns
    -------
    Runs
        ``history.alive[:, :, 0]`` counts the units that are not in the wedge.
    """
    w, b, _ = _starts(np.atleast_1d(w), b, 0.0)
    if w.ndim != 1:
        raise InputError(f"w and b must be one-dimensional, got shape {w.shape}")
    start = Network(Architecture("relu"), (Layer(w[:, None, None], b[:, None]),), np.ones(w.size), None, 0.0)
    numbers = as_seeds(seeds)
    return train(
        [wedge.low, wedge.high],
        [0.0, 0.0],
        width=w.size,
        optimizer="sgd",
        learning_rate=0.0,
        noise=Noise(sigma, units),
        n_steps=n_steps,
        seeds=numbers,
        initial=[start] * len(numbers),
        record_every=record_every,
    )


def _starts(w: ArrayLike, b: ArrayLike, variance: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    try:
        arrays = np.broadcast_arrays(*(np.asarray(part, dtype=float) for part in (w, b, variance)))
    except (TypeError, ValueError):
        raise InputError("w, b and variance must be real numbers of shapes that broadcast") from None
    for name, values in zip(("w", "b", "variance"), arrays, strict=True):
        if not np.isfinite(values).all():
            raise InputError(f"{name} must be finite, got {(~np.isfinite(values)).sum()} entries that are not")
    if (arrays[2] < 0).any():
        raise InputError(f"variance must not be negative, got {arrays[2].min()}")
    return arrays[0], arrays[1], arrays[2]


def _slope(along: FloatArray, beyond: FloatArray) -> FloatArray:
    """Their ratio, infinite with the sign of `along` on the edge itself."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(beyond == 0, np.sign(along) * np.inf, along / beyond)
