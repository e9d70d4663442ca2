"""Networks with explicit weights: evaluate, penalise, rebalance, store and export them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convexnn.architecture import Architecture, as_architecture
from convexnn.errors import InputError
from convexnn.files import write_text
from convexnn.losses import Interpolation, Loss, as_loss, as_sample_weight, check_loss_fits
from convexnn.validation import FloatArray, as_number, as_positive, as_vector, as_vector_like

_FORMAT = "convexnn network 1"
_BLOCK_ENTRIES = 2**17  # what a core has in its cache


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer of all units at once.

    Attributes
    ----------
    weights : (m, n_out, fan_in) array
        In a tree, `fan_in` are a neuron's own children; in the other forms, all neurons of the layer below.
    biases : (m, n_out) array
    """

    weights: FloatArray
    biases: FloatArray

    def __post_init__(self) -> None:
        for name in ("weights", "biases"):
            object.__setattr__(self, name, _as_numbers(name, getattr(self, name)))


@dataclass(frozen=True, eq=False)
class Network:
    """``f(x) = intercept + sum_i alpha_i amplitude_i u_i(x)`` with units u_i of one architecture.

    Attributes
    ----------
    architecture : Architecture
    layers : tuple of Layer
        depth - 1 layers below the output. A symmetrized unit stores its tied inner pair once.
    alpha : (m,) array
        Output weights.
    amplitude : (m,) array or None
        Trainable height of the last neuron of each unit; sign and threshold only.
    intercept : float

    Raises
    ------
    InputError
        If shapes do not fit the architecture or a number is not finite.

    Notes
    -----
    Arrays of other numbers become float64; arrays of float64 are not copied.
    """

    architecture: Architecture
    layers: tuple[Layer, ...]
    alpha: FloatArray
    amplitude: FloatArray | None
    intercept: float

    def __post_init__(self) -> None:
        architecture = as_architecture(self.architecture)
        for name in ("alpha",) if self.amplitude is None else ("alpha", "amplitude"):
            object.__setattr__(self, name, _as_numbers(name, getattr(self, name)))
        object.__setattr__(self, "intercept", as_number("intercept", self.intercept))
        m = self.alpha.size
        if (self.amplitude is not None) != architecture.activation.is_step:
            raise InputError("sign and threshold networks need an amplitude for every unit, and only they have one")
        wanted = [(m, *shape) for shape in architecture.layer_shapes]
        given = [layer.weights.shape for layer in self.layers]
        if wanted != given or [layer.biases.shape for layer in self.layers] != [shape[:2] for shape in wanted]:
            raise InputError(
                f"a network of architecture {architecture.label} with {m} units needs layer weights of shapes "
                f"{wanted} and biases to match, got {given}"
            )
        for array in (self.alpha, self.alpha if self.amplitude is None else self.amplitude):
            if np.shape(array) != (m,):
                raise InputError(f"alpha and amplitude must have shape ({m},), one entry a unit, got {np.shape(array)}")
        for array in (*(part for layer in self.layers for part in (layer.weights, layer.biases)), self._outer):
            if not np.isfinite(array).all():
                raise InputError("all weights and biases must be finite")

    @property
    def _outer(self) -> FloatArray:
        """The factor of every unit."""
        return self.alpha if self.amplitude is None else self.alpha * self.amplitude

    @property
    def n_units(self) -> int:
        """How many parallel units there are."""
        return len(self.alpha)

    def __call__(self, x: ArrayLike) -> FloatArray:
        """The network's output.

        Parameters
        ----------
        x : (n_new,) array

        Returns
        -------
        (n_new,) array

        Raises
        ------
        InputError
            If `x` is not a finite vector, or the output overflows.
        """
        points = as_vector("x", x)
        widest = max((layer.biases.size for layer in self.layers), default=1)
        size = max(1, _BLOCK_ENTRIES // max(widest, 1))
        blocks = (points[k : k + size] for k in range(0, points.size, size))
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.concatenate([self._outer @ self.units(block) + self.intercept for block in blocks])
        if not np.isfinite(values).all():
            row = int(np.argmin(np.isfinite(values)))
            raise InputError(f"the output of this network overflows float64 at x = {points[row]} (row {row})")
        return values

    def units(self, x: FloatArray) -> FloatArray:
        """The outputs of the units, before amplitude and output weights: (m, n_new)."""
        values = np.broadcast_to(x, (self.n_units, 1, x.size))
        for layer, sigma in zip(self.layers, self.architecture.layer_activations, strict=True):
            if self.architecture.form == "tree":
                fan_in = layer.weights.shape[2]
                children = values.reshape(self.n_units, values.shape[1] // fan_in, fan_in, x.size)
                arguments = (layer.weights[..., None] * children).sum(axis=2)
            else:
                arguments = layer.weights @ values
            values = sigma(arguments + layer.biases[..., None])
        return values[:, 0]

    def penalty(self, beta: float) -> float:
        """``(beta / L) sum |w|^L`` over the penalised weights, L the effective depth.

        Penalised are all weights but biases and intercept; of sign and threshold networks, whose inner weights have no
        scale, the output weights and amplitudes.

        Raises
        ------
        InputError
            If beta is not a positive number, or the penalty overflows.
        """
        exponent = self.architecture.effective_depth
        inner = [layer.weights for layer in self.layers] if self.amplitude is None else [self.amplitude]
        with np.errstate(over="ignore"):
            size = sum(float((np.abs(w) ** exponent).sum()) for w in (self.alpha, *inner))
            penalty = as_positive("beta", beta) / exponent * size
        if not np.isfinite(penalty):
            raise InputError("the penalty of these weights overflows float64")
        return float(penalty)

    def objective(
        self,
        x: ArrayLike,
        y: ArrayLike,
        beta: float,
        *,
        loss: str | Loss = "squared",
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """The training objective: total loss plus penalty, the network taken as it stands.

        Parameters
        ----------
        x, y : (n_samples,) arrays
        beta : float
        loss : str or Loss
        sample_weight : (n_samples,) array, optional

        Raises
        ------
        InputError
            As `Problem` does, or if the objective overflows.
        """
        points = as_vector("x", x)
        targets = as_vector_like("y", y, "x", points)
        kind = as_loss(loss)
        weight = as_sample_weight(sample_weight, points, kind)
        check_loss_fits(kind, points, targets, weight)
        with np.errstate(over="ignore"):
            value = kind.total(targets, self(points), weight) + self.penalty(beta)
        if not np.isfinite(value) and not isinstance(kind, Interpolation):
            raise InputError("the objective of this network overflows float64")
        return value

    def dead_units(self, low: float, high: float) -> NDArray[np.bool_]:
        """Which units are zero on all of an interval, exactly: from where their kinks lie.

        Parameters
        ----------
        low, high : float
            Ends of the interval.

        Returns
        -------
        (m,) array of bool
        """
        from convexnn.network.dead_units import dead_units

        return dead_units(self, low, high)

    def balanced(self) -> Network:
        """The same function at the least penalty that rescaling within units can reach.

        All penalised weights of a unit get the same modulus. A unit that is constant because an inner weight is zero
        moves into the intercept; units without effect are left out.
        """
        if self.amplitude is not None:
            return self._balanced_steps(self._outer)
        weights = np.stack([layer.weights[:, 0, 0] for layer in self.layers])
        biases = np.stack([layer.biases[:, 0] for layer in self.layers])
        live = (self.alpha != 0) & (weights != 0).all(axis=0)
        constant = self.units(np.zeros(1))[:, 0] @ np.where(live, 0.0, self.alpha)
        weights, biases, alpha = weights[:, live], biases[:, live], self.alpha[live]
        # The geometric mean, root by root: the product may overflow.
        size = (np.abs(np.vstack((alpha, weights))) ** (1 / self.architecture.depth)).prod(axis=0)
        layers = tuple(
            Layer((np.sign(w) * size)[:, None, None], (b * factor)[:, None])
            for w, b, factor in zip(weights, biases, np.cumprod(size / np.abs(weights), axis=0), strict=True)
        )
        return Network(self.architecture, layers, np.sign(alpha) * size, None, float(self.intercept + constant))

    def _balanced_steps(self, outer: FloatArray) -> Network:
        live = outer != 0
        size = np.sqrt(np.abs(outer[live]))
        layers = tuple(Layer(layer.weights[live], layer.biases[live]) for layer in self.layers)
        return replace(self, layers=layers, alpha=np.sign(outer[live]) * size, amplitude=size)

    def to_dict(self) -> dict[str, Any]:
        """The network as JSON types."""
        return {
            "format": _FORMAT,
            "architecture": self.architecture.to_dict(),
            "layers": [{"weights": layer.weights.tolist(), "biases": layer.biases.tolist()} for layer in self.layers],
            "alpha": self.alpha.tolist(),
            "amplitude": None if self.amplitude is None else self.amplitude.tolist(),
            "intercept": self.intercept,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Network:
        """The inverse of `to_dict`; other keys are ignored.

        Raises
        ------
        InputError
            If `data` does not describe a network.
        """
        if not isinstance(data, dict) or data.get("format") != _FORMAT:
            raise InputError(f'not a convexnn network: the key "format" must be "{_FORMAT}"')
        try:
            architecture = Architecture.from_dict(data["architecture"])
            if len(data["layers"]) != architecture.depth - 1:
                raise ValueError(f"{len(data['layers'])} layers for depth {architecture.depth}")
            alpha = np.array(data["alpha"], dtype=float)
            amplitude = None if data["amplitude"] is None else np.array(data["amplitude"], dtype=float)
            layers = tuple(
                Layer(
                    np.array(layer["weights"], dtype=float).reshape(len(alpha), *shape),
                    np.array(layer["biases"], dtype=float).reshape(len(alpha), shape[0]),
                )
                for layer, shape in zip(data["layers"], architecture.layer_shapes, strict=True)
            )
            return cls(architecture, layers, alpha, amplitude, float(data["intercept"]))
        except KeyError as error:
            raise InputError(f"the network's description is damaged: it has no key {error}") from error
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"the network's description is damaged: {error}") from error

    def save(self, path: str | Path) -> None:
        """Write the network as JSON; the file appears complete or not at all."""
        write_text(path, json.dumps(self.to_dict()) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Network:
        """Read a network that `save`, or the command line, wrote.

        Raises
        ------
        InputError
            If there is no such file or it does not hold a network.
        """
        return cls.from_dict(read_json(path))

    def to_torch(self) -> Any:
        """A torch module with these weights, float64, from inputs (n, 1) to outputs (n, 1).

        Narrow networks become ``Sequential(Linear(1, m), activation, ..., Linear(m, 1))``, middle layers with diagonal
        weights; other forms a module that keeps tied weights tied and absent connections absent.

        Raises
        ------
        MissingDependencyError
            If torch is not installed.
        """
        from convexnn.network.export import to_torch

        return to_torch(self)

    @staticmethod
    def from_torch(module: Any) -> Network:
        """The network with the weights of a torch module.

        Parameters
        ----------
        module : torch.nn.Module
            ``Sequential(Linear(1, m), act, Linear(m, 1))``; the deep narrow parallel form, with layers Linear(m, m) of
            exactly diagonal weight in between; or what `to_torch` made. The activation is ReLU, LeakyReLU or a
            module of `to_torch`. Layers without bias are read as bias 0.

        Raises
        ------
        InputError
            If the module has another shape; for wide or shared layers the message says what the theory does not cover.
        MissingDependencyError
            If torch is not installed.
        """
        from convexnn.network.export import from_torch

        return from_torch(module)

    def to_onnx(self, path: str | Path) -> None:
        """Write an ONNX model: input "x" of shape (n,), output "f" of shape (n,), both float64.

        Raises
        ------
        MissingDependencyError
            If onnx is not installed.
        """
        from convexnn.network.export import to_onnx

        to_onnx(self, path)

    def to_sympy(self, symbol: Any) -> Any:
        """The network as a sympy expression in a real symbol, every weight the exact binary number.

        Raises
        ------
        MissingDependencyError
            If sympy is not installed.
        """
        from convexnn.network.export import to_sympy

        return to_sympy(self, symbol)


def _as_numbers(name: str, values: ArrayLike) -> FloatArray:
    try:
        array = np.asarray(values)
    except ValueError:
        raise InputError(f"{name} must be an array of real numbers, got a ragged sequence") from None
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} must be an array of real numbers, got dtype {array.dtype}")
    return array.astype(np.float64, copy=False)


def read_json(path: str | Path) -> Any:
    """The content of a JSON file.

    Raises
    ------
    InputError
        If the file cannot be read or is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a JSON file: {error}") from error
