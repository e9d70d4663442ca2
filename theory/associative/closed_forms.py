"""Loads that have closed forms: no robustness, and a threshold at which the constraints on the signs cost nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm

from convexnn.associative import capacity
from theory.associative.ensembles import Model, alike, free, mixed, models
from theory.associative.quadrature import averages
from theory.statement import Evidence, Falsification, theorem

SOLVED = 1e-9  # relative; saddle points are accepted below this residual

_no_threshold = st.just(0.0)
_even = st.just(0.5)
_fair = st.floats(0.02, 0.98)


def tight_at_no_robustness(f_out: float) -> float:
    """The mean of E over the outputs at the margin u with f_out F(-u) = (1 - f_out) F(u)."""

    def imbalance(u: float) -> float:
        _, (minus, plus), _, _ = averages([-u, u])
        return float(f_out * minus - (1 - f_out) * plus)

    u = brentq(imbalance, -10, 10, xtol=1e-15, rtol=1e-15)
    return float(averages([-u, u])[0] @ [f_out, 1 - f_out])


def _load_and_sparsity(load: float, sparsity: float, **arguments: Any) -> Evidence:
    found = capacity(**arguments)
    return Evidence.equal("load", found.load, load, SOLVED * load) & Evidence.equal(
        "sparsity", found.sparsity, sparsity, SOLVED
    )


_classical = st.fixed_dictionaries({"f_in": alike | mixed, "f_out": _even, "threshold": _no_threshold})


@theorem(
    key="associative/two-associations-an-input",
    title="Without a threshold and without robustness, a neuron stores two associations an input, with every weight",
    statement=(
        r"\kappa=0, h=0, f_{out}=1/2, constraints on the l1 norm only: \alpha_c=2 and S=0 for any activities of the "
        r"inputs."
    ),
    reference="Cover 1965; Gardner, J. Phys. A 21 (1988); arXiv:2409.04946 with the l1 norm",
    kind="equality",
    spec="associative T1",
    instances=_classical,
    falsify=(
        Falsification(
            "outputs that are 1 as often as 0",
            st.fixed_dictionaries({"f_in": alike, "f_out": st.floats(0.02, 0.4), "threshold": _no_threshold}),
        ),
        Falsification(
            "the threshold 0",
            st.fixed_dictionaries({"f_in": st.floats(0.3, 0.7), "f_out": _even, "threshold": st.floats(0.05, 0.2)}),
        ),
    ),
)
def two_associations_an_input(f_in: Any, f_out: float, threshold: float) -> Evidence:
    return _load_and_sparsity(2.0, 0.0, f_in=f_in, f_out=f_out, threshold=threshold)


_any_outputs = {"f_in": alike | mixed, "f_out": _fair}


@theorem(
    key="associative/rare-outputs-store-more",
    title="Without a threshold and without robustness, the load depends on the activity of the output only",
    statement=(
        r"\kappa=0, h=0, l1 norm only: \alpha_c = 1/\bar E and S=0, with \bar E = f_{out}E(-u)+(1-f_{out})E(u) and u "
        r"from f_{out}F(-u)=(1-f_{out})F(u), at least 2: 2.0527240, 2.6675946, 3.9129019 for f_{out}=.4, .2, .1."
    ),
    reference="arXiv:2409.04946, replica theory; Gardner 1988 for f_out other than 1/2",
    kind="equality",
    spec="associative T2",
    instances=st.fixed_dictionaries({**_any_outputs, "robustness": st.just(0.0), "known": st.none()}),
    examples=tuple(
        {"f_in": 0.5, "f_out": f_out, "robustness": 0.0, "known": known}
        for f_out, known in ((0.4, 2.0527240), (0.2, 2.6675946), (0.1, 3.9129019))
    ),
    falsify=Falsification(
        "robustness 0", st.fixed_dictionaries({**_any_outputs, "robustness": st.floats(0.01, 1), "known": st.none()})
    ),
    uses=("a table",),
)
def rare_outputs_store_more(f_in: Any, f_out: float, robustness: float, known: float | None) -> Evidence:
    load = 1 / tight_at_no_robustness(f_out)
    evidence = _load_and_sparsity(load, 0.0, f_in=f_in, f_out=f_out, robustness=robustness)
    evidence &= Evidence.at_most("two associations an input", 2.0, load, SOLVED)
    if known is None:
        return evidence
    return (evidence & Evidence.equal("table of seven decimals", load, known, 0.51e-7)).note("a table")


_all_signs = st.sampled_from([0.0, 1.0]) | st.floats(0.02, 0.98)


@theorem(
    key="associative/signs-halve-the-load",
    title="Given signs halve the largest load, and half of the weights are zero",
    statement=(
        r"\kappa=0, signs given, one activity f_{in}: at h=f_{in}(1-2n_{inh}) the load is \alpha_c=1/(2\bar E), 1 for "
        r"f_{out}=1/2, and S=1/2; at any other threshold the load is less."
    ),
    reference="arXiv:2409.04946, replica theory; the case n_inh=0 is that of Brunel et al., Neuron 43 (2004)",
    kind="equality",
    spec="associative T3",
    instances=st.fixed_dictionaries(
        {"f_in": alike, "f_out": _even | _fair, "inhibitory": _all_signs, "shift": st.just(0.0)}
    ),
    examples=tuple({"f_in": 0.5, "f_out": 0.5, "inhibitory": n, "shift": 0.0} for n in (0.1, 0.2, 0.3, 0.5)),
    falsify=Falsification(
        "the best threshold",
        st.fixed_dictionaries(
            {"f_in": alike, "f_out": _even, "inhibitory": st.floats(0.2, 0.8), "shift": st.floats(0.05, 0.3)}
        ),
    ),
)
def signs_halve_the_load(f_in: float, f_out: float, inhibitory: float, shift: float) -> Evidence:
    best = 1 / (2 * tight_at_no_robustness(f_out))
    threshold = f_in * (1 - 2 * inhibitory)
    arguments = {"f_in": f_in, "f_out": f_out, "inhibitory": inhibitory}
    evidence = _load_and_sparsity(best, 0.5, threshold=threshold + shift * f_in, **arguments)
    if 0 < inhibitory < 1:  # with weights of one sign, this threshold is the only one that they meet
        # Towards the farther end of the reachable thresholds, and within it.
        aside = threshold + 0.1 * f_in * (1 if inhibitory >= 0.5 else -1)
        evidence &= Evidence.at_most("load beside it", capacity(threshold=aside, **arguments).load, best)
    return evidence


_dilution = {"model": models(threshold=_no_threshold, inhibitory=free).map(lambda drawn: drawn["model"])}


@theorem(
    key="associative/annealed-dilution",
    title="With few weights that may be chosen, far more than half of the load of all weights is left",
    statement=(
        r"\kappa=0, h=0, at most pN nonzero weights: the replica-symmetric \alpha=(p+2t\varphi(t))/\bar E with "
        r"t=\Phi^{-1}(1-p/2), and the onset of the weights is x=t/\sqrt2, whatever the activities."
    ),
    reference="arXiv:2409.04946, replica theory; derived here in closed form",
    kind="equality",
    spec="associative T4",
    instances=st.fixed_dictionaries({**_dilution, "density": st.floats(0.02, 1), "robustness": st.just(0.0)}),
    examples=tuple(
        {
            "model": {"f_in": 0.5, "f_out": 0.5, "inhibitory": None, "threshold": 0.0},
            "density": p,
            "robustness": 0.0,
        }
        for p in (0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.0)
    ),
    falsify=Falsification(
        "robustness 0",
        st.fixed_dictionaries({**_dilution, "density": st.floats(0.02, 0.5), "robustness": st.floats(0.05, 1)}),
    ),
)
def annealed_dilution(model: Model, density: float, robustness: float) -> Evidence:
    t = norm.isf(density / 2)
    load = (density + 2 * t * norm.pdf(t)) / tight_at_no_robustness(model["f_out"])
    found = capacity(density=density, robustness=robustness, **model)
    evidence = Evidence.equal("load", found.load, load, SOLVED * load)
    return evidence & Evidence.equal("x", found.order_parameters["x"], t / np.sqrt(2), SOLVED * (1 + t))
