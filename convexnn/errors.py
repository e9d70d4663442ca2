"""What can go wrong, as types a caller can catch."""

from __future__ import annotations

from typing import Any


class ConvexNNError(Exception):
    """Base of every error that this library raises on purpose."""


class InputError(ConvexNNError, ValueError):
    """An argument is outside what is allowed; the message says what was given and what is allowed."""


class InfeasibleError(ConvexNNError):
    """No solution satisfies the constraints that were asked for."""


class MissingDependencyError(ConvexNNError, ImportError):
    """An optional package is needed for this call and is not installed."""


class NotConvergedError(ConvexNNError):
    """The requested gap could not be certified.

    Attributes
    ----------
    solution : Solution
        The best solution found, with its honest certificate.
    """

    def __init__(self, message: str, solution: Any) -> None:
        super().__init__(message)
        self.solution = solution


class ConvergenceWarning(UserWarning):
    """The requested gap could not be certified; the solution's own certificate says what was reached."""
