"""The limit beta -> 0: interpolation at the least penalty, as the paper's toy data have it."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import ARCHITECTURES, EPS, assert_certified, every_continuous

import convexnn as cnn
from convexnn.datasets import bounce, opt, zshape
from convexnn.errors import InfeasibleError, InputError

TOYS = {"zshape": zshape, "bounce": bounce, "opt": opt}
# Least penalties, from mirror images or in closed form: by architecture, on zshape, bounce and opt.
OPTIMA = {
    "relu-2": (1.5, 4, 2),
    "relu-3": (0.75, 4, 1),
    "relu-4": (0.75, 4, 1),
    "absolute-2": (0.75, 4, 1),
    "absolute-3": (0.75, 4, 1),
    "symmetrized-3": (0.75, 4, 1),
    "sign-2": (1.5, 3.5, 1.5),
    "threshold-2": (3, 7, 3),
}
CASES = [(name, toy, optimum) for name, optima in OPTIMA.items() for toy, optimum in zip(TOYS, optima, strict=True)]


def architecture_of(name):
    return ARCHITECTURES.get(name, cnn.Architecture("relu", 4))


@pytest.mark.parametrize(("name", "toy", "optimum"), CASES, ids=[f"{name}-{toy}" for name, toy, _ in CASES])
def test_the_least_penalty_of_an_interpolant_is_exact(name, toy, optimum):
    x, y = TOYS[toy]()
    solution = cnn.solve(cnn.Problem(x, y, 1.0, architecture_of(name), loss="interpolation"), tol=1e-8)
    assert_certified(solution)
    assert solution.objective == pytest.approx(optimum, rel=1e-13)
    np.testing.assert_allclose(solution.predict(x), y, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("name", "toy", "optimum"), CASES, ids=[f"{name}-{toy}" for name, toy, _ in CASES])
def test_a_tiny_beta_of_squared_loss_comes_within_its_square(name, toy, optimum):
    # The authors' beta. With th the dual point of the limit, beta * optimum - beta^2 |th|^2 / 2 is the first two terms.
    x, y = TOYS[toy]()
    beta = 1e-8
    solution = cnn.solve(cnn.Problem(x, y, beta, architecture_of(name)), tol=1e-8)
    # Its own residual is a difference of targets of size beta, and carries their rounding.
    assert_certified(solution, kkt=8 * EPS * np.ptp(y) * np.ptp(x) / beta)
    limit = cnn.solve(cnn.Problem(x, y, 1.0, architecture_of(name), loss="interpolation"))
    least = optimum - beta * np.sum(limit.certificate.dual_point**2) / 2
    assert least * (1 - 1e-12) <= solution.objective / beta <= optimum


@every_continuous
def test_a_line_costs_what_its_slope_does(architecture):
    x, sigma = np.array([0.0, 1.0, 3.0, 7.0]), architecture.activation
    line = cnn.solve(cnn.Problem(x, 3 * x - 2, 2.0, architecture, loss="interpolation"))
    assert_certified(line)
    assert line.objective == pytest.approx(2 * 3 / max(abs(sigma.left), abs(sigma.right)), rel=1e-13)


def test_reflections_interpolate_for_less():
    # One unit of depth 3 with a mirror image: ||x - 2| - 1| at the witness data of the paper's reflections.
    x = np.array([1.0, 2.0, 7.0, 8.0])
    y = np.abs(np.abs(x - 7) - 5)
    shallow, deep = (
        cnn.solve(cnn.Problem(x, y, 1.0, cnn.Architecture("absolute", depth), loss="interpolation")) for depth in (2, 3)
    )
    assert deep.objective == pytest.approx(1.0, rel=1e-13)
    (feature,) = deep.features
    assert "reflection" in feature.origins
    assert shallow.objective > 1.5


def test_two_targets_at_one_input_cannot_be_met():
    with pytest.raises(InfeasibleError, match=r"got y = 0\.0 and 1\.0 at x = 2\.0 \(rows 0, 2\)"):
        cnn.Problem([2.0, 1.0, 2.0], [0.0, 0.0, 1.0], 1.0, ARCHITECTURES["relu-2"], loss="interpolation")


def test_interpolation_has_its_own_solver():
    problem = cnn.Problem([0.0, 1.0], [0.0, 1.0], 1.0, ARCHITECTURES["relu-2"], loss="interpolation")
    with pytest.raises(InputError, match='use solver="conic"'):
        cnn.solve(problem, solver="columns")
