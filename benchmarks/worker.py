"""Calls with a hard time limit: what stalls is killed, what crashes is reported, and the run goes on."""

from __future__ import annotations

import multiprocessing
import os
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

_PATIENCE = 10
_STEP = 0.05


class TimedOutError(Exception):
    """The call did not end within its limit; its process was killed."""


class CrashedError(Exception):
    """The call raised an exception, or took its process down."""


def limit_threads(count: int) -> None:
    """How many threads the numerical libraries of processes use that are started from here on."""
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON"):
        os.environ[f"{library}_NUM_THREADS"] = str(count)


def clock() -> float:
    """Seconds: on one thread those that this process computed, which other programs on the machine disturb less."""
    return time.process_time() if os.environ.get("OMP_NUM_THREADS") == "1" else time.perf_counter()


class Worker:
    """A process that calls functions one after the other, so that all of them are measured under the same conditions.

    What a call leaves in memory (compiled code, imported packages) is there for the next one, unless the process had to
    be killed in between. Functions, arguments and results must be picklable.
    """

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._start()

    def _start(self) -> None:
        self._connection, theirs = self._context.Pipe()
        self._process = self._context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def call(self, function: Callable[..., Any], *args: Any, limit: float) -> Any:
        """The value of ``function(*args)``.

        Parameters
        ----------
        limit : float
            Seconds that the process may compute, so that a busy machine is no excuse and no blame. A call that
            computes nothing is ended after ten times as many.

        Raises
        ------
        TimedOutError, CrashedError
        """
        self._connection.send((function, args))
        if not self._answers_within(limit):
            self._replace()
            raise TimedOutError(f"no answer within {limit:.3g} s")
        try:
            fine, value = self._connection.recv()
        except EOFError:
            self._process.join()
            code = self._process.exitcode
            self._replace()
            raise CrashedError(f"the process ended with exit code {code}") from None
        if not fine:
            raise CrashedError(value)
        return value

    def _answers_within(self, limit: float) -> bool:
        began, ends = self._computed(), time.monotonic() + _PATIENCE * limit
        while time.monotonic() < ends and self._computed() - began <= limit:
            if self._connection.poll(min(limit, _STEP)):
                return True
        return False

    def _computed(self) -> float:
        """Seconds that the process has computed. (RLIMIT_CPU would make the process's own clock a coarse one.)"""
        assert self._process.pid is not None
        try:
            return time.clock_gettime((~self._process.pid << 3) | 2)  # Linux's clock_getcpuclockid
        except OSError:
            return 0.0  # it has ended, as the connection will tell

    def _replace(self) -> None:
        self.close()
        self._start()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._connection.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _serve(connection: Connection) -> None:
    # The judge of an answer is the certificate. What solvers say of themselves comes back as a value.
    warnings.simplefilter("ignore")
    with suppress(EOFError, BrokenPipeError):  # nobody is there any more
        while True:
            function, args = connection.recv()
            try:
                answer = True, function(*args)
            except Exception as error:  # whatever a peer raises, it is a result here
                answer = False, f"{type(error).__name__}: {error}"
            connection.send(answer)
