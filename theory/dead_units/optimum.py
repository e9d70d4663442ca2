"""Trained networks of two layers against the global optimum: bounds, attainment, and where descent stops."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import cvxpy as cp
import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

import convexnn as cnn
from convexnn.network.network import Layer
from convexnn.training import Runs, train
from theory.dead_units.experiments import SEEDS, Data, found, noisy_sine
from theory.instances import Instances, fractions_of_beta_max, inputs, sized, targets, vector
from theory.mirrors.units import largest_unit_correlation, rounding
from theory.statement import Evidence, Falsification, theorem

_RELU = cnn.Architecture("relu")
_EPS = float(np.finfo(float).eps)
_SOLVED = 1e-8
_TINY = float(np.finfo(float).tiny)


def _network(w: NDArray, b: NDArray, a: NDArray, intercept: float) -> cnn.Network:
    return cnn.Network(_RELU, (Layer(w.reshape(-1, 1, 1), b.reshape(-1, 1)),), a, None, intercept)


def _parameters(network: cnn.Network) -> tuple[NDArray, NDArray, NDArray]:
    return network.layers[0].weights[:, 0, 0], network.layers[0].biases[:, 0], network.alpha


def _problem(x: NDArray, y: NDArray, share: float) -> cnn.Problem:
    return cnn.Problem(x, y, share * cnn.Problem(x, y, 1.0, _RELU).beta_max, _RELU)


def _solve(x: NDArray, y: NDArray, share: float) -> cnn.Solution:
    return cnn.solve(_problem(x, y, share), tol=_SOLVED, on_failure="raise")


def _problems(**more: Any) -> Instances:
    return sized(3, 7, x=inputs, y=targets, share=lambda n: fractions_of_beta_max, **more)


_any_units = {part: lambda n: vector(5) for part in ("w", "b", "a")}


def _objective(x: NDArray, y: NDArray, beta: float, network: cnn.Network, both: bool = True) -> float:
    """Half the squares of the residual, and of the weights; of the output weights alone if not `both`."""
    w, b, a = _parameters(network)
    f = np.maximum(w * x[:, None] + b, 0) @ a + network.intercept
    return float(np.sum((y - f) ** 2) / 2 + beta / 2 * (a @ a + (w @ w if both else 0.0)))


def _above(x: NDArray, y: NDArray, share: float, w: NDArray, b: NDArray, a: NDArray, both: bool = True) -> Evidence:
    solution = _solve(x, y, share)
    beta, lowest = solution.problem.beta, solution.certificate.dual
    start = _network(w, b, a, float(y.mean()))
    runs = train(x, y, width=5, beta=beta, learning_rate=0.01, n_steps=500, seeds=1, initial=[start])
    best = solution.network()
    evidence = Evidence()
    for name, network in (("drawn", start), ("trained", runs.network(0)), ("optimal", best)):
        if not both:  # large w and small a are then free
            inner, biases, outer = _parameters(network)
            network = _network(1e3 * inner, 1e3 * biases, outer / 1e3, network.intercept)
        value = _objective(x, y, beta, network, both)
        evidence &= Evidence.at_most(f"{name} network", lowest, value, 2 * _SOLVED * solution.objective)
    return evidence


@theorem(
    key="dead-units/no-network-is-below",
    title="No network of two layers is below the optimum of the Lasso",
    statement=(
        r"\frac12\sum r^2+\frac\beta2\sum(w^2+a^2)\ge p^*=\min_{z,\xi}\frac12\|y-Az-\xi\|^2+\beta\|z\|_1 at any "
        r"weights, trained or not, with free biases and a free output constant; the optimal network attains it."
    ),
    reference="arXiv:2403.01046",
    kind="tight bound",
    spec="V-1",
    instances=_problems(**_any_units),
    falsify=Falsification("the penalty of the input weights", _problems(**_any_units), partial(_above, both=False)),
)
def no_network_is_below(x: NDArray, y: NDArray, share: float, w: NDArray, b: NDArray, a: NDArray) -> Evidence:
    return _above(x, y, share, w, b, a)


def _embedded(x: NDArray, y: NDArray, share: float, balanced: bool = True) -> Evidence:
    solution = _solve(x, y, share)
    beta, z = solution.problem.beta, solution.coef
    kinks = np.array([feature.knots[0] for feature in solution.features])
    beyond = np.array([feature(np.array([x[-1] + 1.0]))[0] for feature in solution.features])
    sides = np.where(beyond > 0, 1.0, -1.0)
    size = np.sqrt(np.abs(z)) if balanced else np.abs(z)
    w, a = sides * size, np.sign(z) * (size if balanced else 1.0)
    network = _network(w, -w * kinks, a, solution.intercept)
    # Outputs round at eps times the sum of the terms, and the loss moves by that times the residuals.
    f_size = np.abs(y).max() + abs(solution.intercept) + np.sum(np.abs(z)) * (2 * np.abs(x).max() + np.ptp(x))
    tol = 64 * _EPS * (solution.objective + f_size * (f_size + np.sqrt(2 * solution.objective * len(x))))
    return Evidence.equal(
        "objective of the network", _objective(x, y, beta, network), solution.objective, tol
    ) & Evidence.equal("by the library", network.objective(x, y, beta), solution.objective, tol)


@theorem(
    key="dead-units/embedding",
    title="Every solution of the Lasso is a network of two layers with the same objective",
    statement=r"w=s\sqrt{|z|}, b=-wx_j, a=\mathrm{sign}(z)\sqrt{|z|} for the column relu(s(x-x_j)): objective p^*.",
    reference="arXiv:2403.01046",
    kind="equality",
    spec="V-2",
    instances=_problems(),
    falsify=Falsification("balance: w = s |z|, a = sign(z)", _problems(), partial(_embedded, balanced=False)),
)
def embedding(x: NDArray, y: NDArray, share: float) -> Evidence:
    return _embedded(x, y, share)


@dataclass(frozen=True)
class _ToZero:
    """A rate that falls to zero along a line, so that Adam comes to rest."""

    start: float
    steps: int

    def __call__(self, step: int) -> float:
        return self.start * (1 - step / self.steps)


def _rested(data: Data, beta: float, width: int, n_steps: int) -> Runs:
    rate = _ToZero(0.01, n_steps)
    return train(*data, width=width, beta=beta, learning_rate=rate, n_steps=n_steps, seeds=SEEDS)


def _near_kinks(x: NDArray, network: cnn.Network) -> tuple[NDArray, NDArray]:
    """The columns, with signs, at both data next to each surviving kink; and |w| - |a| of these units.

    Units below 1e-4 of the largest have no part in the function and are on their way to zero.
    """
    w, b, a = _parameters(network)
    slope = np.abs(w * a)
    live = ~network.dead_units(x[0], x[-1]) & (slope > 1e-4 * slope.max())
    w, b, a = w[live], b[live], a[live]
    left = np.clip(np.searchsorted(x, -b / w) - 1, 0, len(x) - 2)
    kinks = x[np.concatenate((left, left + 1))]
    columns = np.tile(np.sign(a), 2) * np.maximum(np.tile(np.sign(w), 2) * (x[:, None] - kinks), 0)
    return np.unique(columns, axis=1), np.abs(w) - np.abs(a)


def _restricted_optimum(y: NDArray, columns: NDArray, beta: float) -> float:
    """The Lasso with these columns and coefficients that are not negative."""
    z, intercept = cp.Variable(columns.shape[1], nonneg=True), cp.Variable()
    objective = cp.Minimize(cp.sum_squares(y - columns @ z - intercept) / 2 + beta * cp.sum(z))
    exact = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), 1e-11)
    return float(cp.Problem(objective).solve(solver=cp.CLARABEL, **exact))


def _at_rest(number: int, share: float, n_steps: int = 30_000, everywhere: bool = False) -> Evidence:
    data = x, y = noisy_sine(number, 12)
    solution = _solve(x, y, share)
    beta = solution.problem.beta
    runs = _rested(data, beta, 16, n_steps)
    optima, unbalanced = [], []
    for i in range(len(runs)):
        columns, difference = _near_kinks(x, runs.network(i))
        optima.append(solution.objective if everywhere else _restricted_optimum(y, columns, beta))
        unbalanced.append(beta / 2 * np.sum(difference**2))
    excess = (runs.objective - optima) / solution.objective
    spurious = (runs.objective - solution.objective) / solution.objective > 1e-5
    return (
        Evidence.at_most("objective above the restricted optimum, relative", excess, np.full(SEEDS, 1e-6))
        & Evidence.at_most("objective below the restricted optimum, relative", -excess, np.zeros(SEEDS), 1e-9)
        & Evidence.at_most(
            "penalty that balancing saves, relative", np.array(unbalanced) / solution.objective, np.full(SEEDS, 1e-6)
        )
    ).note("a run stopped above the global optimum", spurious.any())


_rested_instances = st.sampled_from([{"number": number, "share": share} for number, share in ((0, 0.02), (2, 0.02))])


@theorem(
    key="dead-units/where-descent-stops",
    title="Where training comes to rest, the network is optimal among the columns next to its surviving kinks",
    statement=(
        r"Adam, full batch, rate falling to 0: live units have |w|=|a|, and the objective is the optimum of the Lasso "
        r"restricted to the columns x_j, x_{j+1} around each surviving kink, with the unit's sign, up to 10^{-6}. "
        r"Between data the correlation of the residual with a unit is affine in its kink, so that rest inside "
        r"means \pm\beta on the whole gap. The restricted optimum can lie above the global one. A run may stay at a "
        r"saddle far longer; on the two noisy sines here all 24 seeds have come to rest after 30000 steps."
    ),
    reference="derived here; for sub-sampled Lassos compare arXiv:2403.01046",
    kind="conjecture",
    spec="V-3",
    instances=_rested_instances,
    falsify=(
        Falsification("the restriction to surviving kinks", _rested_instances, partial(_at_rest, everywhere=True)),
        Falsification("rest", _rested_instances, partial(_at_rest, n_steps=1000)),
    ),
    uses=("a run stopped above the global optimum",),
)
def where_descent_stops(number: int, share: float) -> Evidence:
    return _at_rest(number, share)


def _wider(number: int, beta: float, widths: tuple[int, ...] = (8, 16, 32)) -> Evidence:
    data = x, y = noisy_sine(number, 50)
    optimum = cnn.solve(cnn.Problem(x, y, beta, _RELU), tol=_SOLVED, on_failure="raise").objective
    hits = [np.sum(_rested(data, beta, width, 12_000).objective - optimum < 1e-4) for width in widths]
    return found(f"hits {[int(hit) for hit in hits]} (Cochran-Armitage)", _trend(np.array(hits), np.log2(widths))).note(
        f"{len(widths)} widths, {SEEDS} seeds each"
    )


def _trend(hits: NDArray, doses: NDArray) -> float:
    """One-sided p-value of the Cochran-Armitage test for `SEEDS` trials a dose."""
    share = hits.sum() / (SEEDS * hits.size)
    if share in (0, 1):
        return 1.0
    spread = doses - doses.mean()
    return float(stats.norm.sf(hits @ spread / np.sqrt(share * (1 - share) * SEEDS * (spread @ spread))))


@theorem(
    key="dead-units/width-helps",
    title="Wider networks are trained to the global optimum more often, unless all stop at the same other point",
    statement=(
        r"Adam, 12000 steps, n=50: P(gap<10^{-4}) rises with the width from 8 to 32, p\le10^{-3}, for two noisy "
        r"sines at \beta=.1. It need not: for a third one at the same \beta hardly a seed at any width comes as close; "
        r"most stop 1.5\times10^{-4} above the optimum. Nor is such a stop general: on the "
        r"other two most seeds of width 32 come as close."
    ),
    reference="found here",
    kind="conjecture",
    spec="V-4",
    instances=st.sampled_from([{"number": 1, "beta": 0.1}, {"number": 2, "beta": 0.1}]),
    falsify=Falsification("data without a common spurious point", st.just({"number": 0, "beta": 0.1})),
)
def width_helps(number: int, beta: float) -> Evidence:
    return _wider(number, beta)


def _bounded(
    x: NDArray, y: NDArray, share: float, w: NDArray, b: NDArray, a: NDArray, centred: bool = True
) -> Evidence:
    solution = _solve(x, y, share)
    beta = solution.problem.beta
    network = _network(w, b, a, float(y.mean()) + 1.0)
    evidence = Evidence()
    for name, f in (("any network", network(x)), ("the optimal network", solution.network()(x))):
        r = y - f
        th = r - r.mean() if centred else r
        # Without sum zero a unit's correlation has no bound; the columns of the Lasso are all there is.
        columns = np.maximum(np.concatenate((x[:, None] - x, x - x[:, None]), axis=1), 0)
        largest = largest_unit_correlation(x, th, _RELU) if centred else np.abs(columns.T @ th).max()
        th = min(1.0, beta / max(largest, _TINY)) * th
        bound = float(th @ y - th @ th / 2)
        tol = _SOLVED * solution.objective + 64 * _EPS * float(np.abs(th) @ np.abs(y))
        evidence &= Evidence.at_most(f"bound from {name}", bound, solution.objective, tol)
        if centred:
            reached = largest_unit_correlation(x, th, _RELU)
            evidence &= Evidence.at_most("largest unit", reached, beta, rounding(x, th))
    return evidence


@theorem(
    key="dead-units/certificate",
    title="The centred residual of any network, scaled, proves a lower bound on the optimum",
    statement=(
        r"\theta=\min(1,\beta/\max_u|u'r_c|)r_c with r_c=r-\bar r is dual feasible, so that "
        r"\theta'y-\frac12\|\theta\|^2\le p^*, with equality at the optimum. Uncentred it proves nothing."
    ),
    reference="Fenchel duality; arXiv:2403.01046",
    kind="tight bound",
    spec="V-5",
    instances=_problems(**_any_units),
    falsify=Falsification("centring", _problems(**_any_units), partial(_bounded, centred=False)),
)
def certificate(x: NDArray, y: NDArray, share: float, w: NDArray, b: NDArray, a: NDArray) -> Evidence:
    return _bounded(x, y, share, w, b, a)


def _without_constant(x: NDArray, y: NDArray, constant: float, above: float) -> Evidence:
    """Above beta_max, where the mean is optimal: two units far to the left make it, the cheaper the further."""
    beta = above * cnn.Problem(x, y, 1.0, _RELU).beta_max
    y = y - y.mean() + constant
    optimum = float(np.sum((y - constant) ** 2) / 2)
    values = []
    for distance in (1e1, 1e2, 1e3):
        kinks = x[0] - np.array([2.0, 1.0]) * distance
        z = abs(constant) / distance
        w, a = np.full(2, np.sqrt(z)), np.sign(constant) * np.array([1.0, -1.0]) * np.sqrt(z)
        values.append(_objective(x, y, beta, _network(w, -w * kinks, a, 0.0)))
    excess = np.array(values) - optimum
    size = 64 * _EPS * (optimum + 1e3 * constant**2 + beta)
    wanted = 2 * beta * abs(constant) / np.array([1e1, 1e2, 1e3])
    return Evidence.equal("excess over the optimum", excess, wanted, size) & Evidence.true(
        "strictly decreasing, never reached", bool((np.diff(excess) < 0).all() and excess[-1] > size)
    )


def _linear(x: NDArray, slope: float, level: float, share: float) -> Evidence:
    """Targets on a line: one unit that is always on has any constant for nothing."""
    y = slope * x + level
    solution = _solve(x, y, share)
    f = solution.predict(x)
    z = (f[-1] - f[0]) / (x[-1] - x[0])
    kink = x[0] - f[0] / z  # where the fitted line is zero, if that is outside the data
    side = 1.0 if kink <= x[0] else -1.0
    w, a = side * np.sqrt(abs(z)), side * np.sign(z) * np.sqrt(abs(z))
    network = _network(np.array([w]), np.array([-w * kink]), np.array([a]), 0.0)
    excess = _objective(x, y, solution.problem.beta, network) - solution.objective
    return Evidence.true("the optimum is not reached", excess > 2 * _SOLVED * solution.objective)


@theorem(
    key="dead-units/no-output-constant",
    title="Without an output constant the optimum is only approached, unless a unit that is always on supplies it",
    statement=(
        r"\beta>\beta_{max}, mean of y not 0: a(x-t)_+-a(x-t')_+ with t,t'\to-\infty gives the constant at the "
        r"cost 2\beta|c|/|t-t'|\to0, and 0 is not reached as only z=0 costs nothing. If instead the optimal fit is "
        r"a line with a slope that vanishes outside the data, one unit is that line, and p^* is attained."
    ),
    reference="derived here",
    kind="equality",
    spec="V-6",
    instances=sized(
        3,
        7,
        x=inputs,
        y=targets,
        constant=lambda n: st.integers(1, 9).map(float) | st.floats(-9, -0.5),
        above=lambda n: st.floats(1.1, 3),
    ),
    falsify=Falsification(
        "a constant optimum: a line",
        sized(
            3,
            7,
            x=inputs,
            slope=lambda n: st.just(1.0),
            level=lambda n: st.just(100.0),
            share=lambda n: st.floats(0.05, 0.5),
        ),
        _linear,
    ),
)
def no_output_constant(x: NDArray, y: NDArray, constant: float, above: float) -> Evidence:
    return _without_constant(x, y, constant, above)
