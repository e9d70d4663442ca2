"""From a solution to a network: the same function everywhere, at the same objective."""

from __future__ import annotations

import naive
import numpy as np
import pytest
from helpers import EPS, STEPS, every_architecture, every_loss, problem_at, targets

import convexnn as cnn
from convexnn.network.realise import realise


def solved(architecture, loss, offset=0.0):
    rng = np.random.default_rng(40)
    x = rng.normal(size=8) * 3
    x = np.append(x, x[:2]) + offset
    y = targets(loss, rng.normal(size=10))
    if loss.name == "interpolation":
        y[8:] = y[:2]
    return cnn.solve(problem_at(0.05, x, y, architecture, loss))


def around(x):
    span = np.ptp(x)
    return np.concatenate((x, np.linspace(x.min() - span, x.max() + span, 101)))


def rounding(solution, x):
    """Biases cancel against inputs, so values carry eps of both at the slope of each unit."""
    size = np.abs(solution.coef).sum() * (1 if solution.problem.architecture.activation.is_step else np.abs(x).max())
    return 64 * EPS * (size + abs(solution.intercept) + np.abs(solution.problem.y).max())


@every_loss
@every_architecture
def test_the_network_is_the_solution_on_and_off_the_data(architecture, loss):
    solution = solved(architecture, loss)
    network, x = solution.network(), around(solution.problem.x)
    assert len(solution.features) > 1
    np.testing.assert_allclose(network(x), solution.predict(x), rtol=0, atol=rounding(solution, x))
    np.testing.assert_allclose([naive.forward(network, t) for t in x[:20]], network(x[:20]), atol=rounding(solution, x))


@every_loss
@every_architecture
def test_its_objective_is_that_of_the_lasso(architecture, loss):
    solution = solved(architecture, loss)
    problem, network = solution.problem, solution.network()
    assert network.n_units == len(solution.features)
    assert naive.penalty(network, problem.beta) == pytest.approx(problem.beta * np.abs(solution.coef).sum(), rel=1e-13)
    objective = network.objective(problem.x, problem.y, problem.beta, loss=loss)
    assert objective == pytest.approx(solution.objective, rel=1e-10)


@every_architecture
def test_every_penalised_weight_of_a_unit_has_one_modulus(architecture):
    network = solved(architecture, cnn.losses.Squared()).network()
    if network.amplitude is not None:
        np.testing.assert_array_equal(np.abs(network.alpha), network.amplitude)
        return
    for layer in network.layers:
        np.testing.assert_allclose(np.abs(layer.weights[:, 0, 0]), np.abs(network.alpha), rtol=1e-15)


@pytest.mark.parametrize("offset", [1e4, 1e6])
@every_architecture
def test_an_offset_of_the_inputs_costs_the_digits_it_must(architecture, offset):
    solution = solved(architecture, cnn.losses.Squared(), offset)
    network, x = solution.network(), around(solution.problem.x)
    np.testing.assert_allclose(network(x), solution.predict(x), rtol=0, atol=rounding(solution, x))


@every_architecture
def test_each_feature_alone_is_one_unit(architecture):
    x = np.array([0.0, 1.0, 2.5, 4.0, 7.0, 7.5])
    points = around(x)
    features = list(cnn.dictionary(x, architecture))
    for feature in features[:: max(len(features) // 60, 1)]:
        for z in (3.0, -0.25):
            network = realise(architecture, [feature], np.array([z]), 1.5)
            wanted = 1.5 + z * feature(points)
            np.testing.assert_allclose(network(points), wanted, rtol=0, atol=64 * EPS * 3 * np.abs(points).max())
            assert naive.penalty(network, 2.0) == pytest.approx(2 * abs(z), rel=1e-14)


WIDTHS = {
    "sign-3-tree-1": cnn.Architecture("sign", 3, form="tree", widths=(1,)),
    "sign-4-tree-1-3": cnn.Architecture("sign", 4, form="tree", widths=(1, 3)),
    "sign-4-tree-3-2": cnn.Architecture("sign", 4, form="tree", widths=(3, 2)),
    "sign-5-tree-2-1-2": cnn.Architecture("sign", 5, form="tree", widths=(2, 1, 2)),
    "threshold-4-tree-3-3": cnn.Architecture("threshold", 4, form="tree", widths=(3, 3)),
    "threshold-4-parallel-3-1": cnn.Architecture("threshold", 4, form="parallel", widths=(3, 1)),
    "sign-4-parallel-2-5": cnn.Architecture("sign", 4, form="parallel", widths=(2, 5)),
    "sign-5-rectangular": cnn.Architecture("sign", 5, form="rectangular", widths=(4, 4, 4)),
}


@pytest.mark.parametrize("architecture", [*STEPS.values(), *WIDTHS.values()], ids=[*STEPS, *WIDTHS])
@pytest.mark.parametrize(
    "x",
    [np.arange(8.0), np.array([-1.0, 0.1, np.nextafter(0.1, 1), 0.3, 5.0, 1e9]), np.nextafter(1, [0, 1, 2])],
    ids=["integers", "mixed", "adjacent"],
)
def test_every_switching_pattern_is_realised_exactly(architecture, x):
    features = list(cnn.dictionary(x, architecture))
    network = realise(architecture, features, np.ones(len(features)), 0.0)
    knots = np.unique([knot for feature in features for knot in feature.knots])
    # At the data, at the knots, and at the floats on either side of both.
    points = np.concatenate([np.nextafter(p, side) for p in (x, knots) for side in (-np.inf, np.inf)] + [x, knots])
    np.testing.assert_array_equal(network.units(points), np.stack([feature(points) for feature in features]))


@every_architecture
def test_a_constant_has_no_units(architecture):
    network = cnn.solve(cnn.Problem([1.0, 2.0], [3.0, 3.0], 1.0, architecture)).network()
    assert network.n_units == 0
    np.testing.assert_array_equal(network([0.0, 5.0]), [3.0, 3.0])
