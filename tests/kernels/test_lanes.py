"""Eight numbers in a register: compiled, in plain Python, and one by one, for all that float64 can hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numba import njit

from convexnn.kernels import lanes

anything = st.floats(allow_nan=True, allow_infinity=True)
two_vectors = arrays(np.float64, 2 * lanes.LANES, elements=anything)
places = st.permutations(range(0, 40, 2)).map(lambda order: np.array(order[:9], dtype=np.uint64))


def arithmetic(numbers, number, result):
    a, b = lanes.load(numbers, 0), lanes.load(numbers, 8)
    lanes.store(result, 0, a + b)
    lanes.store(result, 8, a - b)
    lanes.store(result, 16, a * b)
    lanes.store(result, 24, a + number)
    lanes.store(result, 32, number - a)
    lanes.store(result, 40, number * a)
    total = lanes.fill(number)
    total += a
    lanes.store(result, 48, total)
    lanes.store(result, 56, a / b)
    lanes.store(result, 64, number / a)
    lanes.store(result, 72, lanes.root(a))
    result[80] = lanes.root(number)


def comparisons(numbers, number):
    a, b = lanes.load(numbers, 0), lanes.load(numbers, 8)
    return lanes.above(a, b), lanes.at_least(a, b), lanes.above(a, number), lanes.at_least(number, a)


def choice(bits, one, other, result):
    lanes.store(result, 0, lanes.where(bits, one, other))


def pairs(array, where, result):
    first, second = lanes.load_pairs(array, 3)
    lanes.store(result, 1, first)
    lanes.store(result, 9, second)
    lanes.store_pairs(result, 17, second, first)
    first, second = lanes.gather_pairs(array, where, 1)
    lanes.store(result, 33, first)
    lanes.store(result, 41, second)
    lanes.add_to_pairs(array, where, 1, second, first)


compiled = {
    function.__name__: njit(error_model="numpy")(function) for function in (arithmetic, comparisons, choice, pairs)
}


@given(two_vectors, anything)
def test_arithmetic_rounds_every_lane_like_a_single_number(numbers, number):
    results = np.zeros((2, 81))
    a, b = numbers[:8], numbers[8:]
    with np.errstate(all="ignore"):
        arithmetic(numbers, number, results[0])
        expected = [a + b, a - b, a * b, a + number, number - a, number * a, number + a, a / b, number / a, np.sqrt(a)]
        expected = np.append(expected, np.sqrt(number))
    compiled["arithmetic"](numbers, number, results[1])
    np.testing.assert_array_equal(results[0], expected)
    np.testing.assert_array_equal(results[1], results[0])


@given(two_vectors, anything)
def test_comparisons_are_those_of_single_numbers(numbers, number):
    a, b = numbers[:8], numbers[8:]
    results = [int(bits) for bits in comparisons(numbers, number)]
    for bits, flags in zip(results, (a > b, a >= b, a > number, number >= a), strict=True):
        assert bits == sum(1 << lane for lane in range(8) if flags[lane])
    assert [int(bits) for bits in compiled["comparisons"](numbers, number)] == results


@given(st.integers(0, 255), anything, anything)
def test_a_choice_by_bits(bits, one, other):
    results = np.zeros((2, 8))
    choice(np.uint64(bits), one, other, results[0])
    compiled["choice"](np.uint64(bits), one, other, results[1])
    np.testing.assert_array_equal(results[0], [one if bits >> lane & 1 else other for lane in range(8)])
    np.testing.assert_array_equal(results[1], results[0])


@given(arrays(np.float64, 40, elements=anything), places)
def test_pairs_in_order_and_at_any_places(array, where):
    results, changed = np.zeros((2, 50)), np.array([array, array])
    with np.errstate(all="ignore"):
        pairs(changed[0], where, results[0])
        expected = array.copy()
        for place in where[1:].tolist():
            expected[place : place + 2] += array[place : place + 2][::-1]
    compiled["pairs"](changed[1], where, results[1])
    chosen = where[1:].astype(int)
    np.testing.assert_array_equal(results[0, 1:17], np.concatenate((array[3:19:2], array[4:19:2])))
    np.testing.assert_array_equal(results[0, 17:33:2], array[4:19:2])
    np.testing.assert_array_equal(results[0, 18:33:2], array[3:19:2])
    np.testing.assert_array_equal(results[0, 33:49], np.concatenate((array[chosen], array[chosen + 1])))
    np.testing.assert_array_equal(changed[0], expected)
    np.testing.assert_array_equal(results[1], results[0])
    np.testing.assert_array_equal(changed[1], changed[0])


@pytest.mark.parametrize("bits", [1, 2, 3, 12, 128, 255, 2**63])
def test_the_lowest_bit(bits):
    lowest = njit(lambda word: lanes.lowest(word))
    expected = next(lane for lane in range(64) if bits >> lane & 1)
    assert lanes.lowest(np.uint64(bits)) == lowest(np.uint64(bits)) == expected
