"""How many associations a neuron can store, how robustly and with how few connections, as N -> infinity.

The replica theory of Baig and Stepanyants, arXiv:2409.04946. It is exact with constraints on the l1 norm and on signs,
which are convex. With a density that binds or with a gap, replica symmetry is broken: loads and robustnesses are upper
bounds (Gordon's inequality), and `Capacity.is_upper_bound` says so. Units as in `convexnn.associative.model`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convexnn.associative import weights
from convexnn.associative.model import Ensemble, as_activity, as_grid
from convexnn.associative.saddle import SaddlePoint, at_load, at_robustness, sparsest
from convexnn.errors import InfeasibleError, InputError
from convexnn.validation import FloatArray, one_of

_OPTIONAL = ("inhibitory", "density", "gap")


@dataclass(frozen=True, eq=False, repr=False)
class Capacity:
    """What a neuron stores at capacity, for one set of parameters or for a grid of them.

    Numbers are floats for one set of parameters, and arrays of the grid's shape for a grid. A grid is indexed like an
    array: ``curve[3]`` is the `Capacity` of a part of it.

    Attributes
    ----------
    points : array of SaddlePoint
        The solutions of the saddle-point equations, in the shape of the grid.
    """

    points: NDArray[Any]

    @property
    def load(self) -> Any:
        """alpha: associations over inputs."""
        return self._collect(lambda point: point.load)

    @property
    def sparsity(self) -> Any:
        """S: the fraction of zero weights."""
        return self._collect(lambda point: 1 - point.weights.nonzero)

    @property
    def robustness(self) -> Any:
        """kappa: the margin of the associations."""
        return self._collect(lambda point: point.robustness)

    @property
    def residual(self) -> Any:
        """The largest violation of the saddle-point equations, each divided by its scale."""
        return self._collect(lambda point: point.residual)

    @property
    def density(self) -> Any:
        """The largest fraction of nonzero weights that was allowed; 1 if it was not constrained."""
        return self._collect(lambda point: point.ensemble.density)

    @property
    def gap(self) -> Any:
        """The smallest absolute value that was allowed for a nonzero weight."""
        return self._collect(lambda point: point.ensemble.gap)

    @property
    def density_binds(self) -> Any:
        """Whether the density matters; if not, the solution is that without it."""
        return self._collect(lambda point: point.weights.x > 0)

    @property
    def is_upper_bound(self) -> Any:
        """Whether the constraints are not convex, so that the theory bounds the load and the robustness from above."""
        return self._collect(lambda point: point.weights.x > 0 or point.ensemble.gap > 0)

    @property
    def order_parameters(self) -> dict[str, Any]:
        """What solves the saddle-point equations.

        "u_minus" and "u_plus" are the margins of the outputs 1 and 0 in units of the field's noise, "q" is the mean of
        sigma^2 J^2, "Q" the stiffness, and "z", "eta", "x" are the multipliers of the threshold, the l1 norm and the
        density.
        """
        found = [point.order_parameters for point in self.points.flat]
        return {name: self._shaped([parameters[name] for parameters in found]) for name in found[0]}

    def weight_density(self, w: ArrayLike) -> FloatArray:
        """The density of the weights, without the atoms, averaged over the inputs.

        Parameters
        ----------
        w : array of any shape
            Weights; their mean absolute value is 1.

        Returns
        -------
        array of the same shape

        Raises
        ------
        InputError
            For a grid, and for weights that are not numbers.
        """
        point = self._only("weight_density(w)")
        try:
            at = np.asarray(w, dtype=np.float64)
        except (TypeError, ValueError):
            raise InputError(f"w must be a number or an array of numbers, got {w!r}") from None
        if np.isnan(at).any():
            raise InputError("w must be numbers, got NaN")
        return weights.weight_density(point, at)

    @property
    def atoms(self) -> tuple[tuple[float, float], ...]:
        """Pairs (weight, fraction of the inputs with exactly this weight): zero, and for a gap its two ends."""
        return weights.atoms(self._only("atoms"))

    @property
    def hole(self) -> float:
        """No weight but zero is smaller than this in absolute value."""
        return weights.hole(self._only("hole"))

    def __getitem__(self, index: Any) -> Capacity:
        return Capacity(np.asarray(self.points[index], dtype=object))

    def __iter__(self) -> Iterator[Capacity]:
        return (self[index] for index in range(len(self.points)))

    def __repr__(self) -> str:
        return f"Capacity({self})"

    def __str__(self) -> str:
        if self.points.ndim:
            return f"capacities on a grid of shape {self.points.shape}"
        note = "; replica symmetric, an upper bound" if self.is_upper_bound else ""
        if self.density < 1 and not self.density_binds:
            note = f"; the density {self.density:g} does not bind"
        return f"load {self.load:.6g} at robustness {self.robustness:.6g}, sparsity {self.sparsity:.6g}{note}"

    def _collect(self, value: Callable[[SaddlePoint], Any]) -> Any:
        return self._shaped([value(point) for point in self.points.flat])

    def _shaped(self, values: list[Any]) -> Any:
        return np.reshape(values, self.points.shape) if self.points.ndim else values[0]

    def _only(self, name: str) -> SaddlePoint:
        if self.points.ndim:
            shape = self.points.shape
            raise InputError(f"{name} needs one set of parameters, got a grid of shape {shape}; index it first")
        point: SaddlePoint = self.points.item()
        return point


def capacity(
    *,
    robustness: ArrayLike = 0.0,
    threshold: ArrayLike = 0.0,
    f_in: ArrayLike = 0.5,
    f_out: ArrayLike = 0.5,
    inhibitory: ArrayLike | None = None,
    density: ArrayLike | None = None,
    gap: ArrayLike | None = None,
) -> Capacity:
    """The largest load that can be stored with a given robustness.

    Every parameter but `f_in` may be an array; arrays broadcast against each other to a grid.

    Parameters
    ----------
    robustness : float or array
        kappa / (w sqrt(N)) >= 0.
    threshold : float or array
        h / (N w).
    f_in : float or (n_inputs,) array
        Probability of an input to be 1: the same for all, or one an input.
    f_out : float or array
        Probability of an output to be 1.
    inhibitory : float or array, optional
        Fraction of the inputs, independent of `f_in`, whose weights are at most 0, the others' being at least 0. If not
        given, weights have any sign.
    density : float or array, optional
        Largest fraction of nonzero weights.
    gap : float or array, optional
        Smallest absolute value of a nonzero weight. Not together with `density`.

    Returns
    -------
    Capacity

    Raises
    ------
    InputError
        For values out of range, shapes that do not broadcast, and `density` together with `gap`.
    InfeasibleError
        If no weights satisfy the constraints.

    Notes
    -----
    Baig and Stepanyants, arXiv:2409.04946. Combinations of signs with a density or a gap are derived here.
    """
    constraints = {"threshold": threshold, "f_out": f_out, "inhibitory": inhibitory, "density": density, "gap": gap}
    return _on_grid(at_robustness, {"robustness": robustness}, f_in, constraints)


def robustness(
    load: ArrayLike,
    *,
    threshold: ArrayLike = 0.0,
    f_in: ArrayLike = 0.5,
    f_out: ArrayLike = 0.5,
    inhibitory: ArrayLike | None = None,
    density: ArrayLike | None = None,
    gap: ArrayLike | None = None,
) -> Capacity:
    """The largest robustness with which a given load can be stored: the inverse of `capacity`.

    Parameters
    ----------
    load : float or array
        Associations over inputs, > 0.
    threshold, f_in, f_out, inhibitory, density, gap
        As for `capacity`; arrays broadcast against `load`.

    Returns
    -------
    Capacity

    Raises
    ------
    InputError
        As `capacity` does.
    InfeasibleError
        If no weights satisfy the constraints, or the load exceeds the capacity at robustness 0.
    """
    constraints = {"threshold": threshold, "f_out": f_out, "inhibitory": inhibitory, "density": density, "gap": gap}
    return _on_grid(at_load, {"load": load}, f_in, constraints)


def max_sparsity(
    load: ArrayLike,
    *,
    robustness: ArrayLike = 0.0,
    by: str = "density",
    threshold: ArrayLike = 0.0,
    f_in: ArrayLike = 0.5,
    f_out: ArrayLike = 0.5,
    inhibitory: ArrayLike | None = None,
) -> Capacity:
    """The largest fraction of zero weights with which a load can be stored at a given robustness.

    Parameters
    ----------
    load : float or array
        Associations over inputs, > 0.
    robustness : float or array
    by : {"density", "gap"}
        Which constraint makes the weights sparse: the result's `density` or `gap` is the one with which the load is the
        capacity. "density" leaves the fewest nonzero weights.
    threshold, f_in, f_out, inhibitory
        As for `capacity`; arrays broadcast against `load`.

    Returns
    -------
    Capacity

    Raises
    ------
    InputError
        As `capacity` does.
    InfeasibleError
        If no weights satisfy the constraints, or the load exceeds the capacity at this robustness.
    """
    one_of("by", by, ("density", "gap"))
    constraints = {"threshold": threshold, "f_out": f_out, "inhibitory": inhibitory}
    return _on_grid(partial(sparsest, by=by), {"load": load, "robustness": robustness}, f_in, constraints)


def _on_grid(
    solve: Callable[..., SaddlePoint],
    targets: dict[str, ArrayLike],
    f_in: ArrayLike,
    constraints: dict[str, ArrayLike | None],
) -> Capacity:
    """Call ``solve(ensemble, *targets)`` for all sets of parameters."""
    given = {
        name: as_grid(name, value)
        for name, value in {**targets, **constraints}.items()
        if value is not None or name not in _OPTIONAL
    }
    if "density" in given and "gap" in given:
        raise InputError("density and gap cannot be combined: the theory covers either alone; leave one of them out")
    activity, counts = np.unique(as_activity(f_in), return_counts=True)
    try:
        shape = np.broadcast_shapes(*(grid.shape for grid in given.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {grid.shape}" for name, grid in given.items() if grid.ndim)
        raise InputError(f"arrays must broadcast against each other, got the shapes {shapes}") from None
    grids = {name: np.broadcast_to(grid, shape) for name, grid in given.items()}
    points = np.empty(shape, dtype=object)
    for index in np.ndindex(shape):
        at = {name: float(grid[index]) for name, grid in grids.items()}
        goals = [at.pop(name) for name in targets]
        try:
            points[index] = solve(Ensemble(activity, counts / counts.sum(), **at), *goals)
        except InfeasibleError as error:
            raise InfeasibleError(f"grid point {index}: {error}" if shape else str(error)) from None
    return Capacity(points)
