"""A worker survives what it calls: stalls, exceptions and crashes."""

from __future__ import annotations

import operator
import os
import time

import pytest

from benchmarks.worker import CrashedError, TimedOutError, Worker


@pytest.fixture(scope="module")
def worker():
    with Worker() as process:
        process.call(operator.add, 1, 1, limit=60.0)  # it has started
        yield process


def test_a_value_comes_back(worker):
    assert worker.call(operator.add, 2, 3, limit=60.0) == 5


@pytest.mark.parametrize(("stall", "argument"), [(time.sleep, 1000), (sum, range(10**12))], ids=["sleeps", "computes"])
def test_a_stall_is_ended_and_the_next_call_runs(worker, stall, argument):
    started = time.monotonic()
    with pytest.raises(TimedOutError, match=r"no answer within 0\.2 s"):
        worker.call(stall, argument, limit=0.2)
    assert time.monotonic() - started < 100
    assert worker.call(operator.add, 2, 3, limit=60.0) == 5


def test_an_exception_is_reported_and_the_next_call_runs(worker):
    with pytest.raises(CrashedError, match="ZeroDivisionError: division by zero"):
        worker.call(operator.truediv, 1, 0, limit=60.0)
    assert worker.call(operator.add, 2, 3, limit=60.0) == 5


def test_a_crash_is_reported_and_the_next_call_runs(worker):
    with pytest.raises(CrashedError, match="exit code 7"):
        worker.call(os._exit, 7, limit=60.0)
    assert worker.call(operator.add, 2, 3, limit=60.0) == 5
