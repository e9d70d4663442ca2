"""The least penalty of a network with given values on the data, as a norm of the function."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

import convexnn as cnn
from convexnn.lasso.function_space import minimum_norm
from theory.instances import Instances, inputs, vector
from theory.statement import Evidence, Falsification, theorem

Formula = Callable[[float, float, float], float]


def least_l1(columns: NDArray, f: NDArray) -> tuple[float, NDArray]:
    """min ||z||_1 subject to columns @ z + constant = f, by the simplex method: its value and a vertex z."""
    n, p = columns.shape
    program = linprog(
        np.append(np.ones(2 * p), 0.0),
        A_eq=np.column_stack([columns, -columns, np.ones(n)]),
        b_eq=f,
        bounds=[(0, None)] * (2 * p) + [(None, None)],
        method="highs-ds",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    return float(program.fun), program.x[:p] - program.x[p : 2 * p]


def slope_measures(x: NDArray, f: NDArray) -> tuple[float, float, float]:
    """D = sum |mu_{k+1} - mu_k|, S = |mu_1 + mu_{N-1}|, E = |mu_1| + |mu_{N-1}| of the slopes mu between neighbours."""
    mu = np.diff(f) / np.diff(x)
    return float(np.abs(np.diff(mu)).sum()), float(abs(mu[0] + mu[-1])), float(abs(mu[0]) + abs(mu[-1]))


def two_layer(left: float, right: float, D: float, S: float, E: float) -> float:
    """Two layers with slopes a = `right` and b = `left`: max(D / |a-b|, (D + S) / (2 max(|a|, |b|)))."""
    return max(D / abs(right - left), (D + S) / (2 * max(abs(left), abs(right))))


def deep_relu(D: float, S: float, E: float) -> float:
    """Narrow ReLU of depth >= 3: half the variation of the slope, taken as zero outside the data."""
    return (D + E) / 2


def _formula(architecture: cnn.Architecture, x: NDArray, f: NDArray) -> float:
    sigma = architecture.activation
    if sigma.is_step:
        variation = np.abs(np.diff(f)).sum() if architecture.switches == 1 else np.ptp(f)
        return float(variation / (sigma.right - sigma.left))
    formula = deep_relu if architecture.depth > 2 else partial(two_layer, sigma.left, sigma.right)
    return formula(*slope_measures(x, f))


def _compare(architecture: cnn.Architecture, x: NDArray, f: NDArray, formula: float) -> Evidence:
    columns = cnn.dictionary(x, architecture).matrix()
    steps = 1.0 if architecture.activation.is_step else np.diff(x).min()
    # The program meets its right-hand side to 1e-10; a change of f by that much changes a slope by twice it over a gap.
    tol = 1e-10 * len(x) * max(1.0, np.abs(f).max()) / min(1.0, steps)
    least, _ = least_l1(columns, f)
    evidence = Evidence.equal("formula", formula, least, tol)
    return evidence & Evidence.equal("minimum_norm", minimum_norm(x, f, architecture), least, tol)


def _architectures(n: int) -> st.SearchStrategy[cnn.Architecture]:
    leaky = st.builds(
        lambda left, gap: cnn.Architecture(cnn.leaky_relu(left / 8, positive_slope=(left + gap) / 8)),
        st.integers(-16, 16),
        st.integers(-16, -1) | st.integers(1, 16),
    )
    named = st.builds(
        cnn.Architecture, st.sampled_from(["relu", "absolute", "leaky_relu", "sign", "threshold"]), st.just(2)
    )
    deep_relu_depths = st.builds(cnn.Architecture, st.just("relu"), st.integers(3, 6))
    many_switches = st.builds(
        lambda name: cnn.Architecture(name, 3, form="parallel", widths=(n - 1,)), st.sampled_from(["sign", "threshold"])
    )
    return st.one_of(leaky, named, deep_relu_depths, many_switches)


def _instances(low: int, high: int, architectures: Callable[[int], st.SearchStrategy[cnn.Architecture]]) -> Instances:
    return st.integers(low, high).flatmap(
        lambda n: st.fixed_dictionaries({"architecture": architectures(n), "x": inputs(n), "f": vector(n)})
    )


def _with_maximum_of_both(architecture: cnn.Architecture, x: NDArray, f: NDArray) -> Evidence:
    D, S, _ = slope_measures(x, f)
    return _compare(architecture, x, f, max(D, S))


def _without_the_ends(architecture: cnn.Architecture, x: NDArray, f: NDArray) -> Evidence:
    D, _, _ = slope_measures(x, f)
    return _compare(architecture, x, f, D / 2)


@theorem(
    key="mirrors/minimum-norm",
    title="The least penalty of given values is a total variation of the slope, or of the values",
    statement=(
        r"With slopes \mu_k between neighbours, D=\sum|\mu_{k+1}-\mu_k|, S=|\mu_1+\mu_{N-1}|: \min\|z\|_1 subject to "
        r"Az+\xi=f is \max(D/|a-b|, (D+S)/(2\max(|a|,|b|))) for two layers with slopes a, b (ReLU \max(D,(D+S)/2), "
        r"absolute value (D+S)/2); (|\mu_1|+D+|\mu_{N-1}|)/2 for narrow ReLU of depth \ge 3; \sum|f_{i+1}-f_i|/2 for "
        r"two-layer sign; (\max f-\min f)/2 for sign with K\ge N-1 switches; twice that for threshold."
    ),
    reference="derived in this project; two-layer ReLU agrees with Savarese et al., arXiv:1902.05040",
    kind="equality",
    spec="T21",
    instances=_instances(3, 7, _architectures),
    examples=tuple(
        {"architecture": architecture, "x": np.array([0.0, 4, 5, 7, 10, 11]), "f": np.array([0.0, 0, 0, 2, 3, 3])}
        for architecture in (
            cnn.Architecture("relu"),
            cnn.Architecture("absolute"),
            cnn.Architecture("relu", 3),
            cnn.Architecture(cnn.leaky_relu(-0.5)),
            cnn.Architecture("sign"),
            cnn.Architecture("threshold"),
            cnn.Architecture("sign", 3, form="parallel", widths=(5,)),
            cnn.Architecture("threshold", 4, form="tree", widths=(3, 2)),
        )
    ),
    falsify=(
        Falsification(
            "the free slopes outside the data: max(D, S) for two-layer ReLU",
            _instances(3, 5, lambda n: st.just(cnn.Architecture("relu"))),
            _with_maximum_of_both,
        ),
        Falsification(
            "the slopes at the ends, for deep ReLU",
            _instances(3, 5, lambda n: st.just(cnn.Architecture("relu", 3))),
            _without_the_ends,
        ),
    ),
    uses=("leaky_relu", "relu", "absolute", "sign", "threshold", "deep relu", "deep sign or threshold"),
)
def minimum_norm_formulas(architecture: cnn.Architecture, x: NDArray, f: NDArray) -> Evidence:
    evidence = _compare(architecture, x, f, _formula(architecture, x, f))
    kind = "relu" if architecture.activation.name == "relu" else "sign or threshold"
    return evidence.note(f"deep {kind}" if architecture.depth > 2 else architecture.activation.name)
