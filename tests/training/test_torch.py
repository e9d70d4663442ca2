"""Trained networks equal those of torch's optimisers on torch's automatic gradients, after 300 steps."""

from __future__ import annotations

import numpy as np
import pytest

from convexnn import Architecture, leaky_relu
from convexnn.training import Regularisation, train, train_mlp

torch = pytest.importorskip("torch", reason="the torch extra is not installed")

torch.set_num_threads(1)
STEPS = 300
EVERYTHING = ("weights", "biases", "scales")
OPTIMISERS = {
    "sgd": ({"optimizer": "sgd"}, lambda p, rate: torch.optim.SGD(p, rate)),
    "momentum": (
        {"optimizer": "sgd", "momentum": 0.9},
        lambda p, rate: torch.optim.SGD(p, rate, momentum=0.9),
    ),
    "adam": ({"optimizer": "adam"}, lambda p, rate: torch.optim.Adam(p, rate)),
    "adam, coupled decay": (
        {"optimizer": "adam", "regularisation": Regularisation(0.02, on=EVERYTHING)},
        lambda p, rate: torch.optim.Adam(p, rate, weight_decay=0.02),
    ),
    "adam, decoupled decay": (
        {"optimizer": "adam", "regularisation": Regularisation(0.02, on=EVERYTHING, decoupled=True)},
        lambda p, rate: torch.optim.AdamW(p, rate, weight_decay=0.02),
    ),
}
every_optimiser = pytest.mark.parametrize(("ours", "theirs"), OPTIMISERS.values(), ids=OPTIMISERS)


def rate(step):
    return 2e-3 * (1 - step / STEPS)


def descend(parameters, objective, make):
    """Run torch's optimiser with the same schedule."""
    optimiser = make(parameters, rate(0))
    for step in range(STEPS):
        optimiser.param_groups[0]["lr"] = rate(step)
        optimiser.zero_grad()
        objective().backward()
        optimiser.step()


def tensor(values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def loss_of(name, f, y):
    if name == "squared":
        return 0.5 * ((f - y) ** 2).sum()
    return torch.nn.functional.softplus(-y * f).sum()


def data(loss):
    rng = np.random.default_rng(4)
    x = rng.uniform(-1, 1, 30)
    y = np.sin(4 * x) + 0.1 * rng.normal(size=30)
    return x, (np.where(y > 0, 1.0, -1.0) if loss == "logistic" else y)


@every_optimiser
@pytest.mark.parametrize(
    ("architecture", "loss"),
    [
        (Architecture("relu"), "squared"),
        (Architecture("relu"), "logistic"),
        (Architecture(leaky_relu(0.2)), "squared"),
        (Architecture("absolute"), "logistic"),
        (Architecture("relu", 3), "squared"),
        (Architecture("relu", 4), "logistic"),
        (Architecture("absolute", 3), "squared"),
        (Architecture("relu", 3, form="symmetrized"), "squared"),
    ],
    ids=lambda value: getattr(value, "label", value),
)
def test_networks_of_the_theory(architecture, loss, ours, theirs):
    x, y = data(loss)
    # As many as go in lockstep where they can; the first is compared.
    common = {"architecture": architecture, "width": 12, "beta": 0.03, "loss": loss, "seeds": [7, 8, 9, 10, 11]}
    network = train(x, y, n_steps=0, learning_rate=0.0, **common).network(0)
    layers = [(tensor(layer.weights[:, 0, 0]), tensor(layer.biases[:, 0])) for layer in network.layers]
    alpha, intercept = tensor(network.alpha), tensor(network.intercept)
    points, targets = torch.tensor(x), torch.tensor(y)

    def objective():
        h = points[None]
        for (w, b), sigma in zip(layers, architecture.layer_activations, strict=True):
            z = w[:, None] * h + b[:, None]
            h = torch.where(z > 0, sigma.right * z, sigma.left * z)
        weights = torch.cat([w for w, _ in layers] + [alpha])
        power = architecture.effective_depth
        return loss_of(loss, alpha @ h + intercept, targets) + 0.03 / power * (weights.abs() ** power).sum()

    descend([part for layer in layers for part in layer] + [alpha, intercept], objective, theirs)
    trained = train(x, y, n_steps=STEPS, learning_rate=rate, **common, **ours).network(0)
    for layer, (w, b) in zip(trained.layers, layers, strict=True):
        np.testing.assert_allclose(layer.weights[:, 0, 0], w.detach(), rtol=0, atol=1e-10)
        np.testing.assert_allclose(layer.biases[:, 0], b.detach(), rtol=0, atol=1e-10)
    np.testing.assert_allclose(trained.alpha, alpha.detach(), rtol=0, atol=1e-10)
    assert trained.intercept == pytest.approx(intercept.item(), abs=1e-10)
    moved = np.abs(trained.alpha - network.alpha).max()
    assert moved > 1e-3


@every_optimiser
@pytest.mark.parametrize(("hidden", "normalised"), [((9,), False), ((4, 3, 6), False), ((5, 4), True)], ids=str)
def test_perceptrons(hidden, normalised, ours, theirs):
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(25, 3)), rng.normal(size=(25, 2))
    common = {"hidden": hidden, "normalised": normalised, "beta": 0.03, "seeds": [7]}
    network = train_mlp(x, y, n_steps=0, learning_rate=0.0, **common).networks[0]
    modules = []
    for layer in network.layers:
        linear = torch.nn.Linear(*layer.weights.shape, bias=not normalised, dtype=torch.float64)
        norm = torch.nn.BatchNorm1d(layer.biases.size, dtype=torch.float64)
        linear.weight.data = torch.tensor(layer.weights.T.copy())
        bias = norm.bias if normalised else linear.bias
        bias.data = torch.tensor(layer.biases)
        modules += [linear, norm, torch.nn.ReLU()] if normalised else [linear, torch.nn.ReLU()]
    last = torch.nn.Linear(*network.weights.shape, dtype=torch.float64)
    last.weight.data, last.bias.data = torch.tensor(network.weights.T.copy()), torch.tensor(network.biases)
    module = torch.nn.Sequential(*modules, last)
    points, targets = torch.tensor(x), torch.tensor(y)

    def objective():
        weights = sum((part.weight**2).sum() for part in module if isinstance(part, torch.nn.Linear))
        return loss_of("squared", module(points), targets) + 0.03 / 2 * weights

    descend(list(module.parameters()), objective, theirs)
    trained = train_mlp(x, y, n_steps=STEPS, learning_rate=rate, **common, **ours)
    np.testing.assert_allclose(trained.networks[0](x), module(points).detach(), rtol=0, atol=1e-10)
    assert trained.objective[0] == pytest.approx(objective().item(), rel=1e-11)
    linears = [part for part in module if isinstance(part, torch.nn.Linear)]
    for layer, linear in zip(trained.networks[0].layers, linears, strict=False):
        np.testing.assert_allclose(layer.weights, linear.weight.detach().T, rtol=0, atol=1e-10)
