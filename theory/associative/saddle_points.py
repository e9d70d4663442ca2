"""The law of a single weight, the saddle-point equations that it leads to, and how many solutions they have."""

from __future__ import annotations

from functools import cache

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray
from scipy.optimize import brentq

from convexnn.associative import capacity
from theory.associative import symbolic
from theory.associative.ensembles import Model, densities, gaps, models, robustnesses
from theory.associative.quadrature import averages, scaled_residuals
from theory.statement import Evidence, Falsification, theorem

RESIDUAL = 1e-10  # of the scaled equations; their terms are known to about 1e-13 of their sizes


@cache
def _identities(law: str) -> dict[str, str]:
    return {name: str(difference) for name, difference in symbolic.identities(law).items()}


@cache
def _published_for(law: str, other: str) -> dict[str, str]:
    """The averages of a law less the closed forms of another one."""
    found, forms = symbolic.averages(law), symbolic.closed_forms(other)
    return {name: str(found[name] - form) for name, form in forms.items()}


def _vanish(differences: dict[str, str]) -> Evidence:
    evidence = Evidence()
    for name, difference in differences.items():
        evidence &= Evidence.true(f"{name}: {difference} vanishes", difference == "0")
    return evidence


@theorem(
    key="associative/single-weight-law",
    title="The averages of the single-weight law are the published functions, and derivatives of one potential",
    statement=(
        r"A weight w=v, v>0 (l1), v>x (density), or w=\max(v,k), v>k/2 (gap), of a drive v=b-G, maximises "
        r"2wv-w^2-x^2[w>0] over the values allowed; P(w>0), 2<w>, 2<w^2> are the published combinations of E, F and D, "
        r"and with the toll C they are the derivatives of the average maximum in b, x^2 and k, as symbols."
    ),
    reference="arXiv:2409.04946, replica theory; in this form derived here",
    kind="equality",
    instances=st.fixed_dictionaries({"law": st.sampled_from(symbolic.LAWS)}),
    falsify=Falsification(
        "the law that belongs to the constraint",
        st.just({"law": "density"}),
        lambda law: _vanish(_published_for(law, "soft")),
    ),
    uses=symbolic.LAWS,
)
def single_weight_law(law: str) -> Evidence:
    return _vanish(_identities(law)).note(law)


_constraints: SearchStrategy[dict[str, float]] = (
    st.just({}) | densities.map(lambda p: {"density": p}) | gaps.map(lambda delta: {"gap": delta})
)


@theorem(
    key="associative/saddle-point-equations",
    title="Every capacity solves the saddle-point equations, each divided by the size of its terms",
    statement=(
        r"f_{out}F(u_-)=(1-f_{out})F(u_+), A=2Q, H=hA, V=2Q^2q, u_++u_-=\kappa\sqrt{2/q}, "
        r"(2hz+\eta)Q-C=Q^2q(u_++u_-)\bar F/\bar E, and P=p where the density binds, with all averages integrated "
        r"numerically from the single-weight law, within 10^{-10} of the size of the terms; \alpha_c>0."
    ),
    reference="arXiv:2409.04946, replica theory; as one system derived here",
    kind="equality",
    spec="associative T6",
    instances=models(robustness=robustnesses, constraint=_constraints),
    falsify=Falsification(
        "the hole around 0 in the law of the weights",
        models(
            robustness=robustnesses,
            constraint=st.floats(1, 20).map(lambda delta: {"gap": delta}),
            hole=st.just(False),
        ),
    ),
    uses=("l1", "density", "gap", "signs", "no robustness"),
)
def saddle_point_equations(
    model: Model, robustness: float, constraint: dict[str, float], hole: bool = True
) -> Evidence:
    found = capacity(robustness=robustness, **constraint, **model)
    evidence = Evidence.true("load is positive", found.load > 0)
    for name, residual in scaled_residuals(found, model, **constraint, hole=hole).items():
        evidence &= Evidence.equal(name, residual, 0.0, RESIDUAL)
    kind = next(iter(constraint), "l1")
    return evidence.note(kind).note("signs", model["inhibitory"] is not None).note("no robustness", robustness == 0)


