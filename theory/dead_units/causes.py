"""What kills units: rate, batch, decay and noise. Statements on ensembles of runs, each with its test."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from convexnn.training import Noise
from theory.dead_units.experiments import SEEDS, descend, found, higher_in_pairs, noisy_sine, rises
from theory.instances import Instances
from theory.statement import Evidence, Falsification, theorem

_RATES = (0.02, 0.05, 0.1, 0.2, 0.3)


def _data_sets(**fixed: object) -> Instances:
    """Two data sets."""
    return st.sampled_from([{"number": number, **fixed} for number in range(2)])


def _faster(number: int, rates: Sequence[float], steps: int = 3000, distance: float = 150.0) -> Evidence:
    data = noisy_sine(number)
    evidence = Evidence()
    for name, n_steps in (
        (f"{steps} steps", [steps] * len(rates)),
        (f"rate times steps {distance:g}", [round(distance / rate) for rate in rates]),
    ):
        dead = [
            descend(data, rate=rate, n_steps=count, first=k * SEEDS).dead_fraction
            for k, (rate, count) in enumerate(zip(rates, n_steps, strict=True))
        ]
        evidence &= rises(f"the dead fraction against the rate at {name}", rates, dead)
    return evidence.note(f"{len(rates)} rates, {SEEDS} seeds each")


@theorem(
    key="dead-units/large-rates-kill",
    title="The dead fraction rises with the learning rate, also for the same rate times steps, but beyond a threshold",
    statement=(
        r"Stochastic gradient descent, rates .02 to .3: \rho>0 with p\le10^{-3}, at equally many steps and at equal "
        r"\eta T. Below the threshold no effect of the rate is found: it is no power law."
    ),
    reference="arXiv:2403.07688 has the effect; the threshold is found here, on noisy sines with 64 data and units",
    kind="conjecture",
    spec="A-4",
    instances=_data_sets(rates=_RATES),
    falsify=Falsification("rates beyond the threshold", _data_sets(rates=(0.02, 0.03, 0.045))),
)
def large_rates_kill(number: int, rates: Sequence[float]) -> Evidence:
    return _faster(number, rates)


def _smaller_batches(number: int, sizes: Sequence[int], steps: int = 2000) -> Evidence:
    data = noisy_sine(number)
    dead = [
        descend(data, rate=0.2, n_steps=steps, batch_size=size, first=k * SEEDS).dead_fraction
        for k, size in enumerate(sizes)
    ]
    slow = descend(data, rate=0.02, n_steps=10 * steps, batch_size=64, first=len(sizes) * SEEDS).dead_fraction
    floor = stats.mannwhitneyu(dead[-1], slow, alternative="greater").pvalue
    return (
        rises("the dead fraction against 1 / batch", [1 / size for size in sizes], dead)
        & found("more dead at full batch than at a tenth of the rate (Mann-Whitney)", floor)
    ).note(f"{len(sizes)} sizes, {SEEDS} seeds each")


@theorem(
    key="dead-units/small-batches-kill",
    title="The dead fraction falls with the batch size, down to a floor that large rates leave at full batch",
    statement=(
        r"Rate .2, batches of 1 to 64 of 64 data: \rho<0, p\le10^{-3}; without any sampling noise, at full batch, more "
        r"units die than at a tenth of the rate and ten times the steps. From 8 on no effect of the batch is found."
    ),
    reference="arXiv:2403.07688 has the effect; the floor is found here, on noisy sines with 64 data and units",
    kind="conjecture",
    spec="A-5",
    instances=_data_sets(sizes=(1, 2, 4, 8, 64)),
    falsify=Falsification("batches below 8", _data_sets(sizes=(8, 16, 32, 64))),
)
def small_batches_kill(number: int, sizes: Sequence[int]) -> Evidence:
    return _smaller_batches(number, sizes)


def _stronger(number: int, decays: Sequence[float], steps: int = 3000) -> Evidence:
    data, evidence = noisy_sine(number), Evidence()
    for optimizer, rate in (("sgd", 0.05), ("adam", 3e-3)):
        dead = [
            descend(data, rate=rate, n_steps=steps, decay=decay, optimizer=optimizer, first=k * SEEDS).dead_fraction
            for k, decay in enumerate(decays)
        ]
        evidence &= rises(f"{optimizer}: the dead fraction against the decay", decays, dead)
    return evidence.note(f"{len(decays)} decays, {SEEDS} seeds each")


@theorem(
    key="dead-units/decay-kills",
    title="The dead fraction rises with the penalty of the weights, for gradient descent and for Adam",
    statement=(
        r"\lambda/2\sum(w^2+a^2), \lambda from 0 to .03 beside the mean loss, biases free: \rho>0, p\le10^{-3}. "
        r"Of penalties too weak to act within the run, \lambda\le10^{-5}, no effect is found."
    ),
    reference="arXiv:2403.07688; on noisy sines with 64 data and units",
    kind="conjecture",
    spec="A-6",
    instances=_data_sets(decays=(0.0, 1e-3, 1e-2, 3e-2)),
    falsify=Falsification("decay that has the time to act", _data_sets(decays=(0.0, 1e-6, 3e-6, 1e-5))),
)
def decay_kills(number: int, decays: Sequence[float]) -> Evidence:
    return _stronger(number, decays)


def _shaken(units: str, sigma: float, width: int = 32, n_steps: int = 2500) -> NDArray:
    noise = Noise(sigma, units)
    return descend(noisy_sine(0), rate=0.05, noise=noise, width=width, n_steps=n_steps).dead_fraction


_noises = st.fixed_dictionaries({"sigma": st.sampled_from((1e-3, 3e-3, 1e-2))})


def _asymmetry(sigma: float, units: str = "live") -> Evidence:
    evidence = higher_in_pairs("more dead than by noise on all units", _shaken(units, sigma), _shaken("all", sigma))
    return evidence.note(f"{SEEDS} pairs of one seed")


@theorem(
    key="dead-units/noise-on-the-live-kills-more",
    title="Noise that spares the dead kills more units than noise on all",
    statement=r"Noise of \sigma=.001, .003 or .01 a step on live units against the same on all units: p\le10^{-3}.",
    reference="arXiv:2403.07688; a noisy sine with 64 data, 32 units",
    kind="conjecture",
    spec="A-7",
    instances=_noises,
    falsify=Falsification(
        "that the live are shaken: the dead are", _noises, lambda sigma: _asymmetry(sigma, units="dead")
    ),
)
def noise_on_the_live_kills_more(sigma: float) -> Evidence:
    return _asymmetry(sigma)


def _revival(units: str) -> Evidence:
    still, faint = (_shaken(units, sigma, width=64, n_steps=4000) for sigma in (0.0, 1e-4))
    return higher_in_pairs("more dead without noise", still, faint)


@theorem(
    key="dead-units/faint-noise-revives",
    title="Faint noise on all units leaves fewer dead than no noise; on live units it does not",
    statement=r"\sigma=10^{-4} a step on all units revives more than it kills: p\le10^{-3} against no noise.",
    reference="found here; a noisy sine with 64 data and units",
    kind="conjecture",
    spec="A-7",
    instances=st.fixed_dictionaries({"units": st.just("all")}),
    falsify=Falsification("noise on dead units, too", st.fixed_dictionaries({"units": st.just("live")})),
)
def faint_noise_revives(units: str) -> Evidence:
    return _revival(units).note(f"{SEEDS} pairs of one seed")
