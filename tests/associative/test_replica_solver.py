"""The solver: the published equations at its solutions, thousands of random parameters, grids, and inverses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import erfcx, ndtr

from convexnn.associative import capacity, max_sparsity, robustness, saddle
from convexnn.associative.model import Ensemble
from convexnn.errors import InfeasibleError, NotConvergedError
from convexnn.kernels.moments import multipliers, output_side

ROOT_PI = np.sqrt(np.pi)


def gaussian(x):
    """E, F and D as published; in the left tail through erfcx."""
    x = np.asarray(x, dtype=float)
    a = np.maximum(-x, 1)
    scaled = 1 / ROOT_PI - a * erfcx(a)
    e = ndtr(np.sqrt(2) * x)
    f = np.where(x < -1, np.exp(-(a**2)) * scaled, np.exp(-(x**2)) / ROOT_PI + 2 * x * e)
    d = np.where(x < -1, np.exp(-(a**2)) * (erfcx(a) / 2 - a * scaled), x * f + e)
    return e, f, d


def published_residuals(found, robustness, *, threshold=0.0, f_in=0.5, f_out=0.5, inhibitory=None, density=None, gap=0):
    """Scaled residuals of the six equations, and the load they give, from the order parameters of `found`."""
    p = found.order_parameters
    u_minus, u_plus, q, Q, z, eta, x = (p[name] for name in ("u_minus", "u_plus", "q", "Q", "z", "eta", "x"))
    f = np.atleast_1d(f_in)
    sigma = np.sqrt(f * (1 - f))
    P = A = H = V = C = 0.0
    for tau, share in zip((1, -1), (1, 1) if inhibitory is None else (1 - inhibitory, inhibitory), strict=True):
        b = -(tau * f * z + eta / 2) / sigma
        edge = gap * sigma * Q if gap else x + 0 * sigma
        e, f_edge, d = gaussian(b - edge)
        e_onset, f_onset, _ = gaussian(b - edge / 2) if gap else (e, f_edge, d)
        first = f_edge + 2 * edge * e_onset
        P += share * np.mean(e_onset)
        A += share * np.mean(first / sigma)
        H += share * np.mean(tau * f * first / sigma)
        V += share * np.mean(d + 2 * edge * f_edge + 2 * edge**2 * e_onset)
        C += share * np.mean(edge * (f_edge - f_onset) + edge**2 * e_onset) if gap else 0
    E, F, D = f_out * np.array(gaussian(u_minus)) + (1 - f_out) * np.array(gaussian(u_plus))
    spread = u_minus + u_plus
    residuals = {
        "i": (f_out * gaussian(u_minus)[1] - (1 - f_out) * gaussian(u_plus)[1]) / F,
        "ii": A / (2 * Q) - 1,
        "iii": H / A - threshold,
        "iv": V / (2 * Q**2 * q) - 1,
        "v": ((2 * threshold * z + eta) * Q - C) / (Q**2 * q) - spread * F / E,
        "margins": spread - robustness * np.sqrt(2 / q),
        "vi": P / density - 1 if found.density_binds else 0.0,
        "sparsity": 1 - P - found.sparsity,
    }
    return residuals, V * D / E**2


def draw(rng):
    """Parameters of one of the six cases; the threshold may be out of reach."""
    several = rng.random() < 0.4
    f_in = rng.uniform(0.03, 0.97, rng.integers(2, 20)) if several else float(rng.uniform(0.03, 0.97))
    at = {
        "robustness": 0.0 if rng.random() < 0.2 else float(10 ** rng.uniform(-6, 1)),
        "threshold": 0.0 if rng.random() < 0.4 else float(rng.uniform(-1, 1)),
        "f_in": f_in,
        "f_out": float(rng.uniform(0.02, 0.98)),
    }
    if rng.random() < 0.5:
        at["inhibitory"] = float(rng.uniform(0.05, 0.95))
    constraint = rng.integers(3)
    if constraint == 1:
        at["density"] = float(10 ** rng.uniform(-2, 0))
    if constraint == 2:
        at["gap"] = float(10 ** rng.uniform(-2, 1.5))
    return at


def test_every_feasible_point_is_solved():
    rng = np.random.default_rng(4946)
    solved = binding = 0
    for _ in range(10_000):
        at = draw(rng)
        if abs(at["threshold"]) > np.max(at["f_in"]):
            with pytest.raises(InfeasibleError):
                capacity(**at)
            continue
        found = capacity(**at)
        assert found.residual <= 1e-10, at
        assert found.load > 0, at
        assert 0 <= found.sparsity + 1e-12 < 1, at
        solved += 1
        binding += found.density_binds
    assert solved > 7000
    assert binding > 1000


def test_published_equations():
    rng = np.random.default_rng(5)
    for _ in range(500):
        at = draw(rng)
        at["threshold"] *= np.max(at["f_in"])
        found = capacity(**at)
        residuals, load = published_residuals(found, **at)
        # The published left tail of D loses digits; here b is above -6.
        assert max(map(abs, residuals.values())) <= 1e-10, (at, residuals)
        assert load == pytest.approx(found.load, rel=1e-10)


def largest_ratio(at):
    """The maximum over the norm of the weights of (T / Phi)^2, which is the load, from a scan of stiffnesses."""
    activities, counts = np.unique(at["f_in"], return_counts=True)
    constraints = {name: at[name] for name in ("threshold", "f_out", "inhibitory", "density", "gap") if name in at}
    population = Ensemble(activities, counts / counts.sum(), **constraints).population()
    gap, density = at.get("gap", 0.0), at.get("density", np.inf)
    scale = 1 / (population.sigma * max(1, gap, 1 / density))
    found = []
    for stiffness in np.geomspace(1e-3 * scale.min(), 8 * scale.max(), 3000):
        side = multipliers(population, stiffness, gap, density)
        toll = side.toll if gap else 0.0
        correlation = max(side.second + 2 * side.price * stiffness - toll, 0.0)  # sqrt(2) Q T(r)
        cost = output_side(at["robustness"] * 2 * stiffness / np.sqrt(side.second), at["f_out"]).second * side.second
        found.append(correlation**2 / cost)
    return max(found)


@pytest.mark.parametrize("seed", range(12))
def test_capacity_is_the_largest_ratio(seed):
    rng = np.random.default_rng(seed)
    at = draw(rng)
    at["f_in"] = np.append(rng.uniform(0.1, 0.9, 3), rng.uniform(0.005, 0.03))
    at["threshold"] *= 0.9 * np.max(at["f_in"])
    at["robustness"] = float(rng.choice([0.0, rng.uniform(0, 2)]))
    if seed % 2:
        at.pop("density", None)
        at["gap"] = float(10 ** rng.uniform(1, 3))
    found = capacity(**at)
    # The scan misses the maximum by a relative (log step)^2 times a curvature of order 1.
    assert found.load == pytest.approx(largest_ratio(at), rel=1e-4)
    assert found.load >= largest_ratio(at) * (1 - 1e-12)


def test_the_best_of_several_saddle_points():
    # Inputs that hardly vary or inputs that vary much: there is a maximum for each, and a minimum between them.
    constraint = {"f_in": [0.01, 0.5], "gap": 10}
    ensemble = Ensemble(np.array([0.01, 0.5]), np.array([0.5, 0.5]), gap=10.0)
    population = ensemble.population()
    roots = saddle._roots(
        lambda log_q: saddle._stationary(ensemble, population, log_q).robustness,
        saddle._stations(ensemble, population),
    )
    loads = [saddle._stationary(ensemble, population, root).load for root in roots]
    np.testing.assert_allclose(loads, [0.629207, 0.532169, 0.623132], atol=1e-6)
    assert capacity(**constraint).load == pytest.approx(loads[0], rel=1e-12)
    # At a load that two of them reach, the more robust one counts.
    back = robustness(0.6, **constraint)
    assert capacity(robustness=back.robustness, **constraint).load == pytest.approx(0.6, rel=1e-12)
    loads = capacity(robustness=np.linspace(0, 1, 30), **constraint).load
    assert (np.diff(loads) < 0).all()


@pytest.mark.parametrize("margin", [1e-12, 1e-9, 1e-6])
@pytest.mark.parametrize("constraint", [{}, {"density": 0.3}, {"gap": 2.0}, {"inhibitory": 0.2, "threshold": 0.1}])
def test_small_robustness_is_continuous(constraint, margin):
    # The load is smooth in the robustness, with a slope of order 5 at 0.
    limit, found = capacity(**constraint), capacity(robustness=margin, **constraint)
    assert found.load == pytest.approx(limit.load, abs=10 * margin + 1e-12)
    assert found.residual <= 1e-12


@pytest.mark.parametrize("constraint", [{}, {"density": 0.3}, {"gap": 2.0}, {"inhibitory": 0.2}, {"f_out": 0.01}])
def test_large_robustness(constraint):
    margins = 10.0 ** np.arange(1, 13)
    found = capacity(robustness=margins, **constraint)
    assert found.residual.max() <= 1e-10
    assert (np.diff(found.load) < 0).all()
    assert found.load[-1] < 1e-20
    assert (1 - found.sparsity <= 1 / margins).all()


@pytest.mark.parametrize("constraint", [{"density": 1e-9}, {"gap": 1e9}])
@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_extremely_sparse(constraint, margin):
    found = capacity(robustness=margin, **constraint)
    assert found.residual <= 1e-10
    assert 1 - found.sparsity == pytest.approx(1e-9, rel=0.2)


@pytest.mark.parametrize("constraint", [{}, {"density": 0.05}, {"gap": 3.0}, {"inhibitory": 0.3}])
@pytest.mark.parametrize("short", [1e-1, 1e-4, 1e-8, 1e-13])
def test_threshold_near_its_limit(constraint, short):
    # Only few of the most active inputs have weights there.
    f_in = np.linspace(0.1, 0.6, 40)
    limit = capacity(threshold=0.6, f_in=f_in, robustness=0.1, **constraint)
    found = capacity(threshold=0.6 * (1 - short), f_in=f_in, robustness=0.1, **constraint)
    assert found.residual <= 1e-10
    assert limit.residual <= 1e-10
    assert found.load > limit.load
    if short <= 1e-8:
        assert found.load == pytest.approx(limit.load, rel=1e-4)


@pytest.mark.parametrize("f_out", [1e-12, 1e-4, 0.9999])
def test_rare_outputs(f_out):
    found = capacity(robustness=[0, 0.3], f_out=f_out, threshold=0.05, density=0.4)
    assert found.residual.max() <= 1e-10


@pytest.mark.parametrize(
    "constraint",
    [
        {},
        {"threshold": 0.1, "f_out": 0.3},
        {"inhibitory": 0.2},
        {"density": 0.3},
        {"gap": 2.0},
        {"inhibitory": 0.2, "density": 0.2},
        {"inhibitory": 0.2, "gap": 2.5},
        {"f_in": [0.2, 0.5, 0.6], "inhibitory": 0.4, "gap": 1.0},
    ],
)
def test_robustness_inverts_capacity(constraint):
    margins = np.array([0.0, 1e-6, 0.05, 0.7, 4.0])
    full = capacity(robustness=margins, **constraint)
    back = robustness(full.load, **constraint)
    np.testing.assert_allclose(back.robustness, margins, atol=1e-11)
    np.testing.assert_allclose(back.load, full.load, rtol=1e-12)
    np.testing.assert_allclose(back.sparsity, full.sparsity, atol=1e-11)
    assert back.residual.max() <= 1e-10


@pytest.mark.parametrize("by", ["density", "gap"])
@pytest.mark.parametrize("constraint", [{}, {"inhibitory": 0.3}, {"threshold": 0.1, "f_out": 0.3}])
def test_max_sparsity_inverts_capacity(by, constraint):
    found = max_sparsity(0.3, robustness=0.2, by=by, **constraint)
    back = capacity(robustness=0.2, **constraint, **{by: getattr(found, by)})
    assert found.load == pytest.approx(0.3, rel=1e-11)
    assert back.load == pytest.approx(0.3, rel=1e-11)
    assert back.sparsity == found.sparsity


def test_max_sparsity_at_capacity_is_that_without_constraint():
    free = capacity(robustness=0.2)
    for by in ("density", "gap"):
        found = max_sparsity(free.load, robustness=0.2, by=by)
        assert found.sparsity == free.sparsity
        assert not found.is_upper_bound


def test_grid_is_made_of_points():
    margins, gaps = np.array([0.0, 0.1, 0.5]), np.array([[0.5], [2.0]])
    found = capacity(robustness=margins, gap=gaps, f_in=[0.2, 0.5, 0.5])
    assert found.load.shape == found.sparsity.shape == found.residual.shape == (2, 3)
    assert found.order_parameters["Q"].shape == (2, 3)
    point = capacity(robustness=0.1, gap=2.0, f_in=[0.5, 0.2, 0.5])
    assert isinstance(point.load, float)
    assert found[1, 1].load == point.load
    assert found[1].load.tolist() == found.load[1].tolist()
    assert [row.load.shape for row in found] == [(3,), (3,)]
    assert found[1, 1].weight_density([3.0]) == point.weight_density([3.0])


def test_equal_inputs_are_counted():
    one, several = capacity(robustness=0.1, f_in=0.3, gap=1.0), capacity(robustness=0.1, f_in=[0.3] * 7, gap=1.0)
    assert one.load == several.load


def test_density_that_does_not_bind():
    free = capacity(robustness=0.5)
    found = capacity(robustness=0.5, density=0.8)
    assert not found.density_binds
    assert not found.is_upper_bound
    assert found.load == pytest.approx(free.load, rel=1e-14)
    assert str(found) == "load 0.758167 at robustness 0.5, sparsity 0.457379; the density 0.8 does not bind"


def test_what_is_only_a_bound_says_so():
    for constraint in ({"density": 0.3}, {"gap": 2.0}):
        found = capacity(robustness=0.1, **constraint)
        assert found.is_upper_bound
        assert str(found).endswith("; replica symmetric, an upper bound")
    assert not capacity(robustness=0.1, inhibitory=0.2).is_upper_bound
    assert capacity(gap=[0, 1]).is_upper_bound.tolist() == [False, True]
    assert repr(capacity(gap=[0, 1])) == "Capacity(capacities on a grid of shape (2,))"


def test_curvature_of_subnormal_size_is_no_obstacle():
    # The third input is all but silent in one state, so that the Hessian of the weights' dual underflows on the way.
    asked = {"f_in": [0.21768203994, 0.599015005068, 0.9999999898103346], "f_out": 0.9706574923310178, "density": 0.427}
    found = capacity(**asked)
    assert found.residual <= 1e-9
    assert robustness(found.load, **asked).robustness == pytest.approx(0, abs=1e-6)


def test_iterating_over_one_point_is_refused():
    with pytest.raises(TypeError, match="unsized"):
        list(capacity())


def test_a_solution_that_does_not_solve_is_not_returned(monkeypatch):
    monkeypatch.setattr(saddle, "_LARGEST_RESIDUAL", -1.0)
    with pytest.raises(NotConvergedError, match="the saddle-point equations are violated by") as caught:
        capacity(robustness=0.1)
    assert caught.value.solution.load == pytest.approx(1.5741832, abs=1e-6)
