"""The two sides of the saddle point, compiled: what the weights do at a given stiffness, and what the outputs do.

G is a normal variable of variance 1/2 throughout. An input of activity f has sigma = sqrt(f (1 - f)). A weight J of
sign tau is driven by v = b - G, where b = -(price + slope z) / sigma and slope = tau f - h; in units of the stiffness Q
it is w = Q sigma |J|. One law covers every constraint:

    w = max(v, edge) if v > onset, else 0

    l1, sign:  edge = onset = 0
    l0:        edge = onset = x
    gap:       edge = delta sigma Q, onset = edge / 2

It maximises 2 w v - w^2 - x^2 [w > 0] over the values that the gap allows. So price, z and x^2 are the multipliers of a
convex problem: they minimise its dual, a smooth convex function whose gradient is the violation of the l1, threshold
and l0 constraints.

Source: Baig and Stepanyants, arXiv:2409.04946, replica theory of the supplement, in a form with one law for all cases.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ROOT_PI = math.sqrt(math.pi)
_FLATTEST = 1e-250  # curvature: below it, quotients of subnormal numbers would overflow
_EPS = float(np.finfo(np.float64).eps)
_STEPS = 1000  # of Newton; from the start it moves down the tail of the drive, about 1 / (2 v) a step
_HALVINGS = 60
_SETTLED = 1e-12  # relative size of a Newton step after which the error is below rounding


class Population(NamedTuple):
    """The inputs, grouped by activity and by the sign of the weight: arrays of one length.

    Attributes
    ----------
    sign : tau, +1 or -1
    slope : tau f - h
    sigma : sqrt(f (1 - f))
    share : fraction of the inputs that may have such a weight
    """

    sign: Floats
    slope: Floats
    sigma: Floats
    share: Floats


class WeightSide(NamedTuple):
    """The multipliers, and the averages over the inputs that follow.

    Attributes
    ----------
    price : h z + eta / 2, half the marginal cost of a unit of weight
    z : multiplier of the threshold
    x : root of the multiplier of the density, 0 where the density does not bind
    nonzero : P, the fraction of nonzero weights
    absolute : A, mean of 2 w / sigma
    excess : H - h A, mean of slope times 2 w / sigma
    second : V, mean of 2 w^2
    toll : C, mean of 2 w (w - v) + x^2 [w > 0]
    """

    price: float
    z: float
    x: float
    nonzero: float
    absolute: float
    excess: float
    second: float
    toll: float


class OutputSide(NamedTuple):
    """Where the margins lie, and averages over the outputs.

    Attributes
    ----------
    u_minus, u_plus : margins of the outputs 1 and 0 in units of the field's noise
    tight : mean of E, the fraction of associations that are met exactly
    first : mean of F
    second : mean of D
    """

    u_minus: float
    u_plus: float
    tight: float
    first: float
    second: float


@njit(cache=True, nogil=True, error_model="numpy")
def gaussian_moments(x: float) -> tuple[float, float, float]:
    """E = P(G < x), F = 2 <(x - G)_+> and D = 2 <(x - G)_+^2>, each to a relative 1e-13.

    In the left tail, F and D are differences of nearly equal numbers. There they are repeated integrals of erfc, the
    ratios of which have a continued fraction with positive terms only.
    """
    a = abs(x)
    e = 0.5 * math.erfc(a)
    if a < 2:
        f = math.exp(-a * a) / _ROOT_PI - 2 * a * e
        d = e - a * f
    else:
        depth = 10 + int(170 / (a * a))
        ratio = 1 / (a + math.sqrt(a * a + 2 * depth))
        for k in range(depth, 2, -1):
            ratio = 0.5 / (a + k * ratio)
        f = e / (a + 2 * ratio)
        d = 2 * f * ratio
    if x > 0:
        return 1 - e, f + 2 * x, 1 + 2 * x * x - d
    return e, f, d


@njit(cache=True, nogil=True, error_model="numpy")
def gaussian_density(x: float) -> float:
    """The density of G, which is E'."""
    return math.exp(-x * x) / _ROOT_PI


