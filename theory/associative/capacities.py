"""What every capacity has in common, over activities, signs, thresholds and outputs: identities and inequalities.

With a density that binds or with a gap, the values compared are those of the replica-symmetric theory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from convexnn.associative import Capacity, capacity
from theory.associative.ensembles import (
    Model,
    alike,
    densities,
    gaps,
    mixed,
    models,
    robustnesses,
    signed,
)
from theory.associative.quadrature import tight_fraction
from theory.statement import Evidence, Falsification, theorem

SOLVED = 1e-9  # relative; saddle points are accepted below this residual
IDENTITY = 1e-10  # between numbers of one saddle point


def _capacity(model: Model, robustness: Any, **constraint: Any) -> Capacity:
    return capacity(robustness=robustness, **constraint, **model)


def _no_more(name: str, small: Any, large: Any) -> Evidence:
    return Evidence.at_most(name, small, large, SOLVED * float(np.max(large)))


def _less(name: str, small: float, large: float) -> Evidence:
    return Evidence.true(f"{name}: {small!r} < {large!r}", small < large)


def _same(name: str, one: Capacity, other: Capacity) -> Evidence:
    return Evidence.equal(f"load {name}", one.load, other.load, SOLVED * other.load) & Evidence.equal(
        f"sparsity {name}", one.sparsity, other.sparsity, SOLVED
    )


@theorem(
    key="associative/as-many-tight-as-nonzero",
    title="At capacity, as many associations have exactly the required margin as weights are nonzero",
    statement=(
        r"\alpha_c\bar E = 1-S with constraints on the l1 norm and on signs, for any threshold, robustness, activities."
    ),
    reference="derived here; the vertex of a linear program, as N -> infinity",
    kind="equality",
    spec="associative T5",
    instances=models(robustness=robustnesses),
    falsify=(
        Falsification("convexity, by a density", models(robustness=robustnesses, density=st.floats(0.02, 0.2))),
        Falsification("convexity, by a gap", models(robustness=robustnesses, gap=st.floats(1, 20))),
    ),
    uses=("signs", "different activities"),
)
def as_many_tight_as_nonzero(model: Model, robustness: float, **constraint: float) -> Evidence:
    found = _capacity(model, robustness, **constraint)
    tight = found.load * tight_fraction(found, model["f_out"])
    nonzero = 1 - found.sparsity
    evidence = Evidence.equal("tight associations, an input", tight, nonzero, IDENTITY * nonzero)
    return evidence.note("signs", model["inhibitory"] is not None).note(
        "different activities", np.size(model["f_in"]) > 1
    )


@theorem(
    key="associative/vanishing-constraints",
    title="A gap that vanishes, and the density that the weights have anyway, cost nothing, and little at first order",
    statement=(
        r"\alpha_c with the gap 10^{-6}, or with the density (1-10^{-5})(1-S), is that without them within 10^{-6}; "
        r"with the density 1-S it is the same."
    ),
    reference="arXiv:2409.04946, replica theory",
    kind="equality",
    spec="associative T7",
    instances=models(robustness=robustnesses),
    falsify=(
        Falsification("a gap near 0", models(robustness=robustnesses, gap=st.floats(0.5, 2))),
        Falsification("a density near that of the free weights", models(robustness=robustnesses, fewer=st.just(0.1))),
    ),
)
def vanishing_constraints(model: Model, robustness: float, gap: float = 1e-6, fewer: float = 1e-5) -> Evidence:
    alone = _capacity(model, robustness)
    nonzero = min(1 - alone.sparsity, 1.0)  # of weights that are all nonzero, rounding may make it more than 1
    small_gap = _capacity(model, robustness, gap=gap)
    as_dense = _capacity(model, robustness, density=nonzero)
    nearly = _capacity(model, robustness, density=nonzero * (1 - fewer))
    second_order = 1e-6 * alone.load
    return (
        Evidence.equal("load with a small gap", small_gap.load, alone.load, second_order)
        & Evidence.equal("load with the density of the free weights", as_dense.load, alone.load, SOLVED * alone.load)
        & Evidence.equal("load with slightly fewer weights", nearly.load, alone.load, second_order)
        & Evidence.true("slightly fewer weights bind", nearly.density_binds)
    )


@theorem(
    key="associative/wider-gaps-cost-load-and-weights",
    title="A wider gap leaves less load and fewer weights, less than one in its width",
    statement=r"With gaps \delta<\delta': \alpha_c(\delta')<\alpha_c(\delta), S(\delta')>S(\delta), and 1-S<1/\delta.",
    reference="derived here: the mean of |J| is 1",
    kind="bound",
    spec="associative T8",
    instances=models(robustness=robustnesses, gap=gaps, factor=st.floats(1.02, 3)),
    falsify=Falsification(
        "the order of the gaps", models(robustness=robustnesses, gap=gaps, factor=st.floats(0.3, 0.98))
    ),
    uses=("signs", "different activities"),
)
def wider_gaps(model: Model, robustness: float, gap: float, factor: float) -> Evidence:
    narrow, wide = _capacity(model, robustness, gap=[gap, factor * gap])
    evidence = _less("load", wide.load, narrow.load) & _less("sparsity", narrow.sparsity, wide.sparsity)
    for found in (narrow, wide):
        evidence &= _less("nonzero weights", 1 - found.sparsity, 1 / found.gap)
    return evidence.note("signs", model["inhibitory"] is not None).note(
        "different activities", np.size(model["f_in"]) > 1
    )


@theorem(
    key="associative/density-is-the-best-way-to-be-sparse",
    title="A gap stores no more than the best choice of equally many nonzero weights",
    statement=(
        r"\alpha_{gap}\le\alpha_{l0}\le\alpha_{l1} and, at equal sparsity, \alpha_{gap}(S)\le\alpha_{l0}(S); replica "
        r"symmetric."
    ),
    reference="arXiv:2409.04946: the l0 constraint gives the optimal sparsity",
    kind="bound",
    spec="associative T9",
    instances=models(robustness=robustnesses, density=densities, gap=gaps),
    falsify=Falsification(
        "equal sparsity: half as many weights",
        models(robustness=robustnesses, density=densities, gap=gaps, share=st.just(0.5)),
    ),
)
def density_is_best(model: Model, robustness: float, density: float, gap: float, share: float = 1.0) -> Evidence:
    alone, gapped = _capacity(model, robustness), _capacity(model, robustness, gap=gap)
    equally_sparse = _capacity(model, robustness, density=min(share * (1 - gapped.sparsity), 1.0))
    return (
        _no_more("load with a density", _capacity(model, robustness, density=density).load, alone.load)
        & _no_more("load with a gap", gapped.load, alone.load)
        & _no_more("gap against density", gapped.load, equally_sparse.load)
    )


@theorem(
    key="associative/gaps-are-nearly-as-efficient",
    title="If inputs are equally active, a gap stores 97.4% of what equally many chosen weights store, or more",
    statement=(
        r"One activity f_{in}: .974\le\alpha_{gap}/\alpha_{l0}\le1 at equal sparsity for all gaps, thresholds, signs, "
        r"outputs and robustnesses; the least is .97403 at \delta=3.87, \kappa=0. Both loads are replica symmetric. "
        r"With inputs of different activity the ratio can be far smaller: .75 for f_{in}\in\{.01,.5\}, gap 9.4."
    ),
    reference="arXiv:2409.04946: eliminating weak connections is nearly as efficient; the bound is found here",
    kind="conjecture",
    spec="associative T10",
    instances=models(alike, robustness=robustnesses, gap=st.floats(0.1, 40)),
    examples=(
        {
            "model": {"f_in": 0.5, "f_out": 0.5, "inhibitory": None, "threshold": 0.0},
            "robustness": 0.0,
            "gap": 3.87,
        },
    ),
    falsify=Falsification(
        "inputs that are equally active", models(mixed, robustness=robustnesses, gap=st.floats(0.1, 40))
    ),
    uses=("signs", "below .975"),
)
def gaps_are_nearly_as_efficient(model: Model, robustness: float, gap: float) -> Evidence:
    gapped = _capacity(model, robustness, gap=gap)
    best = _capacity(model, robustness, density=min(1 - gapped.sparsity, 1.0))
    ratio = gapped.load / best.load
    evidence = Evidence.at_most("least efficiency", 0.974, ratio) & _no_more("efficiency", ratio, 1.0)
    return evidence.note("signs", model["inhibitory"] is not None).note("below .975", ratio < 0.975)


_more_robust = {"robustness": st.just(0.0) | st.floats(0.01, 5), "more": st.floats(0.01, 2)}


def _costs_of_robustness(model: Model, robustness: float, more: float, **constraint: float) -> Evidence:
    low, high = _capacity(model, [robustness, robustness + more], **constraint)
    evidence = _less("load", high.load, low.load)
    return evidence & _less("sparsity", low.sparsity, high.sparsity)


@theorem(
    key="associative/robustness-costs-load-and-weights",
    title="More robustness takes load and nonzero weights",
    statement=(
        r"\alpha_c falls with \kappa, whatever the constraint; with constraints on the l1 norm and on signs only, S "
        r"rises."
    ),
    reference="arXiv:2409.04946",
    kind="bound",
    spec="associative T11",
    instances=models(**_more_robust, density=densities, gap=gaps),
    falsify=(
        Falsification(
            "the order of the robustnesses",
            models(robustness=st.just(1.0), more=st.floats(-0.9, -0.1), density=densities, gap=gaps),
        ),
        Falsification(
            "convexity, for the sparsity: a gap where some inputs are rarely active",
            models(
                st.floats(0.2, 0.5).map(lambda f: np.array([0.01, f])),
                robustness=st.just(0.0),
                more=st.floats(0.01, 0.1),
                gap=st.floats(5, 20),
            ),
            _costs_of_robustness,
        ),
    ),
)
def robustness_costs(model: Model, robustness: float, more: float, density: float, gap: float) -> Evidence:
    evidence = _costs_of_robustness(model, robustness, more)
    for constraint in ({"density": density}, {"gap": gap}):
        low, high = _capacity(model, [robustness, robustness + more], **constraint)
        evidence &= _less(f"load with a {next(iter(constraint))}", high.load, low.load)
    return evidence


_any_constraint = {"robustness": robustnesses, "density": densities, "gap": gaps}


def _same_capacities(model: Model, changed: Model, robustness: float, density: float, gap: float) -> Evidence:
    evidence = Evidence()
    for constraint in ({}, {"density": density}, {"gap": gap}):
        one, other = (_capacity(m, robustness, **constraint) for m in (model, changed))
        evidence &= _same(next(iter(constraint), "l1"), other, one)
    return evidence.note("signs", model["inhibitory"] is not None).note("threshold", model["threshold"] != 0)


@theorem(
    key="associative/outputs-0-and-1-are-alike",
    title="Outputs 0 and 1 may be exchanged, whatever the threshold and the signs",
    statement=(
        r"\alpha_c and S are the same for f_{out} and 1-f_{out} at any h and n_{inh}, whatever the constraint: as "
        r"N\to\infty the threshold fixes the mean of f_jJ_j only, and (u_-,u_+) are exchanged."
    ),
    reference="derived here; it is usually stated for h=0 and free signs, where it follows from J -> -J",
    kind="equality",
    spec="associative T11",
    instances=models(**_any_constraint),
    falsify=Falsification("a 0 as frequent as the 1 was before", models(**_any_constraint, factor=st.just(0.5))),
    uses=("signs", "threshold"),
)
def outputs_are_alike(model: Model, factor: float = 1.0, **drawn: float) -> Evidence:
    return _same_capacities(model, {**model, "f_out": factor * (1 - model["f_out"])}, **drawn)


@theorem(
    key="associative/reversal-of-all-signs",
    title="Excitation and inhibition may be exchanged together with the sign of the threshold, and outputs as well",
    statement=(
        r"J\to-J: \alpha_c and S are the same for (h,f_{out},n_{inh}) and (-h,1-f_{out},1-n_{inh}), whatever the "
        r"constraint."
    ),
    reference="arXiv:2409.04946",
    kind="equality",
    spec="associative T12",
    instances=models(**_any_constraint),
    falsify=(
        Falsification(
            "the threshold's change of sign",
            models(inhibitory=signed, threshold=st.floats(0.2, 0.9), **_any_constraint, factor=st.just(1.0)),
        ),
        Falsification(
            "the weights' change of sign",
            models(inhibitory=st.floats(0.05, 0.4), **_any_constraint, signs=st.just(False)),
        ),
    ),
    uses=("signs", "threshold"),
)
def reversal_of_all_signs(model: Model, factor: float = -1.0, signs: bool = True, **drawn: float) -> Evidence:
    inhibitory = model["inhibitory"]
    opposite = {
        **model,
        "threshold": factor * model["threshold"],
        "f_out": 1 - model["f_out"],
        "inhibitory": 1 - inhibitory if signs and inhibitory is not None else inhibitory,
    }
    return _same_capacities(model, opposite, **drawn)
