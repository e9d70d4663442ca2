"""The law of the weights: it is a distribution, it meets the constraints, and it is what the drives produce."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from convexnn.associative import capacity
from convexnn.errors import InputError

MODELS = {
    "norm": {},
    "norm, threshold": {"threshold": 0.1, "f_out": 0.3},
    "signs": {"inhibitory": 0.2},
    "density": {"density": 0.3, "threshold": 0.05},
    "gap": {"gap": 2.0, "threshold": 0.05},
    "signs, density": {"inhibitory": 0.2, "density": 0.25},
    "signs, gap": {"inhibitory": 0.2, "gap": 2.5},
    "inhibitory only": {"inhibitory": 1.0, "threshold": -0.4, "f_in": 0.4},
}


@pytest.fixture(params=MODELS.values(), ids=MODELS.keys())
def model(request):
    return request.param


def mean(found, function):
    """The average of a function over the weights: atoms and density."""
    return part(found, function, 1) + part(found, function, -1) + sum(mass * function(w) for w, mass in found.atoms)


def part(found, function, sign):
    """The part of the average that comes from the continuous weights of one sign."""
    start = found.hole * (1 + 1e-14) + 1e-300  # on the side of the sign, out of the hole
    width = 20 / found.order_parameters["Q"]  # at least ten standard deviations of a weight
    return quad(
        lambda w: function(sign * w) * found.weight_density(sign * w), start, start + width, epsabs=1e-12, epsrel=1e-12
    )[0]


def test_moments(model):
    found = capacity(robustness=0.2, **model)
    f = model.get("f_in", 0.5)
    assert mean(found, lambda w: 1) == pytest.approx(1, abs=1e-9)
    assert mean(found, abs) == pytest.approx(1, abs=1e-9)
    assert f * mean(found, lambda w: w) == pytest.approx(model.get("threshold", 0), abs=1e-9)
    assert f * (1 - f) * mean(found, lambda w: w**2) == pytest.approx(found.order_parameters["q"], abs=1e-9)


def test_sides(model):
    found = capacity(robustness=0.2, **model)
    inhibitory = model.get("inhibitory")
    if inhibitory is not None:
        parked = {np.sign(weight): mass for weight, mass in found.atoms}
        assert 0 < part(found, lambda w: 1, -1) + parked.get(-1, 0) < inhibitory
        assert 0 <= part(found, lambda w: 1, 1) + parked.get(1, 0) <= 1 - inhibitory


def test_hole():
    density = capacity(density=0.3, f_in=[0.2, 0.5])
    p = density.order_parameters
    assert density.hole == pytest.approx(p["x"] / (p["Q"] * 0.5))  # of the inputs that vary most
    w = np.linspace(-density.hole, density.hole, 101)[1:-1]
    assert not density.weight_density(w).any()
    assert density.weight_density(1.001 * density.hole) > 0
    assert capacity(gap=2.0).hole == pytest.approx(2)
    assert capacity().hole == 0


def test_weights_of_inputs_that_differ_are_averaged():
    both = capacity(robustness=0.3, f_in=[0.1, 0.5])
    w = np.array([[-3.0, -0.5], [0.2, 4.0]])
    rng = np.random.default_rng(2)
    p = both.order_parameters
    samples = []
    for f in (0.1, 0.5):
        sigma = np.sqrt(f * (1 - f))
        drive = rng.normal(0, np.sqrt(0.5), 400_000)
        b = -(p["eta"] / 2) / sigma
        samples.append((np.maximum(b + drive, 0) - np.maximum(b - drive, 0)) / (p["Q"] * sigma))
    weights = np.concatenate(samples)
    assert np.abs(weights).mean() == pytest.approx(1, abs=0.01)
    assert (weights == 0).mean() == pytest.approx(both.sparsity, abs=0.004)  # five standard errors
    width = 0.1
    for point, density in zip(w.flat, both.weight_density(w).flat, strict=True):
        share = (np.abs(weights - point) < width / 2).mean()
        assert share / width == pytest.approx(density, abs=5 * np.sqrt(density / width / weights.size) + 1e-3)


def test_atoms():
    assert capacity(robustness=0.1, density=0.3).atoms == ((0.0, pytest.approx(0.7, abs=1e-14)),)
    low, zero, high = capacity(robustness=0.1, gap=2).atoms
    assert (low[0], zero[0], high[0]) == (-2, 0, 2)
    assert low[1] == high[1]
    assert [weight for weight, _ in capacity(inhibitory=0, threshold=0.5, gap=1).atoms] == [0, 1]


@pytest.mark.parametrize("name", ["atoms", "hole"])
def test_a_grid_has_many_laws(name):
    grid = capacity(gap=[1.0, 2.0])
    with pytest.raises(InputError, match=rf"{name} needs one set of parameters, got a grid of shape \(2,\); index it"):
        getattr(grid, name)


def test_a_grid_has_many_densities():
    with pytest.raises(
        InputError, match=r"weight_density\(w\) needs one set of parameters, got a grid of shape \(1,\)"
    ):
        capacity(gap=[1.0]).weight_density(0.5)


@pytest.mark.parametrize("w", ["a", None, [[1], [1, 2]], [0.0, np.nan], 1j])
def test_weights_that_are_not_numbers(w):
    with pytest.raises(InputError, match="w must be"):
        capacity().weight_density(w)