@njit(cache=True, nogil=True, error_model="numpy")
def law(sigma: float, stiffness: float, gap: float, x: float) -> tuple[float, float]:
    """Onset and edge of a weight; `gap` or `x` is 0."""
    edge = x + gap * stiffness * sigma
    return (edge / 2 if gap > 0 else edge), edge


@njit(cache=True, nogil=True, error_model="numpy")
def single_weight(b: float, onset: float, edge: float) -> tuple[float, float, float, float, float]:
    """Averages over w = max(v, edge) [v > onset], v = b - G.

    Returns
    -------
    nonzero, first, second, toll, slope
        P(w > 0), 2 <w>, 2 <w^2>, then <2 w (w - v)> for a gap or edge^2 P(w > 0) for a density, and d first / db.
    """
    nonzero, from_onset, d = gaussian_moments(b - onset)
    e, f = nonzero, from_onset
    if edge > onset:
        e, f, d = gaussian_moments(b - edge)
    first = f + 2 * edge * nonzero
    second = d + 2 * edge * (f + edge * nonzero)
    toll = edge * (f - from_onset + edge * nonzero)
    return nonzero, first, second, toll, 2 * (e + edge * gaussian_density(b - onset))


@njit(cache=True, nogil=True, error_model="numpy")
def weight_side(
    population: Population, stiffness: float, gap: float, price: float, z: float, x: float
) -> tuple[WeightSide, Floats]:
    """The averages over the inputs, and the Hessian of the dual in (price, z, x^2)."""
    nonzero = absolute = excess = second = toll = 0.0
    hessian = np.zeros((3, 3))
    for i in range(population.sigma.size):
        sigma, slope, share = population.sigma[i], population.slope[i], population.share[i]
        onset, edge = law(sigma, stiffness, gap, x)
        b = -(price + slope * z) / sigma
        one = single_weight(b, onset, edge)
        nonzero += share * one[0]
        absolute += share * one[1] / sigma
        excess += share * one[1] / sigma * slope
        second += share * one[2]
        toll += share * one[3]
        curvature = share * one[4] / (sigma * sigma)
        hessian[0, 0] += curvature
        hessian[0, 1] += curvature * slope
        hessian[1, 1] += curvature * slope * slope
        if x > 0:
            boundary = share * gaussian_density(b - onset)
            hessian[0, 2] += boundary / sigma
            hessian[1, 2] += boundary / sigma * slope
            hessian[2, 2] += boundary / (2 * x)
    return WeightSide(price, z, x, nonzero, absolute, excess, second, toll), hessian


@njit(cache=True, nogil=True, error_model="numpy")
def multipliers(population: Population, stiffness: float, gap: float, density: float) -> WeightSide:
    """The weights of mean 1 that meet the threshold and have at most a fraction `density` of nonzero ones.

    Parameters
    ----------
    population : Population
    stiffness : float
        Q > 0.
    gap : float
        delta, or 0.
    density : float
        p, or infinity; finite only if `gap` is 0.
    """
    # Here every weight lies beyond its edge, so that the dual is nearly quadratic.
    price = -gap * stiffness * population.sigma.max() ** 2
    weights = _minimise_dual(population, stiffness, gap, density, price, 0.0, 0.0)
    if weights.nonzero > density:
        weights = _minimise_dual(population, stiffness, gap, density, weights.price, weights.z, 0.5)
    return weights


