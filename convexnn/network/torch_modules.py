"""Torch modules for what torch has no module for. Import this file only where torch is asked for."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor, nn

from convexnn.activations import Activation
from convexnn.network.network import Layer, Network
from convexnn.validation import FloatArray


class TwoPieces(nn.Module):
    """An activation of this library that torch lacks: absolute value, leaky ReLU of any slopes, sign, threshold."""

    def __init__(self, activation: Activation) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, t: Tensor) -> Tensor:
        """The activation of every entry."""
        sigma = self.activation
        if sigma.is_step:
            return torch.where(t >= 0, sigma.right, sigma.left).to(t.dtype)
        # torch.abs has the symmetric subgradient 0 at its kink.
        return t.abs() if sigma.name == "absolute" else torch.where(t >= 0, sigma.right * t, sigma.left * t)


class ParallelUnits(nn.Module):
    """Units whose weights are tied, not all connected, or have amplitudes; each weight is one parameter."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.architecture = network.architecture
        self.activations = nn.ModuleList(TwoPieces(sigma) for sigma in network.architecture.layer_activations)
        self.weights = nn.ParameterList(_parameter(layer.weights) for layer in network.layers)
        self.biases = nn.ParameterList(_parameter(layer.biases) for layer in network.layers)
        self.alpha = _parameter(network.alpha)
        self.amplitude = None if network.amplitude is None else _parameter(network.amplitude)
        self.intercept = _parameter(np.array(network.intercept))

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (n, 1) at inputs (n, 1)."""
        values = x.reshape(1, 1, -1)
        for weights, biases, activation in zip(self.weights, self.biases, self.activations, strict=True):
            units, _, fan_in = weights.shape
            # A tree's neuron sees its own children, any other neuron the whole layer below: the same product.
            children = values.expand(units, -1, -1).reshape(units, values.shape[1] // fan_in, fan_in, -1)
            values = activation((weights[..., None] * children).sum(2) + biases[..., None])
        outer = self.alpha if self.amplitude is None else self.alpha * self.amplitude
        return (outer @ values[:, 0] + self.intercept).reshape(-1, 1)

    def network(self) -> Network:
        """The weights as they are now."""
        layers = tuple(Layer(_numbers(w), _numbers(b)) for w, b in zip(self.weights, self.biases, strict=True))
        amplitude = None if self.amplitude is None else _numbers(self.amplitude)
        return Network(self.architecture, layers, _numbers(self.alpha), amplitude, float(_numbers(self.intercept)))


def sequential(network: Network) -> nn.Sequential:
    """A narrow network as Linear layers with activations between them; the middle ones are diagonal."""
    parts: list[nn.Module] = []
    for level, layer in enumerate(network.layers):
        weight = layer.weights[:, 0] if level == 0 else np.diag(layer.weights[:, 0, 0])
        parts += [_linear(weight, layer.biases[:, 0]), _activation(network.architecture.activation)]
    parts.append(_linear(network.alpha[None], np.array([network.intercept])))
    return nn.Sequential(*parts)


def _activation(sigma: Activation) -> nn.Module:
    if sigma.name == "relu":
        return nn.ReLU()
    if sigma.name == "leaky_relu" and sigma.right == 1:
        return nn.LeakyReLU(sigma.left)
    return TwoPieces(sigma)


def _linear(weight: FloatArray, bias: FloatArray) -> nn.Linear:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Initializing zero-element tensors")  # a constant has no units
        # Initialisation is skipped: it would be overwritten, and would draw from torch's generator.
        layer = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0], dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        layer.bias.copy_(torch.tensor(bias))
    return layer


def _parameter(values: FloatArray) -> nn.Parameter:
    return nn.Parameter(torch.tensor(values, dtype=torch.float64))


def _numbers(parameter: Tensor) -> FloatArray:
    return parameter.detach().cpu().double().numpy().copy()
