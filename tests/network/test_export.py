"""Exported networks compute what the network computes, at data points and knots too, and come back bit for bit."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import convexnn as cnn
from convexnn.errors import InputError

ARCHITECTURES = [
    cnn.Architecture("relu"),
    cnn.Architecture("leaky_relu"),
    cnn.Architecture(cnn.leaky_relu(-2.0, positive_slope=0.5)),
    cnn.Architecture("absolute"),
    cnn.Architecture("sign"),
    cnn.Architecture("threshold"),
    cnn.Architecture("relu", 5),
    cnn.Architecture("absolute", 3),
    cnn.Architecture("relu", 3, form="symmetrized"),
    cnn.Architecture("sign", 3, form="parallel", widths=(3,)),
    cnn.Architecture("sign", 4, form="rectangular", widths=(2, 2)),
    cnn.Architecture("threshold", 4, form="tree", widths=(3, 2)),
]


@pytest.fixture(params=ARCHITECTURES, ids=lambda architecture: architecture.label)
def network(request: pytest.FixtureRequest) -> cnn.Network:
    x, y = _data()
    beta = 0.05 * cnn.Problem(x, y, 1.0, request.param).beta_max
    return cnn.solve(cnn.Problem(x, y, beta, request.param)).network()


def _data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    return rng.normal(size=8), rng.normal(size=8)


def _points(network: cnn.Network) -> np.ndarray:
    x, _ = _data()
    kinks = -network.layers[0].biases[:, 0]
    return np.concatenate((x, kinks, np.linspace(-5, 5, 13)))


def _tolerance(values: np.ndarray) -> float:
    return 1e-13 * (1 + float(np.abs(values).max()))


def test_torch_round_trip(network: cnn.Network) -> None:
    torch = pytest.importorskip("torch", reason="the torch extra is not installed")
    module = network.to_torch()
    x = _points(network)
    output = module(torch.tensor(x)[:, None]).detach().numpy()[:, 0]
    np.testing.assert_allclose(output, network(x), rtol=0, atol=_tolerance(network(x)))
    assert cnn.Network.from_torch(module).to_dict() == network.to_dict()


def test_torch_module_trains_all_its_weights(network: cnn.Network) -> None:
    torch = pytest.importorskip("torch", reason="the torch extra is not installed")
    module = network.to_torch()
    x, y = (torch.tensor(part)[:, None] for part in _data())
    ((module(x) - y) ** 2).sum().backward()
    missing = [name for name, parameter in module.named_parameters() if parameter.grad is None]
    # Inner weights of steps have no gradient: the output does not depend on them smoothly.
    is_step = network.architecture.activation.is_step
    assert (
        all("weights" in name or "biases" in name or ".weight" in name for name in missing) if is_step else not missing
    )


def test_onnx(network: cnn.Network, tmp_path) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="the onnx extra is not installed")
    network.to_onnx(tmp_path / "network.onnx")
    x = _points(network)
    (output,) = runtime.InferenceSession(str(tmp_path / "network.onnx")).run(None, {"x": x})
    np.testing.assert_allclose(output, network(x), rtol=0, atol=_tolerance(network(x)))


def test_sympy_is_exact(network: cnn.Network) -> None:
    sympy = pytest.importorskip("sympy", reason="the theory extra is not installed")
    symbol = sympy.Symbol("x", real=True)
    expression = network.to_sympy(symbol)
    x = _points(network)[:12]
    exact = [expression.subs(symbol, sympy.Rational(*float(point).as_integer_ratio())) for point in x]
    assert all(value.is_Rational for value in exact)
    values = [float(Fraction(int(value.p), int(value.q))) for value in exact]
    np.testing.assert_allclose(values, network(x), rtol=0, atol=_tolerance(network(x)))


class TestFromTorch:
    """Modules that users write."""

    @pytest.fixture
    def torch(self):
        return pytest.importorskip("torch", reason="the torch extra is not installed")

    def test_single_precision_and_missing_biases(self, torch) -> None:
        module = torch.nn.Sequential(torch.nn.Linear(1, 5, bias=False), torch.nn.LeakyReLU(0.2), torch.nn.Linear(5, 1))
        network = cnn.Network.from_torch(module)
        x = np.linspace(-2, 2, 9)
        output = module(torch.tensor(x, dtype=torch.float32)[:, None]).detach().numpy()[:, 0]
        np.testing.assert_allclose(output, network(x), atol=1e-5)
        assert network.architecture == cnn.Architecture(cnn.leaky_relu(0.2))

    def test_deep_narrow_parallel(self, torch) -> None:
        module = torch.nn.Sequential(
            torch.nn.Linear(1, 3), torch.nn.ReLU(), torch.nn.Linear(3, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1)
        ).double()
        with torch.no_grad():
            module[2].weight.copy_(torch.diag(torch.tensor([0.5, -1.0, 2.0])))
        network = cnn.Network.from_torch(module)
        assert network.architecture == cnn.Architecture("relu", 3)
        x = np.linspace(-3, 3, 11)
        np.testing.assert_allclose(module(torch.tensor(x)[:, None]).detach().numpy()[:, 0], network(x), atol=1e-14)

    def test_a_trained_network_is_certified(self, torch) -> None:
        x, y = _data()
        torch.manual_seed(0)
        module = torch.nn.Sequential(torch.nn.Linear(1, 20), torch.nn.ReLU(), torch.nn.Linear(20, 1)).double()
        optimizer = torch.optim.Adam(module.parameters(), lr=0.02)
        inputs, targets = torch.tensor(x)[:, None], torch.tensor(y)[:, None]
        for _ in range(400):
            optimizer.zero_grad()
            penalty = sum((p**2).sum() for name, p in module.named_parameters() if "weight" in name)
            (0.5 * ((module(inputs) - targets) ** 2).sum() + 0.05 * penalty).backward()
            optimizer.step()
        certificate = cnn.certify(cnn.Network.from_torch(module), x, y, beta=0.1)
        optimum = cnn.solve(cnn.Problem(x, y, 0.1, cnn.Architecture("relu"))).objective
        assert certificate.gap == pytest.approx(certificate.primal - optimum, abs=1e-9 * optimum)
        assert 0 < certificate.relative_gap < 1

    def test_full_middle_layer_is_refused_with_the_reason(self, torch) -> None:
        nn = torch.nn
        wide = nn.Sequential(nn.Linear(1, 3), nn.ReLU(), nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 1))
        with pytest.raises(InputError, match=r"diagonal.*got a full weight of shape \(3, 3\).*Wide ReLU"):
            cnn.Network.from_torch(wide)

    def test_other_shapes_are_refused(self, torch) -> None:
        nn = torch.nn
        for module, message in [
            (nn.Linear(1, 1), "got Linear"),
            (
                nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)),
                r"from_torch reads Sequential\(Linear\(1, m\)",
            ),
            (nn.Sequential(nn.Linear(1, 3), nn.Linear(3, 1)), "from_torch reads Sequential"),
            (nn.Sequential(nn.Linear(1, 3), nn.Tanh(), nn.Linear(3, 1)), r"got Tanh\(\)"),
            (
                nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 2), nn.LeakyReLU(), nn.Linear(2, 1)),
                "same activation",
            ),
        ]:
            with pytest.raises(InputError, match=message):
                cnn.Network.from_torch(module)