@njit(cache=True, nogil=True, error_model="numpy")
def _minimise_dual(
    population: Population, stiffness: float, gap: float, density: float, price: float, z: float, x: float
) -> WeightSide:
    """Newton's method in (price, z, x^2), or in (price, z) from x = 0.

    A full step is cut until the dual has decreased and its slope along the step is at most 0.8 of the initial one with
    the sign changed: Hager and Zhang's approximate Wolfe conditions (SIAM J. Optim. 16, 2005), which rounding does not
    upset near the minimum.
    """
    weights, hessian = weight_side(population, stiffness, gap, price, z, x)
    last = np.inf
    for _ in range(_STEPS):
        gradient = _gradient(weights, stiffness, density)
        violation = max(
            abs(gradient[0]) / (2 * stiffness), abs(gradient[1]) / weights.absolute, abs(gradient[2]) / density
        )
        if violation <= 4 * _EPS or last / 2 < violation < 1e-11:
            break
        last = violation
        step = _newton_step(hessian, gradient)
        initial = _dot(gradient, step)
        value, scale = _dual(weights, stiffness, density)
        t = _reach(population, stiffness, gap, weights, step)
        trial = weights
        for _ in range(_HALVINGS):
            x = math.sqrt(weights.x**2 + t * step[2])
            price, z = weights.price + t * step[0], weights.z + t * step[1]
            trial, hessian = weight_side(population, stiffness, gap, price, z, x)
            decrease = _dual(trial, stiffness, density)[0] <= value + 64 * _EPS * scale
            if decrease and _dot(_gradient(trial, stiffness, density), step) <= -0.8 * initial:
                break
            t /= 2
        weights = trial
    return weights


@njit(cache=True, nogil=True, error_model="numpy")
def _dual(weights: WeightSide, stiffness: float, density: float) -> tuple[float, float]:
    """The dual function and the size of its terms."""
    budget = 2 * stiffness * weights.price
    cap = density * weights.x**2 if weights.x > 0 else 0.0
    gain = weights.second / 2 - weights.toll
    return gain + budget + cap, weights.second + weights.toll + abs(budget) + cap


@njit(cache=True, nogil=True, error_model="numpy")
def _gradient(weights: WeightSide, stiffness: float, density: float) -> Floats:
    """Its gradient in (price, z, x^2)."""
    surplus = density - weights.nonzero if weights.x > 0 else 0.0
    return np.array([2 * stiffness - weights.absolute, -weights.excess, surplus])


@njit(cache=True, nogil=True, error_model="numpy")
def _newton_step(hessian: Floats, gradient: Floats) -> Floats:
    """Gaussian elimination on the upper triangle; the ridge makes it safe where a direction has no curvature left."""
    step = -gradient
    for k in range(3):
        # An unknown that is held fixed has neither gradient nor curvature.
        hessian[k, k] = max(hessian[k, k] * (1 + 1e-13), _FLATTEST) if hessian[k, k] > 0 else 1.0
    for k in range(3):
        for i in range(k + 1, 3):
            factor = hessian[k, i] / hessian[k, k]
            for j in range(i, 3):
                hessian[i, j] -= factor * hessian[k, j]
            step[i] -= factor * step[k]
    for k in range(2, -1, -1):
        for j in range(k + 1, 3):
            step[k] -= hessian[k, j] * step[j]
        step[k] /= hessian[k, k]
    return step


@njit(cache=True, nogil=True, error_model="numpy")
def _reach(population: Population, stiffness: float, gap: float, weights: WeightSide, step: Floats) -> float:
    """The share of a step, at most 1, within which the curvature still means something.

    A drive moves at most 1 plus half its distance from the onset, and x^2 falls at most to a quarter.
    """
    excess = 1.0
    shift = 0.0
    if weights.x > 0:
        excess = max(excess, -step[2] / (0.75 * weights.x**2))
        shift = abs(step[2]) / (2 * weights.x)
    for i in range(population.sigma.size):
        sigma, slope = population.sigma[i], population.slope[i]
        onset, _ = law(sigma, stiffness, gap, weights.x)
        distance = abs((weights.price + slope * weights.z) / sigma + onset)
        move = abs(step[0] + slope * step[1]) / sigma + shift
        excess = max(excess, move / (1 + distance / 2))
    return 1 / excess


