"""Networks in other tools' terms: torch modules, ONNX files, sympy expressions.

Steps are exported as comparisons ``t >= 0``, because sign(0) is 0 in each of these tools and +1 here.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from convexnn.activations import Activation, as_activation, leaky_relu
from convexnn.architecture import Architecture
from convexnn.errors import InputError, MissingDependencyError
from convexnn.files import write_bytes
from convexnn.network.network import Layer, Network
from convexnn.validation import FloatArray


def to_torch(network: Network) -> Any:
    """A float64 torch module with this network's weights; inputs (n, 1), outputs (n, 1)."""
    modules = _torch_modules()
    if network.architecture.form == "narrow" and network.amplitude is None:
        return modules.sequential(network)
    return modules.ParallelUnits(network)


def from_torch(module: Any) -> Network:
    """The network of a torch module of one of the shapes that `to_torch` makes."""
    modules = _torch_modules()
    if isinstance(module, modules.ParallelUnits):
        return module.network()
    linears, architecture = _read_sequential(module, modules)
    first, *middle, last = linears
    units = first[0].shape[0]
    layers = [Layer(first[0].reshape(units, 1, 1), first[1].reshape(units, 1))]
    for weight, bias in middle:
        if weight.shape != (units, units) or (weight != np.diag(np.diag(weight))).any():
            raise InputError(
                "a middle Linear layer needs an exactly diagonal square weight, so that the network is a sum of "
                "parallel units with one neuron a layer; "
                f"got a full weight of shape {weight.shape}. Wide ReLU units have the optimum "
                "of the narrow form only under Frobenius penalties, wide absolute-value units not even then, "
                "and shared layers are not covered at all"
            )
        layers.append(Layer(np.diag(weight).reshape(units, 1, 1).copy(), bias.reshape(units, 1)))
    return Network(architecture, tuple(layers), last[0].reshape(units), None, float(last[1][0]))


def _read_sequential(module: Any, modules: ModuleType) -> tuple[list[tuple[FloatArray, FloatArray]], Architecture]:
    """Weights and biases of the Linear layers, and the architecture that their activations say."""
    nn = modules.nn
    shape = "Sequential(Linear(1, m), activation, ..., Linear(m, 1))"
    if not isinstance(module, nn.Sequential):
        raise InputError(f"from_torch reads {shape} or a module that to_torch made, got {type(module).__name__}")
    parts = list(module)
    linears, activations = parts[::2], parts[1::2]
    alternates = all(isinstance(part, nn.Linear) for part in linears) and len(linears) == len(activations) + 1
    if not alternates or len(linears) < 2 or linears[0].in_features != 1 or linears[-1].out_features != 1:
        raise InputError(f"from_torch reads {shape}, got {module}")
    kinds = {_activation_of(part, modules) for part in activations}
    if len(kinds) > 1:
        raise InputError(f"all layers need the same activation, got {sorted(kind.name for kind in kinds)}")

    def read(linear: Any) -> tuple[FloatArray, FloatArray]:
        weight = linear.weight.detach().cpu().double().numpy().copy()
        if linear.bias is None:
            return weight, np.zeros(weight.shape[0])
        return weight, linear.bias.detach().cpu().double().numpy().copy()

    return [read(linear) for linear in linears], Architecture(kinds.pop(), depth=len(linears))


def _activation_of(part: Any, modules: ModuleType) -> Activation:
    nn = modules.nn
    if isinstance(part, nn.ReLU):
        return as_activation("relu")
    if isinstance(part, nn.LeakyReLU):
        return leaky_relu(part.negative_slope)
    if isinstance(part, modules.TwoPieces):
        return part.activation
    raise InputError(f"from_torch reads ReLU, LeakyReLU and the modules that to_torch makes, got {part}")


def _torch_modules() -> ModuleType:
    """Our torch modules; importing them imports torch."""
    try:
        from convexnn.network import torch_modules
    except ImportError as error:
        raise MissingDependencyError("torch is not installed: pip install convexnn[torch]") from error
    return torch_modules


