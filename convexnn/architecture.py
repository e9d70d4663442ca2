"""Which networks are meant: activation, depth and how the neurons of a parallel unit are joined."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from convexnn.activations import Activation, absolute, as_activation
from convexnn.errors import InputError
from convexnn.validation import as_integer, one_of

_FORMS = ("narrow", "symmetrized", "parallel", "rectangular", "tree")


@dataclass(frozen=True)
class Architecture:
    """A sum of parallel units of one shape, plus a free intercept.

    The network is ``f(x) = intercept + sum_i alpha_i u_i(x)``, each unit ``u_i`` being a small network of its own.
    Biases and the intercept are not penalised.

    Parameters
    ----------
    activation : str or Activation
        "relu", "leaky_relu" (slope 0.01), "absolute", "sign", "threshold", or an `Activation` such as
        ``convexnn.leaky_relu(0.2)``.
    depth : int
        Number of weight layers, the output layer included; 2 is one hidden layer.
    form : str
        "narrow": one neuron a layer in each unit. "symmetrized": ReLU of depth 3 whose inner neuron is a mirrored pair
        with tied weights, each counted once in the penalty (scale factor kappa = 1). "parallel", "rectangular",
        "tree": sign and threshold units with hidden `widths`.
    widths : tuple of int
        Widths of the depth - 2 hidden layers below each unit's last neuron. In a tree, ``widths[l]`` is the number
        of private children of a neuron, counted from the inputs upwards.

    Raises
    ------
    InputError
        For an unknown activation or form, depth < 2, and architectures that the theory does not cover; the message
        gives the reason.

    Notes
    -----
    Source: arXiv:2403.01046. The symmetrized form with weights that are not tied has another scale factor.
    """

    activation: Activation
    depth: int
    form: str
    widths: tuple[int, ...]

    def __init__(self, activation: str | Activation, depth: int = 2, *, form: str = "narrow", widths: Any = ()) -> None:
        object.__setattr__(self, "activation", as_activation(activation))
        object.__setattr__(self, "depth", as_integer("depth", depth, 2))
        object.__setattr__(self, "form", one_of("form", form, _FORMS))
        if not isinstance(widths, (tuple, list)):
            raise InputError(f"widths must be a tuple of integers such as (3, 2), got {widths!r}")
        object.__setattr__(self, "widths", tuple(as_integer("widths", width) for width in widths))
        self._refuse_uncovered()

    def _refuse_uncovered(self) -> None:
        sigma, label = self.activation, self.label
        if self.form in ("parallel", "rectangular", "tree"):
            if not sigma.is_step:
                raise InputError(
                    f"architecture {label} is not covered: {_WHY_NOT_WIDE.get(sigma.name, _WHY_NOT_LEAKY)}"
                )
            if self.depth < 3 or len(self.widths) != self.depth - 2:
                raise InputError(
                    f'architecture {label}: form "{self.form}" needs depth >= 3 and depth - 2 widths, '
                    f"got depth {self.depth} and widths {self.widths}"
                )
            if self.form == "rectangular" and len(set(self.widths)) > 1:
                raise InputError(f'architecture {label}: form "rectangular" has equal widths; use form="parallel"')
            return
        if self.widths:
            raise InputError(f'architecture {label}: form "{self.form}" has one neuron a layer; leave widths empty')
        if self.form == "symmetrized" and (sigma.name != "relu" or self.depth != 3):
            raise InputError(f"architecture {label} is not covered: this form needs relu and depth 3")
        if sigma.name == "leaky_relu" and self.depth > 2:
            raise InputError(f"architecture {label} is not covered: {_WHY_NOT_LEAKY}")

    @property
    def effective_depth(self) -> int:
        """Exponent L of the penalty (beta / L) sum |w|^L: the depth; 2 for sign and threshold at every depth."""
        return 2 if self.activation.is_step else self.depth

    @property
    def switches(self) -> int:
        """How often a sign or threshold unit can switch along x (0 for the other activations)."""
        if not self.activation.is_step:
            return 0
        if self.form == "narrow":
            return 1
        return math.prod(self.widths) if self.form == "tree" else self.widths[0]

    @property
    def layer_activations(self) -> tuple[Activation, ...]:
        """What the neurons of the depth - 1 layers below the output compute."""
        if self.form == "symmetrized":
            return absolute, self.activation
        return (self.activation,) * (self.depth - 1)

    @property
    def layer_shapes(self) -> tuple[tuple[int, int], ...]:
        """Neurons of one unit and inputs of each, for every layer below the output."""
        widths = (*self.widths, 1) if self.widths else (1,) * (self.depth - 1)
        below = (1, *widths[:-1])
        if self.form == "tree":
            return tuple((math.prod(widths[level:]), below[level]) for level in range(len(widths)))
        return tuple(zip(widths, below, strict=True))

    @property
    def label(self) -> str:
        """For people: activation, depth and form."""
        sigma = self.activation
        slopes = f"({sigma.left:g}, {sigma.right:g})" if sigma.name == "leaky_relu" else ""
        form = "" if self.form == "narrow" else f', form "{self.form}"'
        widths = f", widths {self.widths}" if self.widths else ""
        return f"{sigma.name}{slopes}, depth {self.depth}{form}{widths}"

    def to_dict(self) -> dict[str, Any]:
        """The architecture as JSON types."""
        sigma = self.activation
        return {
            "activation": {"name": sigma.name, "left": sigma.left, "right": sigma.right, "is_step": sigma.is_step},
            "depth": self.depth,
            "form": self.form,
            "widths": list(self.widths),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Architecture:
        """The inverse of `to_dict`."""
        return cls(Activation(**data["activation"]), data["depth"], form=data["form"], widths=data["widths"])


def as_architecture(architecture: Any) -> Architecture:
    """`architecture` itself, if it is one."""
    if not isinstance(architecture, Architecture):
        raise InputError(f'architecture must be an Architecture, got {architecture!r}; try Architecture("relu")')
    return architecture


_WHY_NOT_LEAKY = "no finite dictionary is known for leaky ReLU units of depth >= 3; use depth=2"
_WHY_NOT_WIDE = {
    "relu": (
        "wide ReLU units of depth >= 3 with Frobenius penalties have the dictionary of the narrow form, and with other "
        'penalties another scale of beta; use form="narrow"'
    ),
    "absolute": (
        "wide absolute-value units of depth 3 are not equivalent to the Lasso over reflections (from 7 points on some "
        'units correlate more than every feature); use form="narrow"'
    ),
}