@njit(cache=True, nogil=True, error_model="numpy")
def _dot(a: Floats, b: Floats) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@njit(cache=True, nogil=True, error_model="numpy")
def output_side(spread: float, f_out: float) -> OutputSide:
    """The margins u_- and u_+ of sum `spread` that satisfy f_out F(u_-) = (1 - f_out) F(u_+)."""
    # Newton on log F(low) - log F(spread - low) + log odds, an increasing function, kept inside a bracket.
    rarer = min(f_out, 1 - f_out)
    log_odds = math.log1p(-rarer) - math.log(rarer)
    bottom, top = -27.0, spread / 2
    low = max(spread / 2 - math.sqrt(log_odds), bottom / 2)
    for _ in range(100):
        e_low, f_low, _ = gaussian_moments(low)
        e_high, f_high, _ = gaussian_moments(spread - low)
        value = math.log(f_low) - math.log(f_high) + log_odds
        if value > 0:
            top = low
        else:
            bottom = low
        new = low - value / (2 * e_low / f_low + 2 * e_high / f_high)
        if not bottom <= new <= top:
            new = (bottom + top) / 2
        done = abs(new - low) <= _SETTLED * (1 + abs(low))
        low = new
        if done:
            break
    e_low, f_low, d_low = gaussian_moments(low)
    e_high, f_high, d_high = gaussian_moments(spread - low)
    tight = rarer * e_high + (1 - rarer) * e_low
    first = rarer * f_high + (1 - rarer) * f_low
    second = rarer * d_high + (1 - rarer) * d_low
    if f_out <= 0.5:
        return OutputSide(spread - low, low, tight, first, second)
    return OutputSide(low, spread - low, tight, first, second)


@njit(cache=True, nogil=True, error_model="numpy")
def outputs_at(ratio: float, f_out: float) -> OutputSide:
    """The margins for which (u_- + u_+) F / E, averaged over the outputs, has a given value >= -1."""
    # Newton on an increasing function, kept inside a bracket.
    bottom = top = 0.0
    size = 1.0
    while ratio > 0 and _spread_ratio(top, f_out)[0] < ratio:
        bottom, top = top, size
        size *= 2
    while ratio < 0 and _spread_ratio(bottom, f_out)[0] > ratio:
        bottom, top = -size, bottom
        size *= 2
    spread = top
    for _ in range(100):
        value, slope = _spread_ratio(spread, f_out)
        if value > ratio:
            top = spread
        else:
            bottom = spread
        new = spread - (value - ratio) / slope
        if not bottom <= new <= top:
            new = (bottom + top) / 2
        done = abs(new - spread) <= _SETTLED * (1 + abs(spread))
        spread = new
        if done:
            break
    return output_side(spread, f_out)


@njit(cache=True, nogil=True, error_model="numpy")
def _spread_ratio(spread: float, f_out: float) -> tuple[float, float]:
    """(u_- + u_+) F / E, averaged over the outputs, and its derivative in the sum of the margins."""
    outputs = output_side(spread, f_out)
    e_minus, f_minus, _ = gaussian_moments(outputs.u_minus)
    e_plus, f_plus, _ = gaussian_moments(outputs.u_plus)
    # The balance of the outputs stays, so the logarithms of F(u_-) and F(u_+) grow alike.
    move_minus = e_plus / f_plus / (e_minus / f_minus + e_plus / f_plus)
    move_plus = 1 - move_minus
    first = 2 * (f_out * e_minus * move_minus + (1 - f_out) * e_plus * move_plus)
    density_minus, density_plus = gaussian_density(outputs.u_minus), gaussian_density(outputs.u_plus)
    tight = f_out * density_minus * move_minus + (1 - f_out) * density_plus * move_plus
    ratio = outputs.first / outputs.tight
    return spread * ratio, ratio + spread * (first - ratio * tight) / outputs.tight
