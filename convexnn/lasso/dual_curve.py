"""The dual certificate as curves that no unit can lift above beta, and that touch it at the selected features.

The dual point th sums to zero, so constants have no correlation with it. Biases are free: a unit moved along x is a
unit, so its correlation stays within [-beta, beta] wherever it is moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from convexnn.dictionaries.feature import Feature
from convexnn.dictionaries.kinks import kink_feature
from convexnn.dictionaries.moments import DistanceMoment, one_sided_moments
from convexnn.dictionaries.steps import step_feature
from convexnn.lasso.solution import Solution
from convexnn.validation import FloatArray

Polyline = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class DualCurve:
    """Functions of a position t along x, as polylines; a jump is two vertices at one t.

    Attributes
    ----------
    quantity : str
        What the functions are, for an axis label (text with TeX).
    curves : sequence of (t, value)
    names : sequence of str
        What each curve belongs to; empty if `quantity` says it.
    bounds : dict of str to float
        What no curve may cross, by name.
    selected_t, selected_value : arrays
        Where the selected features lie.
    """

    quantity: str
    curves: Sequence[Polyline]
    names: Sequence[str]
    bounds: dict[str, float]
    selected_t: FloatArray
    selected_value: FloatArray


def dual_curve(solution: Solution, window: tuple[float, float]) -> DualCurve:
    """The dual certificate of a solution, drawn the way that suits its architecture.

    With the dual point th of the certificate these are

    - two layers, and one switch: the correlation of th with the unit that bends, or steps, at t;
    - narrow ReLU of depth >= 3: the height P(t) of which a ramp from a to b has the correlation P(b) - P(a). Its range
      is at most beta, and it is centred: within [-beta / 2, beta / 2];
    - sign and threshold with several switches: the largest absolute correlation of a pattern that switches at t;
    - absolute value of depth >= 3, and symmetrized ReLU: the correlation of each selected feature (if there is none, of
      the feature that correlates most), moved along x so that its centre is at t.

    Parameters
    ----------
    solution : Solution
    window : (low, high)
        Range of t, with the data inside.
    """
    problem, architecture = solution.problem, solution.problem.architecture
    inputs, beta = problem.dictionary.inputs, problem.beta
    totals = problem.rows.totals(solution.certificate.dual_point[problem.rows.order])
    correlations = [float(feature(inputs) @ totals) for feature in solution.features]
    both_sides = {r"$\beta$": beta, r"$-\beta$": -beta}

    if architecture.switches > 1:
        curve = _largest_by_switch(inputs, totals, solution)
        pairs = [(k, abs(c)) for feature, c in zip(solution.features, correlations, strict=True) for k in feature.knots]
        at, values = np.array(pairs, dtype=float).reshape(-1, 2).T
        quantity = "largest |correlation| of a\npattern that switches at $t$"
        return DualCurve(quantity, [curve], [], {r"$\beta$": beta}, at, values)

    if architecture.activation.name == "relu" and architecture.form == "narrow" and architecture.depth > 2:
        height = _ramp_heights(inputs, totals)
        curve = np.array([window[0], *inputs, window[1]]), np.pad(height, 1, mode="edge")
        at = np.array(sorted({knot for feature in solution.features for knot in feature.knots}))
        quantity = "height $P(t)$: a ramp from $a$ to $b$\ncorrelates by $P(b) - P(a)$"
        bounds = {r"$\beta/2$": beta / 2, r"$-\beta/2$": -beta / 2}
        return DualCurve(quantity, [curve], [], bounds, at, np.interp(at, inputs, height))

    shapes, names, quantity = _shapes(solution, totals)
    curves = [_moved(feature, inputs, totals, window) for feature in shapes]
    at = np.array([_centre(feature) for feature in solution.features])
    return DualCurve(quantity, curves, names, both_sides, at, np.array(correlations))


def _shapes(solution: Solution, totals: FloatArray) -> tuple[list[Feature], list[str], str]:
    """The features to move along x: if units have one kink, those that give every unit; else the selected ones."""
    problem, architecture = solution.problem, solution.problem.architecture
    sigma, start = architecture.activation, float(problem.dictionary.inputs[0])
    if architecture.switches == 1:
        step = r"$\mathrm{sign}(x - t)$" if sigma.name == "sign" else r"$1\{x \geq t\}$"
        return [step_feature(architecture, (start,))], [], f"correlation of {step}"
    if architecture.depth == 2 and sigma.is_even:
        return [kink_feature(architecture, start, 1)], [], "correlation of $|x - t|$"
    if architecture.depth == 2:
        relu = sigma.name == "relu"
        names = ["$(x - t)_+$", "$(t - x)_+$"] if relu else [r"$\sigma(x - t)$", r"$\sigma(t - x)$"]
        return [kink_feature(architecture, start, side) for side in (1, -1)], names, "correlation of a kink at $t$"
    shown = list(solution.features)
    if not shown and problem.dictionary.n_features:
        shown = [problem.dictionary.max_input_correlation(totals)[1]]
    return shown, [], "correlation of each feature,\nmoved to centre $t$"


def _centre(feature: Feature) -> float:
    """The kink of the unit's innermost neuron; a step has no other knot."""
    return feature.offsets[0] if feature.offsets else feature.knots[0]