def to_onnx(network: Network, path: str | Path) -> None:
    """Write an ONNX model: input "x" of shape (n,), output "f" of shape (n,), both float64."""
    try:
        import onnx
    except ImportError as error:
        raise MissingDependencyError("onnx is not installed: pip install convexnn[onnx]") from error
    helper, double = onnx.helper, onnx.TensorProto.DOUBLE
    constants = {"zero": np.array(0.0), "row": np.array([1, 1, -1]), "flat": np.array([-1]), "middle": np.array([1])}
    nodes = [helper.make_node("Reshape", ["x", "row"], ["values0"])]
    for level, (layer, sigma) in enumerate(zip(network.layers, network.architecture.layer_activations, strict=True)):
        name, biases = f"weights{level}", f"biases{level}"
        constants |= {name: _fully_connected(layer.weights, network), biases: layer.biases[..., None]}
        constants |= {f"left{level}": np.array(sigma.left), f"right{level}": np.array(sigma.right)}
        nodes += [
            helper.make_node("MatMul", [name, f"values{level}"], [f"product{level}"]),
            helper.make_node("Add", [f"product{level}", biases], [f"t{level}"]),
            helper.make_node("GreaterOrEqual", [f"t{level}", "zero"], [f"on{level}"]),
        ]
        pieces = [f"right{level}", f"left{level}"]
        if not sigma.is_step:
            products = [f"right_piece{level}", f"left_piece{level}"]
            nodes += [
                helper.make_node("Mul", [slope, f"t{level}"], [piece])
                for slope, piece in zip(pieces, products, strict=True)
            ]
            pieces = products
        nodes.append(helper.make_node("Where", [f"on{level}", *pieces], [f"values{level + 1}"]))
    outer = network.alpha if network.amplitude is None else network.alpha * network.amplitude
    constants |= {"outer": outer.reshape(1, -1), "intercept": np.array(network.intercept)}
    nodes += [
        helper.make_node("Squeeze", [f"values{len(network.layers)}", "middle"], ["units"]),
        helper.make_node("MatMul", ["outer", "units"], ["sum"]),
        helper.make_node("Add", ["sum", "intercept"], ["shifted"]),
        helper.make_node("Reshape", ["shifted", "flat"], ["f"]),
    ]
    graph = helper.make_graph(
        nodes,
        "convexnn",
        [helper.make_tensor_value_info("x", double, ["n"])],
        [helper.make_tensor_value_info("f", double, ["n"])],
        [onnx.numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    write_bytes(path, model.SerializeToString())


def _fully_connected(weights: FloatArray, network: Network) -> FloatArray:
    """Layer weights as (m, n_out, n_in), with zeros where a tree has no connection."""
    units, outputs, fan_in = weights.shape
    if network.architecture.form != "tree" or fan_in == 1:
        return weights
    full = np.zeros((units, outputs, outputs * fan_in))
    for neuron in range(outputs):
        full[:, neuron, neuron * fan_in : (neuron + 1) * fan_in] = weights[:, neuron]
    return full


def to_sympy(network: Network, symbol: Any) -> Any:
    """The network as a sympy expression in a real symbol, every weight the exact binary number."""
    try:
        import sympy
    except ImportError as error:
        raise MissingDependencyError("sympy is not installed: pip install convexnn[theory]") from error
    if not isinstance(symbol, sympy.Expr):
        raise InputError(f'to_sympy takes a sympy symbol, such as Symbol("x", real=True), got {symbol!r}')

    def exact(value: float) -> Any:
        return sympy.Rational(*float(value).as_integer_ratio())

    def activate(t: Any, sigma: Activation) -> Any:
        if sigma.is_step:
            return sympy.Piecewise((exact(sigma.right), t >= 0), (exact(sigma.left), True))
        if sigma.name in ("relu", "absolute"):
            return sympy.Max(t, 0) if sigma.name == "relu" else sympy.Abs(t)
        return sympy.Piecewise((exact(sigma.right) * t, t >= 0), (exact(sigma.left) * t, True))

    total = exact(network.intercept)
    outer = network.alpha if network.amplitude is None else network.alpha * network.amplitude
    for unit in range(network.n_units):
        values = [symbol]
        for layer, sigma in zip(network.layers, network.architecture.layer_activations, strict=True):
            weights = _fully_connected(layer.weights, network)[unit]
            arguments = [
                sum((exact(w) * value for w, value in zip(row, values * len(row), strict=False) if w), exact(bias))
                for row, bias in zip(weights, layer.biases[unit], strict=True)
            ]
            values = [activate(argument, sigma) for argument in arguments]
        total += exact(outer[unit]) * values[0]
    return total