@theorem(
    key="associative/unscaled-residuals-vanish",
    title="Residuals that are not divided by the size of their terms are small where there is no solution",
    statement=(
        r"For every \epsilon there are order parameters with Q>0 at which all saddle-point equations of the l1 norm "
        r"with h=0, \kappa=0 hold within \epsilon, and A=2Q, V=2Q^2q exactly, but one is violated by more than Q^2q/2."
    ),
    reference="derived here",
    kind="counterexample",
    instances=st.fixed_dictionaries({"drive": st.floats(-12, -2.5)}),
    falsify=Falsification(
        "drives that are rarely positive, so that Q is small",
        st.fixed_dictionaries({"drive": st.floats(0, 1)}),
    ),
)
def unscaled_residuals_vanish(drive: float) -> Evidence:
    _, first, second, _ = averages(drive)
    # With weights of both signs and one sigma, Q = A / 2 = first / sigma and Q^2 q = V / 2 = second. With u_+ = u_- = 0
    # all equations hold but eta Q = 0, where eta = -2 sigma drive.
    residual = 2 * abs(drive) * first
    small = Evidence.at_most("residual", residual, 20 * np.exp(-(drive**2)))
    return small & Evidence.at_most("half of the terms", second / 2, residual)


def stationary_points(f_in: NDArray, gap: float) -> tuple[NDArray, NDArray]:
    """All saddle points with a gap, h = 0, kappa = 0 and free signs: the stiffness Q and the V of each.

    Where (ii) holds, the sign of the robustness is that of eta Q - C, by (v); its roots in Q are found on a fine grid.
    """
    sigma = np.sqrt(f_in * (1 - f_in))

    def weights(eta: float, stiffness: float) -> tuple[float, float, float]:
        edge = gap * sigma * stiffness
        _, first, second, toll = averages(-eta / (2 * sigma), edge / 2, edge)
        return float(2 * np.mean(first / sigma)), float(2 * np.mean(second)), float(2 * np.mean(toll))

    def surplus(log_stiffness: float) -> tuple[float, float]:
        stiffness = np.exp(log_stiffness)
        low, high = -gap * stiffness, 12.0
        while weights(low, stiffness)[0] < 2 * stiffness:
            low = 2 * low - 1
        eta = brentq(lambda eta: weights(eta, stiffness)[0] - 2 * stiffness, low, high, xtol=1e-14, rtol=1e-14)
        _, second, toll = weights(eta, stiffness)
        return eta * stiffness - toll, second

    grid = np.linspace(np.log(1e-3), np.log(4), 60)
    values = [surplus(point)[0] for point in grid]
    roots = [
        brentq(lambda point: surplus(point)[0], grid[i], grid[i + 1], xtol=1e-14, rtol=1e-14)
        for i in range(len(grid) - 1)
        if values[i] * values[i + 1] < 0
    ]
    return np.exp(roots), np.array([surplus(root)[1] for root in roots])


@theorem(
    key="associative/several-saddle-points",
    title="With a gap and inputs of different activity there can be several saddle points; the largest load counts",
    statement=(
        r"For f_{in}\in\{.01,.5\}, gap 10, h=0, \kappa=0 the robustness as a function of the stiffness Q is not "
        r"monotone: it vanishes at several Q, and \alpha_c is the largest of their loads."
    ),
    reference="derived here",
    kind="counterexample",
    instances=st.just({"f_in": np.array([0.01, 0.5]), "gap": 10.0}),
    falsify=Falsification("inputs of different activity", st.just({"f_in": np.array([0.5]), "gap": 10.0})),
)
def several_saddle_points(f_in: NDArray, gap: float) -> Evidence:
    stiffnesses, seconds = stationary_points(f_in, gap)
    loads = 2 * seconds  # V D / E^2 at u_+ = u_- = 0, where D = E = 1/2
    found = capacity(f_in=f_in, gap=gap)
    largest = int(np.argmax(loads))
    return (
        Evidence.at_most("saddle points", 2, len(loads))
        & Evidence.equal("capacity", found.load, loads[largest], 1e-9 * loads[largest])
        & Evidence.equal("its stiffness", found.order_parameters["Q"], stiffnesses[largest], 1e-6)
    )
