"""Two-layer networks: one kink or one step, at a data point."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import convexnn as cnn
from convexnn.activations import Activation, as_activation
from theory.instances import dual, inputs, integer_dual, integer_inputs, integer_vector, sized, vector
from theory.mirrors.units import largest_correlation, rounding
from theory.statement import Evidence, Falsification, theorem

_leaky = st.builds(
    lambda left, gap: cnn.leaky_relu(left / 8, positive_slope=(left + gap) / 8),
    st.integers(-16, 16),
    st.integers(-16, -1) | st.integers(1, 16),
)
_bent = st.sampled_from([as_activation("relu"), as_activation("absolute")]) | _leaky
_steps = st.sampled_from([as_activation("sign"), as_activation("threshold")])


@theorem(
    key="mirrors/two-layer-kinks",
    title="A two-layer unit correlates most with its kink at a data point",
    statement=(
        r"\max_{|w|=1,\,b}|\lambda'\sigma(wx+b)| = \max_{n,\pm}|\lambda'\sigma(\pm(x-x_n))| for every \lambda with "
        r"1'\lambda=0 and \sigma a ReLU, an absolute value or a leaky ReLU with two different slopes of any sign."
    ),
    reference="arXiv:2403.01046, two-layer networks",
    kind="equality",
    spec="T1",
    instances=sized(3, 7, x=inputs, dual=dual, activation=lambda n: _bent),
    falsify=Falsification(
        "a dual vector that sums to zero",
        sized(3, 5, x=inputs, dual=vector, activation=lambda n: _bent),
    ),
    uses=("relu", "absolute", "leaky_relu"),
)
def two_layer_kinks(x: NDArray, dual: NDArray, activation: Activation) -> Evidence:
    slopes = (activation.left, activation.right)
    units = largest_correlation(x, dual, (slopes,)).value
    features = cnn.dictionary(x, cnn.Architecture(activation))
    tol = rounding(x, dual, max(map(abs, slopes)))
    listed = Evidence.equal("largest column", np.abs(dual @ features.matrix()).max(), units, tol)
    oracle = Evidence.equal("max_correlation", features.max_correlation(dual)[0], units, tol)
    return (listed & oracle).note(activation.name)


@theorem(
    key="mirrors/two-layer-steps",
    title="A two-layer sign or threshold unit is one of 2N patterns, N - 1 of them up to sign and constant",
    statement=(
        r"\max_{w,b}|\lambda'\sigma(wx+b)| = \max_{i<N}|\lambda'\sigma(x-t_i)|, x_i<t_i<x_{i+1}, for every \lambda "
        r"with 1'\lambda=0 and \sigma a sign or a threshold."
    ),
    reference="arXiv:2403.01046, two-layer networks",
    kind="equality",
    spec="T2",
    instances=sized(3, 8, x=integer_inputs, dual=integer_dual, activation=lambda n: _steps),
    falsify=Falsification(
        "a dual vector that sums to zero",
        sized(3, 5, x=integer_inputs, dual=integer_vector, activation=lambda n: _steps),
    ),
    uses=("sign", "threshold"),
)
def two_layer_steps(x: NDArray, dual: NDArray, activation: Activation) -> Evidence:
    # A unit changes only where its bias passes a data point: all patterns occur with the kink at the data, where
    # the two directions differ, or beyond the last.
    kinks = np.append(x, x[-1] + 1)
    units = max(abs(dual @ activation(w * (x - kink))) for kink in kinks for w in (1.0, -1.0))
    features = cnn.dictionary(x, cnn.Architecture(activation))
    size = Evidence.equal("number of features", features.n_features, len(x) - 1)
    largest = Evidence.equal("max_correlation", features.max_correlation(dual)[0], units)
    return (size & largest).note(activation.name)
