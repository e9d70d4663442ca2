"""The distribution of the weights at capacity: a density, a hole around zero, and atoms."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from convexnn.associative.saddle import SaddlePoint
from convexnn.kernels.moments import law
from convexnn.validation import FloatArray


def weight_density(point: SaddlePoint, w: FloatArray) -> FloatArray:
    """The density of the nonzero weights, without the atoms, averaged over the inputs.

    The weights of one sign and activity are truncated Gaussians: Q sigma |J| = b - G beyond the edge.
    """
    b, _, edge = _drives(point)
    sign, _, sigma, share = point.population
    scale = point.stiffness * sigma
    v = scale * np.abs(w[..., np.newaxis])
    side = np.where(w >= 0, 1.0, -1.0)[..., np.newaxis]
    density = np.exp(-((b - v) ** 2)) * scale / math.sqrt(math.pi)
    return np.where((side == sign) & (v >= edge), density, 0.0) @ share


def atoms(point: SaddlePoint) -> tuple[tuple[float, float], ...]:
    """Pairs of a weight and the fraction of the inputs that have exactly this weight, in ascending order."""
    found = {0.0: 1 - point.weights.nonzero}
    if point.ensemble.gap > 0:
        b, onset, edge = _drives(point)
        sign, _, _, share = point.population
        # P(onset < v < edge) for v = b - G, and G has variance 1/2.
        parked = share * (ndtr(math.sqrt(2) * (b - onset)) - ndtr(math.sqrt(2) * (b - edge)))
        for tau in np.unique(sign):
            found[float(tau) * point.ensemble.gap] = float(parked[sign == tau].sum())
    return tuple(sorted(found.items()))


def hole(point: SaddlePoint) -> float:
    """No weight but zero is smaller than this in absolute value."""
    _, _, edge = _drives(point)
    return float((edge / (point.stiffness * point.population.sigma)).min())


def _drives(point: SaddlePoint) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean drive b, onset and edge of every group of inputs."""
    _, slope, sigma, _ = point.population
    multiplier = point.weights
    onset, edge = np.array([law(float(s), point.stiffness, point.ensemble.gap, multiplier.x) for s in sigma]).T
    return -(multiplier.price + slope * multiplier.z) / sigma, onset, edge
