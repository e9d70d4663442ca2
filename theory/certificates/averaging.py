"""Equal inputs with different targets: only squared loss may be given their average."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import convexnn as cnn
from theory.instances import Instances, inputs, sized, targets
from theory.statement import Evidence, Falsification, theorem

_ARCHITECTURES = (
    cnn.Architecture("relu"),
    cnn.Architecture("absolute"),
    cnn.Architecture("sign"),
    cnn.Architecture("relu", 3),
)


def _rows(centres: NDArray, loss: str) -> tuple[NDArray, NDArray, NDArray]:
    """Lower and upper target of each input, and the weights of the two, with the weighted mean at the centre.

    The targets are so far apart that between them the loss of a pair is constant: every constant there is a best fit.
    """
    tau = {"quantile": 0.25}.get(loss, 0.5)
    apart = (np.ptp(centres) + 1.0) / min(tau, 1 - tau)  # 1 is where Huber's loss turns linear
    return centres - (1 - tau) * apart, centres + tau * apart, np.array([tau, 1 - tau])


def _loss(name: str) -> cnn.losses.Loss:
    return {
        "quantile": cnn.losses.Quantile(0.25),
        "absolute": cnn.losses.Absolute(),
        "huber": cnn.losses.Huber(1.0),
        "squared": cnn.losses.Squared(),
    }[name]


@st.composite
def _pairs(draw: st.DrawFn, names: tuple[str, ...] = ("absolute", "quantile", "huber")) -> dict[str, object]:
    n = draw(st.integers(3, 5))
    return {
        "x": draw(inputs(n)),
        "centres": draw(targets(n)),
        "loss": draw(st.sampled_from(names)),
        "share": draw(st.floats(0.05, 0.9)),
        "architecture": draw(st.sampled_from(_ARCHITECTURES)),
    }


@theorem(
    key="certificates/averaging-ties",
    title="Averaging the targets of equal inputs gives a worse fit with absolute, quantile and Huber loss",
    statement=(
        r"Let each input have two targets with weighted mean g_i, so far apart that the loss of the pair is constant "
        r"between them. Then a constant is optimal, and the fit to the averages g_i, below its own \beta_c, is worse "
        r"by \beta\|z\|_1>0. With squared loss it is optimal."
    ),
    reference="derived in this project",
    kind="counterexample",
    instances=_pairs(),
    falsify=Falsification("a loss other than squares", _pairs(("squared",))),
    uses=("absolute", "quantile", "huber"),
)
def averaging_ties(x: NDArray, centres: NDArray, loss: str, share: float, architecture: cnn.Architecture) -> Evidence:
    kind = _loss(loss)
    low, high, weight = _rows(centres, loss)
    beta = share * cnn.Problem(x, centres, 1.0, architecture, loss=kind).beta_max
    averaged = cnn.solve(cnn.Problem(x, centres, beta, architecture, loss=kind), tol=1e-9, on_failure="raise")
    rows = cnn.Problem(
        np.tile(x, 2),
        np.concatenate([low, high]),
        beta,
        architecture,
        loss=kind,
        sample_weight=np.repeat(weight, len(x)),
    )
    best = cnn.solve(rows, tol=1e-9, on_failure="raise").objective
    reached = rows.objective(averaged.predict(rows.x), averaged.coef)
    rounding = 1e-9 * best
    excess = beta * np.abs(averaged.coef).sum()
    return (
        Evidence.true("the fit to averages is worse", reached > best + rounding)
        & Evidence.equal("excess", reached - best, excess, 2 * rounding)
    ).note(loss)


def _votes(lowest: int, highest: int) -> Instances:
    return sized(
        3,
        5,
        x=inputs,
        eighths=lambda n: st.lists(st.integers(lowest, highest), min_size=n, max_size=n).map(np.array),
        share=lambda n: st.floats(0.05, 0.9),
        architecture=lambda n: st.sampled_from(_ARCHITECTURES),
    )


@theorem(
    key="certificates/averaging-labels",
    title="Averaged labels under logistic loss pretend that a perfect fit exists",
    statement=(
        r"If a weight p_i\in(1/2,1) of the labels at each input is +1, the loss \log(1+\exp(-\bar y_if)) of the "
        r"averages \bar y_i=2p_i-1 has infimum 0, at f\to\infty, where the loss of the labels is unbounded; their "
        r"optimum is a finite fit."
    ),
    reference="derived in this project",
    kind="counterexample",
    instances=_votes(5, 7),
    falsify=Falsification("a majority of +1 at every input", _votes(1, 3)),
)
def averaging_labels(x: NDArray, eighths: NDArray, share: float, architecture: cnn.Architecture) -> Evidence:
    n, positive = len(x), eighths / 8
    data: dict[str, Any] = {"x": np.tile(x, 2), "y": np.repeat([1.0, -1.0], n), "architecture": architecture}
    weight = np.concatenate([positive, 1 - positive])
    beta_max = cnn.Problem(**data, beta=1.0, loss="logistic", sample_weight=weight).beta_max
    rows = cnn.Problem(**data, beta=share * (beta_max or 1.0), loss="logistic", sample_weight=weight)
    optimum = cnn.solve(rows, tol=1e-9, on_failure="raise").objective
    averages = 2 * positive - 1
    large = 60.0 / averages.min()
    pretended = float(np.logaddexp(0.0, -averages * large).sum())
    true = rows.objective(np.full(2 * n, large), [])
    # The fit f = 0 costs log 2 an input; at the large constant the labels -1 cost at least (1/8) 60 / (3/4) an input.
    smallest = n * np.exp(-60.0)
    return (
        Evidence.at_most("loss of the averages at a large constant", pretended, smallest, 1e-12 * smallest)
        & Evidence.at_most("10 an input, loss of the labels there", 10.0 * n, true)
        & Evidence.at_most("optimum", optimum, n * np.log(2.0))
    )
