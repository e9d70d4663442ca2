"""The Lasso without its dictionary: the penalty as a norm of the function, for the architectures where that is known.

With slopes mu_k between neighbouring inputs, D = sum |mu_{k+1} - mu_k| and S = |mu_1 + mu_{N-1}|, the least ||z||_1
of any features with given values f on the data is (arXiv:2403.01046; closed forms derived and checked in the theorems)

    two layers, slopes a (right) and b (left)    max(D / |a - b|, (D + S) / (2 max(|a|, |b|)))
    narrow ReLU, depth >= 3                      (|mu_1| + D + |mu_{N-1}|) / 2
    sign, threshold, one switch                  sum |f_{i+1} - f_i| / 2,  and twice that
    sign, threshold, N - 1 switches or more      (max f - min f) / 2,  and twice that
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from convexnn.architecture import Architecture
from convexnn.dictionaries.feature import Feature
from convexnn.dictionaries.kinks import kink_feature
from convexnn.dictionaries.ramps import ramp_feature
from convexnn.dictionaries.steps import step_feature, switch_points
from convexnn.errors import InfeasibleError, InputError
from convexnn.validation import FloatArray, as_vector, as_vector_like


def has_closed_form(architecture: Architecture, n_inputs: int) -> bool:
    """Whether the penalty of this architecture on that many distinct inputs is known as a norm of the function."""
    if architecture.activation.is_step:
        return architecture.switches == 1 or architecture.switches >= n_inputs - 1
    return architecture.form == "narrow" and (architecture.depth == 2 or architecture.activation.name == "relu")


def minimum_norm(x: ArrayLike, f: ArrayLike, architecture: Architecture) -> float:
    """The least ||z||_1 of features that take the values `f` at `x`, up to a constant.

    Parameters
    ----------
    x, f : (n_samples,) arrays
        In any order; equal inputs need equal values.
    architecture : Architecture

    Returns
    -------
    float
        In units of f for sign and threshold, of f / x for the others.

    Raises
    ------
    InputError
        If no closed form is known for the architecture.
    InfeasibleError
        If one input has two values.
    """
    points = as_vector("x", x)
    values = as_vector_like("f", f, "x", points)
    inputs, first, group = np.unique(points, return_index=True, return_inverse=True)
    if (values != values[first][group]).any():
        raise InfeasibleError("f must have one value an input, got two different values at equal x")
    if not has_closed_form(architecture, inputs.size):
        raise InputError(f"no closed form of the penalty is known for {architecture.label}; solve the Lasso instead")
    return penalty(inputs, values[first], architecture)


def penalty(inputs: FloatArray, f: FloatArray, architecture: Architecture) -> float:
    """`minimum_norm` at distinct ascending inputs, for an architecture that has a closed form."""
    if inputs.size == 1:
        return 0.0
    sigma = architecture.activation
    if sigma.is_step:
        size = np.abs(np.diff(f)).sum() if architecture.switches == 1 else np.ptp(f)
        return float(size / (sigma.right - sigma.left))
    slopes = np.diff(f) / np.diff(inputs)
    bends, ends = np.abs(np.diff(slopes)).sum(), abs(slopes[0] + slopes[-1])
    if architecture.depth > 2:
        return float((abs(slopes[0]) + bends + abs(slopes[-1])) / 2)
    steepest = max(abs(sigma.left), abs(sigma.right))
    return float(max(bends / abs(sigma.right - sigma.left), (bends + ends) / (2 * steepest)))


def recover(inputs: FloatArray, f: FloatArray, architecture: Architecture) -> tuple[list[Feature], FloatArray]:
    """Features and coefficients with the values `f` on the data, up to a constant, at the least l1 norm.

    At most N - 1 features. The inverse of `penalty`: their l1 norm is its value, up to rounding.
    """
    if architecture.activation.is_step:
        pairs = _recover_steps(inputs, f, architecture)
    elif inputs.size == 1:
        pairs = iter(())
    elif architecture.depth == 2:
        pairs = _recover_kinks(inputs, f, architecture)
    else:
        pairs = _recover_ramps(inputs, f, architecture)
    kept = [(feature, z) for feature, z in pairs if z != 0]
    return [feature for feature, _ in kept], np.array([z for _, z in kept], dtype=float)


Pairs = Iterator[tuple[Feature, float]]


def _recover_kinks(inputs: FloatArray, f: FloatArray, architecture: Architecture) -> Pairs:
    """Split every kink between a rising and a falling unit so that no slope has to be bought with a linear unit.

    A rising unit ``sigma(x - t)`` and a falling one ``sigma(t - x)`` bend equally; they differ by a line. The total
    Q of the falling coefficients is chosen to leave the smallest linear part.
    """
    a, b = architecture.activation.right, architecture.activation.left
    slopes = np.diff(f) / np.diff(inputs)
    kinks = np.diff(slopes) / (a - b)
    total = (slopes[-1] - slopes[0]) / (a - b)
    negligible = _negligible_slope(inputs, f)
    falling = np.zeros_like(kinks)
    share = 0.0
    if a + b != 0:
        least, most = float(np.minimum(kinks, 0).sum()), float(np.maximum(kinks, 0).sum())
        share = float(np.clip((b * total - slopes[0]) / (a + b), least, most))
        for end in (least, 0.0, most):
            if abs(share - end) * abs(a + b) <= negligible:
                share = end
        same = np.flatnonzero(kinks * np.sign(share) > 0)
        # Filled greedily from the left, so that only one kink is split.
        before = np.concatenate(([0.0], np.cumsum(np.abs(kinks[same]))[:-1]))
        falling[same] = np.sign(share) * np.clip(abs(share) - before, 0.0, np.abs(kinks[same]))
        if share in (least, most):
            falling[same] = kinks[same]
    line = slopes[0] - b * total + (a + b) * share
    line = line if abs(line) > negligible else 0.0
    end, gain = (inputs[0], a) if abs(a) >= abs(b) else (inputs[-1], b)
    yield kink_feature(architecture, float(end), 1), float(line / gain)
    for t, rise, fall in zip(inputs[1:-1], kinks - falling, falling, strict=True):
        yield kink_feature(architecture, float(t), 1), float(rise)
        yield kink_feature(architecture, float(t), -1), float(fall)


def _negligible_slope(inputs: FloatArray, f: FloatArray) -> float:
    """A slope that changes f by less than 1e-10 of its range: what is left when slopes cancel in floating point."""
    return float(1e-10 * np.ptp(f) / np.ptp(inputs))


def _recover_ramps(inputs: FloatArray, f: FloatArray, architecture: Architecture) -> Pairs:
    """Pair upward with downward kinks, the ends counted as kinks to a constant: each pair is a ramp."""
    slopes = np.concatenate(([0.0], np.diff(f) / np.diff(inputs), [0.0]))
    kinks = np.diff(slopes)
    up, down = (list(np.flatnonzero(kinks * s > 0)[::-1]) for s in (1, -1))
    left, negligible = np.abs(kinks), _negligible_slope(inputs, f)
    while up and down:
        i, j = up[-1], down[-1]
        size = min(left[i], left[j])
        left[[i, j]] -= size
        ends = sorted((float(inputs[i]), float(inputs[j])))
        yield ramp_feature(ends[0], ends[1], architecture.depth), float(size if i < j else -size)
        for stack in (up, down):
            if left[stack[-1]] <= negligible:
                stack.pop()


def _recover_steps(inputs: FloatArray, f: FloatArray, architecture: Architecture) -> Pairs:
    """Steps at the jumps; with enough switches, the superlevel sets of f, nested."""
    sigma, places = architecture.activation, switch_points(inputs)
    height = sigma.right - sigma.left
    if architecture.switches == 1:
        jumps = np.diff(f)
        for i in np.flatnonzero(jumps):
            yield step_feature(architecture, (float(places[i]),)), float(jumps[i] / height)
        return
    levels = np.unique(f)
    for below, level in pairwise(levels):
        on = f >= level
        knots = tuple(float(t) for t in places[np.flatnonzero(np.diff(on))])
        # A feature is on at the right end; a superlevel set that is off there is its mirror image.
        yield step_feature(architecture, knots), float((level - below) / height * (1 if on[-1] else -1))
