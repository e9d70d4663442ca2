"""What shifting, stretching and mirroring the inputs does to the optimum; and two data."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import convexnn as cnn
from convexnn.lasso.function_space import minimum_norm
from theory.instances import fractions_of_beta_max, inputs, sized, targets
from theory.mirrors.architectures import any_architecture, one_of_each
from theory.mirrors.minimum_norm import least_l1
from theory.statement import Evidence, Falsification, theorem

_GAP = 1e-9
_X, _Y = np.array([0.0, 2, 6, 7]), np.array([0.0, 3, -1, 3])


def _objective(x: NDArray, y: NDArray, beta: float, architecture: cnn.Architecture) -> float:
    return cnn.solve(cnn.Problem(x, y, beta, architecture), tol=_GAP, on_failure="raise").objective


def _moved(
    x: NDArray, y: NDArray, share: float, architecture: cnn.Architecture, shift: float, scale: float, gain: float
) -> Evidence:
    """The optimum on ``scale x + shift`` against that on x, where features grow by `gain`."""
    beta = share * cnn.Problem(x, y, 1.0, architecture).beta_max
    here = _objective(x, y, beta, architecture)
    # A shift rounds x, and gaps with it: to eps times what was added, over the smallest gap.
    rounding = 64 * np.finfo(float).eps * (abs(shift) + np.abs(x).max()) / np.diff(x).min()
    there = _objective(scale * x + shift, y, gain * beta, architecture)
    return Evidence.equal("objective", there, here, (2 * _GAP + rounding) * here)


_move = {
    "y": targets,
    "share": lambda n: fractions_of_beta_max,
    "architecture": lambda n: any_architecture,
    "shift": lambda n: st.integers(-20, 20).map(float),
    "scale": lambda n: st.sampled_from([-4.0, -1.0, -0.5, 0.5, 2.0, 4.0]),
}


@theorem(
    key="mirrors/symmetries",
    title="Shifts and mirror images of the inputs leave the optimum, and stretching them is the same as a smaller beta",
    statement=(
        r"\mathrm{opt}(aX+b, |a|\beta)=\mathrm{opt}(X,\beta) for every a\ne0 and continuous piecewise-linear "
        r"activations; \mathrm{opt}(aX+b,\beta)=\mathrm{opt}(X,\beta) for sign and threshold."
    ),
    reference="arXiv:2403.01046; features are homogeneous in the data",
    kind="equality",
    spec="T30",
    instances=sized(3, 6, x=inputs, **_move),
    examples=one_of_each(x=_X, y=_Y, share=0.1, shift=3.0, scale=-2.0),
    falsify=Falsification(
        "beta that stretches with the inputs",
        sized(3, 6, x=inputs, **{**_move, "scale": lambda n: st.sampled_from([0.5, 2.0])}),
        lambda x, y, share, architecture, shift, scale: _moved(x, y, share, architecture, shift, scale, 1.0),
    ),
)
def symmetries(
    x: NDArray, y: NDArray, share: float, architecture: cnn.Architecture, shift: float, scale: float
) -> Evidence:
    gain = 1.0 if architecture.activation.is_step else abs(scale)
    return _moved(x, y, share, architecture, shift, scale, gain)


def _two_data(x: NDArray, f: NDArray, architecture: cnn.Architecture) -> Evidence:
    slope = abs(float((f[-1] - f[0]) / (x[-1] - x[0])))
    least, _ = least_l1(cnn.dictionary(x, architecture).matrix(), f)
    # The program meets its right-hand side to 1e-10.
    tol = 1e-10 * max(1.0, np.abs(f).max()) * len(x) / min(1.0, np.diff(x).min())
    evidence = Evidence.equal("least l1 norm", least, slope, tol)
    return evidence & Evidence.equal("minimum_norm", minimum_norm(x, f, architecture), slope, tol)


_unit_slope = st.sampled_from(
    [cnn.Architecture("relu"), cnn.Architecture("absolute"), cnn.Architecture("relu", 3), cnn.Architecture("relu", 5)]
)


@theorem(
    key="mirrors/two-data",
    title="Two data cost the slope between them",
    statement=(
        r"For N=2 the least penalty of f is |f_2-f_1|/(x_2-x_1), for two-layer ReLU and absolute value and for narrow "
        r"ReLU of any depth."
    ),
    reference="arXiv:2403.01046; the formulas of the least penalty at N = 2",
    kind="equality",
    spec="T29",
    instances=sized(2, 2, x=inputs, f=targets, architecture=lambda n: _unit_slope),
    falsify=Falsification(
        "N = 2 (three data, the slope between the outer ones)",
        sized(3, 3, x=inputs, f=targets, architecture=lambda n: _unit_slope),
    ),
)
def two_data(x: NDArray, f: NDArray, architecture: cnn.Architecture) -> Evidence:
    return _two_data(x, f, architecture)
