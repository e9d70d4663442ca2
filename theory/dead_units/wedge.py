"""Noise without a gradient: how many units are in the dead wedge, and how slowly the live ones get there."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from convexnn.training.dying import DeadWedge, shake
from theory.dead_units.experiments import not_excluded
from theory.instances import Instances
from theory.statement import Evidence, Falsification, theorem

_COUNT = 2000
_FLAT = 1e-12  # of closed forms that involve no cancellation beyond a few digits

_intervals = {"low": st.floats(-3, 0.5), "length": st.floats(0.1, 3)}
_seeds = {"seed": st.integers(0, 2**32 - 1)}


def _within(interval: DeadWedge, share: float) -> tuple[float, float]:
    """A start at distance 1 from the tip, at a share of the angle of the live side."""
    angle = -math.atan(interval.high) + share * (2 * math.pi - interval.angle)
    return math.cos(angle), math.sin(angle)


def _left(
    wedge: DeadWedge,
    w: float,
    b: float,
    sigma: float,
    n_steps: int,
    seed: int,
    *,
    units: str = "live",
    count: int = _COUNT,
    record_every: int | None = None,
) -> NDArray:
    """How many of `count` units of one start are alive at the recorded steps, of which the last is the end."""
    runs = shake(
        wedge, np.full(count, w), b, sigma=sigma, n_steps=n_steps, units=units, seeds=[seed], record_every=record_every
    )
    return runs.history.alive[0, :, 0]


_symmetric: Instances = st.fixed_dictionaries(
    {**_intervals, "share": st.floats(0, 1), "variance": st.floats(0.1, 100), **_seeds}
)


def _symmetric_noise(
    low: float, length: float, share: float, variance: float, seed: int, units: str = "all"
) -> Evidence:
    wedge = DeadWedge(low, low + length)
    w, b = _within(wedge, share)
    n_steps = 4
    left = _left(wedge, w, b, math.sqrt(variance / n_steps), n_steps, seed, units=units)
    chance = float(wedge.dead_probability(w, b, variance))
    p = stats.binomtest(_COUNT - int(left[-1]), _COUNT, chance).pvalue
    return not_excluded(f"the dead among {_COUNT} (binomial)", p)


@theorem(
    key="dead-units/wedge-law",
    title="Under noise on all units the dead fraction is the probability of a wedge, a quarter in the end on [-1, 1]",
    statement=(
        r"Learning rate 0, noise \sigma on w and b, s=\sigma^2t: the unit is dead with the bivariate normal "
        r"probability of wl+b\le0, wu+b\le0. As s\to\infty it tends to A/2\pi, A=\pi-(\arctan u-\arctan l): 1/4 on "
        r"[-1,1]. The mean over starts \pm(w,b) is off by at most \varphi(1)(w^2+b^2)/s; a single start is off by "
        r"order \sqrt{(w^2+b^2)/s}, which at s=15 is not small: .07 for (0,1)."
    ),
    reference="derived here, after the argument of arXiv:2403.07688; Owen (1956)",
    kind="equality",
    spec="A-8",
    instances=_symmetric,
    falsify=(
        Falsification("noise on all units: on the live only", _symmetric, partial(_symmetric_noise, units="live")),
        Falsification(
            "the interval [-1, 1], for 1/4",
            st.fixed_dictionaries(_intervals),
            lambda low, length: Evidence.equal("limit", DeadWedge(low, low + length).limit, 0.25, _FLAT),
        ),
        Falsification(
            "starts on both sides",
            st.just({"variance": 15.0}),
            lambda variance: _near_limit(DeadWedge(), [(0.0, 1.0)], variance),
        ),
    ),
)
def wedge_law(low: float, length: float, share: float, variance: float, seed: int) -> Evidence:
    w, b = _within(DeadWedge(low, low + length), share)
    return (
        _symmetric_noise(low, length, share, variance, seed)
        & _near_limit(DeadWedge(low, low + length), [(w, b), (-w, -b)], variance)
        & Evidence.equal("limit on [-1, 1]", DeadWedge(-1, 1).limit, 0.25, _FLAT)
    )


def _near_limit(wedge: DeadWedge, starts: list[tuple[float, float]], variance: float) -> Evidence:
    """Within the bound from the second derivative, in any direction, of the normal probability of any set."""
    mean = np.mean([wedge.dead_probability(w, b, variance) for w, b in starts])
    allowed = stats.norm.pdf(1) / variance
    return Evidence.at_most("distance from the limit", abs(mean - wedge.limit), allowed, _FLAT)


_live: Instances = st.fixed_dictionaries({**_intervals, "share": st.floats(0.15, 0.85), **_seeds})


def _survivors(
    low: float,
    length: float,
    share: float,
    seed: int,
    units: str = "live",
    sigma: float = 0.1,
    steps_seen: bool = True,
    count: int = _COUNT,
) -> Evidence:
    """Deaths by three times and survivors, against the series."""
    wedge = DeadWedge(low, low + length)
    w, b = _within(wedge, share)
    n_steps = round(6 / sigma**2 / 3)  # to a third of the variance 6, and thrice as many
    left = _left(wedge, w, b, sigma, 3 * n_steps, seed, units=units, count=count, record_every=n_steps)
    variances = sigma**2 * n_steps * np.arange(1, 4)
    chance = wedge.survival(w, b, variances, step=sigma if steps_seen else 0.0)
    cells = -np.diff(np.concatenate(([1.0], chance, [0.0])))
    counted = -np.diff(np.append(left, 0))
    p = stats.chisquare(counted, count * cells).pvalue
    return not_excluded(f"the times of death of {count} (chi-squared)", p)


def _tail(low: float, length: float, share: float, exponent: float | None = None) -> Evidence:
    """Between the variances 1e9 and 1e10 the logarithmic slope is that of the power law, by then the whole law."""
    wedge = DeadWedge(low, low + length)
    w, b = _within(wedge, share)
    variances = np.array([1e9, 1e10])
    survival = wedge.survival(w, b, variances)
    slope = math.log10(survival[1] / survival[0])
    # The next terms are smaller by (8 s)^-nu, nu = pi / angle >= 1 / 2, and by 1 / s.
    allowed = 10 / math.sqrt(8 * variances[0])
    return Evidence.equal("slope", slope, -(exponent or wedge.exponent), allowed) & Evidence.equal(
        "share of the power law", survival / wedge.survival_tail(w, b, variances), np.ones(2), allowed
    )


@theorem(
    key="dead-units/wedge-exponent",
    title="Under noise on live units the live fraction falls as a power of time, -1/3 on [-1, 1]",
    statement=(
        r"Learning rate 0, noise on live units, s=\sigma^2t/(w^2+b^2): the live fraction is the survival probability "
        r"of Brownian motion outside the wedge A, a series of Bessel functions, and tends to C s^{-\pi/(2(2\pi-A))}. "
        r"The approach is slow: on [-1,1] the slope between s=4 and 18 is -.304 from (0,1) and -.354 from (1,0). Steps "
        r"of size \sigma act, to first order, as a wedge that is .5826\sigma further away."
    ),
    reference="heat kernel of a wedge (Sommerfeld); steps: Siegmund (1979); applied to dead units here",
    kind="equality",
    spec="A-9",
    instances=_live,
    falsify=(
        Falsification("noise on live units only", _live, partial(_survivors, units="all")),
        Falsification(
            "the angle of the interval: that of [-1, 1]",
            st.fixed_dictionaries({**_intervals, "share": st.floats(0.15, 0.85)}),
            partial(_tail, exponent=1 / 3),
        ),
        Falsification(
            "the correction for steps", _live, partial(_survivors, sigma=0.3, steps_seen=False, count=4 * _COUNT)
        ),
    ),
)
def wedge_exponent(low: float, length: float, share: float, seed: int) -> Evidence:
    one_third = Evidence.equal("exponent on [-1, 1]", DeadWedge(-1, 1).exponent, 1 / 3, _FLAT)
    return _survivors(low, length, share, seed) & _tail(low, length, share) & one_third


def _collapse(low: float, length: float, share: float, seed: int, power: int = 2) -> Evidence:
    """The same share is left after t steps of sigma as after t / 2^power steps of 2 sigma, up to what steps do."""
    wedge = DeadWedge(low, low + length)
    w, b = _within(wedge, share)
    sigma, n_steps = 0.05, 600
    fine = _left(wedge, w, b, sigma, n_steps, seed)[-1] / _COUNT
    coarse = _left(wedge, w, b, 2 * sigma, n_steps // 2**power, seed + 1)[-1] / _COUNT
    seen = [float(wedge.survival(w, b, sigma**2 * n_steps, step=step)) for step in (sigma, 2 * sigma)]
    error = math.sqrt(sum(chance * (1 - chance) for chance in seen) / _COUNT)
    z = (coarse - fine - (seen[1] - seen[0])) / error
    scaled = wedge.survival(3 * w, 3 * b, 9 * sigma**2 * n_steps, step=3 * sigma)
    return Evidence.equal("survival of a scaled walk", float(scaled), seen[0], _FLAT) & not_excluded(
        f"equal shares of {_COUNT} left (normal, z = {z:.1f})", 2 * stats.norm.sf(abs(z))
    )


@theorem(
    key="dead-units/collapse",
    title="Under noise on live units the live fraction depends on sigma and time through sigma^2 t alone",
    statement=(
        r"t steps of \sigma and t/4 steps of 2\sigma leave the same share of units, up to the overshoot .5826\sigma of "
        r"steps; scaling w, b and \sigma together changes nothing."
    ),
    reference="Brownian scaling; applied to dead units here",
    kind="equality",
    spec="A-10",
    instances=_live,
    falsify=Falsification("the square: 2 sigma for t / 2", _live, partial(_collapse, power=1)),
)
def collapse(low: float, length: float, share: float, seed: int) -> Evidence:
    return _collapse(low, length, share, seed)
