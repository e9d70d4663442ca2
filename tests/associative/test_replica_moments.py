"""The compiled moments against sympy's integrals and thirty digits; the dual's derivatives against differences."""

from __future__ import annotations

import functools

import mpmath
import numpy as np
import pytest
import sympy

from convexnn.kernels.moments import (
    Population,
    gaussian_moments,
    multipliers,
    output_side,
    outputs_at,
    single_weight,
    weight_side,
)
from theory.associative import symbolic

EPS = float(np.finfo(float).eps)
NAMES = ("nonzero", "first", "second", "toll", "slope")


@functools.cache
def exact_moments(law):
    """The integrals as functions of b, x and k, in mpmath's numbers."""
    exact = symbolic.averages(law)
    return sympy.lambdify((symbolic.b, symbolic.x, symbolic.k), [exact[name] for name in NAMES], "mpmath")


@pytest.mark.parametrize("law", symbolic.LAWS)
def test_symbolic_twin(law):
    assert all(difference == 0 for difference in symbolic.identities(law).values())


@pytest.mark.parametrize("law", symbolic.LAWS)
@pytest.mark.parametrize("b", [-12.0, -1.5, 0.0, 0.3, 4.0])
@pytest.mark.parametrize("edge", [1e-3, 0.7, 3.0])
def test_coded_moments_are_the_integrals_of_the_law(law, b, edge):
    with mpmath.workdps(250):
        wanted = [float(moment) for moment in exact_moments(law)(mpmath.mpf(b), mpmath.mpf(edge), mpmath.mpf(edge))]
    onset, edge = {"soft": (0.0, 0.0), "density": (edge, edge), "gap": (edge / 2, edge)}[law]
    coded = single_weight(b, onset, edge)
    for name, value, want in zip(NAMES, coded, wanted, strict=True):
        # In the tail exp(-t^2) has the condition number 2 t^2. The toll is a difference of terms of size `scale`.
        tolerance = 1e-13 + 2 * EPS * (b - edge) ** 2
        scale = edge * coded[1] if name == "toll" else want
        assert value == pytest.approx(want, rel=0, abs=tolerance * scale), name


@pytest.mark.parametrize("x", [-25.0, -10.0, -5.0, -2.0 - 1e-9, -2.0 + 1e-9, -1.0, -0.1, 0.0, 0.5, 2.0, 7.0])
def test_gaussian_moments_keep_their_relative_accuracy(x):
    with mpmath.workdps(600):
        t = mpmath.mpf(x)
        e = mpmath.erfc(-t) / 2
        f = mpmath.exp(-t * t) / mpmath.sqrt(mpmath.pi) + 2 * t * e
        want = [float(e), float(f), float(t * f + e)]
    np.testing.assert_allclose(gaussian_moments(x), want, rtol=1e-13)


@pytest.fixture(params=["unsigned", "signed"])
def population(request):
    f, threshold = np.array([0.1, 0.4, 0.45, 0.8]), 0.07
    sign = np.repeat([1.0, -1.0], 4)
    share = np.repeat([0.7, 0.3] if request.param == "signed" else [1.0, 1.0], 4) / 4
    f = np.tile(f, 2)
    return Population(sign, sign * f - threshold, np.sqrt(f * (1 - f)), share)


@pytest.mark.parametrize(("gap", "density", "x"), [(0.0, np.inf, 0.0), (0.0, 0.3, 0.6), (2.0, np.inf, 0.0)])
def test_gradient_and_hessian_of_the_dual(population, gap, density, x):
    stiffness = 0.6
    at = np.array([0.1, -0.2, x**2])

    def side(point):
        return weight_side(population, stiffness, gap, point[0], point[1], np.sqrt(point[2]))

    def dual(point):
        weights, _ = side(point)
        return weights.second / 2 - weights.toll + 2 * stiffness * point[0] + (density * point[2] if x else 0)

    def gradient(point):
        weights, _ = side(point)
        return np.array([2 * stiffness - weights.absolute, -weights.excess, density - weights.nonzero if x else 0])

    free = 3 if x else 2
    steps = 1e-5 * np.eye(3)[:free]
    differences = [(dual(at + step) - dual(at - step)) / 2e-5 for step in steps]
    np.testing.assert_allclose(differences, gradient(at)[:free], atol=1e-9)
    curvatures = [(gradient(at + step) - gradient(at - step))[:free] / 2e-5 for step in steps]
    _, hessian = side(at)
    np.testing.assert_allclose(np.triu(curvatures), hessian[:free, :free], atol=1e-8)


@pytest.mark.parametrize(("gap", "density"), [(0.0, np.inf), (0.0, 0.3), (0.0, 1.0), (2.0, np.inf)])
@pytest.mark.parametrize("stiffness", [1e-12, 1e-3, 0.1, 0.8])
def test_multipliers_meet_the_constraints(population, stiffness, gap, density):
    weights = multipliers(population, stiffness, gap, density)
    assert weights.absolute == pytest.approx(2 * stiffness, rel=1e-11)
    assert weights.excess == pytest.approx(0, abs=1e-11 * weights.absolute)
    if weights.x > 0:
        assert weights.nonzero == pytest.approx(density, rel=1e-11)
    else:
        assert weights.nonzero <= density


@pytest.mark.parametrize("f_out", [1e-300, 1e-12, 0.1, 0.5, 0.7, 1 - 1e-15])
@pytest.mark.parametrize("ratio", [-1.0, -0.2, 0.0, 1e-9, 0.5, 40.0, 1e6])
def test_margins(f_out, ratio):
    outputs = outputs_at(ratio, f_out)
    e, f, d = (
        f_out * minus + (1 - f_out) * plus
        for minus, plus in zip(gaussian_moments(outputs.u_minus), gaussian_moments(outputs.u_plus), strict=True)
    )
    spread = outputs.u_minus + outputs.u_plus
    assert spread * f / e == pytest.approx(ratio, rel=1e-12, abs=1e-12)
    assert f_out * gaussian_moments(outputs.u_minus)[1] == pytest.approx(f / 2, rel=1e-12)
    assert outputs[2:] == pytest.approx((e, f, d), rel=1e-12)
    # At the balance of the outputs, D follows from F and E.
    assert d == pytest.approx(spread * f / 2 + e, rel=1e-12)


def test_outputs_exchange_roles():
    outputs, mirrored = output_side(0.3, 0.2), output_side(0.3, 0.8)
    assert (outputs.u_minus, outputs.u_plus) == pytest.approx((mirrored.u_plus, mirrored.u_minus))
    assert outputs[2:] == pytest.approx(mirrored[2:])