def _moved(feature: Feature, inputs: FloatArray, totals: FloatArray, window: tuple[float, float]) -> Polyline:
    """The function ``t -> <feature moved so that its centre is at t, th>``.

    Up to a constant and a line a feature is a sum of ``|x - knot|`` times half its change of slope (of
    ``sign(x - knot)`` times half its jump), so its correlation is such a sum of those of single kinks (steps).
    """
    reach = np.asarray(feature.knots) - _centre(feature)
    t = np.unique(inputs[:, None] - reach)
    t = np.concatenate((window[:1], t[(t > window[0]) & (t < window[1])], window[1:]))
    if feature.is_step:
        before = np.concatenate(([0.0], np.cumsum(totals)))
        passed = before[np.searchsorted(inputs, (t[:-1] + t[1:])[:, None] / 2 + reach)]
        return np.repeat(t, 2)[1:-1], np.repeat(-passed @ np.diff(feature.levels), 2)
    bends = DistanceMoment(inputs, totals)(t[:, None] + reach) @ np.diff(feature.slopes)
    line = (feature.slopes[0] + feature.slopes[-1]) * ((inputs - inputs[0]) @ totals)
    return t, 0.5 * (bends + line)


def _ramp_heights(inputs: FloatArray, totals: FloatArray) -> FloatArray:
    """P at the inputs, its range centred at zero; between them it is linear, beyond them constant."""
    height = -one_sided_moments(inputs, totals)[1]
    return height - (height.min() + height.max()) / 2


def _largest_by_switch(inputs: FloatArray, totals: FloatArray, solution: Solution) -> Polyline:
    """The largest absolute correlation of the patterns that switch at t, by dynamic programming from both ends."""
    architecture = solution.problem.architecture
    most = min(architecture.switches, inputs.size - 1)
    before = _best_sums(totals, most)[:-1]
    after = _best_sums(totals[::-1], most)[::-1][1:]
    # The sign turns at t, and the right part has the switches that the left part and t leave of `most`.
    largest = (before + after[:, ::-1, ::-1]).max(axis=(1, 2), initial=0.0)
    largest *= (architecture.activation.right - architecture.activation.left) / 2
    return np.repeat(inputs, 2), np.concatenate(([0.0], np.repeat(largest, 2), [0.0]))


def _best_sums(totals: FloatArray, most: int) -> FloatArray:
    """Entry (i, s, k): the largest ``sum_{n <= i} h_n r_n`` over signs h with at most k switches and h_i = 2 s - 1."""
    best = np.zeros((totals.size, 2, most))
    state = np.zeros((2, most))
    for i, total in enumerate(totals):
        state[:, 1:] = np.maximum(state[:, 1:], state[::-1, :-1])
        state += [[-total], [total]]
        best[i] = state
    return best
