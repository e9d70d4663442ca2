"""What every dictionary can do, whatever its features are."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convexnn.architecture import Architecture
from convexnn.dictionaries.feature import Feature
from convexnn.errors import InputError
from convexnn.kernels.order import is_increasing
from convexnn.validation import FloatArray, as_vector, as_vector_like

MAX_BYTES = 4 * 2**30
_BLOCK_BYTES = 2**25

IndexArray = NDArray[np.int64]


class Dictionary(Sequence[Feature], ABC):
    """The features of an architecture on given inputs: a sequence of `Feature` that need not fit in memory.

    Parameters
    ----------
    x : (n_samples,) array
        Inputs in any order; equal inputs are merged.
    architecture : Architecture
        Whose normalised units the features represent.

    Attributes
    ----------
    inputs : (N,) array
        The distinct inputs, ascending.
    architecture : Architecture

    Raises
    ------
    InputError
        If `x` is not a finite vector, or (from `matrix` and `correlations`) the result would exceed 4 GiB.
    """

    def __init__(self, x: ArrayLike, architecture: Architecture) -> None:
        self.architecture = architecture
        self._x = as_vector("x", x)
        self.inputs = self._x if is_increasing(self._x) else np.unique(self._x)

    @property
    @abstractmethod
    def n_features(self) -> int:
        """How many features are listed."""

    @abstractmethod
    def feature(self, index: int) -> Feature:
        """The feature at a place of the list, 0 <= index < n_features."""

    @abstractmethod
    def _evaluate(self, x: FloatArray, index: IndexArray) -> FloatArray:
        """The features at the places `index`, evaluated at `x`: (len(x), len(index))."""

    def __len__(self) -> int:
        return self.n_features

    def __getitem__(self, index: int) -> Feature:  # type: ignore[override]  # slices would have to be formed
        place = operator.index(index)
        if not -self.n_features <= place < self.n_features:
            raise IndexError(f"feature {place} of {self.n_features}")
        return self.feature(place % self.n_features)

    def __repr__(self) -> str:
        return f"<Dictionary: {self.n_features} features of {self.architecture.label} on {self.inputs.size} inputs>"

    def evaluate(self, x_new: ArrayLike, index: ArrayLike) -> FloatArray:
        """Chosen features at new inputs.

        Parameters
        ----------
        x_new : (n_new,) array
        index : (k,) array of int
            Places in the list.

        Returns
        -------
        (n_new, k) array
        """
        places = np.atleast_1d(np.asarray(index))
        if places.dtype.kind not in "iu" and places.size:
            raise InputError(f"index must hold integers, got dtype {places.dtype}")
        outside = (places < 0) | (places >= self.n_features)
        if outside.any():
            raise InputError(f"index must lie in [0, {self.n_features}), got {places[outside][0]}")
        return self._evaluate(as_vector("x_new", x_new), places.astype(np.int64))

    def matrix(self, x_new: ArrayLike | None = None) -> FloatArray:
        """All features as columns.

        Parameters
        ----------
        x_new : (n_new,) array, optional
            Where to evaluate; by default at the inputs, in the caller's order.

        Returns
        -------
        (n_new, n_features) array

        Raises
        ------
        InputError
            If the matrix would exceed 4 GiB.
        """
        points = self._x if x_new is None else as_vector("x_new", x_new)
        self._refuse_large(points.size, "matrix")
        return self._evaluate(points, np.arange(self.n_features))

    def correlations(self, r: ArrayLike) -> FloatArray:
        """Every feature's inner product with a vector.

        Parameters
        ----------
        r : (n_samples,) array
            Taken as given: not centred.

        Returns
        -------
        (n_features,) array
        """
        self._refuse_large(1, "vector of correlations")
        return self.input_correlations(self._sum_ties(r))

    def max_correlation(self, r: ArrayLike) -> tuple[float, Feature | None]:
        """The largest absolute inner product of a feature with a vector, and a feature that attains it.

        Parameters
        ----------
        r : (n_samples,) array
            Taken as given: not centred.

        Returns
        -------
        value : float
        feature : Feature or None
            None if the dictionary is empty, as it is on a single distinct input.
        """
        if self.inputs.size == 1:
            return 0.0, None
        return self.max_input_correlation(self._sum_ties(r))

    def input_correlations(self, totals: FloatArray) -> FloatArray:
        """`correlations` with a vector already summed over equal inputs: one entry a distinct input, ascending."""
        blocks = [self._correlate_block(totals, block) for block in self._blocks()]
        return np.concatenate([np.zeros(0), *blocks])

    def max_input_correlation(self, totals: FloatArray) -> tuple[float, Feature]:
        """`max_correlation` with a vector that is already summed over equal inputs (dictionary not empty)."""
        best, place = -1.0, 0
        for block in self._blocks():
            values = np.abs(self._correlate_block(totals, block))
            k = int(np.argmax(values))
            if values[k] > best:
                best, place = float(values[k]), int(block[k])
        return best, self.feature(place)

    def _is_centred(self, totals: FloatArray) -> bool:
        """Whether a vector sums to zero, up to the rounding of its entries."""
        return bool(abs(totals.sum()) <= 16 * np.finfo(float).eps * np.abs(totals).sum())

    def _correlate_block(self, totals: FloatArray, index: IndexArray) -> FloatArray:
        return totals @ self._evaluate(self.inputs, index)

    def _blocks(self) -> list[IndexArray]:
        size = max(1, _BLOCK_BYTES // (8 * self.inputs.size))
        return [np.arange(k, min(k + size, self.n_features)) for k in range(0, self.n_features, size)]

    def _sum_ties(self, r: ArrayLike) -> FloatArray:
        values = as_vector_like("r", r, "x", self._x)
        if self.inputs is self._x:
            return values
        # Summed in sorted order, so that the order of the rows does not show in the last digit.
        order = np.lexsort((values, self._x))
        starts = np.flatnonzero(np.diff(self._x[order], prepend=-np.inf) > 0)
        return np.add.reduceat(values[order], starts)

    def _refuse_large(self, rows: int, what: str) -> None:
        size = 8.0 * rows * self.n_features
        if size > MAX_BYTES:
            unit = next(k for k in range(5, 0, -1) if k == 1 or size >= 1024**k)
            raise InputError(
                f"the explicit {what} would have {self.n_features:.2g} columns "
                f"({size / 1024**unit:.1f} {('KiB', 'MiB', 'GiB', 'TiB', 'PiB')[unit - 1]}); "
                "call .max_correlation or solve(...), which never form it"
            )
